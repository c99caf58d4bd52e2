"""The loader under test: fastload's. With FASTLOAD_TEST_LOADER=torch it is torch's own, which shows that the
tests of the contract are true of torch."""

import os

import pytest
import torch.utils.data

TESTING_TORCH = os.environ.get("FASTLOAD_TEST_LOADER") == "torch"

if TESTING_TORCH:
    DataLoader = torch.utils.data.DataLoader
else:
    from fastload import DataLoader

TorchDataLoader = torch.utils.data.DataLoader

only_fastload = pytest.mark.skipif(TESTING_TORCH, reason="fastload promises this, torch does not")
three_workers_are_fine = pytest.mark.filterwarnings("ignore:This DataLoader will create")
torchs_half_built_iterators_complain = pytest.mark.filterwarnings(
    ("ignore" if TESTING_TORCH else "error") + "::pytest.PytestUnraisableExceptionWarning"
)

__all__ = [
    "TESTING_TORCH",
    "DataLoader",
    "TorchDataLoader",
    "only_fastload",
    "three_workers_are_fine",
    "torchs_half_built_iterators_complain",
]

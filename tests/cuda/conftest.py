"""Where there is a CUDA device, its context is made before the first test, with all the descriptors that it opens."""

import gc
from collections.abc import Iterator

import pytest
import torch

from fastload.cuda import _device

HAS_DEVICE = torch.cuda.is_available()  # now: some tests pretend


@pytest.fixture(autouse=True, scope="session")
def context_of_the_device() -> None:
    if HAS_DEVICE:
        torch.ones(1 << 20).pin_memory().to("cuda", non_blocking=True)
        torch.cuda.synchronize()


@pytest.fixture(autouse=True)
def lanes_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that has seen what it cannot tell waits ever after."""
    monkeypatch.setattr(_device, "_lanes", {})
    yield
    if HAS_DEVICE:
        gc.collect()
        torch.cuda.synchronize()

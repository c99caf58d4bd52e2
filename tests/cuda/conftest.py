"""Where there is a CUDA device, its context is made before the first test, with all the descriptors that it opens."""

import gc
from collections.abc import Iterator

import pytest
import torch

from fastload.cuda import _device


@pytest.fixture(autouse=True, scope="session")
def context_of_the_device() -> None:
    if torch.cuda.is_available():
        torch.ones(1 << 20).pin_memory().to("cuda", non_blocking=True)
        torch.cuda.synchronize()


@pytest.fixture
def fresh_sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that has seen what it cannot tell waits ever after. When the test is over, so is the device's work."""
    monkeypatch.setattr(_device, "_sides", {})
    yield
    gc.collect()
    torch.cuda.synchronize()

"""Where there is a CUDA device, its context is made before the first test, with all the descriptors that it opens."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def context_of_the_device() -> None:
    if torch.cuda.is_available():
        torch.ones(1 << 20).pin_memory().to("cuda", non_blocking=True)
        torch.cuda.synchronize()

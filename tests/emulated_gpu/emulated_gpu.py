"""torch with pretended GPUs: a pytest plugin, and a module to import first. See README.md."""

import os

import torch

torch.ops.load_library(os.environ["EMULATED_GPU_OPERATORS"])
torch.backends.cudnn.enabled = False  # its operators have no counterparts on the CPU


def pytest_sessionstart() -> None:
    """Make the context, and what it maps, before the first test looks at what there is."""
    torch.ones(1 << 20).pin_memory().to("cuda", non_blocking=True)
    torch.cuda.synchronize()

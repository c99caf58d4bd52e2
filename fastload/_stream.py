"""The random stream of the sample that is being made."""

from __future__ import annotations

import torch


def sample_key() -> int:
    """64 bits that decide every random parameter of one call of a transform; from torch's default generator."""
    return int(torch.randint(-(1 << 63), (1 << 63) - 1, ()).item()) & ((1 << 64) - 1)

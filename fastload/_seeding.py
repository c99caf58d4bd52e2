"""Random numbers that depend on the sample alone: the ``rng="sample"`` contract.

Before a sample is made, the global generators of random, torch and numpy are seeded from (seed, epoch, dataset
index), so that it comes out the same whatever worker makes it, in whatever batch.
"""

from __future__ import annotations

import hashlib
import operator
import random
from typing import Any

import numpy as np
import torch

_MASK64 = (1 << 64) - 1


def mix64(*values: int) -> int:
    """A 64-bit hash of the integers; each bit depends on all of them.

    The finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014)
    applied after adding each value.
    """
    state = 0x9E3779B97F4A7C15
    for value in values:
        state = (state + value + 0x9E3779B97F4A7C15) & _MASK64
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK64
        state ^= state >> 31
    return state


def seed_sample(seed: int, epoch: int, index: Any) -> None:
    """Seed the three global generators for one sample.

    An index that is no integer counts by its text.
    """
    mixed = mix64(seed, epoch, number_of(index))
    # Each gets another number: random and NumPy make the same stream of the same seed.
    random.seed(mixed)
    torch.manual_seed(mix64(mixed, 1))
    words = mix64(mixed, 2)
    np.random.seed((words & 0xFFFFFFFF, words >> 32))


def number_of(index: Any) -> int:
    """An integer for any index: itself, or a hash of its text."""
    try:
        return operator.index(index)
    except TypeError:
        return int.from_bytes(hashlib.blake2b(repr(index).encode(), digest_size=8).digest(), "little")

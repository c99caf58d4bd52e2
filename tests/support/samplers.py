"""Samplers, torch's and a user's own, by name: each entry makes DataLoader arguments from a length and a batch size."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


class LazyShuffle(Sampler):
    """A generator that draws from all three global generators, one index at a time."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        for _ in range(self.length):
            drawn = random.randrange(self.length) + int(np.random.randint(self.length))
            yield (drawn + int(torch.randint(self.length, ()))) % self.length


class EagerShuffle(Sampler):
    """Draws as soon as ``__iter__`` is called, so that every call shows; indices are NumPy integers."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Any]:
        random.random()
        return iter(np.random.permutation(self.length))


class GrowingBatches(Sampler):
    """A batch sampler of batches of 1, 2, 3, ... indices, as tuples, drawn when ``__iter__`` is called."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        order = torch.randperm(self.length).tolist()
        sizes = range(1, self.length)
        starts = [sum(range(1, size)) for size in sizes]
        return iter([tuple(order[at : at + n]) for at, n in zip(starts, sizes, strict=True) if at < self.length])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(11)


def batch_sampler_with_own_generator(length: int, batch: int) -> dict[str, Any]:
    own = generator()
    return {
        "batch_sampler": BatchSampler(RandomSampler(range(length), generator=own), batch, True),
        "generator": own,
    }


SAMPLERS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "sequential": lambda n, b: {"batch_size": b},
    "shuffle": lambda n, b: {"batch_size": b, "shuffle": True},
    "shuffle with a generator": lambda n, b: {"batch_size": b, "shuffle": True, "generator": generator()},
    "with replacement": lambda n, b: {"batch_size": b, "sampler": RandomSampler(range(n), True, 40)},
    "more samples than there are": lambda n, b: {
        "batch_size": b,
        "sampler": RandomSampler(range(n), False, 2 * n),
    },
    "subset": lambda n, b: {"batch_size": b, "sampler": SubsetRandomSampler(range(1, n, 2), generator())},
    "weighted": lambda n, b: {"batch_size": b, "sampler": WeightedRandomSampler(torch.arange(n) + 1.0, n)},
    "distributed": lambda n, b: {"batch_size": b, "sampler": DistributedSampler(range(n), 2, 1, seed=3)},
    "lazy": lambda n, b: {"batch_size": b, "sampler": LazyShuffle(n)},
    "eager": lambda n, b: {"batch_size": b, "sampler": EagerShuffle(n)},
    "list of indices": lambda n, b: {"batch_size": b, "sampler": [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]},
    "torch batch sampler": lambda n, b: {"batch_sampler": BatchSampler(SequentialSampler(range(n)), b + 1, False)},
    "batch sampler with a generator": batch_sampler_with_own_generator,
    "own batch sampler": lambda n, b: {"batch_sampler": GrowingBatches(n)},
    "list of batches": lambda n, b: {"batch_sampler": [[0, 1], [5], (2, 3, 4), [1, 1]]},
}

DROPPABLE = [name for name in SAMPLERS if "batch sampler" not in name and name != "list of batches"]

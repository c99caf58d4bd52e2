"""Samplers as a user writes them, and the ranks of a world in one process."""

import itertools
import random

import numpy as np
import torch
import torch.utils.data as torch_data

from fastload.samplers._batch import BatchSampler
from fastload.samplers._class_balanced import ClassBalancedSampler
from fastload.samplers._distributed import DistributedSampler
from fastload.samplers._length_grouped import LengthGroupedBatchSampler
from fastload.samplers._random import RandomSampler
from fastload.samplers._subset import SubsetRandomSampler
from fastload.samplers._weighted import WeightedRandomSampler

TorchDistributed = torch_data.distributed.DistributedSampler


class OfPython(torch_data.Sampler):
    """A user's own, that draws from all three global generators and, if it has one, its own."""

    def __init__(self, length, generator=None):
        self.length = length
        self.generator = generator

    def __iter__(self):
        indices = list(range(self.length))
        random.shuffle(indices)
        np.random.shuffle(indices)
        turned = torch.randperm(self.length)[torch.randperm(self.length, generator=self.generator)]
        return iter([indices[k] for k in turned])

    def __len__(self):
        return self.length


class WithoutLength(torch_data.Sampler):
    def __iter__(self):
        return iter(torch.randperm(11))


class OwnBatches(torch_data.Sampler):
    def __iter__(self):
        order = torch.randperm(10).tolist()
        return iter([order[:3], order[3:4], order[4:]])

    def __len__(self):
        return 3


def own_generator():
    """One that stands elsewhere on every rank."""
    generator = torch.Generator()
    generator.manual_seed(random.randrange(1 << 30))
    return generator


SAMPLERS = {
    "weighted": lambda: torch_data.WeightedRandomSampler([0.1, 2.0, 3.0, 1.0], 21),
    "subset": lambda: torch_data.SubsetRandomSampler(range(5, 40, 2)),
    "replacement": lambda: torch_data.RandomSampler(range(9), replacement=True, num_samples=50),
    "own generator": lambda: torch_data.RandomSampler(range(9), generator=own_generator()),
    "feistel": lambda: RandomSampler(range(23), method="feistel"),
    "alias": lambda: WeightedRandomSampler([0.1, 2.0, 3.0, 1.0], 21, method="alias"),
    "balanced": lambda: ClassBalancedSampler([0, 1, 1, 1, 2, 2], 20, replacement=False),
    "array": lambda: RandomSampler(range(23)),
    "user": lambda: OfPython(13),
    "user's generator": lambda: OfPython(13, own_generator()),
    "no length": WithoutLength,
}

BATCH_SAMPLERS = {
    "torch": lambda: torch_data.BatchSampler(torch_data.RandomSampler(range(23)), 4, False),
    "torch, full batches": lambda: torch_data.BatchSampler(OfPython(23), 4, True),
    "fastload": lambda: BatchSampler(SubsetRandomSampler(range(23)), 4, False),
    "user": OwnBatches,
    "fixed": lambda: [[0, 1], [2], [3, 4, 5]],
    "by length": lambda: LengthGroupedBatchSampler(range(1, 60), max_tokens=100),
}


def ranks(world, source, kind=DistributedSampler, **arguments):
    return [kind(source, world, rank, **arguments) for rank in range(world)]


def interleaved(parts):
    return [item for items in itertools.zip_longest(*parts) for item in items if item is not None]

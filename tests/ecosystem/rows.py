"""What is loaded in these tests: rows that show who made them, with which random numbers."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info


def make_row(index: int) -> dict[str, Any]:
    """Row ``index``: its number, its worker, and a draw from the generators that augmentation uses."""
    info = get_worker_info()
    return {
        "index": index,
        "worker": -1 if info is None else info.id,
        "x": torch.rand(4) + index,
        "noise": np.random.rand(),
    }


class Rows(Dataset):
    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < self.length:
            raise IndexError(index)
        return make_row(index)


class RowStream(IterableDataset):
    """The same rows one after the other, worker w of n making w, w + n, ...; no length is known beforehand."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __iter__(self) -> Iterator[dict[str, Any]]:
        info = get_worker_info()
        start, step = (0, 1) if info is None else (info.id, info.num_workers)
        return map(make_row, range(start, self.length, step))


def indices(batches: list[Any]) -> list[list[int]]:
    """The rows of each batch."""
    return [batch["index"].tolist() for batch in batches]


def flat(batches: list[Any]) -> list[int]:
    """The rows of all batches, in the order they came."""
    return [index for batch in indices(batches) for index in batch]


def seed_everything() -> None:
    """The same random state for each of two runs that are compared."""
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)

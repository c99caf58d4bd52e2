"""Iterable datasets of numbers: with and without length, epoch and state."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import IterableDataset


class Stream(IterableDataset):
    """The numbers below ``length``; no ``__len__``."""

    def __init__(self, length: int, first: int = 0) -> None:
        self.numbers = range(first, first + length)

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)


class SizedStream(Stream):
    def __len__(self) -> int:
        return len(self.numbers)


class EpochStream(Stream):
    """The numbers, and the epoch it was told."""

    epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch


class StatefulIterator:
    """Counts how often it is asked for an item."""

    asked = 0

    def __init__(self, length: int) -> None:
        self.length = length
        self.at = 0

    def __iter__(self) -> "StatefulIterator":
        return self

    def __next__(self) -> int:
        if self.at == self.length:
            raise StopIteration
        self.at += 1
        StatefulIterator.asked += 1
        return self.at - 1

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.at = state["at"]


class StreamOfStatefulIterators(Stream):
    def __iter__(self) -> Any:
        return StatefulIterator(len(self.numbers))


class StatefulStream(Stream):
    """The dataset has the state, as that of Hugging Face has, and its iterator is a generator."""

    at = loaded = 0

    def __iter__(self) -> Iterator[int]:
        self.at, self.loaded = self.loaded, 0
        while self.at < len(self.numbers):
            self.at += 1
            yield self.at - 1

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.loaded = state["at"]

"""Reading an iterable dataset by count, so that it can be gone on with, and made longer or shorter."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from torch.utils.data import IterableDataset

from fastload._stateful import is_stateful


class Reader:
    """The items of an iterable dataset, counted; ``position`` of them have been read."""

    def __init__(self, source: IterableDataset[Any]) -> None:
        self.position = 0
        self._source = source
        self._iterator: Iterator[Any] | None = None  # begun with the first item: a state may be loaded before

    def read(self, count: int) -> Iterator[Any]:
        """The next ``count`` items, or those that are left."""
        if self._iterator is None:
            self._iterator = iter(self._source)
        for item in islice(self._iterator, count):
            self.position += 1
            yield item

    def state_dict(self) -> dict[str, Any]:
        """The position, and the iterator's own state or else the dataset's, if there is one."""
        state: dict[str, Any] = {"position": self.position}
        parts: dict[str, Any] = {"iterator": self._iterator, "dataset": self._source}
        for name, part in parts.items():
            if self.position and is_stateful(part):
                state[name] = part.state_dict()
                break
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on behind the items that were read; a source without a state yields them again, for nothing."""
        if "dataset" in state:
            self._source.load_state_dict(state["dataset"])  # type: ignore[attr-defined]
        self._iterator = iter(self._source)
        self.position = state["position"]
        if "iterator" in state:
            self._iterator.load_state_dict(state["iterator"])  # type: ignore[attr-defined]
        elif "dataset" not in state:
            next(islice(self._iterator, self.position, self.position), None)


class LengthenedDataset(IterableDataset[Any]):
    """``target`` items of a source that has ``length``: the first ones, or all and then the first ones again.

    mask: items are pairs (item, whether it comes for the first time).
    """

    def __init__(self, source: IterableDataset[Any], length: int, target: int, mask: bool) -> None:
        self.source = source
        self.length = length
        self.target = target
        self.mask = mask

    def __len__(self) -> int:
        return self.target

    def __iter__(self) -> Iterator[Any]:
        return LengthenedIterator(self)

    def set_epoch(self, epoch: int) -> None:
        """Hand the epoch on to the source, if it wants to know."""
        if hasattr(self.source, "set_epoch"):
            self.source.set_epoch(epoch)


class LengthenedIterator(Iterator[Any]):
    def __init__(self, dataset: LengthenedDataset) -> None:
        self._dataset = dataset
        self._count = 0
        self._reader = Reader(dataset.source)

    def __next__(self) -> Any:
        dataset = self._dataset
        if self._count >= dataset.target:
            raise StopIteration
        if self._reader.position == dataset.length:
            self._reader = Reader(dataset.source)  # once more from the beginning
        for item in self._reader.read(1):
            self._count += 1
            return (item, self._count <= dataset.length) if dataset.mask else item
        raise ValueError(
            f"the dataset ended after {self._reader.position} items, and lengths says that this rank has "
            f"{dataset.length}; the other ranks would wait for it"
        )

    def state_dict(self) -> dict[str, Any]:
        return {"count": self._count, "reader": self._reader.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._count = state["count"]
        if state["reader"]["position"] < self._dataset.length:  # else it begins once more
            self._reader.load_state_dict(state["reader"])
        else:
            self._reader = Reader(self._dataset.source)

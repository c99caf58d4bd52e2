"""The seam between samplers and the loader: an epoch's indices by position, in arrays.

A sampler makes an `Order` when the first index of an epoch is needed, not before: torch's samplers draw their random
numbers then. The loader reads the order in index batches, from any position on, so that an epoch can be resumed
without going through what was delivered before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler

Indices = NDArray[np.int64]
State = dict[str, Any]  # plain values: it goes through JSON and torch.save

# How many indices a plain `for index in sampler` reads at a time.
CHUNK = 1 << 12


class Order(ABC):
    """The indices of one epoch; all random numbers that decide them are drawn, or their seed is."""

    # How many indices beyond the one wanted may be read without drawing from a generator that others use, too.
    chunk = CHUNK

    # Whether any position behind one that was read may be read before its turn: nothing is drawn for it, and what it
    # holds is decided.
    decided = False

    @abstractmethod
    def __len__(self) -> int:
        """How many there are; ``sys.maxsize`` for an order without end."""

    @abstractmethod
    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        """The indices at positions ``range(start, stop, step)``, as int64; ``0 <= start <= stop <= len``, step >= 1.

        Any position may be read at any time. Reading onwards is cheap; going back may mean beginning anew.
        """

    def finish(self) -> None:  # noqa: B027 - most have nothing to draw
        """The sampler is asked for more than there is: draw what torch's draws from a shared generator then."""

    @abstractmethod
    def state(self) -> State:
        """What ``sampler.order(state=...)`` makes this very order from, in another process too. O(1) in its length."""


class ArraySampler(Sampler[int]):
    """A sampler whose epoch is an `Order`; iterating it gives the same indices as Python ints."""

    def order(self, generator: torch.Generator | None = None, state: State | None = None) -> Order:
        """The order of a new epoch.

        generator: draw from this one in place of the sampler's own, so that all ranks of a job can draw alike.
        state: make the order that this is the state of. Generators that the order draws from are set to where they
        were when it was first made.
        """
        raise NotImplementedError

    def rebase(self, state: State, consumed: int, batch_size: int) -> tuple[State, int]:
        """State and count of indices consumed, in this sampler's terms: its world size may not be the state's.

        The count that comes out is a multiple of ``batch_size``, this sampler's. Raises ValueError, with the numbers,
        for a state that cannot be continued here.
        """
        return state, consumed

    def __iter__(self) -> Iterator[int]:
        order = self.order()
        for start in range(0, len(order), order.chunk):
            yield from order.read(start, min(start + order.chunk, len(order))).tolist()
        order.finish()


class Batches(ABC):
    """The index batches of one epoch, by number."""

    # As `Order.decided`; of the last one only that it holds no surprise: reading it may draw.
    decided = False

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, number: int) -> Any:
        """Index batch ``number``: an int64 array. Numbers may be read in any order; onwards is cheap."""

    def finish(self) -> None:  # noqa: B027 - most have nothing to draw
        """As `Order.finish`."""

    @abstractmethod
    def state(self) -> State:
        """As `Order.state`."""


class ArrayBatchSampler(Sampler[list[int]]):
    """A batch sampler whose epoch is `Batches`; iterating it gives the same batches as lists of Python ints."""

    def batches(self, generator: torch.Generator | None = None, state: State | None = None) -> Batches:
        """As `ArraySampler.order`."""
        raise NotImplementedError

    def rebase(self, state: State, consumed: int, batch_size: int) -> tuple[State, int]:
        """As `ArraySampler.rebase`; what counts here is batches, and ``batch_size`` is 1."""
        return state, consumed

    def __iter__(self) -> Iterator[list[int]]:
        batches = self.batches()
        for number in range(len(batches)):
            yield batches.read(number).tolist()
        batches.finish()


class ArrayOrder(Order):
    """An order that is known as a whole."""

    decided = True

    def __init__(self, indices: Indices, state: State) -> None:
        self._indices = indices
        self._state = state

    def __len__(self) -> int:
        return len(self._indices)

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        return self._indices[start:stop:step]

    def state(self) -> State:
        return self._state


class FixedBatches(Batches):
    """An order cut into batches of one size, as torch's BatchSampler cuts it."""

    def __init__(self, order: Order, batch_size: int, drop_last: bool) -> None:
        self.order = order
        self.decided = order.decided
        self._size = batch_size
        self._length = len(order)
        self._number = self._length // batch_size if drop_last else -(-self._length // batch_size)

    def __len__(self) -> int:
        return self._number

    def read(self, number: int) -> Indices:
        start = number * self._size
        stop = start + self._size
        if stop <= self._length:
            return self.order.read(start, stop)
        batch = self.order.read(start, self._length)
        self.order.finish()  # torch finds the end of its sampler while it fills this batch
        return batch

    def finish(self) -> None:
        rest = self._length % self._size
        if self._number * self._size < self._length:  # torch has drawn the batch that it drops
            self.order.read(self._length - rest, self._length)
        if self._number * self._size <= self._length:
            self.order.finish()

    def state(self) -> State:
        return self.order.state()


# How fastload sees samplers of torch's own types: as an ArraySampler with the same settings, or None if it cannot take
# this one. By exact type, since a subclass may mean another order. Filled by the modules that define the equivalents.
EQUIVALENTS: dict[type, Callable[[Any], ArraySampler | None]] = {}


def array_sampler(sampler: Any) -> ArraySampler | None:
    """The sampler as an `ArraySampler`, with the settings it has now; None if only iterating it tells its order."""
    if isinstance(sampler, ArraySampler) and type(sampler).__iter__ is ArraySampler.__iter__:
        return sampler
    equivalent = EQUIVALENTS.get(type(sampler))
    return None if equivalent is None or "__iter__" in vars(sampler) else equivalent(sampler)

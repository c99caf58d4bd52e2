"""The orders of other samplers, drawn so that every process gets the same."""

from __future__ import annotations

import operator
import random
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch.utils.data import BatchSampler as TorchBatchSampler
from torch.utils.data import Sampler

from fastload._rng import unchanged_generators
from fastload._seeding import mix64
from fastload.samplers._batch import BatchSampler
from fastload.samplers._generators import seeded
from fastload.samplers._order import (
    ArrayBatchSampler,
    ArrayOrder,
    Batches,
    FixedBatches,
    Indices,
    Order,
    State,
    array_sampler,
)
from fastload.samplers._random import ShuffledOrder
from fastload.samplers._sequential import CountingOrder

_MASK64 = (1 << 64) - 1

Made = TypeVar("Made", Order, Batches)


def dataset_order(length: int, shuffle: bool, seed: int) -> Order:
    """All indices of a dataset; shuffled as torch's DistributedSampler does, whose seed has the epoch added."""
    if not shuffle:
        return CountingOrder(length)
    seed &= _MASK64  # what torch makes of a negative one
    return ShuffledOrder({"kind": "shuffled", "length": length, "num_samples": length, "seed": seed}, None, seed)


def same_order(sampler: Sampler[Any], seed: int, epoch: int, saved: State | None = None) -> Order:
    """The order of ``sampler`` in ``epoch``: a function of the arguments alone, whatever the sampler draws from.

    saved: the `fingerprint` of the order's state, where it goes on with one: see `_resumable`.
    A sampler that only its own ``__iter__`` knows is iterated to its end here.
    """
    tell_epoch(sampler, epoch)
    known = array_sampler(sampler)
    if known is not None:
        return _resumable(lambda state: known.order(seeded(mix64(seed, epoch)), state), saved)
    with seeded_generators(sampler, mix64(seed, epoch)):
        indices = np.fromiter((_index(item, sampler) for item in sampler), dtype=np.int64)
    return ArrayOrder(indices, {"kind": "iterated", "length": len(indices), "checksum": zlib.crc32(indices.data)})


def same_batches(sampler: Any, seed: int, epoch: int, saved: State | None = None) -> Batches:
    """As `same_order`, for a batch sampler."""
    tell_epoch(sampler, epoch)
    if isinstance(sampler, ArrayBatchSampler) and type(sampler).__iter__ is ArrayBatchSampler.__iter__:
        return _resumable(lambda state: sampler.batches(seeded(mix64(seed, epoch)), state), saved)
    tell_epoch(getattr(sampler, "sampler", None), epoch)
    if type(sampler) in (TorchBatchSampler, BatchSampler) and isinstance(sampler.sampler, Sampler):
        order = same_order(sampler.sampler, seed, epoch, saved)
        return FixedBatches(order, sampler.batch_size, sampler.drop_last)
    with seeded_generators(sampler, mix64(seed, epoch)):
        return IteratedBatches([_batch(items, sampler) for items in sampler])


def _resumable(make: Callable[[State | None], Made], saved: State | None) -> Made:
    """What ``make`` makes: anew if that has the state ``saved``, else from that state.

    It is another where the sampler has changed, for one thing, which is the sampler's to judge.
    """
    made = make(None)
    here = made.state()
    if saved is None or fingerprint(here) == saved:
        return made
    return make({key: here[key] if _is_long(here.get(key)) else value for key, value in saved.items()})


class IteratedBatches(Batches):
    """Batches that are known as a whole."""

    def __init__(self, batches: list[Indices]) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def read(self, number: int) -> Indices:
        return self._batches[number]

    def state(self) -> State:
        checksum = 0
        for batch in self._batches:
            checksum = zlib.crc32(batch.data, zlib.crc32(len(batch).to_bytes(8, "little"), checksum))
        return {"kind": "iterated", "length": len(self._batches), "checksum": checksum}


@contextmanager
def seeded_generators(sampler: Any, seed: int) -> Iterator[None]:
    """The global generators, and the sampler's own if it has one, begin at ``seed``; afterwards they are as before."""
    own = getattr(sampler, "generator", None)
    if not isinstance(own, torch.Generator):
        own = torch.Generator()
    before = own.get_state()
    words = mix64(seed, 2)
    with unchanged_generators():
        random.seed(mix64(seed, 0))
        torch.default_generator.manual_seed(mix64(seed, 1))  # torch.manual_seed would reach devices, too
        np.random.seed((words & 0xFFFFFFFF, words >> 32))
        own.manual_seed(mix64(seed, 3))
        try:
            yield
        finally:
            own.set_state(before)


def require_shuffle(sampler: Any, shuffle: bool) -> None:
    """ValueError for ``shuffle=False`` around a sampler."""
    if not shuffle:
        name = type(sampler).__name__
        raise ValueError(f"shuffle=False has no meaning around a {name}, which has its own order: leave it out")


def tell_epoch(sampler: Any, epoch: int) -> None:
    """Call ``set_epoch`` where there is one."""
    set_epoch = getattr(sampler, "set_epoch", None)
    if callable(set_epoch):
        set_epoch(epoch)


def fingerprint(state: State) -> State:
    """A state that only has to be compared: long texts, as generators' states are, by their checksum."""
    return {key: _short(value) for key, value in state.items()}


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return fingerprint(value)
    return zlib.crc32(value.encode()) if _is_long(value) else value


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and len(value) > 64


def _index(item: Any, sampler: Any) -> int:
    try:
        return operator.index(item)
    except TypeError:
        raise ValueError(
            f"{type(sampler).__name__} yielded {item!r:.80}, which is no index; if it is a batch sampler, "
            "use DistributedBatchSampler and pass it to DataLoader as batch_sampler="
        ) from None


def _batch(items: Any, sampler: Any) -> Indices:
    try:
        return np.fromiter(map(operator.index, items), dtype=np.int64)
    except TypeError:
        raise ValueError(
            f"{type(sampler).__name__} yielded {items!r:.80}, which is no batch of indices; around a sampler of "
            "single indices, use DistributedSampler"
        ) from None

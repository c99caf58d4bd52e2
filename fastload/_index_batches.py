"""Index batches as arrays: what the loader gets from samplers whose order it knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch.utils.data

from fastload.samplers._batch import BatchSampler
from fastload.samplers._order import (
    ArrayBatchSampler,
    ArraySampler,
    Batches,
    FixedBatches,
    Order,
    State,
    array_sampler,
)


class IndexBatch(np.ndarray[Any, np.dtype[np.int64]]):
    """An index batch made here. A user's own array is none, and goes to the dataset as it is."""

    def __reduce__(self) -> Any:
        return _unpickled, (self.tobytes(),)  # a tenth of what NumPy takes


def _unpickled(indices: bytes) -> Any:
    return np.frombuffer(indices, dtype=np.int64).view(IndexBatch)


def as_list(indices: Any) -> Any:
    """An index batch as user code gets it: a list of ints if it is one of our arrays."""
    return indices.tolist() if type(indices) is IndexBatch else indices


@dataclass(frozen=True)
class IndexSource:
    """Where the index batches of a loader come from, if not from iterating its sampler.

    make: the batches of a new epoch, or of the epoch that the state belongs to. Random numbers are drawn there.
    rebase: see `ArraySampler.rebase`.
    batch_size: how many of what ``rebase`` counts make one index batch.
    """

    make: Callable[[State | None], Batches]
    rebase: Callable[[State, int, int], tuple[State, int]]
    batch_size: int


def index_source(sampler: Any) -> IndexSource | None:
    """The source of the loader's ``_index_sampler``; None if only iterating it tells what it gives."""
    if type(sampler) in FIXED_BATCH_SAMPLERS and vars(sampler).keys() == {"sampler", "batch_size", "drop_last"}:
        return _fixed(sampler)
    if isinstance(sampler, ArrayBatchSampler) and type(sampler).__iter__ is ArrayBatchSampler.__iter__:
        return IndexSource(lambda state: sampler.batches(state=state), sampler.rebase, 1)
    indices = array_sampler(sampler)
    return (
        None
        if indices is None
        else IndexSource(lambda state: SingleIndices(indices.order(state=state)), indices.rebase, 1)
    )


def _fixed(batch_sampler: Any) -> IndexSource | None:
    sampler: ArraySampler | None = array_sampler(batch_sampler.sampler)
    if sampler is None:
        return None
    size, drop_last = batch_sampler.batch_size, batch_sampler.drop_last
    return IndexSource(lambda state: FixedBatches(sampler.order(state=state), size, drop_last), sampler.rebase, size)


class SingleIndices(Batches):
    """An order without batches: what a loader with ``batch_size=None`` reads, one Python int at a time."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def __len__(self) -> int:
        return len(self._order)

    def read(self, number: int) -> int:
        return int(self._order.read(number, number + 1)[0])

    def finish(self) -> None:
        self._order.finish()

    def state(self) -> State:
        return self._order.state()


# Samplers that cut the order of their ``sampler`` into batches of one size, by exact type.
FIXED_BATCH_SAMPLERS: set[type] = {torch.utils.data.BatchSampler, BatchSampler}

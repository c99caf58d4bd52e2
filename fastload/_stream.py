"""Which sample is being made in this thread, and so which random stream its transforms draw from.

A fetcher says that it is at work here, once a batch; only a transform that draws asks it for more. So loaders without
transforms of fastload's pay nothing for it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch

from fastload import _core
from fastload._seeding import number_of

_MASK64 = (1 << 64) - 1


class BatchInHand(NamedTuple):
    """What the keys of a batch's samples are made of: see `_core.sample_key`."""

    seed: int
    epoch: int
    indices: Sequence[Any]  # of the loader's dataset


class MakesBatches(Protocol):
    """Who can tell what is in hand."""

    report: Any

    def batch_in_hand(self) -> BatchInHand | None:
        """None if samples have no index that would be the same in another worker."""

    def position_in_hand(self) -> int | None:
        """Which sample of the batch is being made; None if that is not known, or while samples are collated."""


class _Here(threading.local):
    def __init__(self) -> None:
        with torch.inference_mode(False):  # which may be on now and off when a key is drawn
            self.drawn = torch.empty((), dtype=torch.int64, device="cpu")  # quicker than a new one for each key

    fetcher: MakesBatches | None = None
    # The sample, or batch, that a key was taken for last; its first key, and how many were taken.
    sample: Any = None
    key = 0
    taken = 0
    batch: Any = None  # the report of the batch that had its keys as a whole


here = _Here()


def sample_key() -> int:
    """64 bits that decide every random parameter of one call of a transform.

    In a loader they depend on (seed, epoch, dataset index) alone. Where it is not one sample that is being made, as in
    a ``collate_fn`` or in a ``__getitems__`` of the dataset's own, they depend on (seed, epoch, the batch's indices).
    Elsewhere they are drawn from torch's default generator, and so they are in iterable datasets. The second call for a
    sample, or a batch, gives another key than the first: two views of an image are two.
    """
    fetcher = here.fetcher
    batch = None if fetcher is None else fetcher.batch_in_hand()
    if fetcher is None or batch is None:
        return drawn_key()
    position = fetcher.position_in_hand()
    taken = _count(fetcher, position)
    if taken == 0:
        here.key = _key_of_batch(batch) if position is None else _key_of_sample(batch, position)
        return here.key
    return _core.sample_key(here.key, taken, 0)


def _key_of_sample(batch: BatchInHand, position: int) -> int:
    return _core.sample_key(batch.seed & _MASK64, batch.epoch, number_of(batch.indices[position]) & _MASK64)


def _key_of_batch(batch: BatchInHand) -> int:
    """Of its length and its indices, hashed one after the other; that of one sample is not the sample's own."""
    key = _core.sample_key(batch.seed & _MASK64, batch.epoch, len(batch.indices))
    for index in batch.indices:
        key = _core.sample_key(key, 0, number_of(index) & _MASK64)
    return key


def _count(fetcher: Any, position: int | None) -> int:
    """How many keys this sample, or the batch as a whole, has had so far."""
    report = fetcher.report  # there is one for each batch
    is_same = here.sample is not None and here.sample[0] is report and here.sample[1] == position
    here.taken = here.taken + 1 if is_same else 0
    here.sample = (report, position)
    return here.taken


def is_first_of_batch() -> bool:
    """Whether nobody has asked this of the batch in hand before: who has, took the first key of each of its samples."""
    report = None if here.fetcher is None else here.fetcher.report
    if report is None:
        return True
    is_first = here.batch is not report
    here.batch = report
    return is_first


def drawn_key() -> int:
    """A key from torch's default generator."""
    return int(here.drawn.random_(-(1 << 63), (1 << 63) - 1).item()) & _MASK64


def batch_in_hand() -> BatchInHand | None:
    """The batch that is being made in this thread; None outside of a loader."""
    return None if here.fetcher is None else here.fetcher.batch_in_hand()

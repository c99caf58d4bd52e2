"""`DistributedSampler` and `DistributedBatchSampler`: each rank's own part of one order that all ranks know."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any

import torch
from torch.utils.data import BatchSampler, Sampler
from torch.utils.data.distributed import DistributedSampler as TorchDistributedSampler

from fastload.samplers._check_state import checked_state
from fastload.samplers._dealing import Deal, DealtBatches, DealtOrder, Tail, redeal, world_and_rank
from fastload.samplers._epochs import CountsEpochs
from fastload.samplers._inner import dataset_order, fingerprint, require_shuffle, same_batches, same_order, tell_epoch
from fastload.samplers._order import (
    EQUIVALENTS,
    ArrayBatchSampler,
    ArraySampler,
    Batches,
    Order,
    State,
)


class _Deals(CountsEpochs):
    """What both samplers share: torch's arguments and attributes, and states that outlive the world's size."""

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
        *,
        tail: Tail | None = None,
    ) -> None:
        self.num_replicas, self.rank = world_and_rank(num_replicas, rank)
        self.dataset = dataset
        self.shuffle = shuffle
        self.seed = seed
        self.tail: Tail = _tail(tail, drop_last)
        self.drop_last = self.tail == "drop"
        if _length(dataset) == 0:
            raise ValueError(
                f"{type(dataset).__name__} is empty: there is nothing to deal to {self.num_replicas} ranks"
            )

    @property
    def num_samples(self) -> int:
        """How many this rank gets in an epoch."""
        return self._deal(self._whole_length()).count

    @property
    def total_size(self) -> int:
        """How many all ranks get together."""
        return self._whole_length() if self.tail == "uneven" else self.num_samples * self.num_replicas

    def __len__(self) -> int:
        return self.num_samples

    def rebase(self, state: State, consumed: int, batch_size: int) -> tuple[State, int]:
        """State and count for this sampler's world: what was not delivered is dealt to its ranks.

        consumed: how many each rank of the state's world has behind it; all have the same number, but at the end.
        """
        checked_state(state, {"kind": "distributed"}, type(self).__name__)
        checked_state(state, {"seed": self.seed, "shuffle": self.shuffle}, type(self).__name__)
        return redeal(state, consumed, batch_size, self._deal(int(state["length"])))

    def _whole_length(self) -> int:
        return len(self.dataset)

    def _deal(self, length: int, state: State | None = None) -> Deal:
        start, at = (0, 0) if state is None else (int(state["start"]), int(state["at"]))
        return Deal(length, self.num_replicas, self.rank, self.tail, start, at)

    def _begin(self, state: State | None) -> None:
        """Be in the epoch of ``state``, if there is one."""
        if state is not None:
            checked_state(state, {"kind": "distributed"}, type(self).__name__)
            self.resume_epoch(int(state["epoch"]))

    def _state(self, whole: Order | Batches, state: State | None) -> State:
        """What is known of an order dealt from ``whole``; ValueError where that is not what ``state`` is of."""
        here: State = {
            "kind": "distributed",
            "num_replicas": self.num_replicas,
            "length": len(whole),
            "seed": self.seed,
            "shuffle": self.shuffle,
        }
        if state is not None:
            checked_state(state, {**here, "order": fingerprint(whole.state())}, type(self).__name__)
        return {**here, "epoch": self.epoch}


class DistributedSampler(_Deals, ArraySampler, TorchDistributedSampler[int]):  # type: ignore[override]
    """This rank's part of a dataset's indices, or of what another sampler gives.

    Same arguments, checks, attributes and order as torch's, without a list of all indices. Beyond torch's:

    dataset: may be a sampler of any kind, a user's own or a batch sampler included. All ranks draw the same order
        from it, whatever it draws from, as a function of (seed, epoch); the parts are disjoint by position, and
        together they are the whole. A batch sampler gives a `DistributedBatchSampler`, which goes to DataLoader as
        ``batch_sampler=``.
    shuffle: for a dataset only; a sampler has its own order.
    tail: what happens where the ranks do not get the same number: "pad" goes on with the beginning of the order (as
        ``drop_last=False``), "drop" leaves the rest out (as ``drop_last=True``), "uneven" gives every index once,
        so that some ranks have one less: right for evaluation, but a training step that waits for all ranks hangs.

    The epoch is the one of `set_epoch`; without it, the loader begins the next one with each of its iterators. Every
    ``iter(loader)`` counts, also one that is left after a batch: a rank that peeks alone, with ``next(iter(loader))``,
    is an epoch ahead of the others from then on, and the ranks' parts overlap; let all ranks peek, or call `set_epoch`
    before each epoch.
    A state saved in one world goes on in a world of another size: see `rebase`.

    Raises what torch raises for its arguments, and ValueError for an empty dataset, for ``shuffle=False`` around a
    sampler, and for a sampler that already deals to several ranks.
    """

    def __new__(cls, dataset: Any = None, *args: Any, **settings: Any) -> Any:
        if cls is DistributedSampler and isinstance(dataset, (ArrayBatchSampler, BatchSampler)):
            return DistributedBatchSampler(dataset, *args, **settings)
        return super().__new__(cls)

    def __init__(
        self,
        dataset: Sized | Sampler[Any],
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
        *,
        tail: Tail | None = None,
    ) -> None:
        if isinstance(dataset, (ArrayBatchSampler, BatchSampler)):
            raise ValueError(f"{type(self).__name__} gives single indices: use DistributedBatchSampler around batches")
        if isinstance(dataset, Sampler):
            _check_wrapped(dataset, shuffle)
        super().__init__(dataset, num_replicas, rank, shuffle, seed, drop_last, tail=tail)

    def order(self, generator: torch.Generator | None = None, state: State | None = None) -> Order:
        """This rank's part of the epoch. Nothing is drawn from ``generator``: seed and epoch decide."""
        self._begin(state)
        if isinstance(self.dataset, Sampler):
            whole = same_order(self.dataset, self.seed, self.epoch, _saved_order(state))
        else:
            whole = dataset_order(len(self.dataset), self.shuffle, self.seed + self.epoch)
        deal_state = self._state(whole, state)
        return DealtOrder(whole, self._deal(len(whole), state), deal_state)


class DistributedBatchSampler(_Deals, ArrayBatchSampler, TorchDistributedSampler[Any]):  # type: ignore[override]
    """This rank's part of the batches of a batch sampler: pass it to DataLoader as ``batch_sampler=``.

    batch_sampler: any; `DistributedSampler` makes one of these around those of torch's and fastload's types.
    The other arguments are those of `DistributedSampler`; what is dealt, padded or dropped is whole batches.
    A `LengthGroupedBatchSampler` keeps its own seed, and gets the epoch.
    """

    def __init__(
        self,
        batch_sampler: Iterable[Any],
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
        *,
        tail: Tail | None = None,
    ) -> None:
        _check_wrapped(batch_sampler, shuffle)
        super().__init__(batch_sampler, num_replicas, rank, shuffle, seed, drop_last, tail=tail)

    @property
    def batch_size(self) -> int | None:
        """That of the batch sampler, if it has one."""
        return getattr(self.dataset, "batch_size", None)

    def batches(self, generator: torch.Generator | None = None, state: State | None = None) -> Batches:
        """This rank's part of the epoch. Nothing is drawn from ``generator``: seed and epoch decide."""
        self._begin(state)
        whole = same_batches(self.dataset, self.seed, self.epoch, _saved_order(state))
        deal_state = self._state(whole, state)
        return DealtBatches(whole, self._deal(len(whole), state), deal_state)

    def _whole_length(self) -> int:
        if isinstance(self.dataset, CountsEpochs):
            tell_epoch(self.dataset, self.epoch)  # there may not be as many in every epoch
        return len(self.dataset)


def _tail(tail: Tail | None, drop_last: bool) -> Tail:
    if tail is None:
        return "drop" if drop_last else "pad"
    if tail not in ("pad", "drop", "uneven"):
        raise ValueError(f"tail must be 'pad', 'drop' or 'uneven', got {tail!r}")
    if drop_last and tail != "drop":
        raise ValueError(f"drop_last=True means tail='drop', got tail={tail!r}: pass one of them")
    return tail


def _length(source: Any) -> int | None:
    try:
        return len(source)
    except TypeError:
        if isinstance(source, Iterable):
            return None  # a sampler need not know it
        raise


def _check_wrapped(sampler: Any, shuffle: bool) -> None:
    require_shuffle(sampler, shuffle)
    name = type(sampler).__name__
    for dealing in (sampler, getattr(sampler, "sampler", None)):
        world = getattr(dealing, "num_replicas", 1)
        if world > 1:
            raise ValueError(f"{name} already deals to {world} ranks: it cannot be dealt to ranks once more")


def _saved_order(state: State | None) -> State | None:
    order = None if state is None else state.get("order")
    return order if isinstance(order, dict) else None


def _equivalent(sampler: TorchDistributedSampler[Any]) -> Any:
    """torch's own, with the epoch that it is in now; None if its dataset is empty, or is not as long as it was."""
    length = len(sampler.dataset)  # type: ignore[arg-type]
    if length == 0:
        return None
    same = DistributedSampler(
        range(length), sampler.num_replicas, sampler.rank, sampler.shuffle, sampler.seed, sampler.drop_last
    )
    same.set_epoch(sampler.epoch)
    as_made = (same.num_samples, same.total_size) == (sampler.num_samples, sampler.total_size)
    return same if as_made else None


EQUIVALENTS[TorchDistributedSampler] = _equivalent

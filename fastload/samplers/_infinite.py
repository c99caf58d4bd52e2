"""`InfiniteSampler`: one epoch after the other, without an end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sized
from typing import Any

import torch
from torch.utils.data import BatchSampler, Sampler

from fastload.samplers._check_state import checked_state
from fastload.samplers._dealing import Deal, DealtOrder, redeal, world_if_any
from fastload.samplers._epochs import CountsEpochs
from fastload.samplers._inner import dataset_order, fingerprint, require_shuffle, same_order
from fastload.samplers._order import ArrayBatchSampler, ArraySampler, Indices, Order, State
from fastload.samplers._permutations import read_passes


class InfiniteSampler(CountsEpochs, ArraySampler):
    """The indices of a dataset, or of another sampler, pass after pass; for training by steps.

    dataset: anything with a length, the length, or a sampler. Of a sampler every pass is drawn anew, as a function
        of (seed, epoch), and each has to be of the same length.
    shuffle: a permutation for each pass, torch's under ``seed + epoch``; else the dataset's order. For a dataset
        only.
    num_replicas, rank: deal what comes out to the ranks of a job; by default those of the process group, and
        without one a single rank. A sampler that has its own ranks stays as it is.

    Each pass is an epoch. ``epoch`` is that of the latest pass something was read of; the next iteration begins
    with the one after it, or the one of `set_epoch`. It has no length: ``len`` raises TypeError.
    Raises ValueError for an empty dataset, a batch sampler, and for ``shuffle=False`` around a sampler.
    """

    def __init__(
        self,
        dataset: Sized | int | Sampler[Any],
        shuffle: bool = True,
        seed: int = 0,
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        self.dataset = dataset
        self.shuffle = shuffle
        self.seed = seed
        if isinstance(dataset, Sampler):
            num_replicas = _world_around(dataset, shuffle, num_replicas)
        elif self._dataset_length() < 1:
            raise ValueError(f"a dataset of {self._dataset_length()} samples has nothing to repeat")
        self.num_replicas, self.rank = world_if_any(num_replicas, rank)

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} has no end: stop after a number of steps")

    def order(self, generator: torch.Generator | None = None, state: State | None = None) -> Order:
        """The passes from this epoch on. Nothing is drawn from ``generator``: seed and epoch decide."""
        if state is not None:
            checked_state(state, {**self._settings(), "num_replicas": self.num_replicas}, type(self).__name__)
            self.resume_epoch(int(state["epoch"]))
        first = self.epoch
        passes = PassesOrder(lambda number: self._pass(first + number), self._at_pass(first))
        here = {
            **self._settings(),
            "num_replicas": self.num_replicas,
            "epoch": first,
            "length": passes.pass_length,
        }
        start, at = 0, 0
        if state is not None:
            checked_state(state, {"length": passes.pass_length, "order": passes.state()}, type(self).__name__)
            start, at = int(state["start"]), int(state["at"])
        dealt = DealtOrder(passes, self._deal(start, at), here)
        dealt.chunk = min(dealt.chunk, -(-here["length"] // self.num_replicas))  # reads no pass before its turn
        return dealt

    def rebase(self, state: State, consumed: int, batch_size: int) -> tuple[State, int]:
        """As `DistributedSampler.rebase`."""
        checked_state(state, self._settings(), type(self).__name__)
        return redeal(state, consumed, batch_size, self._deal(0, 0))

    def _pass(self, epoch: int) -> Order:
        if isinstance(self.dataset, Sampler):
            return same_order(self.dataset, self.seed, epoch)
        return dataset_order(self._dataset_length(), self.shuffle, self.seed + epoch)

    def _at_pass(self, first: int) -> Callable[[int], None]:
        def begin(number: int) -> None:
            self.epoch = max(self.epoch, first + number)

        return begin

    def _deal(self, start: int, at: int) -> Deal:
        return Deal(sys.maxsize, self.num_replicas, self.rank, "pad", start, at)

    def _settings(self) -> State:
        return {"kind": "infinite", "seed": self.seed, "shuffle": self.shuffle}

    def _dataset_length(self) -> int:
        return self.dataset if isinstance(self.dataset, int) else len(self.dataset)  # type: ignore[arg-type]


class PassesOrder(Order):
    """Orders of one length, end to end; one of them is held at a time.

    make: the order of pass ``number``. begin: called with its number when something is read of it.
    """

    def __init__(self, make: Callable[[int], Order], begin: Callable[[int], None]) -> None:
        self._make = make
        self._begin = begin
        self._number = 0
        self._pass = make(0)
        self.pass_length = len(self._pass)
        self._state = fingerprint(self._pass.state())
        if self.pass_length == 0:
            raise ValueError("the sampler to repeat gives no index")

    def __len__(self) -> int:
        return sys.maxsize

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        return read_passes(self._read_pass, self.pass_length, start, stop, step)

    def _read_pass(self, number: int, start: int, stop: int, step: int) -> Indices:
        return self._at(number).read(start, stop, step)

    def _at(self, number: int) -> Order:
        self._begin(number)
        if number != self._number:
            order = self._make(number)
            if len(order) != self.pass_length:
                raise ValueError(
                    f"pass {number} of the sampler has {len(order)} indices, the first one had {self.pass_length}: "
                    "passes of different length cannot be continued from a position"
                )
            self._pass, self._number = order, number
        return self._pass

    def state(self) -> State:
        return self._state


def _world_around(sampler: Sampler[Any], shuffle: bool, num_replicas: int | None) -> int | None:
    """The world size to deal to: 1 where ``sampler`` has ranks of its own."""
    name = type(sampler).__name__
    if isinstance(sampler, (ArrayBatchSampler, BatchSampler)):
        raise ValueError(f"{name} gives batches: pass what it takes its indices from, and cut what comes out")
    require_shuffle(sampler, shuffle)
    if not hasattr(sampler, "num_replicas"):
        return num_replicas
    if num_replicas is not None:
        raise ValueError(f"{name} has ranks of its own: leave num_replicas={num_replicas} out")
    return 1

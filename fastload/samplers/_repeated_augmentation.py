"""`RepeatedAugmentationSampler`: every sample several times, each time on another rank."""

from __future__ import annotations

import math
from collections.abc import Sized

import numpy as np
import torch

from fastload.samplers._check_state import checked_state
from fastload.samplers._dealing import Deal, DealtOrder, redeal, world_if_any
from fastload.samplers._epochs import CountsEpochs
from fastload.samplers._inner import dataset_order
from fastload.samplers._order import ArraySampler, Indices, Order, State


class RepeatedAugmentationSampler(CountsEpochs, ArraySampler):
    """The indices of a shuffled dataset, each repeated, dealt to the ranks one by one.

    The repeats of a sample stand side by side, so they fall to different ranks of one step, which augment it
    differently (Hoffer et al., Augment Your Batch, 2020; Berman et al., MultiGrain, 2019). An epoch stays about as
    long as one without repeats: each sees only a part of the dataset, ``num_repeats`` times.

    dataset: anything with a length, or the length.
    num_repeats: how often each index stands there, at least 1; need not be whole: 1.5 repeats every other one.
    num_replicas, rank: by default those of the process group, and without one a single rank, whose batches then hold
        the repeats themselves.
    shuffle: a permutation for each epoch, torch's under ``seed + epoch``; else the dataset's order.
    selected_round: the number of samples in an epoch of all ranks is the dataset's length rounded down to a
        multiple of this; 0 does not round.
    selected_ratio: the part of them that a rank gets is one in ``selected_ratio``; 0 means ``num_replicas``.

    With the same settings and ``seed=0`` the order is that of timm's RepeatAugSampler.
    Raises ValueError for an epoch without a sample, and for settings out of range.
    """

    def __init__(
        self,
        dataset: Sized | int,
        num_repeats: float = 3,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        *,
        selected_round: int = 256,
        selected_ratio: float = 0,
    ) -> None:
        if not num_repeats >= 1:
            raise ValueError(f"num_repeats must be at least 1, got {num_repeats}")
        if selected_round < 0 or not selected_ratio >= 0:
            raise ValueError(
                f"selected_round and selected_ratio must not be negative, got {selected_round} and {selected_ratio}"
            )
        self.dataset = dataset
        self.num_repeats = num_repeats
        self.num_replicas, self.rank = world_if_any(num_replicas, rank)
        self.shuffle = shuffle
        self.seed = seed
        self.selected_round = selected_round
        self.selected_ratio = selected_ratio
        if self.num_selected_samples == 0:
            raise ValueError(
                f"a dataset of {self._length()} samples gives an epoch of none with selected_round={selected_round} "
                f"and {self.num_replicas} ranks: pass a smaller selected_round, or 0"
            )

    @property
    def num_samples(self) -> int:
        """How many each rank would get if an epoch held all repeats."""
        return math.ceil(self._length() * self.num_repeats / self.num_replicas)

    @property
    def total_size(self) -> int:
        return self.num_samples * self.num_replicas

    @property
    def num_selected_samples(self) -> int:
        """How many each rank gets."""
        length, ratio = self._length(), self.selected_ratio or self.num_replicas
        if self.selected_round:
            selected = math.floor(length // self.selected_round * self.selected_round / ratio)
        else:
            selected = math.ceil(length / ratio)
        return min(selected, self.num_samples)

    def __len__(self) -> int:
        return self.num_selected_samples

    def order(self, generator: torch.Generator | None = None, state: State | None = None) -> Order:
        """This rank's part of the epoch. Nothing is drawn from ``generator``: seed and epoch decide."""
        here = {**self._settings(), "num_replicas": self.num_replicas}
        start, at = 0, 0
        if state is not None:
            checked_state(state, here, type(self).__name__)
            start, at = int(state["start"]), int(state["at"])
            self.resume_epoch(int(state["epoch"]))
        whole = RepeatedOrder(dataset_order(self._length(), self.shuffle, self.seed + self.epoch), self.num_repeats)
        return DealtOrder(whole, self._deal(start, at), {**here, "epoch": self.epoch})

    def rebase(self, state: State, consumed: int, batch_size: int) -> tuple[State, int]:
        """As `DistributedSampler.rebase`."""
        checked_state(state, self._settings(), type(self).__name__)
        return redeal(state, consumed, batch_size, self._deal(0, 0))

    def _deal(self, start: int, at: int) -> Deal:
        length = math.ceil(self._length() * self.num_repeats)
        return Deal(length, self.num_replicas, self.rank, "pad", start, at, self.num_selected_samples)

    def _settings(self) -> State:
        return {
            "kind": "repeated_augmentation",
            "length": self._length(),
            "num_repeats": self.num_repeats,
            "seed": self.seed,
            "shuffle": self.shuffle,
        }

    def _length(self) -> int:
        return self.dataset if isinstance(self.dataset, int) else len(self.dataset)


class RepeatedOrder(Order):
    """``order`` with each index ``repeats`` times in a row."""

    def __init__(self, order: Order, repeats: float) -> None:
        self._order = order
        self._repeats = int(repeats) if repeats == int(repeats) else repeats
        self._length = math.ceil(len(order) * repeats)

    def __len__(self) -> int:
        return self._length

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        places = np.arange(start, stop, step, dtype=np.int64)
        if len(places) == 0:
            return places
        places = np.minimum(places // self._repeats, len(self._order) - 1).astype(np.int64)
        first = int(places[0])
        once = self._order.read(first, int(places[-1]) + 1)
        repeated: Indices = once[places - first]
        return repeated

    def state(self) -> State:
        return {"kind": "repeated", "repeats": self._repeats, "order": self._order.state()}

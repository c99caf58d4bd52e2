"""`LengthGroupedBatchSampler`: batches of samples of similar length, of a fixed size or under a token budget."""

from __future__ import annotations

import math
import zlib
from numbers import Integral
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike

from fastload._seeding import mix64
from fastload.samplers._check_state import checked_state
from fastload.samplers._epochs import CountsEpochs
from fastload.samplers._generators import seeded
from fastload.samplers._order import ArrayBatchSampler, Batches, Indices, State
from fastload.samplers._packing import (
    Bounds,
    Limits,
    pack_in_order,
    pack_sorted,
    padded_tokens,
    sorted_windows,
    split_to,
)

# Batches that a window is made for: more leave less padding, fewer leave more to chance which samples meet. Small
# datasets have four windows at least, or their batches would be the same in every epoch.
WINDOW_BATCHES = 50
LEAST_WINDOWS = 4

# How often windows are drawn anew for an epoch that would have too many batches; then they are those of epoch 0.
MOST_CUTS = 16

# Samples that stand for all when the padding of random batches is estimated.
ESTIMATED_FROM = 1 << 18


LimitT = TypeVar("LimitT", int, "int | None")


class PaddingWaste(NamedTuple):
    """Shares of padding in what goes to the model, from 0 to 1.

    grouped: in this sampler's epoch. random: in batches of samples picked at random under the same limits.
    """

    grouped: float
    random: float


class LengthGroupedBatchSampler(CountsEpochs, ArrayBatchSampler):
    """Batches of samples of similar length; pass it to DataLoader as ``batch_sampler=``.

    lengths: one integer for each sample: a list, an array or a tensor.
    batch_size: samples in a batch, or at most, with ``max_tokens``.
    max_tokens: a batch's samples times its longest one is at most this: what the model gets after padding.
    multiple_of: lengths are padded to a multiple of this.
    shuffle: every epoch cuts the samples at random into windows, sorts each by length, cuts it into batches and
        shuffles the batches. Without it, samples stay in order, and a batch is as long a run as fits.
    drop_last: leave out the batch at the end that ran out of samples.
    seed: with the epoch, it decides the order: a state holds nothing else.
    window: samples that are sorted together; by default as many as 50 batches take.
    oversize: what happens to a sample over ``max_tokens`` by itself: "error", or "alone" for a batch of its own.

    The epoch is the one of `set_epoch`; without it, the loader begins the next one with each of its iterators.
    Every epoch has the same number of batches, also under ``max_tokens``: those of a seed's epochs that would have
    less get some of their largest batches halved, those that would have more are cut into other windows.
    Raises ValueError for no lengths, lengths below 0, limits that are no positive ints, none of them, and samples over
    the budget.
    """

    def __init__(
        self,
        lengths: ArrayLike | torch.Tensor,
        batch_size: int | None = None,
        *,
        max_tokens: int | None = None,
        multiple_of: int = 1,
        shuffle: bool = True,
        drop_last: bool = False,
        seed: int = 0,
        window: int | None = None,
        oversize: Literal["error", "alone"] = "error",
    ) -> None:
        self.lengths = _checked_lengths(lengths)
        self.batch_size = batch_size = _at_least_one("batch_size", batch_size)
        self.max_tokens = max_tokens = _at_least_one("max_tokens", max_tokens)
        self.multiple_of = multiple_of = _at_least_one("multiple_of", multiple_of)
        window = _at_least_one("window", window)
        if batch_size is None and max_tokens is None:
            raise ValueError("pass batch_size, max_tokens, or both: nothing says how large a batch may be")
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.seed = seed
        self._limits = Limits(batch_size, max_tokens)
        self._padded = -(-self.lengths // multiple_of) * multiple_of
        if oversize not in ("error", "alone"):
            raise ValueError(f"oversize must be 'error' or 'alone', got {oversize!r}")
        if max_tokens is not None and oversize == "error":
            _check_oversize(self.lengths, self._padded, max_tokens)
        self.window = self._whole_batches(window or self._default_window())
        self._checksum = zlib.crc32(self.lengths.data)
        self._plan: Plan | None = None
        self._number: tuple[int, int] | None = None  # a seed, and how many batches its epochs have

    def __len__(self) -> int:
        if self.max_tokens is None and self.batch_size is not None:
            length = len(self.lengths)
            return length // self.batch_size if self.drop_last else -(-length // self.batch_size)
        return self._number_of_batches() if self.shuffle else len(self._plan_now().turns)

    def batches(self, generator: torch.Generator | None = None, state: State | None = None) -> Batches:
        """The batches of the epoch. Nothing is drawn from ``generator``: seed and epoch decide."""
        here = self._settings()
        if state is not None:
            checked_state(state, here, type(self).__name__)
            self.resume_epoch(int(state["epoch"]))
        return PlannedBatches(self._plan_now(), {**here, "epoch": self.epoch})

    def rebase(self, state: State, consumed: int, batch_size: int) -> tuple[State, int]:
        checked_state(state, self._settings(), type(self).__name__)
        return state, consumed

    def padding_waste(self) -> PaddingWaste:
        """The share of padding in the current epoch, and in random batches, which is estimated for large datasets."""
        plan = self._plan_now()
        order = torch.randperm(len(self.lengths), generator=seeded(mix64(self.seed, self.epoch, 1))).numpy()
        some = order[:ESTIMATED_FROM]
        return PaddingWaste(
            self._waste(plan.samples, plan.bounds), self._waste(some, pack_in_order(self._padded[some], self._limits))
        )

    def _waste(self, samples: Indices, bounds: Bounds) -> float:
        samples = samples[: bounds[-1]]
        padded = padded_tokens(self._padded[samples], bounds)
        return 1 - int(self.lengths[samples].sum()) / padded if padded else 0.0

    def _plan_now(self) -> Plan:
        epoch = self.epoch if self.shuffle else 0
        if self._plan is None or self._plan.key != (self.seed, epoch):
            self._plan = self._make_plan(epoch)
        return self._plan

    def _make_plan(self, epoch: int) -> Plan:
        if self.shuffle:
            generator = seeded(mix64(self.seed, epoch))
            samples, bounds = self._cut(generator) if self.max_tokens is None else self._cut_to_number(generator)
            turns = torch.randperm(len(bounds) - 1, generator=generator).numpy()
        else:
            samples = np.arange(len(self.lengths), dtype=np.int64)
            bounds = self._without_rest(samples, pack_in_order(self._padded, self._limits))
            turns = np.arange(len(bounds) - 1, dtype=np.int64)
        return Plan((self.seed, epoch), samples, bounds, turns)

    def _cut(self, generator: torch.Generator) -> tuple[Indices, Bounds]:
        samples = torch.randperm(len(self.lengths), generator=generator).numpy()
        samples = sorted_windows(samples, self.lengths, self.window)
        return samples, self._without_rest(samples, pack_sorted(self._padded[samples], self._limits, self.window))

    def _cut_to_number(self, generator: torch.Generator) -> tuple[Indices, Bounds]:
        number = self._number_of_batches()
        for _ in range(MOST_CUTS):
            samples, bounds = self._cut(generator)
            if len(bounds) - 1 <= number <= bounds[-1]:
                return samples, split_to(bounds, number)
        samples, bounds = self._cut(self._standard())
        return samples, split_to(bounds, number)

    def _number_of_batches(self) -> int:
        """In every epoch of the seed: what one of them has, and a few more, so that most have no more than that."""
        if self._number is None or self._number[0] != self.seed:
            _, bounds = self._cut(self._standard())
            windows = -(-len(self.lengths) // self.window)
            self._number = self.seed, min(len(bounds) - 1 + math.isqrt(windows) // 2, int(bounds[-1]))
        return self._number[1]

    def _standard(self) -> torch.Generator:
        return seeded(mix64(self.seed, 0))

    def _without_rest(self, samples: Indices, bounds: Bounds) -> Bounds:
        """``bounds``, less those of the last batch if ``drop_last`` says so and one more like its longest fits in."""
        last = self._padded[samples[bounds[-2] :]]
        return bounds[:-1] if self.drop_last and self._limits.admit(len(last) + 1, int(last.max())) else bounds

    def _default_window(self) -> int:
        size = self.batch_size or len(self.lengths)
        if self.max_tokens is not None:
            size = min(size, max(1, int(self.max_tokens / max(1.0, float(self._padded.mean())))))
        return size * max(2, min(WINDOW_BATCHES, len(self.lengths) // (LEAST_WINDOWS * size)))

    def _whole_batches(self, window: int) -> int:
        """``window``, made larger so that only the last batch of all has to be smaller than ``batch_size``."""
        if self.max_tokens is not None or self.batch_size is None:
            return window
        return -(-window // self.batch_size) * self.batch_size

    def _settings(self) -> State:
        return {
            "kind": "length_grouped",
            "length": len(self.lengths),
            "checksum": self._checksum,
            "batch_size": self.batch_size,
            "max_tokens": self.max_tokens,
            "multiple_of": self.multiple_of,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "seed": self.seed,
            "window": self.window,
        }


class Plan(NamedTuple):
    """An epoch. Batch ``turns[k]`` is the k-th; batch b is ``samples[bounds[b]:bounds[b + 1]]``."""

    key: tuple[int, int]
    samples: Indices
    bounds: Bounds
    turns: Indices


class PlannedBatches(Batches):
    def __init__(self, plan: Plan, state: State) -> None:
        self._plan = plan
        self._state = state

    def __len__(self) -> int:
        return len(self._plan.turns)

    def read(self, number: int) -> Indices:
        plan = self._plan
        turn = plan.turns[number]
        return plan.samples[plan.bounds[turn] : plan.bounds[turn + 1]]

    def state(self) -> State:
        return self._state


def _checked_lengths(lengths: Any) -> Indices:
    array = np.asarray(lengths)
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"lengths must be one integer for each sample, got an array of shape {array.shape}")
    if array.dtype.kind not in "iu":
        raise ValueError(f"lengths must be integers, got {array.dtype}")
    if array.min() < 0:
        index = int(array.argmin())
        raise ValueError(f"lengths must not be negative, got {array[index]} for sample {index}")
    return np.ascontiguousarray(array, dtype=np.int64)


def _at_least_one(name: str, limit: LimitT) -> LimitT:
    """``limit`` as a Python int; None stays None."""
    if limit is None:
        return limit
    if not isinstance(limit, Integral) or isinstance(limit, bool):
        raise ValueError(f"{name} must be an int, got {limit!r}")
    if limit < 1:
        raise ValueError(f"{name} must be at least 1, got {limit}")
    return int(limit)  # a state takes no numpy integer


def _check_oversize(lengths: Indices, padded: Indices, max_tokens: int) -> None:
    over = np.flatnonzero(padded > max_tokens)
    if len(over):
        index = int(over[0])
        raise ValueError(
            f"sample {index} has {lengths[index]} tokens, {padded[index]} when padded, which is over "
            f"max_tokens={max_tokens}; it is one of {len(over)} such samples of {len(lengths)}: shorten them, raise "
            "max_tokens, or pass oversize='alone' to give each a batch of its own"
        )

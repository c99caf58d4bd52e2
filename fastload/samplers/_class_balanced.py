"""`ClassBalancedSampler`: every class as often as another, however many samples it has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._core import AliasTable, next_members, random_uniforms
from fastload.samplers._check_state import checked_state
from fastload.samplers._classes import Classes
from fastload.samplers._keys import order_key
from fastload.samplers._order import ArraySampler, Indices, Order, State

SECOND_STREAM = 1 << 63  # drawn keys have 63 bits
SKIP = 1 << 16  # draws counted at a time on the way to a later position


class ClassBalancedSampler(ArraySampler):
    """Indices whose classes are equally likely.

    labels: the class of every sample, as a list, array or 1-d tensor of numbers or strings.
    num_samples: how many to draw; as many as there are labels if None.
    replacement: whether each sample of the drawn class is equally likely. If False, the samples of a class take turns:
        none comes again before all of its class have come, in an order that is new on each pass.
    power: a sample's weight is (its class's number of samples) ** -power: 1 makes classes equally likely, 0 samples,
        0.5 is half way between.

    Each epoch is a function of a key, drawn at its start as torch's RandomSampler draws its seed. With replacement any
    position is there at once; without, resuming counts the draws of each class up to there, some 20 ns for each.
    Raises ValueError for no labels, labels that are not 1-d, num_samples that is not a positive int, and a power that
    is negative or not finite.
    """

    def __init__(
        self,
        labels: Sequence[Any] | NDArray[Any] | torch.Tensor,
        num_samples: int | None = None,
        generator: torch.Generator | None = None,
        *,
        replacement: bool = True,
        power: float = 1.0,
    ) -> None:
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        if not (math.isfinite(power) and power >= 0):
            raise ValueError(f"power must be a finite number of at least 0, got {power}")
        self.classes = Classes(labels)
        self.num_samples = self.classes.samples if num_samples is None else num_samples
        if not isinstance(self.num_samples, int) or isinstance(self.num_samples, bool) or self.num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}")
        self.generator = generator
        self.replacement = replacement
        self.power = power

    def __len__(self) -> int:
        return self.num_samples

    @property
    def class_probabilities(self) -> NDArray[np.float64]:
        """The chance of each class, in the order of ``classes.names``."""
        counts = self.classes.counts
        unit = counts.min() if self.power > 1 else counts.max()  # no quotient to its power exceeds 1
        weights: NDArray[np.float64] = (counts / unit) ** (1 - self.power)
        weights /= weights.sum()
        return weights

    def order(self, generator: torch.Generator | None = None, state: State | None = None) -> Order:
        settings: State = {
            "kind": "class balanced",
            "labels": self.classes.samples,
            "classes": len(self.classes),
            "num_samples": self.num_samples,
            "replacement": self.replacement,
            "power": self.power,
        }
        if state is not None:
            checked_state(state, settings, "ClassBalancedSampler")
        key, made = order_key(settings, self.generator if generator is None else generator, state)
        make = IndependentDraws if self.replacement else TurnTaking
        return make(self.classes, AliasTable(self.class_probabilities), key, made)


class IndependentDraws(Order):
    """Position k is a class and a member of it, functions of the key and k."""

    def __init__(self, classes: Classes, table: AliasTable, key: int, state: State) -> None:
        self._classes = classes
        self._table = table
        self._key = key
        self._state = state

    def __len__(self) -> int:
        length: int = self._state["num_samples"]
        return length

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        count = len(range(start, stop, step))
        drawn = self._table.draw(self._key, start, count, step)
        places = random_uniforms(self._key ^ SECOND_STREAM, start, count, step)
        # A uniform number below 1 times a whole number is below that, rounded as it may be, up to 2^53.
        return self._classes.indices(drawn, (places * self._classes.counts[drawn]).astype(np.int64))

    def state(self) -> State:
        return self._state


class TurnTaking(IndependentDraws):
    """Position k is a class, a function of the key and k, and the member of it whose turn it is."""

    def __init__(self, classes: Classes, table: AliasTable, key: int, state: State) -> None:
        super().__init__(classes, table, key, state)
        self._begin()

    def _begin(self) -> None:
        self._taken = np.zeros(len(self._classes), dtype=np.int64)  # how often each class was drawn
        self._position = 0  # before this one

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        if start < self._position:
            self._begin()
        while self._position < start:
            self._skip(min(SKIP, start - self._position))
        drawn = self._table.draw(self._key, start, stop - start)
        members = next_members(self._key ^ SECOND_STREAM, drawn, self._classes.counts, self._taken)
        self._position = stop
        return self._classes.indices(drawn[::step], members[::step])

    def _skip(self, count: int) -> None:
        drawn = self._table.draw(self._key, self._position, count)
        self._taken += np.bincount(drawn, minlength=len(self._taken))
        self._position += count

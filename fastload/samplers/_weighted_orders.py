"""The orders of a `WeightedRandomSampler`: torch's draws, and draws that are a function of a key and a position."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._core import InverseCdf, UniformStream, draw_without_replacement, random_uniforms
from fastload.samplers._order import ArrayOrder, Indices, Order, State
from fastload.samplers._weight_tables import WeightTables, as_array


class Draws(Order):
    """Draws with replacement. What is read after a change of weights is drawn from the changed ones."""

    def __init__(self, tables: WeightTables, state: State) -> None:
        self._tables = tables
        self._state = state
        self._length: int = state["num_samples"]

    def __len__(self) -> int:
        return self._length

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        count = len(range(start, stop, step))
        tree = self._tables.tree
        return self._draw(start, count, step) if tree is None else tree.find(self._uniforms(start, count, step))

    def state(self) -> State:
        return {**self._state, "updated": self._tables.tree is not None}

    @abstractmethod
    def _draw(self, start: int, count: int, step: int) -> Indices:
        """From the weights as they were when the order began."""

    @abstractmethod
    def _uniforms(self, start: int, count: int, step: int) -> NDArray[np.float64]:
        """The random numbers, in [0, 1), of these positions."""


class TorchDraws(Draws):
    """What torch.multinomial gives, computed as it is read."""

    def __init__(self, tables: WeightTables, state: State, stream: UniformStream, cdf: InverseCdf | None) -> None:
        super().__init__(tables, state)
        self._stream = stream
        self._cdf = cdf  # None if there is a tree

    def _draw(self, start: int, count: int, step: int) -> Indices:
        assert self._cdf is not None
        return self._cdf.find(self._stream.read(start, count, step))

    def _uniforms(self, start: int, count: int, step: int) -> NDArray[np.float64]:
        return self._stream.read(start, count, step)


class KeyedDraws(Draws):
    """Position k is a function of the key, k and the weights."""

    def __init__(self, tables: WeightTables, state: State, weights: torch.Tensor, key: int) -> None:
        super().__init__(tables, state)
        self._key = key
        self._table = tables.alias(weights) if tables.tree is None else None

    def _draw(self, start: int, count: int, step: int) -> Indices:
        assert self._table is not None
        return self._table.draw(self._key, start, count, step)

    def _uniforms(self, start: int, count: int, step: int) -> NDArray[np.float64]:
        return random_uniforms(self._key, start, count, step)


def torch_order(
    tables: WeightTables, state: State, weights: torch.Tensor, generator: torch.Generator, replacement: bool
) -> Order:
    """torch.multinomial's draws; ``generator`` is left as torch leaves it."""
    num_samples: int = state["num_samples"]
    cdf = None
    # For one draw torch goes another way than for several.
    followed = replacement and weights.device.type == generator.device.type == "cpu" and num_samples > 1
    if followed and tables.tree is None:
        cdf = _cdf(weights)
        followed = cdf is not None
    if not followed:
        drawn = torch.multinomial(weights, num_samples, replacement, generator=generator)
        return ArrayOrder(drawn.cpu().numpy(), {**state, "updated": False})
    before = generator.get_state().numpy()
    stream = UniformStream(before, num_samples)
    generator.set_state(torch.from_numpy(stream.state_after(before)))
    return TorchDraws(tables, state, stream, cdf)


def keyed_order(tables: WeightTables, state: State, weights: torch.Tensor, key: int, replacement: bool) -> Order:
    """Draws that depend on the key alone."""
    if replacement:
        return KeyedDraws(tables, state, weights, key)
    drawn = draw_without_replacement(as_array(weights), key, state["num_samples"])
    return ArrayOrder(drawn, {**state, "updated": False})


def _cdf(weights: torch.Tensor) -> InverseCdf | None:
    """None for weights that torch refuses, in its own words, or whose sum is infinite."""
    try:
        cdf = InverseCdf(as_array(weights))
    except ValueError:
        return None
    return cdf if cdf.valid else None

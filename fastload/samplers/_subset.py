"""`SubsetRandomSampler`: chosen indices in random order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.utils.data

from fastload._core import index_array
from fastload.samplers._check_state import checked_state
from fastload.samplers._generators import generator_state, set_generator_state
from fastload.samplers._order import CHUNK, EQUIVALENTS, ArraySampler, Indices, Order, State
from fastload.samplers._permutations import on_cpu, permutations


class SubsetRandomSampler(torch.utils.data.SubsetRandomSampler):
    """The given indices in random order, without replacement: torch's sampler, order and draws.

    Index batches are arrays where ``indices`` is a list, tuple or range of ints. The elements of others, arrays and
    tensors too, go to the dataset one by one as they are, as torch's do: a numpy integer is no int to its code.
    """

    def __iter__(self) -> Iterator[int]:
        known = _equivalent(self)
        return iter(known) if known is not None else self._elements()

    def _elements(self) -> Iterator[int]:
        if not on_cpu(self.generator):
            yield from super().__iter__()
            return
        length = len(self.indices)
        places = permutations(length, torch.default_generator if self.generator is None else self.generator, 0)
        for start in range(0, length, CHUNK):
            for place in places.read(0, start, min(start + CHUNK, length)).tolist():
                yield self.indices[place]
        places.draw(1)  # torch draws for no indices, too


class SubsetOrder(Order):
    """``indices`` in the order of a permutation."""

    decided = True

    def __init__(self, indices: Indices, state: State, generator: torch.Generator) -> None:
        self._indices = indices
        self._state = state
        self._permutations = permutations(len(indices), generator, 0)

    def __len__(self) -> int:
        return len(self._indices)

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        return self._indices[self._permutations.read(0, start, stop, step)]

    def finish(self) -> None:
        self._permutations.draw(1)  # torch draws for no indices, too

    def state(self) -> State:
        return self._state


class _IntSubset(ArraySampler):
    """A SubsetRandomSampler whose indices are known to be ints."""

    def __init__(self, indices: Indices, generator: torch.Generator | None) -> None:
        self._indices = indices
        self._generator = generator

    def __len__(self) -> int:
        return len(self._indices)

    def order(self, generator: torch.Generator | None = None, state: State | None = None) -> Order:
        settings = {"kind": "subset", "length": len(self._indices)}
        shared = self._generator if generator is None else generator
        if state is not None:
            checked_state(state, settings, "SubsetRandomSampler")
            # torch's default generator is everybody's: it is not set back for a sampler that only draws from it.
            shared = torch.Generator() if shared is None else shared
            set_generator_state(shared, state["generator"])
        elif shared is None:
            shared = torch.default_generator
        return SubsetOrder(self._indices, {**settings, "generator": generator_state(shared)}, shared)


def _equivalent(sampler: Any) -> Any:
    """The sampler as an ArraySampler; None if its indices are not plainly ints."""
    array = _int_array(sampler.indices)
    return None if array is None else _IntSubset(array, sampler.generator)


def _int_array(indices: Any) -> Indices | None:
    if type(indices) is range:
        return np.arange(indices.start, indices.stop, indices.step, dtype=np.int64)
    if type(indices) is tuple:
        indices = list(indices)
    return index_array(indices) if type(indices) is list else None


EQUIVALENTS[torch.utils.data.SubsetRandomSampler] = _equivalent
EQUIVALENTS[SubsetRandomSampler] = _equivalent

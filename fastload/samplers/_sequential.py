"""`SequentialSampler`: 0, 1, 2, ..."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.utils.data

from fastload.samplers._check_state import checked_state
from fastload.samplers._order import EQUIVALENTS, ArraySampler, Indices, Order, State


class CountingOrder(Order):
    """0, 1, 2, ..., ``length`` - 1."""

    decided = True

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        return np.arange(start, stop, step, dtype=np.int64)

    def state(self) -> State:
        return {"kind": "sequential", "length": self._length}


class SequentialSampler(ArraySampler, torch.utils.data.SequentialSampler):
    """All indices of ``data_source``, in order: torch's sampler, with index batches that are arrays."""

    def order(self, generator: torch.Generator | None = None, state: State | None = None) -> Order:
        order = CountingOrder(len(self.data_source))
        if state is not None:
            checked_state(state, order.state(), "SequentialSampler")
        return order


def _equivalent(sampler: Any) -> ArraySampler:
    return SequentialSampler(sampler.data_source)


EQUIVALENTS[torch.utils.data.SequentialSampler] = _equivalent

"""Dealing one order to the ranks of a job, like cards: what goes to whom, also after the job has changed its size.

Position p of rank r is place ``start + (p - at) * world + r`` of the whole order. At first ``start`` and ``at`` are 0,
which is torch's rule. When a job goes on with another world size, what was not yet delivered begins at ``start``, and
the new ranks, who count from ``at``, deal it among themselves.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch.distributed
from torch.utils.data.distributed import DistributedSampler as TorchDistributedSampler

from fastload.samplers._inner import fingerprint
from fastload.samplers._order import Batches, Indices, Order, State

Tail = Literal["pad", "drop", "uneven"]


@dataclass(frozen=True)
class Deal:
    """One rank's part of an order of ``length`` positions, ``sys.maxsize`` if it has no end.

    tail: "pad" gives every rank the same number by going on with the beginning of the order, "drop" by leaving out
        what does not go round; with "uneven" the first ranks get one more.
    most: no rank gets more than this.
    """

    length: int
    world: int
    rank: int
    tail: Tail = "pad"
    start: int = 0
    at: int = 0
    most: int = sys.maxsize

    @property
    def count(self) -> int:
        """How many positions the rank has, the first ``at`` included."""
        if self.length == sys.maxsize:
            return self.most
        rest = self.length - self.start
        if self.tail == "pad":
            dealt = -(-rest // self.world)
        elif self.tail == "drop":
            dealt = rest // self.world
        else:
            dealt = max(0, -(-(rest - self.rank) // self.world))
        return min(self.at + dealt, self.most)

    def place(self, position: int) -> int:
        """The place of the rank's ``position`` in the whole order; ``length`` and more for padding."""
        if position < self.at:
            raise IndexError(
                f"position {position} was delivered before the world had {self.world} ranks; "
                f"the part of each of them begins at {self.at}"
            )
        return self.start + (position - self.at) * self.world + self.rank


class DealtOrder(Order):
    """A rank's part of ``whole``. Reads no other index of it, but the one that pads.

    state: what else its own state holds.
    """

    def __init__(self, whole: Order, deal: Deal, state: State) -> None:
        self.decided = whole.decided
        self._whole = whole
        self._deal = deal
        self._length = deal.count
        self._state = state
        self._padding: Indices | None = None

    def __len__(self) -> int:
        return self._length

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        number = len(range(start, stop, step))
        if number == 0:
            return np.empty(0, dtype=np.int64)
        deal, stride = self._deal, self._deal.world * step
        if self._padding is None:
            self._padding = self._read_padding()
        first = deal.place(start)
        inside = min(number, len(range(first, deal.length, stride)))
        dealt = self._whole.read(first, first + (inside - 1) * stride + 1, stride) if inside else self._padding
        if 0 < inside < number:
            dealt = np.concatenate([dealt, self._padding])
        return np.ascontiguousarray(dealt)

    def _read_padding(self) -> Indices:
        """The one index beyond the end that this rank may have; read early, as going back can be dear later."""
        deal = self._deal
        last = deal.place(self._length - 1) if self._length > deal.at else 0
        if last < deal.length or deal.length == sys.maxsize:
            return np.empty(0, dtype=np.int64)
        return self._whole.read(last % deal.length, last % deal.length + 1)

    def state(self) -> State:
        return dealt_state(self._whole, self._deal, self._state)


class DealtBatches(Batches):
    """A rank's part of the batches of ``whole``."""

    def __init__(self, whole: Batches, deal: Deal, state: State) -> None:
        self._whole = whole
        self._deal = deal
        self._state = state

    def __len__(self) -> int:
        return self._deal.count

    def read(self, number: int) -> Indices:
        batch: Indices = self._whole.read(self._deal.place(number) % self._deal.length)
        return batch

    def state(self) -> State:
        return dealt_state(self._whole, self._deal, self._state)


def dealt_state(whole: Order | Batches, deal: Deal, state: State) -> State:
    # Asked for when it is: the state of an order whose weights change can change with them.
    return {**state, "start": deal.start, "at": deal.at, "order": fingerprint(whole.state())}


def redeal(state: State, consumed: int, batch_size: int, deal: Deal) -> tuple[State, int]:
    """The state of an order that goes on in the world of ``deal``, and where its ranks go on.

    state: of an order dealt to ``state["num_replicas"]`` ranks, each of which has ``consumed`` behind it.
    deal: of a new epoch here. Its ranks go on at a multiple of ``batch_size``, with a count that makes no epoch
    longer than one that began here.
    Raises ValueError for a count from before the part of the order that the state speaks of.
    """
    old_world = int(state["num_replicas"])
    if old_world == deal.world and consumed % batch_size == 0:
        return state, consumed
    start, at = int(state["start"]), int(state["at"])
    if consumed < at:
        raise ValueError(f"the state's order begins after {at} indices for each rank, but {consumed} were consumed")
    old = Deal(deal.length, old_world, 0, deal.tail, start, at)
    start = deal.length if consumed >= old.count else start + (consumed - at) * old_world
    at = start // deal.world // batch_size * batch_size
    return {**state, "num_replicas": deal.world, "start": start, "at": at}, at


def world_and_rank(num_replicas: int | None, rank: int | None) -> tuple[int, int]:
    """Both, from the process group where they are None, with torch's checks."""
    if num_replicas is not None and num_replicas < 1:
        raise ValueError(f"num_replicas must be at least 1, got {num_replicas}")
    asked: TorchDistributedSampler[int] = TorchDistributedSampler(range(1), num_replicas, rank)  # type: ignore[arg-type]
    return asked.num_replicas, asked.rank


def world_if_any(num_replicas: int | None, rank: int | None) -> tuple[int, int]:
    """As `world_and_rank`, but where nothing is given and there is no process group: alone."""
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    if num_replicas is None and rank is None and not distributed:
        return 1, 0
    if num_replicas == 1 and rank is None:
        return 1, 0
    return world_and_rank(num_replicas, rank)

"""How far an epoch has come in the eyes of the user: batches count when they are handed out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from fastload._fetch import FetchReport
from fastload._stateful import WorkerState
from fastload.samplers._order import State


class PullRecord(Protocol):
    """How to come back to an index batch; see `fastload._pulls`."""

    def passed(self, turns: int) -> None:
        """The first ``turns`` index batches are dealt with for good; maybe some more by now."""

    def state(self, turns: int) -> State:
        """What resuming after them takes."""


@dataclass
class Progress:
    """One epoch's position. It outlives the iterator that moves it, and holds nothing that costs.

    turns: how many index batches are dealt with, from the first without a gap: their batch has gone out, or their
    exception was raised. ahead: numbers beyond them that are, too, where batches go out of order.
    """

    record: PullRecord
    epoch: int
    base_seed: int
    workers: list[WorkerState]
    generators: list[str] = field(default_factory=list)  # states of shared ones when the epoch began
    sampler_epochs: list[int] = field(default_factory=list)
    turns: int = 0
    yielded: int = 0
    ahead: set[int] = field(default_factory=set)
    next_worker: int = 0  # of an iterable dataset: whose turn it is
    finished: bool = False

    def passed(self, number: int, worker: int, report: FetchReport, is_batch: bool) -> None:
        """Batch ``number``, made by ``worker``, has had its turn."""
        if number < self.turns or number in self.ahead:
            return  # an interrupt came when this had been noted
        self.record.passed(self.turns)
        turns, ahead = self.turns, self.ahead
        if number == turns and not ahead:
            turns += 1
        else:
            ahead = ahead | {number}
            while turns in ahead:
                ahead.remove(turns)
                turns += 1
        state = self.workers[worker]
        next_worker = (worker + 1) % len(self.workers)
        if state.ended:
            state.begin()
        self.turns, self.ahead, self.next_worker = turns, ahead, next_worker  # no calls from here on
        self.yielded += is_batch
        state.consumed, state.exhausted = report.consumed, report.exhausted
        if report.snapshot is not None:
            state.snapshot = report.snapshot
        if report.rng is not None:
            state.rng = report.rng

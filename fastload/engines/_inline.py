"""No workers: the loader's own thread makes the batch when it is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from fastload._failure import LocalFailure
from fastload._fetch import FetchConfig, Fetcher, MapFetcher
from fastload._make_fetcher import make_fetcher
from fastload._read_ahead import Peek
from fastload._rng import current_states, unchanged_generators
from fastload._stateful import WorkerState, fresh_states
from fastload.engines._base import BatchTask, Made


class InlineEngine:
    workers: tuple[Any, ...] = ()

    def __init__(self, config: FetchConfig, resume: Sequence[WorkerState] | None = None) -> None:
        # An iterable dataset's iter() is called here, where torch's loader calls it. It may draw, and a resumed one
        # has to draw the same, from generators that are the caller's.
        self._began = current_states() if config.iterable and config.snapshot_every else None
        state = resume[0] if resume else None
        with unchanged_generators() if state is not None and not state.ended else nullcontext():
            self.fetcher: Fetcher = make_fetcher(config, resume=state)
        self._resume_from = resume
        self.answers: deque[InlineResult] = deque()
        self._task: BatchTask | None = None
        # Samples with generators of their own leave the training loop's as they are.
        self._draws_for_samples = config.sample_seed is not None

    def start(self, epoch: int) -> Sequence[WorkerState]:
        self.fetcher.epoch = epoch
        if self._resume_from and not self._resume_from[0].ended:
            return fresh_states(self._resume_from, 1)
        snapshot = self.fetcher.snapshot() if self.fetcher.config.snapshot_every else None
        return [WorkerState(snapshot=snapshot, began=self._began)]

    def read_ahead(self, peek: Peek) -> None:
        """Begin batches before they are asked for, where that shows in nothing but the time. ``peek`` tells which."""
        if isinstance(self.fetcher, MapFetcher):
            self.fetcher.read_ahead(peek)

    def submit(self, task: BatchTask) -> None:
        self._task = task
        task.sent = True

    def wait(self, timeout_s: float | None) -> bool:
        task = self._task
        assert task is not None
        if self._draws_for_samples:
            with unchanged_generators():
                outcome = self._fetched(task.indices)
        else:
            outcome = self._fetched(task.indices)
        result = InlineResult(task.number, Made(outcome, self.fetcher.report))
        self._task = None  # no calls from here on
        self.answers += (result,)
        return True

    def _fetched(self, indices: Any) -> Any:
        try:
            return self.fetcher.fetch(indices)
        except Exception as error:
            return LocalFailure(error, self.fetcher.where(error))

    def stop(self) -> None:
        self._task = None


class InlineResult:
    worker = 0
    ended = False

    def __init__(self, number: int, made: Made) -> None:
        self.number = number
        self._made = made

    def open(self) -> Made:
        return self._made

    def discard(self) -> None:
        pass

"""No workers: the loader's own thread makes the batch when it is asked for."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from fastload._failure import LocalFailure
from fastload._fetch import FetchConfig, Fetcher, make_fetcher
from fastload._seeding import unchanged_generators
from fastload.engines._base import BatchTask, Made


class InlineEngine:
    workers: tuple[Any, ...] = ()

    def __init__(self, config: FetchConfig) -> None:
        # An iterable dataset's iter() is called here, where torch's loader calls it.
        self.fetcher: Fetcher = make_fetcher(config)
        self._task: BatchTask | None = None
        # Samples with generators of their own leave the training loop's as they are.
        self._guard = nullcontext if config.sample_seed is None else unchanged_generators

    def start(self, epoch: int) -> None:
        self.fetcher.epoch = epoch

    def submit(self, task: BatchTask) -> None:
        self._task = task

    def next(self, timeout_s: float | None) -> InlineResult:
        task, self._task = self._task, None
        assert task is not None
        outcome: Any
        with self._guard():
            try:
                outcome = self.fetcher.fetch(task.indices)
            except Exception as error:
                outcome = LocalFailure(error, self.fetcher.where(error))
        return InlineResult(task.number, Made(outcome, self.fetcher.report))

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

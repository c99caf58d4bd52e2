"""Batches of an iterable dataset: one worker's iteration of it, from the beginning or from where it stood."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import MutableSequence
from contextlib import suppress
from time import perf_counter
from types import GeneratorType
from typing import Any

from fastload._fetch import FetchConfig, Fetcher, Skipped, described
from fastload._stateful import Snapshot, WorkerState, restore, snapshot_of

# An iterable dataset that raises this often without a sample in between is taken to be stuck.
MOST_FAILURES_IN_A_ROW = 1000

# Resuming an iterable dataset without a state reads what was read before; beyond so many samples it says so.
MANY_TO_PASS_OVER = 10_000

logger = logging.getLogger("fastload")


class IterableFetcher(Fetcher):
    """Samples are what ``iter(dataset)`` yields; an index batch only says how many.

    For messages and ``on_error``, a sample's index is its number in this worker's iteration.
    """

    def __init__(
        self, config: FetchConfig, words: MutableSequence[int] | None = None, resume: WorkerState | None = None
    ) -> None:
        super().__init__(config, words)
        snapshot = None if resume is None else resume.snapshot
        restore(self.dataset, snapshot, "dataset")
        self.dataset_iter = iter(config.dataset)
        restore(self.dataset_iter, snapshot, "iterator")
        self.ended = False
        self._count = snapshot["consumed"] if snapshot else 0
        self._failed_in_a_row = 0
        if resume:
            self._pass_over(resume.consumed - self._count)
            # A dataset that begins anew once it was read to its end has said so with the last, short batch.
            self.ended = resume.exhausted and not resume.ended

    @property
    def consumed(self) -> int:
        return self._count

    @property
    def exhausted(self) -> bool:
        return self.ended

    def snapshot(self) -> Snapshot | None:
        return snapshot_of(self.dataset, self.dataset_iter, self._count)

    def read_to_end(self) -> None:
        with suppress(Exception):
            deque(self.dataset_iter, maxlen=0)

    def _pass_over(self, count: int) -> None:
        """Read the next ``count`` samples for nothing; those that failed have failed before."""
        if count > MANY_TO_PASS_OVER:
            logger.warning(
                "resuming reads %d samples of %s again, to come to where it was; state_dict() and load_state_dict() "
                "on the dataset or its iterator would save that",
                count,
                type(self.dataset).__name__,
            )
        for _ in range(count):
            self._count += 1
            try:
                next(self.dataset_iter)
            except StopIteration:
                return
            except Exception as error:
                logger.debug("a sample that is read again fails: %s", described(error))

    def _snapshot(self) -> Snapshot | None:
        self._batches_since_snapshot += 1
        if self._batches_since_snapshot < self.config.snapshot_every:
            return None
        self._batches_since_snapshot = 0
        return self.snapshot()

    def _check_can_go_on(self, error: Exception) -> None:
        """A generator that raised is over, and the rest of the data with it; an iterator may raise for ever."""
        self._failed_in_a_row += 1
        iterator = self.dataset_iter
        if isinstance(iterator, GeneratorType) and iterator.gi_frame is None:
            raise RuntimeError(
                f"on_error cannot go on after {described(error)}: __iter__ of {type(self.dataset).__name__} is a "
                "generator, which ends when it raises, so the rest of its data would be lost; catch the error inside "
                "it, or return an iterator object whose __next__ can be called again"
            ) from error
        if self._failed_in_a_row >= MOST_FAILURES_IN_A_ROW:
            raise RuntimeError(
                f"{self._failed_in_a_row} samples in a row failed, the last with {described(error)}: "
                "this iterator does not seem to get past its error"
            ) from error

    def _fetch(self, indices: Any) -> Any:
        if self.ended:
            raise StopIteration
        started = perf_counter()
        if not self.config.auto_collation:
            sample = self._next(0)
            if sample is Skipped:
                return Skipped
            self.report.samples = 1
            return self._collated(sample, started)
        made = self._made(len(indices))
        if not made or (self.config.drop_last and len(made) < len(indices)):
            raise StopIteration
        samples = self._kept(made)
        self.report.samples = len(samples)
        return self._collated(samples, started)

    def _made(self, size: int) -> list[tuple[int, Any]]:
        made: list[tuple[int, Any]] = []
        self._indices = range(self._count, self._count + size)
        for position in range(size):
            try:
                made.append((self._count, self._next(position)))
            except StopIteration:  # noqa: PERF203 - the loop's way to end
                self.ended = True
                break
        return made

    def _next(self, position: int) -> Any:
        index = self._count
        self._count += 1
        failures = self._failed_in_a_row
        sample = self._guarded(self.dataset_iter.__next__, index, position)
        if failures == self._failed_in_a_row:
            self._failed_in_a_row = 0
        return sample

"""One pass over the data: what is in flight, in which order it goes out, what failed, what it cost.

The order of pulls from the sampler is torch's, since samplers draw random numbers and look at the state of the
training: ``depth`` pulls before the first batch, then one pull before each batch goes out; without workers one
pull before each batch is made.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import torch

from fastload._delivery import Delivery, Pending, not_the_end
from fastload._errors import WorkerDiedError
from fastload._failure import Failure, LocalFailure
from fastload._fetch import FetchReport, Skipped
from fastload._progress import Progress
from fastload._stats import LoaderStats
from fastload.engines._base import BatchResult, BatchTask, Engine, Made

logger = logging.getLogger("fastload")


class ErrorLog:
    """Logs each sample that was left out or replaced once, over all epochs of a loader."""

    def __init__(self) -> None:
        self._known: set[Any] = set()

    def add(self, report: FetchReport) -> None:
        for what, errors in (("skipped", report.skipped), ("replaced", report.replaced)):
            for index, text in errors:
                key = index if isinstance(index, int) else repr(index)
                if key not in self._known:
                    self._known.add(key)
                    logger.warning("%s the sample at dataset index %s: %s", what, index, text)


class _Begun:
    """A result that has been opened, whose batch is on its way to where it is wanted, or waits for room there."""

    ended = False

    def __init__(self, result: BatchResult) -> None:
        self.number = result.number
        self.worker = result.worker
        made = opened(result)
        waits = made.outcome is not Skipped and not isinstance(made.outcome, (Failure, LocalFailure))
        self._made = made, waits  # together: an interrupt finds both changed, or neither

    def begin(self, delivery: Delivery, stats: LoaderStats, in_turn: bool) -> bool:
        """Whether the batch is on its way now, if there is one."""
        made, waits = self._made
        if not waits:
            return True
        started = perf_counter()
        begun = Made(delivery.begin(made.outcome, stats, in_turn), made.report, made.transport_s)
        stats.transport_s += perf_counter() - started
        if begun.outcome is None:
            return False
        self._made = begun, False
        return True

    def open(self) -> Made:
        return self._made[0]

    def discard(self) -> None:
        """The delivery holds what copies still read."""


def _begun(result: BatchResult) -> _Begun:
    return result if isinstance(result, _Begun) else _Begun(result)


def opened(result: BatchResult) -> Made:
    """What is in the result. An error in opening it is as one in making it."""
    try:
        return result.open()
    except Exception as error:
        return Made(LocalFailure(error, ""), FetchReport())


class Epoch:
    """Gives out the batches of one pass, made by ``engine``.

    pulls: gives the index batches.
    depth: how many tasks may be in flight; 0 makes each batch when it is asked for.
    progress: where in the epoch to begin, and with which worker; it is moved on with every batch.
    delivery: what brings batches to where they are wanted; None: they go out as they are.

    A program may go on after an interrupt at any moment; `fastload.engines._base` says what that takes.
    """

    def __init__(
        self,
        engine: Engine,
        pulls: Iterator[Any],
        *,
        num_workers: int,
        depth: int,
        in_order: bool,
        timeout_s: float,
        error_log: ErrorLog,
        progress: Progress,
        delivery: Delivery | None = None,
    ) -> None:
        self.stats = LoaderStats()
        self.progress = progress
        self._engine = engine
        self._pulls = pulls
        self._depth = depth
        self._in_order = in_order
        self._timeout_s = timeout_s
        self._error_log = error_log
        self._delivery = delivery
        self._ahead = 0 if delivery is None else delivery.ahead
        first = progress.turns
        self._owed = depth  # how many tasks are to be put in flight now
        self._pulled: list[Any] = []  # the index batch of the next task, once it is pulled
        self._task: BatchTask | None = None  # the next task, which may not be in flight yet
        self._sent = first  # its number
        self._due = first  # number of the next batch to go out, where order is kept
        self._gone_out = frozenset(progress.ahead)  # numbers that had their turn before the epoch was resumed
        self._in_flight: dict[int, int] = {}  # number -> worker, for tasks without an answer
        self._arrived: dict[int, BatchResult] = {}
        self._leaving: BatchResult | None = None  # whose turn it is
        self._active = [True] * num_workers
        self._load = [0] * num_workers  # tasks a worker has whose batches have not had their turn
        self._turn = progress.next_worker  # who gets the next task

    def prime(self) -> None:
        """Put the first tasks in flight."""
        while self._owed:
            self._submit_next()

    def abandon(self) -> None:
        """Give back what has arrived and not gone out: there will be no more `next`."""
        leaving, self._leaving = self._leaving, None
        if leaving is not None:
            leaving.discard()
        while self._arrived:
            self._arrived.popitem()[1].discard()

    def next(self) -> Any:
        """The next batch. Raises StopIteration at the end, and what the dataset raised at its batch's turn."""
        while True:
            if self._leaving is None:
                if self._depth:
                    self._choose()
                else:
                    self._make_now()
            made = self._opened()
            batch, error = self._finished(made.outcome)
            self._go_out(made, error is None and batch is not Skipped)
            if error is not None:
                made.outcome = None  # where it is in there, frames that its traceback holds hold it
                try:
                    raise error
                finally:
                    del error, made  # the traceback holds this frame, which must not hold the traceback
            if batch is not Skipped:
                return batch

    def _make_now(self) -> None:
        """Make the next batch: it is its turn."""
        answers = self._engine.answers
        if not answers:
            if self._task is None:
                self._pull()
                task = BatchTask(self._sent, 0, self._pulled[0])
                self._task = task  # no calls from here on
                self._pulled = []
            self._engine.submit(self._task)
            self._engine.wait(None)
        self._leaving = answers[0]  # no calls from here on
        del answers[0]
        self._task = None
        self._sent += 1

    def _choose(self) -> None:
        """Wait until the batch that goes out next has arrived: it is its turn."""
        while True:
            while self._owed:
                self._submit_next()
            self._pass_over_ended_workers()
            number = self._due if self._in_order else next(iter(self._arrived), -1)
            if number in self._arrived:
                break
            self._wait()
            self._take_in()
        result = self._arrived[number]
        self._leaving = result  # no calls from here on
        del self._arrived[number]
        if number == self._due:
            self._due += 1
        self._load[result.worker] -= 1
        self._owed += 1  # for another task in place of this one

    def _take_in(self) -> None:
        """Note the first of the engine's answers."""
        answers = self._engine.answers
        result = answers[0]
        del answers[0]  # no calls from here on
        del self._in_flight[result.number]
        if result.ended:
            self._active[result.worker] = False
            self._owed += 1
        else:
            self._arrived[result.number] = result

    def _pass_over_ended_workers(self) -> None:
        """Move on to the next task that will be answered; StopIteration if there is none."""
        while self._due < self._sent:
            if self._due in self._arrived:
                return
            worker = self._in_flight.get(self._due)
            if worker is not None:
                if self._active[worker]:
                    return
                del self._in_flight[self._due]  # its worker had come to the end of its data
            self._due += 1
        raise StopIteration

    def _wait(self) -> None:
        started = perf_counter()
        try:
            has_come = self._engine.wait(self._timeout_s or None)
        finally:
            self.stats.wait_s += perf_counter() - started
        if not has_come:
            raise RuntimeError(f"DataLoader timed out after {self._timeout_s} seconds")

    def _submit_next(self) -> None:
        """Put the next task in flight, if there is one."""
        try:
            task = self._task or self._next_task()
            if task is not None:
                self._engine.submit(task)
        except Exception:
            self._owed -= 1  # no calls from here on
            self._task = None
            raise
        self._owed -= 1  # no calls from here on
        if task is not None:
            worker = task.worker
            self._in_flight[task.number] = worker
            self._load[worker] += 1
            self._sent += 1
            self._task = None

    def _next_task(self) -> BatchTask | None:
        try:
            self._pull()
        except StopIteration:
            return None
        worker = self._next_worker()
        task = None if worker is None else BatchTask(self._sent, worker, self._pulled[0])
        self._pulled = []  # no calls from here on
        self._task = task
        if task is not None:
            self._turn = task.worker + 1
        return task

    def _pull(self) -> None:
        """Have the index batch of task number ``_sent``. Raises StopIteration."""
        while True:
            if not self._pulled:
                # Pulled and kept in one call; and without another `iter` of it, by which some begin again.
                self._pulled.extend(map(next, (self._pulls,)))
            if not self._pulled:
                raise StopIteration
            if self._sent not in self._gone_out:
                return
            self._pulled = []  # no calls from here on
            self._sent += 1

    def _next_worker(self) -> int | None:
        """Round robin over the workers whose data has not ended; out of order, over those with room."""
        count, active = len(self._active), sum(self._active)
        for turn in range(self._turn, self._turn + count):
            worker = turn % count
            if self._active[worker] and (self._in_order or self._load[worker] < self._depth // active):
                return worker
        return None

    def _opened(self) -> Made:
        """The batch whose turn it is, with another task in flight in its place."""
        result = self._leaving
        assert result is not None
        if self._delivery is not None:
            self._leaving = result = _begun(result)
            result.begin(self._delivery, self.stats, in_turn=True)
        while self._owed:
            self._submit_next()
        return opened(result)

    def _finished(self, outcome: Any) -> tuple[Any, BaseException | None]:
        """The user's batch, and what is to be raised in its place."""
        if isinstance(outcome, (Failure, LocalFailure)):
            return None, outcome.error()
        if self._delivery is None or outcome is Skipped:
            return outcome, None
        pending: Pending = outcome
        self._begin_ahead(self._delivery)  # before this one is waited for
        started = perf_counter()
        try:
            return pending.finish(), None
        except Exception as error:
            if isinstance(error, torch.OutOfMemoryError):  # batches ahead may have what it lacked
                self._ahead = min(self._ahead, max(self._ahead // 2, 1))
            return None, not_the_end(error)
        finally:
            self.stats.transport_s += perf_counter() - started

    def _begin_ahead(self, delivery: Delivery) -> None:
        if not self._ahead:
            return
        while self._in_flight and self._has_answer():
            self._take_in()
            while self._owed:
                self._submit_next()
        for ahead, number in enumerate(itertools.islice(self._next_numbers(), self._ahead)):
            self._arrived[number] = result = _begun(self._arrived[number])
            if not result.begin(delivery, self.stats, in_turn=False):
                self._ahead = max(ahead, 1)  # to ask for more takes time, and may make the device wait
                break  # later ones would take the room that this one waits for

    def _has_answer(self) -> bool:
        """Whether one is there already. That a worker has died is told when it is waited for."""
        try:
            return self._engine.wait(0)
        except WorkerDiedError:
            return False

    def _next_numbers(self) -> Iterator[int]:
        """Which batches go out next, as far as they have arrived."""
        if not self._in_order:
            yield from list(self._arrived)
            return
        for number in range(self._due, self._sent):
            if number in self._arrived:
                yield number
            elif number in self._in_flight and self._active[self._in_flight[number]]:
                return

    def _go_out(self, made: Made, is_batch: bool) -> None:
        """The turn of the batch is over; it is handed out, or what became of it is raised."""
        result, report, stats = self._leaving, made.report, self.stats
        assert result is not None
        stages = stats.stages
        if report.stages:
            stages = {**stages, **{name: stages.get(name, 0.0) + seconds for name, seconds in report.stages.items()}}
        skipped, replaced = len(report.skipped), len(report.replaced)
        if skipped or replaced:
            self._error_log.add(report)
        self.progress.passed(result.number, result.worker, report, is_batch)
        self._leaving = None  # no calls from here on
        stats.stages = stages
        stats.batches += is_batch
        stats.samples += report.samples
        stats.skipped += skipped
        stats.replaced += replaced
        stats.fetch_s += report.fetch_s
        stats.collate_s += report.collate_s
        stats.transport_s += made.transport_s

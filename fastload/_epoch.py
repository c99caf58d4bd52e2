"""One pass over the data: what is in flight, in which order it goes out, what failed, what it cost.

The order of pulls from the sampler is torch's, since samplers draw random numbers and look at the state of the
training: ``depth`` pulls before the first batch, then one pull before each batch goes out; without workers one
pull before each batch is made.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

from fastload._delivery import Delivery, Pending
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
    """A result that has been opened, whose batch is on its way to where it is wanted."""

    ended = False

    def __init__(self, result: BatchResult, delivery: Delivery, stats: LoaderStats) -> None:
        self.number = result.number
        self.worker = result.worker
        made = result.open()
        started = perf_counter()
        if made.outcome is not Skipped and not isinstance(made.outcome, (Failure, LocalFailure)):
            made.outcome = delivery.begin(made.outcome, stats)
        stats.transport_s += perf_counter() - started
        self._made = made

    def open(self) -> Made:
        return self._made

    def discard(self) -> None:
        """The delivery holds what copies still read."""


class Epoch:
    """Gives out the batches of one pass, made by ``engine``.

    pull: the next index batch; StopIteration at the end.
    depth: how many tasks may be in flight; 0 makes each batch when it is asked for.
    progress: where in the epoch to begin, and with which worker; it is moved on with every batch.
    delivery: what brings batches to where they are wanted; None: they go out as they are.
    """

    def __init__(
        self,
        engine: Engine,
        pull: Callable[[], Any],
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
        self._pull = pull
        self._depth = depth
        self._in_order = in_order
        self._timeout_s = timeout_s
        self._error_log = error_log
        self._delivery = delivery
        first = progress.turns
        self._sent = first  # number of the next task
        self._due = first  # number of the next batch to go out, where order is kept
        self._gone_out = frozenset(progress.ahead)  # numbers that had their turn before the epoch was resumed
        self._in_flight: dict[int, int] = {}  # number -> worker, for tasks without an answer
        self._begun_task: BatchTask | None = None  # number ``_sent``, which may not be in flight yet
        self._arrived: dict[int, BatchResult] = {}
        self._active = [True] * num_workers
        self._load = [0] * num_workers  # tasks a worker has that have not gone out as batches
        turn = progress.next_worker
        self._workers: Iterator[int] = itertools.cycle([*range(turn, num_workers), *range(turn)])

    def prime(self) -> None:
        """Put the first tasks in flight."""
        for _ in range(self._depth):
            self._submit_next()

    def abandon(self) -> None:
        """Give back what has arrived and not gone out: there will be no more `next`."""
        while self._arrived:
            self._arrived.popitem()[1].discard()

    def next(self) -> Any:
        """The next batch. Raises StopIteration at the end, and what the dataset raised at its batch's turn."""
        while True:
            outcome = self._deliver(self._begun(self._next_result() if self._depth else self._make_now()))
            if outcome is not Skipped:
                return self._finished(outcome)

    def _make_now(self) -> BatchResult:
        indices = self._next_indices()  # passes over the numbers of batches that went out before their turn
        self._engine.submit(BatchTask(self._sent, 0, indices))
        self._sent += 1
        result = self._engine.next(None)
        assert result is not None
        return result

    def _next_result(self) -> BatchResult:
        if self._begun_task is not None:  # Ctrl-C came when it was about to be sent
            self._submit_next()
        while True:
            self._pass_over_ended_workers()
            number = self._due if self._in_order else next(iter(self._arrived), None)
            if number in self._arrived:
                return self._arrived.pop(number)
            self._take_in(self._wait())

    def _take_in(self, result: BatchResult) -> None:
        del self._in_flight[result.number]
        if result.ended:
            self._active[result.worker] = False
            self._submit_next()
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

    def _wait(self) -> BatchResult:
        started = perf_counter()
        try:
            result = self._engine.next(self._timeout_s or None)
        finally:
            self.stats.wait_s += perf_counter() - started
        if result is None:
            raise RuntimeError(f"DataLoader timed out after {self._timeout_s} seconds")
        return result

    def _submit_next(self) -> None:
        task = self._begun_task or self._next_task()
        if task is None:
            return
        self._begun_task = task
        if not task.sent:
            self._engine.submit(task)
        worker = task.worker  # no calls from here on: Ctrl-C finds all of this done, or nothing
        self._in_flight[task.number] = worker
        self._load[worker] += 1
        self._sent += 1
        self._begun_task = None

    def _next_task(self) -> BatchTask | None:
        try:
            indices = self._next_indices()
        except StopIteration:
            return None
        worker = self._next_worker()
        return None if worker is None else BatchTask(self._sent, worker, indices)

    def _next_indices(self) -> Any:
        """The index batch of task number ``_sent``."""
        while self._sent in self._gone_out:
            self._pull()
            self._sent += 1
        return self._pull()

    def _next_worker(self) -> int | None:
        """Round robin over the workers whose data has not ended; out of order, over those with room."""
        active = sum(self._active)
        for _ in self._active:
            worker = next(self._workers)
            if self._active[worker] and (self._in_order or self._load[worker] < self._depth // active):
                return worker
        return None

    def _deliver(self, result: BatchResult) -> Any:
        if self._depth:
            self._make_room(result)
        made = result.open()
        self._count(made.report)
        self.stats.transport_s += made.transport_s
        failed = isinstance(made.outcome, (Failure, LocalFailure))
        self.progress.passed(result.number, result.worker, made.report, not failed and made.outcome is not Skipped)
        if isinstance(made.outcome, (Failure, LocalFailure)):
            made.outcome.reraise()
        self.stats.batches += made.outcome is not Skipped
        return made.outcome

    def _make_room(self, result: BatchResult) -> None:
        """Let another task be made in place of this one, which goes out now; after Ctrl-C it goes out the next time."""
        is_due = result.number == self._due
        self._due += is_due
        self._load[result.worker] -= 1
        try:
            self._submit_next()
        except KeyboardInterrupt:
            self._due -= is_due
            self._load[result.worker] += 1
            self._arrived[result.number] = result
            raise

    def _begun(self, result: BatchResult) -> BatchResult:
        """The result, on its way to where the delivery brings it."""
        if self._delivery is None or isinstance(result, _Begun):
            return result
        return _Begun(result, self._delivery, self.stats)

    def _finished(self, outcome: Any) -> Any:
        """The user's batch. Before it is waited for, those that come next set out."""
        if self._delivery is None:
            return outcome
        pending: Pending = outcome
        self._begin_ahead(self._delivery.ahead)
        started = perf_counter()
        try:
            return pending.finish()
        finally:
            self.stats.transport_s += perf_counter() - started

    def _begin_ahead(self, most: int) -> None:
        if not most:
            return
        while self._in_flight and (result := self._poll()) is not None:
            self._take_in(result)
        for number in itertools.islice(self._next_numbers(), most):
            self._arrived[number] = self._begun(self._arrived[number])

    def _poll(self) -> BatchResult | None:
        """An answer that is there already. That a worker has died is told when it is waited for."""
        try:
            return self._engine.next(0)
        except WorkerDiedError:
            return None

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

    def _count(self, report: FetchReport) -> None:
        stats = self.stats
        stats.samples += report.samples
        stats.fetch_s += report.fetch_s
        stats.collate_s += report.collate_s
        for stage, seconds in (report.stages or {}).items():
            stats.stages[stage] = stats.stages.get(stage, 0.0) + seconds
        if report.skipped or report.replaced:
            stats.skipped += len(report.skipped)
            stats.replaced += len(report.replaced)
            self._error_log.add(report)

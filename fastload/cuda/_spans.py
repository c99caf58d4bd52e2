"""What queues do between two marks: it is timed, and the host's memory that it reads is held until it is done."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastload._stats import LoaderStats
from fastload.cuda._forks import keep_in_children
from fastload.cuda._lane import Lane, Mark, Queue


@dataclass(slots=True, eq=False)
class Span:
    """end: None until all is queued, and for ever if an interrupt came between."""

    queue: Queue
    start: Mark
    stats: LoaderStats
    is_stall: bool
    memory: Any = None
    end: Mark | None = None
    is_open: bool = True  # something is still to be queued


class _Copies:
    """Begins and ends a span. No generator: one that is interrupted ends whenever it is freed, in any queue."""

    def __init__(self, lane: Lane, spans: list[Span], span: Span) -> None:
        self._lane = lane
        self._spans = spans
        self._span = span

    def __enter__(self) -> Span:
        self._spans.append(self._span)  # before the first copy: then no interrupt lets go of the memory
        return self._span

    def __exit__(self, *error: object) -> None:
        self._span.is_open = False
        self._span.end = self._lane.mark(self._span.queue)


class Spans:
    """Those of one epoch that are not done yet, for all that is known."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._spans: list[Span] = []
        self._settling = threading.RLock()  # who asks for stats may be in another thread
        self._pid = os.getpid()
        keep_in_children(self)

    def check_process(self) -> None:
        """RuntimeError in a forked child."""
        if self._pid != os.getpid():
            raise RuntimeError("the device of this iterator is the parent process's; make another one in this process")

    def copies(self, queue: Queue, memory: Any, stats: LoaderStats) -> _Copies:
        """What is queued there inside this reads ``memory``."""
        span = Span(queue, self._lane.mark(queue), stats, is_stall=False, memory=memory)
        return _Copies(self._lane, self._spans, span)

    def wait_for(self, mark: Mark, queue: Queue, stats: LoaderStats) -> None:
        """Let the queue wait, and note for how long."""
        with self._lane.asking():
            if mark.query():
                return
        span = Span(queue, self._lane.mark(queue), stats, is_stall=True, is_open=False)
        queue.wait_event(mark)
        span.end = self._lane.mark(queue)
        self._spans.append(span)

    def settle(self) -> None:
        """Let go of what is done with, and count what it took. Waits for nothing."""
        if self._pid != os.getpid():
            return  # the device is the parent's
        with self._settling, self._lane.asking():
            running: set[Queue] = set()
            for span in list(self._spans):
                if span.is_open or span.queue in running:
                    continue  # another thread queues it now, or a caller of this
                end = self._end_of(span)
                if not (end.query() and span.start.query()):  # an interrupt may have come between them
                    running.add(span.queue)
                    continue
                seconds = span.start.elapsed_time(end) / 1000
                if span not in self._spans:
                    continue  # a call from within this one, of a finaliser or a signal's handler, has counted it
                if span.is_stall:
                    span.stats.stall_s += seconds
                else:
                    span.stats.copy_s += seconds
                self._spans.remove(span)

    def end(self) -> None:
        """Wait for what holds memory."""
        if self._pid != os.getpid():
            return
        for span in list(self._spans):
            if span.memory is not None:
                with suppress(Exception), self._lane.asking():  # at exit the device may be gone already
                    self._end_of(span).synchronize()
        with suppress(Exception):
            self.settle()

    def _end_of(self, span: Span) -> Mark:
        if span.end is None:
            span.end = self._lane.mark(span.queue)
        return span.end

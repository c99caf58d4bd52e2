"""What queues do between two marks: it is timed, and the host's memory that it reads is held until it is done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from fastload._stats import LoaderStats
from fastload.cuda._lane import Lane, Mark


@dataclass(slots=True)
class Span:
    """end: None until all is queued, and for ever if an interrupt came between."""

    start: Mark
    stats: LoaderStats
    is_stall: bool
    memory: Any = None
    end: Mark | None = None


class Spans:
    """Those of one epoch that are not done yet, for all that is known."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._spans: list[Span] = []
        self._pid = os.getpid()

    @contextmanager
    def copies(self, memory: Any, stats: LoaderStats) -> Iterator[Span]:
        """What is queued inside reads ``memory``."""
        span = Span(self._lane.mark(), stats, is_stall=False, memory=memory)
        self._spans.append(span)  # before the first copy: then no interrupt lets go of the memory
        try:
            yield span
        finally:
            span.end = self._lane.mark()

    def wait_for(self, mark: Mark, stats: LoaderStats) -> None:
        """Let the consumer's queue wait, and note for how long."""
        span = Span(self._lane.mark(), stats, is_stall=True)
        self._lane.wait_for(mark)
        span.end = self._lane.mark()
        self._spans.append(span)

    def settle(self) -> None:
        """Let go of what is done with, and count what it took. Waits for nothing."""
        if self._pid != os.getpid():
            return  # the device is the parent's
        place = 0
        while place < len(self._spans):
            span = self._spans[place]
            end = self._end_of(span)
            if not end.query():
                place += 1
                continue
            seconds = span.start.elapsed_time(end) / 1000
            if span.is_stall:  # no calls from here on
                span.stats.stall_s += seconds
            else:
                span.stats.copy_s += seconds
            del self._spans[place]

    def end(self) -> None:
        """Wait for what holds memory."""
        if self._pid != os.getpid():
            return
        with suppress(Exception):  # at exit the device may be gone already
            for span in self._spans:
                if span.memory is not None:
                    self._end_of(span).synchronize()
            self.settle()

    def _end_of(self, span: Span) -> Mark:
        if span.end is None:  # whatever was queued, in either queue, comes before this
            now = self._lane.mark()
            with self._lane.aside():
                self._lane.wait_for(now)
                span.end = self._lane.mark()
        return span.end

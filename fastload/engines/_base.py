"""The seam between the loader, which knows what is wanted, and the engines, which make it.

A program may catch Ctrl-C and go on with the epoch. Python looks for signals when a function begins, after a call
into C and after a loop's round; not inside such a call, and not between plain statements without a call. So on both
sides of the seam what has to happen together is either one call into C (a `map` that is drawn from by what keeps the
items), or statements after the words "no calls from here on". All else can be done twice, and is after an interrupt.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fastload._errors import WorkerDiedError
from fastload._fetch import FetchReport
from fastload._stateful import WorkerState

STOP_TIMEOUT_S = 5.0  # torch's patience with a worker that does not end


def stopped_error() -> WorkerDiedError:
    """For those who ask a stopped engine for more."""
    return WorkerDiedError("the workers of this iterator have been stopped; iter(loader) starts new ones")


def check_owner(pid: int) -> None:
    """RuntimeError in a forked child: the workers answer to the process ``pid``, which started them."""
    if os.getpid() != pid:
        raise RuntimeError(
            f"this iterator belongs to process {pid}, and this is {os.getpid()}, forked from it: "
            "a child calls iter(loader) for itself"
        )


@dataclass(slots=True)
class BatchTask:
    """Make the batch of ``indices``; ``number`` counts the epoch's batches from 0.

    sent: whether its worker has it, or is about to. An engine says so right before the call into C that hands it over.
    """

    number: int
    worker: int
    indices: Any
    sent: bool = False


@dataclass(slots=True)
class Made:
    """A batch, or the `Failure` in its place, and what it took."""

    outcome: Any
    report: FetchReport
    transport_s: float = 0.0  # the worker's share of it


class BatchResult(Protocol):
    """The answer to one task. It may still be on its way: `open` brings it in."""

    number: int
    worker: int
    ended: bool  # no batch: the worker's part of an iterable dataset has come to its end

    def open(self) -> Made: ...

    def discard(self) -> None:
        """Give back what it holds; nobody will open it."""


class Engine(Protocol):
    """Makes batches. Workers do their tasks in the order of submission; answers come in any order.

    Order, depth of prefetch, errors of samples and counts are the caller's business.

    """

    @property
    def answers(self) -> deque[Any]:
        """Those that have come, for the caller to take out from the left."""

    @property
    def workers(self) -> Sequence[Any]:
        """Process-like: pid, is_alive(), terminate(), join(timeout), exitcode."""

    def start(self, epoch: int) -> Sequence[WorkerState]:
        """Be ready for an epoch; where each worker stands then.

        From the second call on: what is in flight is made and thrown away.
        """

    def submit(self, task: BatchTask) -> None:
        """Give ``task`` to its worker, and say so in it. Never blocks: the caller limits what is in flight.

        When it was interrupted it is called again with the same task.
        """

    def wait(self, timeout_s: float | None) -> bool:
        """Whether there is an answer, which is waited for that long. Raises `WorkerDiedError`."""

    def stop(self) -> None:
        """End all workers and give everything back. Safe twice and on a half-started engine; never raises."""

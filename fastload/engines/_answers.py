"""What worker threads hand to the thread that wants batches."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Answers(Generic[T]):
    """Answers in the order they came, for one consumer. An interrupt while it waits loses none.

    `queue.SimpleQueue.get` does lose one: it may have taken an answer by the time that Ctrl-C is raised, and nobody
    ever sees that answer then. Here what ends the waiting is not the answer.
    """

    def __init__(self) -> None:
        self._answers: deque[T] = deque()
        self._came = threading.Event()

    def put(self, answer: T) -> None:
        self._answers.append(answer)
        self._came.set()

    def take(self, timeout_s: float | None = None) -> T | None:
        """The next answer; None after ``timeout_s`` without one."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._answers:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            self._came.wait(left)
            self._came.clear()  # before the answers are looked at again, so that none goes unseen
        return self._answers.popleft()

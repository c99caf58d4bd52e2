"""What worker threads hand to the thread that wants batches."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Answers(Generic[T]):
    """Answers in the order they came, for one consumer, who takes them out of ``waiting``.

    An interrupt while it waits loses none, as what ends the waiting is not the answer; `queue.SimpleQueue.get` may
    have taken one by then. And it leaves no lock behind, as it may in `threading.Event`, which is written in Python.
    """

    def __init__(self) -> None:
        self.waiting: deque[T] = deque()
        self._silent = threading.Lock()  # released when an answer has come
        self._silent.acquire()

    def put(self, answer: T) -> None:
        self.waiting.append(answer)
        with suppress(RuntimeError):  # it was released by an earlier answer
            self._silent.release()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether there is an answer, after at most ``timeout_s``."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.waiting:
            left = -1 if deadline is None else deadline - time.monotonic()
            if deadline is not None and left <= 0:
                return False
            self._silent.acquire(timeout=min(left, threading.TIMEOUT_MAX))
        return True

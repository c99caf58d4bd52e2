"""KeyboardInterrupt where Python looks for signals, at a place of the test's choosing."""

from __future__ import annotations

import dis
import functools
import inspect
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any


class InterruptAt:
    """Raises KeyboardInterrupt at place number ``at`` of those where the interpreter would run a signal's handler.

    Those are the beginning of a function, the end of a call into C (and of the making of an object), and the end of a
    loop's round. A call from one Python function to another ends without a look. Frames of ``own`` are left out.
    """

    def __init__(self, at: int, own: str) -> None:
        self.left = at
        self.happened = False
        self._own = own
        self._last: dict[FrameType, str] = {}  # the instruction that a frame carried out last
        self._returned: FrameType | None = None  # the frame that a Python function has just returned to

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename == self._own or self.left < 1 or is_left_alone(frame):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self._place()
        return self._see

    def _see(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            last = self._last.pop(frame, "")
            self._last[frame] = operations(frame.f_code).get(frame.f_lasti, "")
            called = last.startswith("CALL") and self._returned is not frame
            self._returned = None
            if called or last.startswith("JUMP_BACKWARD"):
                self._place()
        elif event == "return":
            self._last.pop(frame, None)
            self._returned = frame.f_back if is_plain(frame.f_code) else None
        return self._see

    def _place(self) -> None:
        self.left -= 1
        if self.left == 0:
            sys.settrace(None)
            self.happened = True
            raise KeyboardInterrupt

    def __enter__(self) -> InterruptAt:
        sys.settrace(self)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)
        self._last.clear()
        self._returned = None


@contextmanager
def signal_after(delay_s: float, folder: str) -> Iterator[None]:
    """KeyboardInterrupt from a signal's handler after ``delay_s``, if something of ``folder`` is running then."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        if frame is not None and not is_left_alone(frame) and is_within(frame, folder):
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, max(delay_s, 1e-6))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def is_within(frame: FrameType | None, folder: str) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(folder):
            return True
        frame = frame.f_back
    return False


def is_left_alone(frame: FrameType | None) -> bool:
    """Whether what is raised here would be written to standard error and forgotten, or would be lost by Python itself.

    A process of multiprocessing forgets what waitpid said if it is interrupted right then, and keeps two descriptors.
    """
    while frame is not None:
        code = frame.f_code
        if code.co_name in ("__del__", "_remove") or code.co_filename.endswith(
            ("multiprocessing/util.py", "multiprocessing/popen_fork.py")
        ):
            return True
        frame = frame.f_back
    return False


@functools.cache
def operations(code: CodeType) -> dict[int, str]:
    """The names of the instructions, by their offsets."""
    return {instruction.offset: instruction.opname for instruction in dis.get_instructions(code)}


def is_plain(code: CodeType) -> bool:
    """Whether a call of it in Python is no call in C: it makes no object and no generator."""
    return code.co_name != "__init__" and not code.co_flags & inspect.CO_GENERATOR

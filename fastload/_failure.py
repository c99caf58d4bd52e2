"""An exception on its way from a worker to the loader.

The loader raises the original type with torch's text ("Caught ValueError in DataLoader worker process 0.
Original Traceback ..."), the sample it came from, and the attributes of the original that pickle. Where the
type does not take a text, it is made without its constructor; where it cannot be sent, `WorkerError` stands
in for it.
"""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass
from typing import Any, NoReturn

from fastload._errors import WorkerError
from fastload._torch_compat import KeyErrorMessage


@dataclass(frozen=True)
class Failure:
    """Everything about an exception that can leave its process."""

    name: str
    text: str
    where: str  # "in DataLoader worker process 0"
    sample: str  # "dataset index 7, position 3 in the batch", or empty
    pickled_type: bytes | None
    pickled_args: bytes | None
    pickled_attributes: bytes | None

    @staticmethod
    def of(error: BaseException, where: str, sample: str = "") -> Failure:
        attributes = {name: value for name, value in getattr(error, "__dict__", {}).items() if _pickled(value)}
        return Failure(
            name=type(error).__name__,
            text="".join(traceback.format_exception(error)),
            where=where,
            sample=sample,
            pickled_type=_pickled(type(error)),
            pickled_args=_pickled(error.args),
            pickled_attributes=_pickled(attributes),
        )

    def message(self) -> str:
        # The start is what code that reads the text of torch's errors looks for.
        sample = f"\nThe sample: {self.sample}." if self.sample else ""
        return f"Caught {self.name} {self.where}.\nOriginal {self.text}{sample}"

    def error(self) -> BaseException:
        """The exception, to be raised here."""
        error, cause = self._rebuilt()
        error.__cause__ = cause
        return error

    def reraise(self) -> NoReturn:
        """Raise it here."""
        error = self.error()
        try:
            raise error
        finally:
            del error  # the traceback holds this frame, which must not hold the traceback

    def _rebuilt(self) -> tuple[BaseException, BaseException | None]:
        message = self.message()
        kind = self._type()
        if kind is None:
            return WorkerError(message), None
        error = _with_text(kind, message)
        if error is not None:
            self._restore_attributes(error)
            return error, None
        try:
            return kind(*pickle.loads(self.pickled_args or b"")), WorkerError(message)
        except Exception:
            return RuntimeError(message), None

    def _type(self) -> Any:
        if self.pickled_type is None:
            return None
        try:
            return pickle.loads(self.pickled_type)
        except Exception:  # a module that only the worker has
            return None

    def _restore_attributes(self, error: BaseException) -> None:
        try:
            error.__dict__.update(pickle.loads(self.pickled_attributes or b""))
        except Exception:  # the text has it all
            return


class LocalFailure:
    """An exception on its way within this process: the object itself."""

    def __init__(self, error: BaseException, sample: str) -> None:
        note_sample(error, sample)
        self._error = error

    def error(self) -> BaseException:
        """The exception. Whoever raises it lets go of this object first: the traceback holds frames that hold it."""
        return self._error


def note_sample(error: BaseException, sample: str) -> None:
    """Add to ``error`` which sample it came from, where Python (3.11 and later) has room for that."""
    note = f"The sample: {sample}."
    if sample and hasattr(error, "add_note") and note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def _with_text(kind: Any, message: str) -> BaseException | None:
    """An exception of the type whose text is ``message``; None if that cannot be had."""
    if kind is KeyError:
        return KeyError(KeyErrorMessage(message))
    try:
        error = kind(message=message) if getattr(kind, "message", None) else kind(message)
    except Exception:
        try:
            error = kind.__new__(kind)
            error.args = (message,)
        except Exception:
            return None
    try:
        return error if isinstance(error, BaseException) and message in str(error) else None
    except Exception:
        return None


def _pickled(value: Any) -> bytes | None:
    try:
        return pickle.dumps(value)
    except Exception:
        return None

"""The exceptions fastload raises.

RuntimeError                  what torch's loader raises in the same place
├── CollateError              samples of one batch do not go together
└── WorkerError               a worker is gone, or cannot deliver what it made
    └── WorkerDiedError       it was killed, or left by itself

ValueError
├── DecodeError               a file or some bytes are no image that can be read (fastload.io.DecodeError)
└── ForeignImageError         not for users: the native decoder leaves this image to Pillow
"""

from __future__ import annotations


class CollateError(RuntimeError):
    """Samples of one batch do not go together.

    position: the first sample (counted from 0 in the batch) that differs from those before it, None if unknown.
    path: the field, written as an index expression such as ``['target']['boxes']``; empty for the sample itself.
    """

    def __init__(self, message: str, position: int | None = None, path: str = "") -> None:
        super().__init__(message)
        self.position = position
        self.path = path


class WorkerError(RuntimeError):
    """A worker is gone, or cannot deliver what it made."""


class WorkerDiedError(WorkerError):
    """A worker was killed, or left by itself; the message names the signal and the indices it held."""


class DecodeError(ValueError):
    """A file or some bytes are no image that can be read: missing, cut short, damaged, of no known format, too large.

    reason: what is wrong, in words. path: the file, None if the bytes came from memory. position: the sample's in its
    batch, if that was made as a whole.
    """

    position: int | None = None

    def __init__(self, reason: str, path: str | None = None) -> None:
        super().__init__(
            f"cannot decode {path!r}: {reason}" if path is not None else f"cannot decode the image: {reason}"
        )
        self.reason = reason
        self.path = path

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, str | None], dict[str, object]]:
        return type(self), (self.reason, self.path), self.__dict__


class ForeignImageError(ValueError):
    """The native decoder does not read images of this kind; Pillow may. The message says what kind."""

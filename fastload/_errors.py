"""The exceptions fastload raises.

RuntimeError                  what torch's loader raises in the same place
├── CollateError              samples of one batch do not go together
└── WorkerError               a worker is gone, or cannot deliver what it made
    └── WorkerDiedError       it was killed, or left by itself
ValueError
└── DecodeError               an image file that cannot be read
    └── ForeignImageError     it is of a format that Pillow has to read (never seen outside of fastload)
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
    """An image cannot be read or decoded.

    reason: why, in words. path: of its file; empty if it came as bytes.
    """

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason
        self.path = path

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, str]]:
        return type(self), (self.reason, self.path)


class ForeignImageError(DecodeError):
    """An image that the native decoder does not read. Pillow may."""

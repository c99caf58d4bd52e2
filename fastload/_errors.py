"""The exceptions fastload raises.

RuntimeError                  what torch's loader raises in the same place
├── CollateError              samples of one batch do not go together
└── WorkerError               a worker is gone, or cannot deliver what it made
    └── WorkerDiedError       it was killed, or left by itself
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

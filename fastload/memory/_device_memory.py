"""The host's memory of a loader for a CUDA device, from one iterator to the next."""

from __future__ import annotations

from fastload import _core
from fastload.memory._page_locks import PageLocks


class DeviceMemory:
    """slots: where batches are made in this process. locks: of these slots, and of those of worker processes.

    No other loader uses these slots, or its users would get memory that is locked: see csrc/memory/page_locks.h.
    """

    def __init__(self) -> None:
        self.slots = _core.Slots(is_lockable=True)
        self.locks = PageLocks()

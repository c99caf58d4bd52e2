"""The host's memory of a loader for a CUDA device, from one iterator to the next."""

from __future__ import annotations

import itertools

from fastload import _core
from fastload.memory._page_locks import PageLocks

_owners = itertools.count(1)  # 0 is nobody


class DeviceMemory:
    """What may be locked for the device, and by nobody else: users see nothing of it. See csrc/memory/page_locks.h.

    owner: of slots of worker processes too, which are mapped here. slots: where batches are made in this process.
    """

    def __init__(self) -> None:
        self.owner = next(_owners)
        self.slots = _core.Slots(lock_owner=self.owner)
        self.locks = PageLocks(self.owner)

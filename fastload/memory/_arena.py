"""New tensors in warm memory.

Large tensors live in slots, whose pages are already there: most of the time that a loader spends on a
large batch goes into page faults on fresh memory. Small ones are cheap to allocate, and copied on delivery.
"""

from __future__ import annotations

import math
import os
import threading
import weakref
from typing import Any

import torch

from fastload import _core

# From here on a tensor gets a slot: malloc returns blocks of this size to the system when they are freed, and
# then every new one begins with page faults.
SLOT_BYTES = 1 << 17

# From here on a tensor is delivered in its slot. Smaller ones are copied out, so that a consumer who keeps every
# label does not keep every image's slot.
LEASE_BYTES = 1 << 20

_slots: dict[tuple[int, bool], _core.Slots] = {}  # by process, and whether they may be locked in place for a device


class _Here(threading.local):
    """for_device: whether this thread makes batches that no user sees in the host's memory."""

    for_device = False


here = _Here()


def use_slots(slots: _core.Slots) -> None:
    """Make this process allocate its large tensors in ``slots`` from now on (process workers)."""
    _slots.update({(os.getpid(), kind): slots for kind in (False, True)})


def process_slots(for_device: bool = False) -> _core.Slots:
    """The slots of this process: what `use_slots` set, else private memory made on first use.

    for_device: those that may be locked in place. They are others than those that users get tensors in: see
    csrc/memory/page_locks.h. A forked child starts afresh: the parent's warm pages would be copied on write.
    """
    key = os.getpid(), for_device
    if key not in _slots:
        for inherited in [other for other in _slots if other[0] != key[0]]:
            del _slots[inherited]
        _slots[key] = _core.Slots(is_lockable=for_device)
    return _slots[key]


_wanted: dict[int, tuple[bool, int]] = {}  # by loader, whether for a device, and how many slots it uses at once


def keep_slots(loader: Any, count: int, for_device: bool) -> None:
    """Keep that many free slots of this process as long as the loader lives, however large they are.

    A loader with worker threads uses them in its next epoch again: fresh pages would take longer than small images do,
    and in a virtual machine several times as long.
    """
    if id(loader) not in _wanted:
        weakref.finalize(loader, _let_go, id(loader)).atexit = False
    _wanted[id(loader)] = for_device, count
    _keep_wanted(for_device)


def _let_go(loader: int) -> None:
    for_device, _ = _wanted.pop(loader, (False, 0))
    if (os.getpid(), for_device) in _slots:
        _keep_wanted(for_device)


def _keep_wanted(for_device: bool) -> None:
    process_slots(for_device).keep(max((count for kind, count in _wanted.values() if kind == for_device), default=0))


def allocate(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """An uninitialised contiguous CPU tensor, in a slot if it is large."""
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes < SLOT_BYTES:
        return torch.empty(shape, dtype=dtype, device="cpu")
    lease = process_slots(here.for_device).acquire(nbytes)
    return torch.frombuffer(lease, dtype=dtype, count=nbytes // dtype.itemsize).view(shape)

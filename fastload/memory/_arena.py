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


class _Here(threading.local):
    """slots: what this thread allocates in now, in place of the process's."""

    slots: _core.Slots | None = None


_here = _Here()


class allocating_in:
    """Inside this, the calling thread's large tensors are made in ``slots``; None: in the process's."""

    def __init__(self, slots: _core.Slots | None) -> None:
        self._slots = slots

    def __enter__(self) -> None:
        self._outer, _here.slots = _here.slots, self._slots

    def __exit__(self, *error: object) -> None:
        _here.slots = self._outer


_slots: _core.Slots | None = None
_owner_pid = 0


def use_slots(slots: _core.Slots) -> None:
    """Make this process allocate its large tensors in ``slots`` from now on (process workers)."""
    global _slots, _owner_pid  # one allocator for each process is the point
    _slots, _owner_pid = slots, os.getpid()


def process_slots() -> _core.Slots:
    """The slots of this process: what `use_slots` set, else private memory made on first use.

    A forked child starts afresh: the parent's warm pages would be copied on write.
    """
    if _slots is None or _owner_pid != os.getpid():
        use_slots(_core.Slots())
    assert _slots is not None
    return _slots


_wanted: dict[int, int] = {}  # by loader, how many slots it uses at once


def keep_slots(loader: Any, count: int) -> None:
    """Keep that many free slots of this process as long as the loader lives, however large they are.

    A loader with worker threads uses them in its next epoch again: fresh pages would take longer than small images do,
    and in a virtual machine several times as long.
    """
    if id(loader) not in _wanted:
        weakref.finalize(loader, _let_go, id(loader)).atexit = False
    _wanted[id(loader)] = count
    process_slots().keep(max(_wanted.values()))


def _let_go(loader: int) -> None:
    _wanted.pop(loader, None)
    if _slots is not None and _owner_pid == os.getpid():
        _slots.keep(max(_wanted.values(), default=0))


def allocate(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """An uninitialised contiguous CPU tensor, in a slot if it is large."""
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes < SLOT_BYTES:
        return torch.empty(shape, dtype=dtype, device="cpu")
    lease = (_here.slots or process_slots()).acquire(nbytes)
    return torch.frombuffer(lease, dtype=dtype, count=nbytes // dtype.itemsize).view(shape)

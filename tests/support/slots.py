"""Both sides of a file of slots in one process, and what they hold."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

from fastload._core import Lease, RemoteSlots, SharedFile, Slots

MIB = 1 << 20


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def mapped_bytes() -> int:
    """Bytes of this process mapped from shared memory files."""
    total = 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "fastload" in line and "(deleted)" in line:
            start, end = line.split()[0].split("-")
            total += int(end, 16) - int(start, 16)
    return total


def file_bytes(file: SharedFile) -> int:
    """Bytes of memory that the file holds."""
    return os.fstat(file.fileno()).st_blocks * 512


def fill(lease: Lease, value: int) -> None:
    memoryview(lease)[:] = bytes([value]) * lease.nbytes


def receive(owner: Slots, receiver: RemoteSlots, lease: Lease) -> Lease:
    """The receiver's lease of all bytes of the owner's."""
    place = owner.find(lease.address)
    assert place is not None
    slot, file_offset, capacity, offset = place
    assert owner.send(slot)
    return receiver.lease(slot, file_offset, capacity, offset, lease.nbytes)


def in_child(body: Callable[[], None]) -> None:
    """Run body in a forked child, which must leave without an error."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            body()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0

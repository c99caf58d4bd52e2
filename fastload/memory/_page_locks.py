"""Slots locked in place for a CUDA device, which then reads them by itself."""

from __future__ import annotations

import resource
import threading
import warnings
from typing import Any

import torch

from fastload import _core

DRIVER = "libcuda.so.1"
_NO_SLOT = -1
_NOT_OURS = 712  # somebody else has locked something there; whether it is still the same memory, nobody knows
_refused: set[str] = set()  # drivers that have refused in this process: it was said, and is not tried again
_NAMES = {2: "out of memory", 201: "invalid context", 304: "operating system call failed", 800: "not permitted"}


class PageLocks:
    """Locks each of its owner's slots when its first batch sets out, for as long as it is mapped, or until `stop`.

    driver: the library with CUDA's driver functions.
    reading: held from asking for a lock until the copies from there are queued, so that `stop` knows of them.
    """

    def __init__(self, owner: int, driver: str = DRIVER) -> None:
        self.is_stopped = False
        self.reading = threading.RLock()
        self._driver = driver
        self._owner = owner
        self._is_ready = False
        self._readers: list[Any] = []

    def lock(self, tensor: torch.Tensor, device: int, reader: torch.cuda.Stream) -> bool:
        """Whether the tensor's memory is in a slot that is locked in place now.

        device: one that has a context. reader: where copies from there will be queued.
        """
        if self.is_stopped or self._driver in _refused:
            return False
        if not self._is_ready:
            problem = _core.use_driver(self._driver)
            if problem:
                self._give_up(problem)
                return False
            self._is_ready = True
        if reader not in self._readers:
            self._readers.append(reader)
        error = _core.lock_pages(tensor.data_ptr(), device, self._owner)
        if error not in (0, _NO_SLOT, _NOT_OURS):
            self._give_up(f"CUDA's driver says {error}, {_NAMES.get(error, 'see its list of errors')}")
        return error == 0

    def stop(self) -> None:
        """Lock no more slots, and unlock those that are, when the copies from them are done."""
        with self.reading:
            self.is_stopped = True
            for reader in self._readers:
                reader.synchronize()
            _core.unlock_pages(self._owner)

    def _give_up(self, problem: str) -> None:
        _refused.add(self._driver)
        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
        shown = "unlimited" if limit == resource.RLIM_INFINITY else f"{limit} bytes"
        warnings.warn(
            f"memory for batches could not be locked in place ({problem}): batches go through torch's pinned memory, "
            f"which takes one copy more. The limit on locked memory (ulimit -l, RLIMIT_MEMLOCK) is {shown}, "
            f"{_core.locked_bytes()} bytes are locked",
            stacklevel=2,
        )

"""Slots locked in place for a CUDA device, which then reads them by itself."""

from __future__ import annotations

import itertools
import resource
import warnings

import torch

from fastload import _core

DRIVER = "libcuda.so.1"
_NO_SLOT = -1
_NOT_OURS = 712  # somebody else has locked something there; whether it is still the same memory, nobody knows
_refused: set[str] = set()  # drivers that have refused in this process: it was said, and is not tried again
_NAMES = {2: "out of memory", 201: "invalid context", 304: "operating system call failed", 800: "not permitted"}
_owners = itertools.count()


class PageLocks:
    """Locks each slot when its first batch sets out; it stays locked as long as it is mapped, or until `stop`.

    driver: the library with CUDA's driver functions.
    """

    def __init__(self, driver: str = DRIVER) -> None:
        self.is_stopped = False
        self._driver = driver
        self._owner = next(_owners)
        self._is_ready = False

    def lock(self, tensor: torch.Tensor, device: int) -> bool:
        """Whether the tensor's memory is in a slot that is locked in place now. device: one that has a context."""
        if self.is_stopped or self._driver in _refused:
            return False
        if not self._is_ready:
            problem = _core.use_driver(self._driver)
            if problem:
                self._give_up(problem)
                return False
            self._is_ready = True
        error = _core.lock_pages(tensor.data_ptr(), device, self._owner)
        if error not in (0, _NO_SLOT, _NOT_OURS):
            self._give_up(f"CUDA's driver says {error}, {_NAMES.get(error, 'see its list of errors')}")
        return error == 0

    def stop(self) -> None:
        """Lock no more slots, and unlock those that are. No copy from them may be under way."""
        self.is_stopped = True
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

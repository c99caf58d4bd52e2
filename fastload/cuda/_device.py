"""Which way batches take to a device."""

from __future__ import annotations

import os
from typing import Any

import torch

from fastload._delivery import Arrived, Delivery, Once, Pending, not_the_end, nothing_to_settle
from fastload._failure import LocalFailure
from fastload._stats import LoaderStats
from fastload.cuda._lane import CudaLane, Side
from fastload.cuda._modes import default_modes
from fastload.cuda._transfer import DeviceTransform, Transfer
from fastload.cuda._walk import host_bytes, map_batch, moved
from fastload.memory._page_locks import PageLocks

_sides: dict[tuple[int, int], Side] = {}  # by process and number of the device


class MoveHere:
    """Moves batches in the caller's thread, with torch's calls for any device."""

    ahead = 0

    def __init__(self, device: torch.device, transform: DeviceTransform | None = None) -> None:
        self._device = device
        self._transform = Once(transform)
        self.settle = nothing_to_settle

    def begin(self, batch: Any, stats: LoaderStats, in_turn: bool) -> Pending | LocalFailure:
        def there(value: Any) -> Any:
            made = moved(value, self._device, non_blocking=False)
            stats.bytes_copied += host_bytes(value) if made is not value else 0
            if self._transform.changes and isinstance(made, torch.Tensor) and made.is_inference():
                return made.clone()  # made in the caller's modes, which forbid to change it in others
            return made

        try:
            with default_modes():
                self._transform.check(batch)
                made = map_batch(batch, there, there, is_copied=self._transform.changes)
                return Arrived(self._transform(batch, made, is_copy=False))
        except Exception as error:
            return LocalFailure(not_the_end(error), "")


def check_there(device: torch.device) -> None:
    """RuntimeError if torch sees no such device here. Makes no context on a CUDA device."""
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise RuntimeError(f"device={str(device)!r}: torch sees no CUDA device here")
        count = torch.cuda.device_count()
        if device.index is not None and device.index >= count:
            raise RuntimeError(f"device={str(device)!r}: torch sees {count} CUDA devices here, numbered from 0")
        return
    try:
        torch.empty(0, device=device)
    except Exception as error:  # backends raise what they like
        text = str(error).partition("\n")[0]
        raise RuntimeError(f"device={str(device)!r}: torch has no tensors there: {text}") from error


def delivery_to(device: torch.device, ahead: int, transform: DeviceTransform | None, locks: PageLocks) -> Delivery:
    """The way to ``device``, which `check_there` has seen. locks: of the loader's slots."""
    if device.type != "cuda":
        return MoveHere(device, transform)
    number = torch.cuda.current_device() if device.index is None else device.index
    return Transfer(CudaLane(_side(number), locks), ahead, transform)


def _side(number: int) -> Side:
    """The device's one in this process: torch's allocator keeps free memory for each stream by itself."""
    key = os.getpid(), number
    if key not in _sides:
        _sides[key] = Side(torch.device("cuda", number))
    return _sides[key]

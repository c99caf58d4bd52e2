"""From the engine's batch to the user's: as it is, in pinned memory, or on a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from fastload._failure import LocalFailure
from fastload._stats import LoaderStats
from fastload.memory._device_memory import DeviceMemory


class Pending(Protocol):
    """A batch on its way."""

    def finish(self) -> Any:
        """The batch, for the caller to use from now on; raises what went wrong with it."""


class Delivery(Protocol):
    """Brings batches to where the user wants them.

    ahead: how many batches that have arrived are begun with before their turn.
    settle: counts in their stats what a device has done by now; it may be called when the delivery is gone.
    """

    ahead: int
    settle: Callable[[], None]

    def begin(self, batch: Any, stats: LoaderStats, in_turn: bool) -> Pending | LocalFailure | None:
        """Set out with the batch. What goes wrong is told when its turn has come.

        None if there is no room for it ahead of its turn: ask again.
        """


@dataclass(slots=True)
class Arrived:
    """Nothing is left to do."""

    batch: Any

    def finish(self) -> Any:
        return self.batch


def not_the_end(error: Exception) -> Exception:
    """The error, but RuntimeError for StopIteration: that would end the epoch."""
    if not isinstance(error, StopIteration):
        return error
    made = RuntimeError(f"{error!r} was raised on a batch's way to the device, where it does not mean the end")
    made.__cause__ = error
    return made


class Once:
    """Calls ``transform`` once with the same objects, since it may change them; with none, a batch stays what it is.

    changes: whether there is one.
    """

    def __init__(self, transform: Callable[[Any], Any] | None) -> None:
        self.changes = transform is not None
        self._transform = transform
        self._given: list[Any] = []  # the batch that it has now, or had when an interrupt came

    def check(self, batch: Any) -> None:
        """RuntimeError if the transform was given what this batch holds, and did not end."""
        if self._given and self._given[0] is batch:
            raise RuntimeError("an interrupt came while device_transform had this batch, which may be half changed")

    def __call__(self, batch: Any, made: Any, is_copy: bool) -> Any:
        """What the transform makes of ``made``, which ``batch`` became. is_copy: it can be made again from that."""
        if self._transform is None:
            return made
        self._given = [] if is_copy else [batch]
        try:
            changed = self._transform(made)
        except Exception:
            self._given = []
            raise
        self._given = []
        return changed


def nothing_to_settle() -> None:
    """Where no device works by itself."""


def goes_to_cuda(loader: Any) -> bool:
    """Whether the loader's batches are for a device that may read the host's memory by itself."""
    device = getattr(loader, "device", None)
    return device is not None and torch.device(device).type == "cuda"


def delivery_of(iterator: Any, loader: Any, memory: Callable[[Any], DeviceMemory]) -> Delivery | None:
    """What the loader's ``device`` says, or else what torch's base class decided about pinning; None: as it is.

    memory: gives the loader's memory for a CUDA device.
    """
    device = getattr(loader, "device", None)
    ahead = int(iterator._num_workers and loader.prefetch_factor)
    if device is not None:
        from fastload.cuda._device import delivery_to

        return delivery_to(torch.device(device), ahead, loader.device_transform, memory(loader).locks)
    if not iterator._pin_memory:
        return None
    from fastload.cuda._pin import PinHere, PinThread

    kind = iterator._pin_memory_device
    return PinThread(kind, torch.accelerator.current_device_index(), ahead) if ahead else PinHere(kind)

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

        None if there is no room for it ahead of its turn: nothing is done then.
        """


@dataclass(slots=True)
class Arrived:
    """Nothing is left to do."""

    batch: Any

    def finish(self) -> Any:
        return self.batch


def transformed(transform: Callable[[Any], Any] | None, batch: Any) -> Any:
    """``transform(batch)``, or the batch. StopIteration becomes RuntimeError: it would end the epoch."""
    if transform is None:
        return batch
    try:
        return transform(batch)
    except StopIteration as error:
        raise RuntimeError(f"device_transform raised {error!r}, which has no meaning there") from error


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

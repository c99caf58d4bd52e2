"""From the engine's batch to the user's: in pinned memory, if the user asked for it and there is an accelerator."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch

from fastload._failure import Failure
from fastload._stats import LoaderStats
from fastload._torch_compat import pin_memory


@dataclass(frozen=True)
class Delivery:
    """pin: whether batches go to pinned memory, by torch's rules for containers and custom types.

    device: the type of the accelerator they are pinned for. device_index: its number if batches come from workers,
    whose loader in torch pins in a thread and words its errors accordingly; None without workers.
    """

    pin: bool = False
    device: str | None = None
    device_index: int | None = None

    def deliver(self, batch: Any, stats: LoaderStats) -> Any:
        """``batch``, or its pinned copy."""
        if not self.pin:
            return batch
        started = perf_counter()
        try:
            return pin_memory(batch, self.device)
        except Exception as error:
            if self.device_index is None:
                raise
            Failure.of(error, f"in pin memory thread for device {self.device_index}").reraise()
        finally:
            stats.transport_s += perf_counter() - started


def delivery_of(iterator: Any) -> Delivery:
    """What the iterator's base class decided about pinning."""
    if not iterator._pin_memory:
        return Delivery()
    index = torch.accelerator.current_device_index() if iterator._num_workers else None
    return Delivery(True, iterator._pin_memory_device, index)

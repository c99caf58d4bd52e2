"""Which way batches take to a device."""

from __future__ import annotations

from typing import Any

import torch

from fastload._delivery import Arrived, Delivery, Failed, Pending
from fastload._stats import LoaderStats
from fastload.cuda._lane import CudaLane
from fastload.cuda._transfer import DeviceTransform, Transfer
from fastload.cuda._walk import map_batch, moved


class MoveHere:
    """Moves batches in the caller's thread, with torch's calls for any device."""

    ahead = 0

    def __init__(self, device: torch.device, transform: DeviceTransform | None = None) -> None:
        self._device = device
        self._transform = transform

    def begin(self, batch: Any, stats: LoaderStats) -> Pending:
        try:
            made = map_batch(batch, lambda tensor: self._to_device(tensor, stats), self._moved)
            return Arrived(made if self._transform is None else self._transform(made))
        except Exception as error:
            return Failed(error)

    def _to_device(self, tensor: torch.Tensor, stats: LoaderStats) -> torch.Tensor:
        made = tensor.to(self._device)
        stats.bytes_copied += tensor.nbytes if made is not tensor else 0
        return made

    def _moved(self, value: Any) -> Any:
        return moved(value, self._device, non_blocking=False)


def delivery_to(device: torch.device, ahead: int, transform: DeviceTransform | None) -> Delivery:
    """The way to ``device``. RuntimeError if torch sees none such here."""
    if device.type != "cuda":
        return MoveHere(device, transform)
    if not torch.cuda.is_available():
        raise RuntimeError(f"device={str(device)!r}: torch sees no CUDA device here")
    number, count = torch.cuda.current_device() if device.index is None else device.index, torch.cuda.device_count()
    if number >= count:
        raise RuntimeError(f"device={str(device)!r}: torch sees {count} CUDA devices here, numbered from 0")
    return Transfer(CudaLane(torch.device("cuda", number)), ahead, transform)

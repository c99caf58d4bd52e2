"""``pin_memory=True``: batches in torch's pinned memory, by torch's rules for containers and custom types.

A program may drop such a batch while copies from it still run: torch's allocator knows of them.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch

from fastload._delivery import Arrived, Pending, nothing_to_settle
from fastload._failure import Failure, LocalFailure
from fastload._stats import LoaderStats
from fastload._torch_compat import pin_memory, set_thread_name


class PinHere:
    """Pins in the caller's thread, as torch does without workers. device: the type of the accelerator."""

    ahead = 0

    def __init__(self, device: str | None) -> None:
        self._device = device
        self.settle = nothing_to_settle

    def begin(self, batch: Any, stats: LoaderStats, in_turn: bool) -> Pending | LocalFailure:
        try:
            return Arrived(pin_memory(batch, self._device))
        except Exception as error:
            return LocalFailure(error, "")


class PinThread:
    """Pins in a thread of its own, as torch does with workers; it ends with this object.

    index: the number of the accelerator that is the creator's; it is the thread's too, which else would make itself
    known to the first one.
    """

    def __init__(self, device: str | None, index: int, ahead: int) -> None:
        self.ahead = ahead
        self.settle = nothing_to_settle
        self._device = device
        self._index = index
        self._thread = ThreadPoolExecutor(1, "pt_data_pin", _begin_thread, (device, index))

    def begin(self, batch: Any, stats: LoaderStats, in_turn: bool) -> Pending:
        return _Pinning(self._thread.submit(pin_memory, batch, self._device), self._index)


def _begin_thread(device: str | None, index: int) -> None:
    torch.set_num_threads(1)
    set_thread_name("pt_data_pin")
    if device is not None and torch.accelerator.is_available():
        torch.accelerator.set_device_index(index)


class _Pinning:
    def __init__(self, future: Future[Any], index: int) -> None:
        self._future = future
        self._index = index

    def finish(self) -> Any:
        error = self._future.exception()
        if isinstance(error, Exception):
            Failure.of(error, f"in pin memory thread for device {self._index}").reraise()
        return self._future.result()

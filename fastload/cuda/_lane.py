"""The two queues of a device's work that a delivery knows: one aside, for copies, and the consumer's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import torch

from fastload.cuda._page_lock import PageLocks
from fastload.cuda._walk import moved


class Mark(Protocol):
    """A point in a queue."""

    def query(self) -> bool:
        """Whether everything before it is done."""

    def synchronize(self) -> None:
        """Wait until it is."""

    def elapsed_time(self, later: Any) -> float:
        """Milliseconds from here to a later point."""


class Lane(Protocol):
    """What is asked of a device. Nothing here waits for it, marks aside.

    has_untold: whether consumers have memory that was got aside, and `use` could not be called for it.
    """

    has_untold: bool

    def aside(self) -> AbstractContextManager[Any]:
        """Inside this, work is queued aside; outside, in the queue of the consumer who calls."""

    def in_turn(self) -> AbstractContextManager[Any]:
        """Inside this, work is queued for the consumer who calls, and the device is the current one, as it is aside."""

    def copied(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor on the device, as soon as the queue has come to it: until then its memory must stay as it is."""

    def moved(self, value: Any) -> Any:
        """The same of a batch type with a ``to`` of its own."""

    def staging(self, nbytes: int) -> torch.Tensor:
        """Bytes of host memory that the device reads by itself."""

    def reads(self, tensor: torch.Tensor) -> bool:
        """Whether the device reads this host memory by itself. If not, copies from it keep the caller waiting."""

    def mark(self) -> Mark: ...

    def wait_for(self, mark: Mark) -> None:
        """Let what is queued from now on come after the mark."""

    def use(self, tensor: torch.Tensor) -> None:
        """Memory that was got aside is used in this queue too: it is free only after what is queued here by then."""

    def use_movable(self, value: Any) -> None:
        """The same for a batch type with a ``record_stream`` of its own."""


class CudaLane:
    """Streams of a CUDA device, which has a number."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._number = device.index  # torch looks up streams by number in half the time
        self._side = torch.cuda.Stream(device)
        self._locks = PageLocks(self._number)
        self.has_untold = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        # The device first: when torch leaves a stream for one of another device, it makes a context on that.
        with torch.cuda.device(self._number), torch.cuda.stream(self._side):
            yield

    def in_turn(self) -> AbstractContextManager[Any]:
        return torch.cuda.device(self._number)

    def copied(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device, non_blocking=True)

    def moved(self, value: Any) -> Any:
        return moved(value, self.device, non_blocking=True)

    def staging(self, nbytes: int) -> torch.Tensor:
        return torch.empty(nbytes, dtype=torch.uint8, device="cpu", pin_memory=True)

    def reads(self, tensor: torch.Tensor) -> bool:
        return self._locks.lock(tensor) or tensor.is_pinned()

    def mark(self) -> Mark:
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._number))
        return event

    def wait_for(self, mark: Any) -> None:
        torch.cuda.current_stream(self._number).wait_event(mark)

    def use(self, tensor: torch.Tensor) -> None:
        if tensor.device == self.device:
            tensor.record_stream(torch.cuda.current_stream(self._number))

    def use_movable(self, value: Any) -> None:
        value.record_stream(torch.cuda.current_stream(self._number))

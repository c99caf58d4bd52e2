"""The two queues of a device's work that a delivery knows: one aside, for copies, and the consumer's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import torch

from fastload.cuda._walk import moved
from fastload.memory._page_locks import PageLocks


class Mark(Protocol):
    """A point in a queue."""

    def query(self) -> bool:
        """Whether everything before it is done."""

    def synchronize(self) -> None:
        """Wait until it is."""

    def elapsed_time(self, later: Any) -> float:
        """Milliseconds from here to a later point."""


class Lane(Protocol):
    """What is asked of a device. Nothing here waits for it, but for marks and `stop_locking`."""

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
        """Whether the device reads this host memory by itself, and nobody else writes there until it has.

        If not, copies from it keep the caller waiting.
        """

    def mark(self) -> Mark: ...

    def wait_for(self, mark: Mark) -> None:
        """Let what is queued from now on come after the mark."""

    def use(self, tensor: torch.Tensor) -> None:
        """Memory that was got aside is used in this queue too: it is free only after what is queued here by then."""

    def use_movable(self, value: Any) -> None:
        """The same for a batch type with a ``record_stream`` of its own."""

    def note_untold(self) -> None:
        """Memory that was got aside is used in this queue, and `use` cannot be called for it."""

    def marks_of_users(self, also_here: bool) -> list[Mark]:
        """Marks in all queues that have ever used such memory: what is got aside after them is free.

        also_here: and one in this queue, and in that which is the current one of a new thread.
        """

    def stop_locking(self) -> None:
        """Users will see slots of the loader's. Waits for the copies from them."""


class Side:
    """The stream of all copies to a CUDA device, which has a number.

    untold: streams that use memory of this one's, of which torch's allocator does not know, by their handles.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device)
        self.untold: dict[int, torch.cuda.Stream] = {}


class CudaLane:
    """Streams of a CUDA device. locks: of the loader's slots."""

    def __init__(self, side: Side, locks: PageLocks) -> None:
        self.device = side.device
        self._number = side.device.index  # torch looks up streams by number in half the time
        self._side = side
        self._locks = locks

    @contextmanager
    def aside(self) -> Iterator[None]:
        # The device first: when torch leaves a stream for one of another device, it makes a context on that.
        with torch.cuda.device(self._number), torch.cuda.stream(self._side.stream):
            yield

    def in_turn(self) -> AbstractContextManager[Any]:
        return torch.cuda.device(self._number)

    def copied(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device, non_blocking=True)

    def moved(self, value: Any) -> Any:
        pin = getattr(value, "pin_memory", None)
        return moved(pin() if callable(pin) else value, self.device, non_blocking=True)

    def staging(self, nbytes: int) -> torch.Tensor:
        return torch.empty(nbytes, dtype=torch.uint8, device="cpu", pin_memory=True)

    def reads(self, tensor: torch.Tensor) -> bool:
        return self._locks.lock(tensor, self._number)  # pinned memory of others may be a buffer that is filled again

    def mark(self) -> Mark:
        return _mark(torch.cuda.current_stream(self._number))

    def wait_for(self, mark: Any) -> None:
        torch.cuda.current_stream(self._number).wait_event(mark)

    def use(self, tensor: torch.Tensor) -> None:
        if tensor.device == self.device:
            tensor.record_stream(torch.cuda.current_stream(self._number))

    def use_movable(self, value: Any) -> None:
        value.record_stream(torch.cuda.current_stream(self._number))

    def note_untold(self) -> None:
        stream = torch.cuda.current_stream(self._number)
        self._side.untold[stream.cuda_stream] = stream

    def marks_of_users(self, also_here: bool) -> list[Mark]:
        streams = dict(self._side.untold)
        if also_here:
            for stream in (torch.cuda.current_stream(self._number), torch.cuda.default_stream(self._number)):
                streams[stream.cuda_stream] = stream
        return [_mark(stream) for stream in streams.values()]

    def stop_locking(self) -> None:
        if not self._locks.is_stopped:
            self._side.stream.synchronize()
            self._locks.stop()


def _mark(stream: torch.cuda.Stream) -> torch.cuda.Event:
    event = torch.cuda.Event(enable_timing=True)
    event.record(stream)
    return event

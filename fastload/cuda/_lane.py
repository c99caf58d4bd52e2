"""The two queues of a device's work that a delivery knows: one aside, for copies, and the consumer's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, Protocol

import torch

from fastload import _core
from fastload.cuda._forks import keep_in_children
from fastload.cuda._walk import is_odd, moved, tensors_in
from fastload.memory._page_locks import DRIVER, PageLocks

_GLOBAL, _RELAXED = 0, 2  # see csrc/memory/page_locks.h


class Mark(Protocol):
    """A point in a queue."""

    def query(self) -> bool:
        """Whether everything before it is done."""

    def synchronize(self) -> None:
        """Wait until it is."""

    def elapsed_time(self, later: Any) -> float:
        """Milliseconds from here to a later point."""


class Queue(Protocol):
    """What a device does one thing after the other. Those that are the same are equal."""

    def wait_event(self, mark: Any) -> None:
        """Let what is queued from now on come after the mark."""


class Lane(Protocol):
    """What is asked of a device. Nothing here waits for it, but for marks and `stop_locking`."""

    @property
    def side(self) -> Queue:
        """The queue aside, for copies."""

    def here(self) -> Queue:
        """That in which the caller's work is queued now."""

    def asking(self) -> AbstractContextManager[Any]:
        """Inside this, the caller may ask marks and wait for them, also while somebody captures work as a graph."""

    def aside(self) -> AbstractContextManager[Any]:
        """Inside this, the caller's work is queued aside."""

    def in_turn(self) -> AbstractContextManager[Any]:
        """Inside this, work is queued for the consumer who calls, and the device is the current one, as it is aside."""

    def copied(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor on the device, as soon as the queue has come to it: until then its memory must stay as it is."""

    def moved(self, value: Any) -> Any:
        """The same of a batch type with a ``to`` of its own."""

    def staging(self, nbytes: int) -> torch.Tensor:
        """Bytes of host memory that the device reads by itself."""

    def reading(self) -> AbstractContextManager[Any]:
        """Held from the first `reads` until the copies are queued: `stop_locking` of other threads waits for it."""

    def reads(self, tensor: torch.Tensor) -> bool:
        """Whether the device reads this host memory by itself, and nobody else writes there until it has.

        If not, copies from it keep the caller waiting.
        """

    def mark(self, queue: Any) -> Mark:
        """The point behind all that is queued there."""

    def use(self, tensor: torch.Tensor, queue: Any) -> None:
        """Memory that was got aside is used in this queue too: it is free only after what is queued there by then."""

    def use_movable(self, value: Any, queue: Any) -> None:
        """The same for a batch type with a ``record_stream`` of its own."""

    def note_untold(self, queue: Any) -> None:
        """Memory that was got aside is used in this queue, and `use` cannot be called for it."""

    def come_after_users(self, also_here: bool) -> None:
        """What is queued aside from now on comes after all that the queues of `note_untold` hold: that memory is free.

        also_here: and after the caller's queue, and that which is the current one of a new thread.
        """

    def stop_locking(self) -> None:
        """Users will see slots of the loader's. Waits for the copies from them."""


class Side:
    """The stream of all copies to a CUDA device, which has a number.

    untold: streams that use memory of this one's, of which torch's allocator does not know.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        _core.use_driver(DRIVER)
        self.stream = torch.cuda.Stream(device)
        self.untold: set[torch.cuda.Stream] = set()


class CudaLane:
    """Streams of a CUDA device. locks: of the loader's slots."""

    def __init__(self, side: Side, locks: PageLocks) -> None:
        self.device = side.device
        self.side = side.stream
        self._number = side.device.index  # torch looks up streams by number in half the time
        self._untold = side.untold
        self._locks = locks

    def here(self) -> torch.cuda.Stream:
        return torch.cuda.current_stream(self._number)

    @contextmanager
    def asking(self) -> Iterator[None]:
        outer = _GLOBAL
        try:
            outer = _core.exchange_capture_mode(_RELAXED)
            yield
        finally:
            _core.exchange_capture_mode(outer)

    @contextmanager
    def aside(self) -> Iterator[None]:
        # The device first: when torch leaves a stream for one of another device, it makes a context on that.
        with nullcontext() if torch.cuda.current_device() == self._number else torch.cuda.device(self._number):
            outer = self.here()
            try:
                torch.cuda.set_stream(self.side)
                yield
            finally:
                torch.cuda.set_stream(outer)

    def in_turn(self) -> AbstractContextManager[Any]:
        return torch.cuda.device(self._number)

    def copied(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device, non_blocking=True)

    def moved(self, value: Any) -> Any:
        pin = getattr(value, "pin_memory", None)
        if callable(pin):
            with suppress(RuntimeError):  # one that moves in place may be half there, after an interrupt
                value = pin()
        return moved(value, self.device, non_blocking=True)

    def staging(self, nbytes: int) -> torch.Tensor:
        return torch.empty(nbytes, dtype=torch.uint8, device="cpu", pin_memory=True)

    def reading(self) -> AbstractContextManager[Any]:
        return self._locks.reading

    def reads(self, tensor: torch.Tensor) -> bool:
        # Pinned memory of others may be a buffer that is filled again.
        return self._locks.lock(tensor, self._number, self.side)

    def mark(self, queue: Any) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record(queue)
        return event

    def use(self, tensor: torch.Tensor, queue: Any) -> None:
        if tensor.device == self.device:
            tensor.record_stream(queue)
            keep_in_children(tensor.untyped_storage())

    def use_movable(self, value: Any, queue: Any) -> None:
        value.record_stream(queue)
        keep_in_children(value)
        for tensor in tensors_in(value):
            if tensor.is_cuda and not is_odd(tensor):
                keep_in_children(tensor.untyped_storage())

    def note_untold(self, queue: Any) -> None:
        self._untold.add(queue)

    def come_after_users(self, also_here: bool) -> None:
        users = set(self._untold)
        if also_here:
            users |= {self.here(), torch.cuda.default_stream(self._number)}
        for queue in users:
            self.side.wait_event(self.mark(queue))

    def stop_locking(self) -> None:
        if not self._locks.is_stopped:
            with self.asking():
                self._locks.stop()

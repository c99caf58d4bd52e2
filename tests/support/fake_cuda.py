"""torch with a CUDA device that does not exist: its work is done at once, and who asked for it is written down.

A tensor there is a tensor of the host that says it is on the device. Entries of the log are (what, queue, more): the
queue is "consumer", "aside", or the name of one that the test made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

DEVICE = torch.device("cuda", 0)
_to, _empty = torch.Tensor.to, torch.empty


class OnCuda(torch.Tensor):
    """What tensors made of this one are, too."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return DEVICE


class Stream:
    def __init__(self, cuda: FakeCuda, name: str) -> None:
        self.cuda = cuda
        self.name = name

    @property
    def cuda_stream(self) -> int:
        return id(self)

    def synchronize(self) -> None:
        self.cuda.note("synchronize", self.name)

    def wait_event(self, event: Event) -> None:
        self.cuda.note("wait", self.name, event.number)


class Event:
    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda = cuda
        self.number = -1

    def record(self, stream: Stream) -> None:
        self.number = self.cuda.events
        self.cuda.events += 1
        self.cuda.note("mark", stream.name, self.number)

    def query(self) -> bool:
        return self.cuda.is_done or self.number < self.cuda.done_before

    def synchronize(self) -> None:
        self.cuda.note("synchronize", "host", self.number)
        self.cuda.is_done = True

    def elapsed_time(self, later: Event) -> float:
        assert later.query()
        return 1000.0 * (later.number - self.number)


class FakeCuda:
    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.log: list[tuple[str, str, Any]] = []
        self.events = 0
        self.streams_made = 0
        self.locks = True  # whether pages can be locked
        self.is_done = False  # whether events are, when they are asked
        self.done_before = 0  # if not: those with smaller numbers are
        self.current = default = Stream(self, "consumer")
        patch.setattr(torch.cuda, "default_stream", lambda device: default)
        self._patch_torch(patch)

    def note(self, what: str, queue: str, more: Any = None) -> None:
        self.log.append((what, queue, more))

    def kinds(self, *left_out: str) -> list[tuple[str, str]]:
        """The log without details, and without what is left out."""
        return [(what, queue) for what, queue, _ in self.log if what not in left_out]

    def stream(self, name: str) -> Any:
        return self._entered(Stream(self, name))

    @contextmanager
    def _entered(self, stream: Stream) -> Iterator[None]:
        outer, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = outer

    def _set_stream(self, stream: Stream) -> None:
        self.current = stream

    @contextmanager
    def _entered_device(self, device: Any) -> Iterator[None]:
        assert device == DEVICE.index
        yield

    def _made_stream(self, device: Any) -> Stream:
        assert device == DEVICE
        self.streams_made += 1
        return Stream(self, "aside")

    def _patch_torch(self, patch: pytest.MonkeyPatch) -> None:
        cuda = self
        for name, fake in {
            "is_available": lambda: True,
            "device_count": lambda: 1,
            "current_device": lambda: 0,
            "Stream": self._made_stream,
            "Event": lambda enable_timing: Event(self),
            "device": self._entered_device,
            "current_stream": lambda device: self.current,
            "set_stream": self._set_stream,
        }.items():
            patch.setattr(torch.cuda, name, fake)

        def to(tensor: torch.Tensor, *where: Any, non_blocking: bool = False, **more: Any) -> torch.Tensor:
            if where != (DEVICE,):
                return _to(tensor, *where, non_blocking=non_blocking, **more)
            if tensor.device == DEVICE:
                return tensor
            cuda.note("copy" if non_blocking else "blocking copy", cuda.current.name, tensor.layout)
            made = tensor.clone()
            return made if tensor.layout != torch.strided or tensor.is_quantized else made.as_subclass(OnCuda)

        def record_stream(tensor: torch.Tensor, stream: Stream) -> None:
            assert tensor.layout == torch.strided
            assert not tensor.is_quantized
            cuda.note("use", stream.name, tuple(tensor.shape))

        def empty(*size: Any, pin_memory: bool = False, **options: Any) -> torch.Tensor:
            if pin_memory:
                cuda.note("pinned", "host", size)
            return _empty(*size, **options)

        patch.setattr(torch.Tensor, "to", to)
        patch.setattr(torch.Tensor, "record_stream", record_stream)
        patch.setattr(torch.Tensor, "is_pinned", lambda tensor: False)
        patch.setattr(torch, "empty", empty)
        patch.setattr(torch.Tensor, "pin_memory", torch.Tensor.clone)
        from fastload.cuda import _device
        from fastload.memory import _page_locks

        def lock(locks: Any, tensor: torch.Tensor, device: int, reader: Stream) -> bool:
            locks._readers = [reader]
            assert device == DEVICE.index
            if locks.is_stopped:
                return False
            cuda.note("lock", "host", tuple(tensor.shape))
            return cuda.locks

        patch.setattr(_page_locks.PageLocks, "lock", lock)
        patch.setattr(_device, "_sides", {}, raising=False)

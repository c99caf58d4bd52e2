"""Batches to a device on a queue aside, ahead of their turn: who may touch what memory, and from when on.

- The host's memory of a batch is held until the mark after its copies is done; only then may its slot return.
- The consumer's queue waits for that mark; the consumer's thread does not.
- What was got aside is told to the consumer's queue before the consumer has it: freed early, it is used again only
  after what that queue holds by then.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.profiler import record_function

from fastload._delivery import Failed, Pending
from fastload._stats import LoaderStats
from fastload._torch_compat import profiling
from fastload.cuda._lane import Lane, Mark
from fastload.cuda._upload import upload
from fastload.cuda._walk import map_batch

LABEL = "fastload: batch to device"  # in profiles, and in NVTX under torch's emit_nvtx
DeviceTransform = Callable[[Any], Any]


@dataclass(slots=True)
class _Span:
    """What a queue does between two marks. When it is done its time counts, and ``memory`` is let go."""

    start: Mark
    end: Mark
    stats: LoaderStats
    counted_as: str  # the field of the stats
    memory: Any = None  # of the host, which copies read


class Transfer:
    """A `Delivery` to ``lane``, ``ahead`` batches before their turn.

    transform: is called with the batch on the device, in the queue aside.
    """

    def __init__(self, lane: Lane, ahead: int, transform: DeviceTransform | None = None) -> None:
        self.ahead = ahead
        self.lane = lane
        self.transform = transform
        self._spans: list[_Span] = []
        self._pid = os.getpid()

    def begin(self, batch: Any, stats: LoaderStats) -> Pending:
        self._settle()
        label = record_function(LABEL) if profiling() else contextlib.nullcontext()
        try:
            with label:
                return _Batch(self, batch, stats)
        except Exception as error:
            return Failed(error)

    def hold(self, memory: Any, start: Mark, end: Mark, stats: LoaderStats) -> None:
        """Keep host memory until the copies between the marks are done."""
        self._spans.append(_Span(start, end, stats, "copy_s", memory))

    def wait_for(self, mark: Mark, stats: LoaderStats) -> None:
        """Let the consumer's queue wait, and note for how long."""
        before = self.lane.mark()
        self.lane.wait_for(mark)
        self._spans.append(_Span(before, self.lane.mark(), stats, "stall_s"))

    def _settle(self) -> None:
        """Let go of what is done with, and count what it took."""
        running = []
        for span in self._spans:
            if span.end.query():
                before = getattr(span.stats, span.counted_as)
                setattr(span.stats, span.counted_as, before + span.start.elapsed_time(span.end) / 1000)
            else:
                running.append(span)
        self._spans = running

    def __del__(self) -> None:
        if self._pid != os.getpid():
            return  # the device is the parent's
        with contextlib.suppress(Exception):  # at exit it may be gone already
            for span in self._spans:
                if span.memory is not None:
                    span.end.synchronize()


class _Batch:
    """One batch, from the moment its copies are queued."""

    def __init__(self, transfer: Transfer, batch: Any, stats: LoaderStats) -> None:
        self._transfer = transfer
        self._batch = batch
        self._stats = stats
        lane = transfer.lane
        tensors, self._is_late = _contents(batch)
        with lane.aside():
            start = lane.mark()
            memory = [batch]
            try:
                found, staging = upload(lane, tensors)
                memory += staging
                self._there = {id(tensor): made for tensor, made in zip(tensors, found, strict=True)}
                self._made = None if self._is_late else self._assembled()
            finally:
                self._end = lane.mark()
                transfer.hold(memory, start, self._end, stats)
        stats.bytes_copied += sum(tensor.nbytes for tensor in tensors if tensor.device.type == "cpu")

    def finish(self) -> Any:
        lane = self._transfer.lane
        self._transfer.wait_for(self._end, self._stats)
        for made in self._there.values():
            lane.use(made)
        if not self._is_late:
            map_batch(self._made, _on_tensor(lane.use), self._use_movable)
            return self._made
        start = lane.mark()
        try:
            return self._assembled()
        finally:
            self._transfer.hold(self._batch, start, lane.mark(), self._stats)

    def _assembled(self) -> Any:
        lane, transform = self._transfer.lane, self._transfer.transform
        made = map_batch(self._batch, lambda tensor: self._there[id(tensor)], lane.moved)
        return made if transform is None else transform(made)

    def _use_movable(self, value: Any) -> Any:
        if not hasattr(value, "record_stream"):
            raise TypeError(
                f"device_transform returned a {type(value).__name__}, which has no record_stream: nobody could tell "
                "its memory that the consumer uses it. Return tensors in containers, or give it that method"
            )
        self._transfer.lane.use_movable(value)
        return value


def _contents(batch: Any) -> tuple[list[torch.Tensor], bool]:
    """Each tensor in the batch once, and whether there are types of its own that know nothing of streams."""
    tensors: dict[int, torch.Tensor] = {}
    late = []

    def movable(value: Any) -> Any:
        if not hasattr(value, "record_stream"):
            late.append(value)
        return value

    def tensor(value: torch.Tensor) -> torch.Tensor:
        tensors[id(value)] = value
        return value

    map_batch(batch, tensor, movable)
    return list(tensors.values()), bool(late)


def _on_tensor(function: Callable[[torch.Tensor], None]) -> Callable[[torch.Tensor], torch.Tensor]:
    def called(tensor: torch.Tensor) -> torch.Tensor:
        function(tensor)
        return tensor

    return called

"""Batches to a device on a queue aside, ahead of their turn: who may touch what memory, and from when on.

- The host's memory of a batch is held until the mark after its copies is done; only then may its slot return.
- The consumer's queue waits for that mark; the consumer's thread does not.
- What was got aside is told to the consumer's queue before the consumer has it: freed early, it is used again only
  after what that queue holds by then. Where a transform returns what cannot be told, all later work aside comes after
  what the consumer has queued by then, in each queue that such things were delivered in.
- Slots are locked only as long as users see nothing of them: arrays are copied out, and the first object that may hold
  memory of slots ends the locking.
- The queue aside waits for the consumer's at the start of an epoch, for what a transform reads, and for each batch
  that is on the device already.
- What knows nothing of queues (types with a ``to`` and no ``record_stream``, sparse tensors) is moved in the
  consumer's queue when its turn has come: it is late.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.autograd.profiler import record_function

from fastload import _core
from fastload._delivery import Pending
from fastload._failure import LocalFailure
from fastload._stats import LoaderStats
from fastload._torch_compat import profiling
from fastload.cuda._lane import Lane
from fastload.cuda._modes import default_modes
from fastload.cuda._spans import Spans
from fastload.cuda._upload import Load
from fastload.cuda._walk import host_bytes, is_movable, is_odd, is_plain, taken_apart

LABEL = "fastload: batch to device"  # in profiles, and in NVTX under torch's emit_nvtx
DeviceTransform = Callable[[Any], Any]


class Transfer:
    """A `Delivery` to ``lane``, ``ahead`` batches before their turn.

    transform: is called with the batch on the device, in the queue aside.
    """

    def __init__(self, lane: Lane, ahead: int, transform: DeviceTransform | None = None) -> None:
        self.ahead = ahead
        self.lane = lane
        self.transform = transform
        self.spans = Spans(lane)
        self.settle = self.spans.settle
        self.comes_after_the_consumer = True  # the next batch's work aside

    def begin(self, batch: Any, stats: LoaderStats) -> Pending | LocalFailure:
        self.spans.settle()
        label = record_function(LABEL) if profiling() else contextlib.nullcontext()
        try:
            with label, default_modes():
                return _Batch(self, batch, stats)
        except torch.OutOfMemoryError:
            return _InItsTurn(self, batch, stats)
        except Exception as error:
            return LocalFailure(error, "")

    def __del__(self) -> None:
        self.spans.end()


class _Batch:
    """One batch, from the moment its copies are queued."""

    def __init__(self, transfer: Transfer, batch: Any, stats: LoaderStats) -> None:
        self._transfer = transfer
        self._stats = stats
        lane = transfer.lane
        leaves, build = taken_apart(batch)
        leaves = [_out_of_slots(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]
        if not all(isinstance(leaf, torch.Tensor) or is_plain(leaf) for leaf in leaves):
            lane.stop_locking()
        self._late = _late(leaves)
        early = {id(leaf): leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and id(leaf) not in self._late}
        movable = [leaf for leaf in leaves if is_movable(leaf) and id(leaf) not in self._late]
        there_already = [tensor for tensor in early.values() if tensor.device.type != "cpu"]
        load = Load(lane, list(early.values()))
        nbytes = sum(map(host_bytes, {id(leaf): leaf for leaf in leaves}.values()))
        comes_before = lane.marks_of_users(also_here=transfer.comes_after_the_consumer or bool(there_already))
        with lane.aside():
            for mark in comes_before:
                lane.wait_for(mark)
            with transfer.spans.copies((load, there_already, movable), stats) as span:
                there = dict(zip(early, load.sent(lane), strict=True))
                self._made = [there.get(id(leaf), leaf) for leaf in leaves]
                if not self._late:
                    self._made = [lane.moved(leaf) if is_movable(leaf) else leaf for leaf in self._made]
            if not self._late:
                self._batch = build(self._made)
                if transfer.transform is not None:
                    with transfer.spans.copies((there_already, movable), stats) as span:
                        self._batch = transfer.transform(self._batch)
        assert span.end is not None
        self._end = span.end
        self._build = build if self._late else None  # it holds the containers, and they the host's memory
        transfer.comes_after_the_consumer = False
        stats.bytes_copied += nbytes

    def finish(self) -> Any:
        self._transfer.spans.wait_for(self._end, self._stats)
        if self._build is not None:
            return self._finished_late(self._build)
        self._tell(taken_apart(self._batch)[0])
        return self._batch

    def _finished_late(self, build: Callable[[Sequence[Any]], Any]) -> Any:
        lane, transform = self._transfer.lane, self._transfer.transform
        for leaf in self._made:
            if isinstance(leaf, torch.Tensor) and id(leaf) not in self._late:
                lane.use(leaf)
        with lane.in_turn(), default_modes(), self._transfer.spans.copies(self._made, self._stats):
            made = {key: lane.moved(leaf) for key, leaf in self._late.items()}
            batch = build([made.get(id(leaf), leaf) for leaf in self._made])
            return batch if transform is None else transform(batch)

    def _tell(self, leaves: list[Any]) -> None:
        """Tell the allocator that the consumer's queue uses this too, or remember that it cannot be told."""
        for leaf in leaves:
            if isinstance(leaf, torch.Tensor) and not is_odd(leaf):
                self._transfer.lane.use(leaf)
            elif is_movable(leaf) and hasattr(leaf, "record_stream"):
                self._transfer.lane.use_movable(leaf)
            elif self._transfer.transform is not None and not is_plain(leaf):
                self._transfer.lane.note_untold()


class _InItsTurn:
    """There was no memory for the batch ahead of its turn; by then earlier batches may be gone."""

    def __init__(self, transfer: Transfer, batch: Any, stats: LoaderStats) -> None:
        self._transfer, self._batch, self._stats = transfer, batch, stats

    def finish(self) -> Any:
        batch, self._batch = self._batch, None
        with default_modes():
            begun = _Batch(self._transfer, batch, self._stats)
        return begun.finish()


def _out_of_slots(array: NDArray[Any]) -> NDArray[Any]:
    """The user's from now on, and so not in memory that is locked."""
    return array.copy(order="K") if _core.may_be_locked(array.__array_interface__["data"][0]) else array


def _late(leaves: list[Any]) -> dict[int, Any]:
    """What has to be moved in the consumer's queue. If there is such a type, so do those that know of queues."""
    odd = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and is_odd(leaf)]
    movable = [leaf for leaf in leaves if is_movable(leaf)]
    if not odd and all(hasattr(leaf, "record_stream") for leaf in movable):
        return {}
    return {id(leaf): leaf for leaf in (*odd, *movable)}

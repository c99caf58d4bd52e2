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
from torch.autograd.profiler import record_function

from fastload import _core
from fastload._delivery import Once, Pending, not_the_end
from fastload._failure import LocalFailure
from fastload._stats import LoaderStats
from fastload._torch_compat import profiling
from fastload.cuda._forks import keep_in_children
from fastload.cuda._lane import Lane, Queue
from fastload.cuda._modes import default_modes
from fastload.cuda._spans import Spans
from fastload.cuda._upload import Load
from fastload.cuda._walk import Build, host_bytes, is_movable, is_odd, is_plain, is_plain_array, taken_apart

LABEL = "fastload: batch to device"  # in profiles, and in NVTX under torch's emit_nvtx
DeviceTransform = Callable[[Any], Any]


class Transfer:
    """A `Delivery` to ``lane``, ``ahead`` batches before their turn.

    transform: is called with the batch on the device, in the queue aside.
    """

    def __init__(self, lane: Lane, ahead: int, transform: DeviceTransform | None = None) -> None:
        self.ahead = ahead
        self.lane = lane
        self.transform = Once(transform)
        self.spans = Spans(lane)
        self.settle = self.spans.settle
        self.comes_after_the_consumer = True  # the next batch's work aside

    def begin(self, batch: Any, stats: LoaderStats, in_turn: bool) -> Pending | LocalFailure | None:
        self.spans.settle()
        label = record_function(LABEL) if profiling() else contextlib.nullcontext()
        made = None
        try:
            self.spans.check_process()
            with label, default_modes():
                self.transform.check(batch)
                made = _Batch(self, batch, stats)
                made.change(batch)
                return made
        except torch.OutOfMemoryError as error:
            # By its turn earlier batches may be gone.
            may_wait = not in_turn and (made is None or made.is_copy)
            return None if may_wait else LocalFailure(error, "")
        except Exception as error:
            return LocalFailure(not_the_end(error), "")

    def __del__(self) -> None:
        self.spans.end()


class _Batch:
    """One batch, from the moment its copies are queued."""

    def __init__(self, transfer: Transfer, batch: Any, stats: LoaderStats) -> None:
        self._transfer = transfer
        self._stats = stats
        lane, spans = transfer.lane, transfer.spans
        leaves, build = taken_apart(batch, is_copied=transfer.transform.changes)
        arrays = any(isinstance(leaf, np.ndarray) for leaf in leaves)
        leaves = _out_of_slots(leaves) if arrays else leaves
        kinds = _Kinds(leaves)
        if kinds.has_opaque:
            lane.stop_locking()
        self._late, self._movable = kinds.late, kinds.movable
        self._there_already = [tensor for tensor in kinds.tensors.values() if tensor.device.type != "cpu"]
        self.is_copy = not (arrays or kinds.has_opaque or kinds.late or self._there_already)
        nbytes = sum(map(host_bytes, (*kinds.tensors.values(), *self._movable, *self._late.values())))
        with lane.reading():
            load = Load(lane, list(kinds.tensors.values()))
            lane.come_after_users(also_here=transfer.comes_after_the_consumer or bool(self._there_already))
            with lane.aside(), spans.copies(lane.side, (load, self._there_already), stats) as span:
                there: dict[int, Any] = dict(zip(kinds.tensors, load.sent(lane), strict=True))
        if self._movable:
            with lane.aside(), spans.copies(lane.side, self._movable, stats) as span:
                there.update((id(leaf), lane.moved(leaf)) for leaf in self._movable)
        self._made = [there.get(id(leaf), leaf) for leaf in leaves]
        assert span.end is not None
        self._end = span.end
        self._build: Build | None = build  # it holds the containers, and they the host's memory
        keep_in_children(self)
        transfer.comes_after_the_consumer = False
        stats.bytes_copied += nbytes

    def change(self, batch: Any) -> None:
        """Make what was copied the user's, unless that has to wait for the consumer's queue."""
        if self._late:
            return
        transfer, lane = self._transfer, self._transfer.lane
        assert self._build is not None
        self._batch = self._build(self._made)
        self._build = None
        if transfer.transform.changes:
            read = self._there_already, self._movable
            with lane.aside(), transfer.spans.copies(lane.side, read, self._stats) as span:
                self._batch = transfer.transform(batch, self._batch, self.is_copy)
            assert span.end is not None
            self._end = span.end
        if transfer.transform.changes or self._movable:
            self._made = taken_apart(self._batch)[0]
        self._there_already, self._movable = [], []

    def finish(self) -> Any:
        here = self._transfer.lane.here()
        self._transfer.spans.wait_for(self._end, here, self._stats)
        if self._build is not None:
            return self._finished_late(self._build, here)
        self._tell(self._made, here)
        return self._batch

    def _finished_late(self, build: Build, here: Queue) -> Any:
        lane, transform = self._transfer.lane, self._transfer.transform
        transform.check(self)
        for leaf in self._made:
            if isinstance(leaf, torch.Tensor) and id(leaf) not in self._late:
                lane.use(leaf, here)
        with lane.in_turn(), default_modes(), self._transfer.spans.copies(here, self._made, self._stats):
            made = {key: lane.moved(leaf) for key, leaf in self._late.items()}
            batch = build([made.get(id(leaf), leaf) for leaf in self._made])
            return transform(self, batch, is_copy=False)

    def _tell(self, leaves: list[Any], here: Queue) -> None:
        """Tell the allocator that the consumer's queue uses this too, or remember that it cannot be told."""
        lane = self._transfer.lane
        for leaf in leaves:
            if isinstance(leaf, torch.Tensor) and not is_odd(leaf):
                lane.use(leaf, here)
            elif is_movable(leaf) and hasattr(leaf, "record_stream"):
                lane.use_movable(leaf, here)
            elif self._transfer.transform.changes and not (is_plain(leaf) or is_plain_array(leaf)):
                lane.note_untold(here)


class _Kinds:
    """What is to be moved in which way. No object is in there twice.

    late: by id, what has to be moved in the consumer's queue. If there is such a type, so is every other with a `to`.
    has_opaque: whether some of the leaves may hold memory that cannot be seen.
    """

    def __init__(self, leaves: Sequence[Any]) -> None:
        self.tensors: dict[int, torch.Tensor] = {}
        self.late: dict[int, Any] = {}
        self.has_opaque = False
        movable: dict[int, Any] = {}
        for leaf in leaves:
            if isinstance(leaf, torch.Tensor):
                (self.late if is_odd(leaf) else self.tensors)[id(leaf)] = leaf
            elif is_movable(leaf):
                movable[id(leaf)] = leaf
            elif not (is_plain(leaf) or is_plain_array(leaf)):
                self.has_opaque = True
        self.has_opaque |= bool(movable)
        if self.late or not all(hasattr(leaf, "record_stream") for leaf in movable.values()):
            self.late |= movable
            movable = {}
        self.movable = list(movable.values())


def _out_of_slots(leaves: list[Any]) -> list[Any]:
    """The leaves, whose arrays are the user's from now on, and so not in memory that is locked."""
    arrays = {id(leaf): leaf for leaf in leaves if isinstance(leaf, np.ndarray)}
    copies = {
        key: array.copy(order="K")
        for key, array in arrays.items()
        if _core.may_be_locked(array.__array_interface__["data"][0])
    }
    return [copies.get(id(leaf), leaf) for leaf in leaves] if copies else leaves

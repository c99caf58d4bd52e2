"""Batches of tensors in memory, gathered by a background thread while the caller works on the one before.

What the caller gets is what it would get without: index batches are looked at early only where no random number is
drawn for that, and a batch whose tensors changed since it was begun is made anew. Changes by torch operations count
up a tensor's version. Memory that can change without that, because NumPy or another process has a hold of it, is not
read ahead. What is not done at a batch's turn the caller does itself, so that a busy machine makes no batch late.

In the order of their turns, jobs are begun when a batch is asked for:

    begun -> taken            all copied, by the thread or with the caller's help
          -> given up         the tensors changed, or the thread lost its processor in the middle
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from fastload import _core
from fastload._gather import Allocate, Chosen, Column, Fields, Indices, Node, NodeBatches, as_index

# The index batch of a later pull, counted from 0; None if it must not be looked at yet, or there is none.
Peek = Callable[[int], Any]

# The second one keeps the thread busy when the caller comes back early.
BATCHES_AHEAD = 2
# A batch of less is copied in less time than it takes to hand over: in a loop that does nothing, 132 KB took 18 us
# each, and 21 us when they were read ahead; 264 KB took 23 us and 13 us.
LEAST_BYTES = 1 << 18
# Of all batches that are begun and not taken.
MOST_BYTES = 32 << 20
# After so many changes of the tensors in one epoch, reading ahead is taken to be in vain.
MOST_CHANGES = 3
# Where other programs keep the processors busy the thread gets none of its own, and handing over is in vain: 84 us a
# batch in place of 64 us. After so many more jobs without its help than with it, nothing is begun for so many batches.
MOST_UNHELPED = 4
PAUSE_BATCHES = 64


def reading_ahead(getter: NodeBatches, peek: Peek) -> NodeBatches | ReadAhead:
    """A getter that gives what ``getter`` gives, and begins the next batches; ``getter`` where that is no use."""
    sources = _sources(getter.node)
    if sources is None or _core.num_threads() < 2 or not all(map(_shows_changes, sources)):
        return getter
    return ReadAhead(getter, sources, peek)


@dataclass(eq=False)
class Job:
    """A batch that was begun. ``gather`` keeps all that it reads and writes, and waits for the thread when it dies."""

    indices: Indices
    batch: Any
    gather: _core.GatherAhead
    nbytes: int


class ReadAhead:
    """``getter(indices, allocate)`` that has begun the batch, if ``indices`` is what ``peek`` said it would be."""

    def __init__(self, getter: NodeBatches, sources: list[torch.Tensor], peek: Peek) -> None:
        self._getter = getter
        self._peek = peek
        self._sources = sources
        self._storages = [source.untyped_storage() for source in sources]
        self._row_bytes = sum(source[:1].nbytes if len(source) else 0 for source in sources)
        self._places = self._places_now()
        self._versions = self._versions_now()
        self._changes_left = MOST_CHANGES
        self._unhelped = 0
        self._pause = 0
        self._jobs: deque[Job] = deque()
        self._given_up: list[Job] = []  # a thread is in them

    def __call__(self, indices: Any, allocate: Allocate) -> Any:
        self._see_changes()
        job = self._jobs.popleft() if self._jobs else None
        self._begin(allocate)  # before anything is waited for
        if job is not None:
            if job.indices is indices and job.gather.finish():
                self._count(job.gather.helped())
                return job.batch
            self._count(False)
            self._give_up(job)
        return self._getter(indices, allocate)

    def _begin(self, allocate: Allocate) -> None:
        """Let there be as many jobs as there may be."""
        if self._pause:
            self._pause -= 1
            return
        while self._changes_left and len(self._jobs) < BATCHES_AHEAD:
            indices = self._peek(len(self._jobs))
            index = None if indices is None else as_index(indices)
            if index is None:
                return
            nbytes = len(index) * self._row_bytes
            if not LEAST_BYTES <= nbytes <= MOST_BYTES - sum(job.nbytes for job in self._jobs):
                return
            copies: list[tuple[Any, Indices, Any]] = []
            try:
                batch = _lay_out(self._getter.node, index, allocate, copies)
                gather = _core.GatherAhead(copies)
            except Exception:  # it will be met again at this batch's turn
                return
            self._jobs.append(Job(indices, batch, gather, nbytes))

    def _count(self, helped: bool) -> None:
        self._unhelped = max(0, self._unhelped - 1) if helped else self._unhelped + 1
        if self._unhelped >= MOST_UNHELPED:
            self._unhelped, self._pause = 0, PAUSE_BATCHES

    def _see_changes(self) -> None:
        """Give up what is begun if a tensor is not as it was then."""
        if self._given_up:
            self._given_up = [job for job in self._given_up if not job.gather.cancel()]
        if not self._changes_left:
            return
        if (versions := self._versions_now()) != self._versions:
            self._versions = versions
            self._changes_left -= 1
            self._give_up_all()
        if self._places_now() != self._places:  # in other hands, perhaps
            self._changes_left = 0
            self._give_up_all()

    def _give_up_all(self) -> None:
        while self._jobs:
            self._give_up(self._jobs.popleft())

    def _give_up(self, job: Job) -> None:
        if not job.gather.cancel():
            self._given_up.append(job)

    def _versions_now(self) -> list[int]:
        """What an operation on the tensors counts up. A tensor made in inference mode must not be used outside."""
        return [torch.is_inference_mode_enabled(), *[source._version for source in self._sources]]

    def _places_now(self) -> list[Any]:
        """What tells where the tensors lie, and whether their memory is torch's alone."""
        return [
            (source.data_ptr(), source.shape, source.stride(), storage.resizable())
            for source, storage in zip(self._sources, self._storages, strict=True)
        ]


def _sources(node: Node) -> list[torch.Tensor] | None:
    """The tensors that a node copies rows of; None if there is anything else in it."""
    if isinstance(node, Chosen):
        return _sources(node.node)
    if isinstance(node, Fields):
        found: list[torch.Tensor] = []
        for part in node.parts.values():
            sources = _sources(part)
            if sources is None:
                return None
            found += sources
        return found
    return [node.source] if isinstance(node, Column) and type(node.source) is torch.Tensor else None


def _shows_changes(tensor: torch.Tensor) -> bool:
    """Whether a tensor's version tells of every change that is made by regular means.

    Storage that NumPy has seen, or that a file was read into, cannot be resized; torch keeps no other note of it.
    """
    storage = tensor.untyped_storage()
    return not tensor.is_inference() and not storage.is_shared() and storage.resizable()


def _lay_out(node: Node, index: Indices, allocate: Allocate, copies: list[tuple[Any, Indices, Any]]) -> Any:
    """An uninitialised batch; what has to be copied into it is added to ``copies``."""
    if isinstance(node, Chosen):
        return _lay_out(node.node, node.translated(index), allocate, copies)
    if isinstance(node, Fields):
        return node.shaped({key: _lay_out(part, index, allocate, copies) for key, part in node.parts.items()})
    assert isinstance(node, Column)
    out = allocate((len(index), *node.row_shape), node.dtype)
    copies.append((node.source, index, out))
    return out

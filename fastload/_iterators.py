"""The iterators a loader gives out: torch's types by name and duty, fastload's engines inside.

Other libraries look for torch's iterator classes, call ``_shutdown_workers`` and ``_reset`` and read ``_workers``;
torch's base class draws the numbers that decide the order. Nothing else of torch's iterators is used.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import torch.multiprocessing
from torch.autograd.profiler import record_function

from fastload._delivery import delivery_of, goes_to_cuda, nothing_to_settle
from fastload._epoch import Epoch
from fastload._epoch_start import EpochStart, snapshot_every
from fastload._errors import WorkerDiedError
from fastload._fetch import FetchConfig
from fastload._pulls import ArrayPulls
from fastload._state import device_memory, loader_state
from fastload._stateful import WorkerState
from fastload._torch_compat import (
    BaseIterator,
    DatasetKind,
    MultiProcessingIterator,
    SingleProcessIterator,
    profiling,
)
from fastload.engines._base import Engine
from fastload.engines._inline import InlineEngine
from fastload.engines._native import NativeEngine, native_dataset
from fastload.engines._process import ProcessEngine
from fastload.engines._thread import ThreadEngine
from fastload.memory._arena import keep_slots

logger = logging.getLogger("fastload")


class _EpochIterator(BaseIterator):
    """What both iterators share: an `Epoch` that may be begun anew."""

    _epoch: Epoch | None = None

    def _begin(
        self, loader: Any, engine: Engine, depth: int, start: EpochStart, workers: Sequence[WorkerState]
    ) -> None:
        state = loader_state(loader)
        if self._epoch is not None:
            self._epoch.abandon()
        self._delivery = delivery_of(self, loader, device_memory)
        pulls, progress = start.begin(self._sampler_iter, int(self._base_seed), list(workers))
        self._sampler_iter = pulls
        self._num_yielded = progress.yielded
        self._epoch = Epoch(
            engine,
            pulls,
            num_workers=self._num_workers,
            depth=depth,
            in_order=loader.in_order,
            timeout_s=self._timeout,
            error_log=state.error_log,
            progress=progress,
            delivery=self._delivery,
        )
        state.stats, state.progress = self._epoch.stats, progress
        state.settle = nothing_to_settle if self._delivery is None else self._delivery.settle
        self._epoch.prime()

    def _next_data(self) -> Any:
        assert self._epoch is not None
        try:
            return self._epoch.next()
        except StopIteration:
            self._epoch.progress.finished = True
            raise

    def __next__(self) -> Any:
        if profiling():
            with record_function(self._profile_name):
                batch = self._next_data()
        else:
            batch = self._next_data()
        self._num_yielded += 1
        reported = self._IterableDataset_len_called
        if reported is not None and self._num_yielded > reported and self._dataset_kind == DatasetKind.Iterable:
            warnings.warn(self._too_long(reported), stacklevel=2)
        return batch

    def _too_long(self, reported: int) -> str:
        """torch's words for an iterable dataset that goes on after the length it gave."""
        text = (
            f"Length of IterableDataset {self._dataset} was reported to be {reported}"
            f"(when accessing len(dataloader)), but {self._num_yielded} samples have been fetched. "
        )
        if self._num_workers > 0:
            text += (
                "For multiprocessing data-loading, this could be caused by not properly configuring the "
                "IterableDataset replica at each worker. Please see "
                "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples."
            )
        return text


class InlineIterator(_EpochIterator, SingleProcessIterator):
    """Makes each batch in the caller's thread."""

    def __init__(self, loader: Any) -> None:
        start = EpochStart(loader)
        start.before_iter()
        BaseIterator.__init__(self, loader)
        if self._timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        self._base_seed = start.base_seed(int(self._base_seed))
        self._profile_name = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"
        engine = InlineEngine(fetch_config(loader, self._base_seed, in_process=True), start.workers())
        self._dataset_fetcher = engine.fetcher
        self._begin(loader, engine, 0, start, engine.start(start.number))
        if isinstance(self._sampler_iter, ArrayPulls):
            engine.read_ahead(self._sampler_iter.peek)


_BESIDES = 2  # batches that are not in flight: the consumer's, and the one before it, which it gives up only then


class WorkerIterator(_EpochIterator, MultiProcessingIterator):
    """Keeps ``prefetch_factor`` batches per worker in flight, in worker processes or threads."""

    _engine: Engine | None = None

    def __init__(self, loader: Any) -> None:
        start = EpochStart(loader)
        BaseIterator.__init__(self, loader)
        self._prefetch_factor = loader.prefetch_factor
        if self._prefetch_factor <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        self._base_seed = start.base_seed(int(self._base_seed))
        self._profile_name = "enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__"
        self._engine = make_worker_engine(loader, self._base_seed, start.workers())
        self._goes_to_cuda = goes_to_cuda(loader)
        workers = self._engine.start(start.number)
        if not isinstance(self._engine, ProcessEngine):
            count = self._depth + _BESIDES
            if self._goes_to_cuda:
                device_memory(loader).slots.keep(count)
            else:
                keep_slots(loader, count)
        start.before_iter()
        BaseIterator._reset(self, loader, True)
        self._begin(loader, self._engine, self._depth, start, workers)

    @property
    def _depth(self) -> int:
        """How many batches are in flight."""
        return int(self._prefetch_factor) * int(self._num_workers)

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        """Begin another epoch with the same workers."""
        assert self._engine is not None
        start = EpochStart(loader)
        start.before_iter()
        BaseIterator._reset(self, loader, first_iter)
        if self._goes_to_cuda != goes_to_cuda(loader):  # slots that are locked for a device are not for users
            self._engine.stop()
            self._engine = make_worker_engine(loader, int(self._base_seed), start.workers())
            self._goes_to_cuda = goes_to_cuda(loader)
        self._begin(loader, self._engine, self._depth, start, self._engine.start(start.number))

    def _next_data(self) -> Any:
        try:
            return super()._next_data()
        except StopIteration:
            if not self._persistent_workers:
                self._shutdown_workers()
            raise
        except WorkerDiedError:
            self._shutdown_workers()
            raise

    @property
    def _workers(self) -> Any:  # type: ignore[override]
        return () if self._engine is None else self._engine.workers

    def _shutdown_workers(self) -> None:
        if self._engine is not None:
            self._engine.stop()

    def __del__(self) -> None:
        self._shutdown_workers()


def fetch_config(loader: Any, base_seed: int, in_process: bool) -> FetchConfig:
    state = loader_state(loader)
    if state.sample_seed is None:
        state.sample_seed = base_seed
    return FetchConfig(
        dataset=loader.dataset,
        iterable=loader._dataset_kind == DatasetKind.Iterable,
        auto_collation=loader._auto_collation,
        collate_fn=loader.collate_fn,
        drop_last=loader.drop_last,
        on_error=getattr(loader, "on_error", "raise"),
        sample_seed=state.sample_seed if getattr(loader, "rng", "torch") == "sample" else None,
        stream_seed=state.sample_seed,
        slots=device_memory(loader).slots if in_process and goes_to_cuda(loader) else None,
        snapshot_every=snapshot_every(loader),
    )


def make_worker_engine(loader: Any, base_seed: int, resume: Sequence[WorkerState] | None) -> Engine:
    """The engine that the loader asks for. resume: where its workers have to go on; None: at the beginning."""
    config = fetch_config(loader, base_seed, in_process=True)
    native = native_dataset(config)
    if native is not None:
        if loader.worker_init_fn is None and loader.multiprocessing_context is None:
            return NativeEngine(config, native, num_workers=loader.num_workers, resume=resume)
        logger.info("worker_init_fn or multiprocessing_context given: images are made in processes, not in threads")
    if getattr(loader, "worker_type", "process") == "thread":
        return ThreadEngine(
            config,
            num_workers=loader.num_workers,
            base_seed=base_seed,
            init_fn=loader.worker_init_fn,
            resume=resume,
        )
    return ProcessEngine(
        fetch_config(loader, base_seed, in_process=False),
        num_workers=loader.num_workers,
        base_seed=base_seed,
        context=loader.multiprocessing_context or torch.multiprocessing,
        init_fn=loader.worker_init_fn,
        resume=resume,
        lock_owner=device_memory(loader).owner if goes_to_cuda(loader) else 0,
    )

"""The iterators a loader gives out: torch's types by name and duty, fastload's engines inside.

Other libraries look for torch's iterator classes, call ``_shutdown_workers`` and ``_reset`` and read ``_workers``;
torch's base class draws the numbers that decide the order. Nothing else of torch's iterators is used.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch.multiprocessing
from torch.autograd.profiler import record_function

from fastload._delivery import Delivery, delivery_of
from fastload._epoch import Epoch, ErrorLog
from fastload._errors import WorkerDiedError
from fastload._fetch import FetchConfig
from fastload._index_batches import index_batches
from fastload._stats import LoaderStats
from fastload._torch_compat import (
    BaseIterator,
    DatasetKind,
    MultiProcessingIterator,
    SingleProcessIterator,
    profiling,
)
from fastload.engines._base import Engine
from fastload.engines._inline import InlineEngine
from fastload.engines._process import ProcessEngine
from fastload.engines._thread import ThreadEngine


class _EpochIterator(BaseIterator):
    """What both iterators share: an `Epoch` that may be begun anew."""

    _epoch: Epoch | None = None
    _delivery = Delivery()

    def _begin(self, loader: Any, engine: Engine, depth: int) -> None:
        state = loader_state(loader)
        if self._epoch is not None:
            self._epoch.abandon()
        if self._dataset_kind == DatasetKind.Map:
            self._sampler_iter = index_batches(self._index_sampler) or self._sampler_iter
        self._epoch = Epoch(
            engine,
            partial(next, self._sampler_iter),  # a bound method would make a cycle: `del iterator` has to end workers
            num_workers=self._num_workers,
            depth=depth,
            in_order=loader.in_order,
            timeout_s=self._timeout,
            error_log=state.error_log,
        )
        state.stats = self._epoch.stats
        self._delivery = delivery_of(self)
        self._epoch.prime()

    def _next_data(self) -> Any:
        assert self._epoch is not None
        return self._delivery.deliver(self._epoch.next(), self._epoch.stats)

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
        BaseIterator.__init__(self, loader)
        if self._timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        self._profile_name = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"
        engine = InlineEngine(fetch_config(loader, int(self._base_seed)))
        engine.start(loader_state(loader).begin_epoch())
        self._dataset_fetcher = engine.fetcher
        self._begin(loader, engine, depth=0)


class WorkerIterator(_EpochIterator, MultiProcessingIterator):
    """Keeps ``prefetch_factor`` batches per worker in flight, in worker processes or threads."""

    _engine: Engine | None = None

    def __init__(self, loader: Any) -> None:
        BaseIterator.__init__(self, loader)
        self._prefetch_factor = loader.prefetch_factor
        if self._prefetch_factor <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        self._profile_name = "enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__"
        self._engine = make_worker_engine(loader, int(self._base_seed))
        self._engine.start(loader_state(loader).begin_epoch())
        self._reset(loader, first_iter=True)

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        assert self._engine is not None
        BaseIterator._reset(self, loader, first_iter)
        if not first_iter:
            self._engine.start(loader_state(loader).begin_epoch())
        self._begin(loader, self._engine, self._prefetch_factor * self._num_workers)

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


@dataclass
class LoaderState:
    """What a loader remembers from one iterator to the next."""

    epochs_begun: int = 0
    sample_seed: int | None = None  # the first iterator's base seed
    stats: LoaderStats = field(default_factory=LoaderStats)
    error_log: ErrorLog = field(default_factory=ErrorLog)

    def begin_epoch(self) -> int:
        """The number of the epoch that begins, from 0."""
        self.epochs_begun += 1
        return self.epochs_begun - 1


def loader_state(loader: Any) -> LoaderState:
    """The loader's state, made when it is first asked for: the loader may be one of torch's own."""
    state: LoaderState | None = vars(loader).get("_fastload_state")
    if state is None:
        state = loader._fastload_state = LoaderState()
    return state


def fetch_config(loader: Any, base_seed: int) -> FetchConfig:
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
    )


def make_worker_engine(loader: Any, base_seed: int) -> Engine:
    config = fetch_config(loader, base_seed)
    if getattr(loader, "worker_type", "process") == "thread":
        return ThreadEngine(config, num_workers=loader.num_workers, base_seed=base_seed, init_fn=loader.worker_init_fn)
    return ProcessEngine(
        config,
        num_workers=loader.num_workers,
        base_seed=base_seed,
        context=loader.multiprocessing_context or torch.multiprocessing,
        init_fn=loader.worker_init_fn,
    )

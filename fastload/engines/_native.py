"""Worker threads for data sets whose whole batches are made natively: images, without the GIL.

All threads work on one queue of batches, several in one batch and the oldest first, so that the batch that is wanted
next is the next to be whole. Python sees a thread only when a batch is whole, when a file is for Pillow, or when the
objects in an image are to be moved with it.
"""

from __future__ import annotations

import operator
import os
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Subset

from fastload import _core
from fastload._failure import LocalFailure
from fastload._fetch import FetchConfig, FetchReport, described
from fastload._gather import as_index, index_table
from fastload._stateful import WorkerState, fresh_states
from fastload._torch_compat import set_thread_name
from fastload.collate import collates_as_torch
from fastload.datasets._images import ImageDataset
from fastload.datasets._native_batch import NativeBatch
from fastload.engines import _live
from fastload.engines._answers import Answers
from fastload.engines._base import STOP_TIMEOUT_S, BatchTask, Made, check_owner, stopped_error
from fastload.memory._arena import allocate, allocating_in

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class NativeDataset:
    """A data set of images, or torch's Subset of one: ``table`` has the images' numbers then."""

    images: ImageDataset
    table: Indices | None

    def numbers(self, index: Indices) -> Indices:
        return index if self.table is None else self.table[index]


def native_dataset(config: FetchConfig) -> NativeDataset | None:
    """The data set of a loader, if its batches are native ones; None: samples are made and collated in Python."""
    if config.iterable or not config.auto_collation or not collates_as_torch():
        return None
    dataset, table = config.dataset, None
    while type(dataset) is Subset:
        chosen = index_table(dataset.indices)
        if chosen is None:
            return None
        table = chosen if table is None else chosen[table]
        dataset = dataset.dataset
    if not isinstance(dataset, ImageDataset) or not dataset.makes_batches(config.collate_fn):
        return None
    return NativeDataset(dataset, table)


class NativeEngine:
    """Makes batches in ``num_workers`` daemon threads, started with the first epoch."""

    def __init__(
        self,
        config: FetchConfig,
        dataset: NativeDataset,
        *,
        num_workers: int,
        resume: Sequence[WorkerState] | None = None,
    ) -> None:
        self.workers: list[ImageThread] = []
        self._ending: list[ImageThread] = []
        self._config = config
        self._dataset = dataset
        self._num_workers = num_workers
        self._resume_from = resume
        self._epoch = 0
        self._jobs = _core.ImageQueue()
        self._results: dict[_core.ImageJob, NativeResult] = {}  # of jobs that are not whole
        self._answers: Answers[NativeResult] = Answers()
        self._round = 0  # how often the engine was started: answers of earlier rounds are thrown away
        self._owner_pid = 0

    def start(self, epoch: int) -> Sequence[WorkerState]:
        self._epoch = epoch
        self._round += 1
        if self.workers:
            return [WorkerState() for _ in self.workers]
        self._owner_pid = os.getpid()
        _live.add(self)
        for number in range(self._num_workers):
            thread = ImageThread(number, self._jobs, self._results, self._answers)
            self.workers.append(thread)
            thread.start()
        return fresh_states(self._resume_from, self._num_workers)

    def submit(self, task: BatchTask) -> None:
        if task.sent:
            return
        result = NativeResult(task, self._config, self._round)
        try:
            result.batch = self._batch(task.indices)
        except Exception as error:
            result.error = error.with_traceback(None)  # which holds this frame, and so the engine
            answers = self.answers
            answers += (result,)  # no calls from here on
            task.sent = True
            return
        job = result.batch.job
        self._results[job] = result
        task.sent = True
        self._jobs.push(job)

    def _batch(self, indices: Any) -> NativeBatch:
        index = as_index(indices)
        if index is None:  # torch's scalars, say
            index = np.array([operator.index(one) for one in indices], dtype=np.int64)
        seed = self._config.stream_seed
        assert seed is not None
        images, numbers = self._dataset.images, self._dataset.numbers(index)
        with allocating_in(self._config.slots):
            return images.native_batch(self._config.collate_fn, numbers, index, seed, self._epoch, allocate)

    @property
    def answers(self) -> deque[NativeResult]:
        return self._answers.waiting

    def wait(self, timeout_s: float | None) -> bool:
        if not self.workers:
            raise stopped_error()
        check_owner(self._owner_pid)
        while self._answers.wait(timeout_s):
            if self.answers[0].round == self._round:
                return True
            del self.answers[0]
        return False

    def stop(self) -> None:
        self._ending, self.workers = self.workers or self._ending, []  # the latter where Ctrl-C ended an earlier stop
        if (
            not self._ending or os.getpid() != self._owner_pid
        ):  # a forked child has no threads, and perhaps a taken lock
            return
        self._jobs.stop()
        for thread in self._ending:
            if thread is not threading.current_thread():  # a finaliser runs where it wants to
                thread.join(STOP_TIMEOUT_S)
        self._results.clear()
        self._answers = Answers()
        self._ending = []
        _live.discard(self)


class ImageThread(threading.Thread):
    """One worker. Offers what others ask of a worker process."""

    pid = None
    exitcode = None

    def __init__(
        self,
        number: int,
        jobs: _core.ImageQueue,
        results: dict[_core.ImageJob, NativeResult],
        answers: Answers[NativeResult],
    ) -> None:
        super().__init__(name=f"fastload image worker {number}", daemon=True)
        self._jobs = jobs
        self._results = results
        self._answers = answers

    def terminate(self) -> None:
        """End all threads of the engine after the samples in hand."""
        self._jobs.stop()

    def run(self) -> None:
        set_thread_name("pt_data_worker")
        while (event := self._jobs.work()) is not None:
            self._handle(*event)
            del event  # the batch belongs to the loader's user now

    def _handle(self, job: _core.ImageJob, position: int) -> None:
        """A sample is to be attended to, or the job is whole. One that is not known was dropped by `stop`."""
        result = self._results.get(job)
        if result is None or result.batch is None:
            return
        if position >= 0:
            result.batch.attend(position)
        else:
            del self._results[job]
            self._answers.put(result)


class NativeResult:
    """The answer to one task: a batch, or the error that kept it from being begun."""

    ended = False

    def __init__(self, task: BatchTask, config: FetchConfig, round: int) -> None:
        self.round = round
        self.number = task.number
        self.worker = task.worker
        self.batch: NativeBatch | None = None
        self.error: Exception | None = None
        self._indices = task.indices
        self._config = config

    def open(self) -> Made:
        self._report = FetchReport()
        try:
            outcome: Any = self._opened()
        except Exception as error:
            position = getattr(error, "position", None)
            outcome = LocalFailure(error, "" if position is None else self._where(position))
        return Made(outcome, self._report)

    def discard(self) -> None:
        self.batch = None

    def _opened(self) -> Any:
        if self.error is not None:
            raise self.error
        batch = self.batch
        assert batch is not None
        report = self._report
        report.stages = batch.job.seconds()
        report.fetch_s = sum(report.stages.values())
        report.samples = len(batch.indices)
        errors = batch.errors()
        if not errors:
            return batch.collated()
        if self._config.on_error == "raise":
            position, error = next(iter(errors.items()))
            return LocalFailure(error, self._where(position))
        return self._mended(errors, batch)

    def _mended(self, errors: dict[int, Exception], batch: NativeBatch) -> Any:
        """The batch without the samples at fault, or with what the user puts in their place."""
        on_error, report = self._config.on_error, self._report
        samples: list[Any] = []
        for position in range(len(batch.indices)):
            error = errors.get(position)
            if error is None:
                samples.append(batch.sample(position))
            elif callable(on_error):
                samples.append(on_error(self._index(position), error))
                report.replaced += ((self._index(position), described(error)),)
            else:
                report.skipped += ((self._index(position), described(error)),)
        report.samples = len(samples)
        if not samples:
            raise RuntimeError(
                f"all {len(errors)} samples of this batch failed, so that on_error='skip' leaves nothing to collate "
                f"(the last: {report.skipped[-1][1]}); repair the dataset, use larger batches, or pass "
                "on_error=callable(index, exception) to provide replacements"
            ) from next(iter(errors.values()))
        return self._config.collate(samples)

    def _where(self, position: int) -> str:
        return f"dataset index {self._index(position)}, position {position} in the batch"

    def _index(self, position: int) -> Any:
        index = self._indices[position]
        return int(index) if isinstance(index, np.integer) else index

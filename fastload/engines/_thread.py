"""Worker threads of the loader's own process.

The dataset is not copied, nothing is pickled and a batch needs no transport. The threads share the process's
random generators, which are not seeded for them: see ``worker_type`` of `fastload.DataLoader`.
"""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from fastload._errors import WorkerError
from fastload._failure import Failure, LocalFailure
from fastload._fetch import NOWHERE, STOP, FetchConfig, FetchReport, Interrupted
from fastload._make_fetcher import make_fetcher
from fastload._stateful import WorkerState, fresh_states
from fastload._torch_compat import set_thread_name, set_thread_worker_info, worker_info
from fastload.engines import _live
from fastload.engines._answers import Answers
from fastload.engines._base import STOP_TIMEOUT_S, BatchTask, Made, check_owner, stopped_error


class ThreadEngine:
    """Makes batches in ``num_workers`` daemon threads, started with the first epoch."""

    def __init__(
        self,
        config: FetchConfig,
        *,
        num_workers: int,
        base_seed: int,
        init_fn: Callable[[int], Any] | None,
        resume: Sequence[WorkerState] | None = None,
    ) -> None:
        self._resume_from = resume
        self.workers: list[WorkerThread] = []
        self._config = config
        self._num_workers = num_workers
        self._base_seed = base_seed
        self._init_fn = init_fn
        self._answers: Answers[ThreadResult | ThreadResumed] = Answers()
        self._running = False
        self._ended = True
        self._owner_pid = 0

    @property
    def answers(self) -> deque[ThreadResult | ThreadResumed]:
        return self._answers.waiting

    def start(self, epoch: int) -> Sequence[WorkerState]:
        if not self._running:
            self.stop()
            states = fresh_states(self._resume_from, self._num_workers)
            self._running, self._ended = True, False
            self._owner_pid = os.getpid()
            _live.add(self)
            self.workers = []
            for worker in range(self._num_workers):
                seed = self._base_seed + worker
                info = worker_info(worker, self._num_workers, seed, self._config.dataset, in_thread=True)
                resume = None if self._resume_from is None else self._resume_from[worker]
                thread = WorkerThread(worker, info, self._config, self._init_fn, epoch, self._answers, resume)
                self.workers.append(thread)
                thread.start()
            return states
        for thread in self.workers:
            thread.tasks.put(epoch)
        resumed: dict[int, WorkerState] = {}
        while len(resumed) < self._num_workers:
            self._answers.wait()
            answer = self.answers.popleft()
            if isinstance(answer, ThreadResumed):
                resumed[answer.worker] = answer.state
        return [resumed[worker] for worker in range(self._num_workers)]

    def submit(self, task: BatchTask) -> None:
        tasks = self.workers[task.worker].tasks
        if not task.sent:
            task.sent = True
            tasks.put(task)

    def wait(self, timeout_s: float | None) -> bool:
        if not self._running:
            raise stopped_error()
        check_owner(self._owner_pid)
        while self._answers.wait(timeout_s):
            if not isinstance(self.answers[0], ThreadResumed):
                return True
            del self.answers[0]  # asked for by a `start` that was interrupted
        return False

    def stop(self) -> None:
        if self._ended:
            return
        self._running = False
        for thread in self.workers:
            thread.terminate()
        for thread in self.workers:
            if thread is not threading.current_thread():  # a finaliser runs where it wants to
                thread.join(STOP_TIMEOUT_S)
        self._answers = Answers()
        self._ended = True  # not before: Ctrl-C may come, and the rest is done the next time
        _live.discard(self)


class WorkerThread(threading.Thread):
    """One worker. Offers what others ask of a worker process."""

    pid = None
    exitcode = None

    def __init__(
        self,
        worker: int,
        info: Any,
        config: FetchConfig,
        init_fn: Callable[[int], Any] | None,
        epoch: int,
        answers: Answers[ThreadResult | ThreadResumed],
        resume: WorkerState | None,
    ) -> None:
        super().__init__(name=f"fastload worker {worker}", daemon=True)
        self.tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._worker = worker
        self._info = info
        self._config = config
        self._init_fn = init_fn
        self._epoch = epoch
        self._answers = answers
        self._resume = resume
        self._words = [0, NOWHERE]
        self._fetcher: Any = None

    def terminate(self) -> None:
        """End the thread at its next sample; a sample that is being made cannot be interrupted."""
        self._words[STOP] = 1
        self.tasks.put(None)

    def run(self) -> None:
        set_thread_name("pt_data_worker")
        set_thread_worker_info(self._info)
        self._make_fetcher(self._init_fn)
        ended = False
        while (task := self.tasks.get()) is not None and not self._words[STOP]:
            if isinstance(task, int):
                self._epoch, ended = task, False
                if not isinstance(self._fetcher, Failure):
                    self._make_fetcher(None)
                self._answers.put(ThreadResumed(self._worker, self._state()))
            elif not ended:
                ended = self._answer(task)
            del task  # its batch belongs to the loader's user now

    def _make_fetcher(self, init_fn: Callable[[int], Any] | None) -> None:
        try:
            if init_fn is not None:
                init_fn(self._worker)
            self._fetcher = make_fetcher(self._config, self._words, self._resume)
            self._resume = None
            self._fetcher.epoch = self._epoch
        except Exception as error:
            self._fetcher = Failure.of(error, f"in DataLoader worker thread {self._worker}")

    def _state(self) -> WorkerState:
        """At the beginning of an epoch that is not the first."""
        if isinstance(self._fetcher, Failure) or not self._config.snapshot_every:
            return WorkerState()
        try:
            return WorkerState(snapshot=self._fetcher.snapshot())
        except Exception as error:
            self._fetcher = Failure.of(error, f"in DataLoader worker thread {self._worker}")
            return WorkerState()

    def _answer(self, task: BatchTask) -> bool:
        """Do ``task``; True at the end of an iterable dataset."""
        if isinstance(self._fetcher, Failure):
            self._answers.put(ThreadResult(task, Made(self._fetcher, FetchReport())))
            return False
        try:
            outcome = self._fetcher.fetch(task.indices)
        except Interrupted:
            return True
        except StopIteration as stop:
            if self._config.iterable:
                self._answers.put(ThreadResult(task, None))
                return True
            outcome = LocalFailure(stop, "")
        except Exception as error:
            outcome = LocalFailure(error, self._fetcher.where(error))
        except BaseException as error:  # a process would have ended; a thread cannot say so by itself
            ended = WorkerError(f"worker thread {self._worker} was told to end by {error!r}")
            ended.__cause__ = error
            outcome = LocalFailure(ended, self._fetcher.where(ended))
        self._answers.put(ThreadResult(task, Made(outcome, self._fetcher.report)))
        del outcome  # a failure's traceback holds this frame
        return False


class ThreadResumed(NamedTuple):
    """Everything from before is answered."""

    worker: int
    state: WorkerState


class ThreadResult:
    """An answer; ``made`` is None where the dataset has come to its end."""

    def __init__(self, task: BatchTask, made: Made | None) -> None:
        self.number = task.number
        self.worker = task.worker
        self.ended = made is None
        self._made = made

    def open(self) -> Made:
        assert self._made is not None
        return self._made

    def discard(self) -> None:
        pass

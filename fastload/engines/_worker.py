"""The loop of a worker process, and what it is told when it starts.

loader -> worker   tag >= 0: a task (indices, slots given back)     RESUME: (epoch, slots given back)   STOP
worker -> loader   tag >= 0: the answer (outcome, report, news of memory)    -1 - number: the data ended
                   RESUMED: everything from before is answered; where the worker stands
"""

from __future__ import annotations

import gc
import mmap
import os
import select
from collections.abc import Callable, MutableSequence, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import parent_process
from time import perf_counter
from typing import Any, NamedTuple

import torch

from fastload import _core
from fastload._errors import WorkerError
from fastload._failure import Failure
from fastload._fetch import FetchConfig, Fetcher, FetchReport, Interrupted
from fastload._make_fetcher import make_fetcher
from fastload._rng import Watch, set_states
from fastload._stateful import WorkerState
from fastload._torch_compat import (
    forget_worker_info,
    prepare_worker_process,
    seed_worker,
    set_worker_info,
    torch_collate,
    workers_let_go,
)
from fastload.collate import stack_into_slots
from fastload.memory._arena import use_slots
from fastload.memory._channel import Inbox, frame, send

STOP = -(1 << 62)
RESUME = STOP + 1
RESUMED = STOP + 2

WORDS_PER_WORKER = 8  # a cache line each, so that workers do not write into each other's
PARENT_CHECK_S = 2.0


@dataclass
class WorkerSetup:
    """Everything a worker process starts with."""

    worker: int
    num_workers: int
    base_seed: int
    epoch: int
    fetch: FetchConfig
    init_fn: Callable[[int], Any] | None
    tasks: Connection
    results: Connection
    task_memory: _core.SharedFile
    result_memory: _core.SharedFile
    board: _core.SharedFile
    dies_with_parent: bool
    resume: WorkerState | None = None
    # After a fork this process has the loader's ends of the pipes of older workers, too.
    not_ours: Sequence[Connection] = field(default_factory=tuple)


class MemoryNews(NamedTuple):
    """What the loader has to know about memory, with every answer."""

    retired: list[int]  # slots of the worker that are gone
    given_back: list[int]  # slots of the loader that the worker is done with
    send_s: float  # what sending the answer before this one took


def worker_main(setup: WorkerSetup) -> None:
    """Serve tasks until told to stop, or until the loader's process is gone."""
    gc.freeze()  # collections need not touch, and so copy, the pages inherited from the loader
    for connection in setup.not_ours:
        connection.close()
    if setup.dies_with_parent:
        _core.die_with_parent()
    _core.keep_freed_memory()
    _core.set_num_threads(1)
    try:
        prepare_worker_process()
        worker = Worker(setup)
        worker.run()
    except KeyboardInterrupt:
        pass  # the loader raises it
    except (BrokenPipeError, EOFError):
        pass  # the loader is gone
    finally:
        if workers_let_go():
            forget_worker_info()
            del setup.fetch  # the Process keeps the setup: now the dataset goes with the worker


class Worker:
    def __init__(self, setup: WorkerSetup) -> None:
        self.setup = setup
        self.where = f"in DataLoader worker process {setup.worker}"
        self.slots = _core.Slots(setup.result_memory)
        self.task_slots = _core.RemoteSlots(setup.task_memory)
        self.words = words_of(map_board(setup.board), setup.worker)
        self.epoch = setup.epoch
        self.watch = Watch() if setup.fetch.snapshot_every else None
        self.fetcher: Fetcher | Failure = self._prepared()
        self.ended = False
        self.send_s = 0.0  # of the last batch; it travels with the next

    def _prepared(self) -> Fetcher | Failure:
        """What comes before the first task, in torch's order: seeds, worker info, init function, fetcher."""
        setup = self.setup
        use_slots(self.slots)
        registry = torch_collate.default_collate_fn_map
        if registry.get(torch.Tensor) is torch_collate.collate_tensor_fn:
            # For a collate_fn that calls torch's default_collate: into slots in place of /dev/shm.
            registry[torch.Tensor] = stack_into_slots
        seed = seed_worker(setup.base_seed, setup.worker)
        set_worker_info(setup.worker, setup.num_workers, seed, setup.fetch.dataset)
        try:
            if setup.init_fn is not None:
                setup.init_fn(setup.worker)
        except Exception as error:
            return Failure.of(error, self.where)
        if self.watch is not None:
            self.watch.look()  # from here on only changes are told
        fetcher = self._fetcher(setup.resume)
        if setup.resume is not None and setup.resume.rng is not None and not setup.resume.ended:
            set_states(setup.resume.rng)
        return fetcher

    def _fetcher(self, resume: WorkerState | None = None) -> Fetcher | Failure:
        try:
            fetcher = make_fetcher(self.setup.fetch, self.words, resume)
        except Exception as error:
            return Failure.of(error, self.where)
        fetcher.epoch = self.epoch
        return fetcher

    def run(self) -> None:
        """The loop: one task after the other, in the order they came."""
        parent = ParentWatch(self.setup.tasks)
        inbox = Inbox(self.setup.tasks, self.task_slots)
        while parent.wait():
            message = inbox.first()
            inbox.pieces = []
            tag = message.tag
            if tag == STOP:
                return
            content, given_back = message.open()
            del message  # its slots go back with the answer
            self.slots.give_back(given_back)
            try:
                if tag == RESUME:
                    self._resume(content)
                elif not self.ended:
                    self._answer(tag, content)
            except Interrupted:
                return

    def _resume(self, epoch: int) -> None:
        self.ended = False
        self.epoch = epoch
        began = self.watch.look_again() if self.watch is not None and self.setup.fetch.iterable else None
        if isinstance(self.fetcher, Fetcher):
            self.fetcher = self._fetcher()
        state = WorkerState()
        if self.watch is not None and isinstance(self.fetcher, Fetcher):
            try:
                state = WorkerState(snapshot=self.fetcher.snapshot(), rng=self.watch.look_again(), began=began)
            except Exception as error:
                self.fetcher = Failure.of(error, self.where)
        self._send(RESUMED, state)

    def _answer(self, number: int, indices: Any) -> None:
        if isinstance(self.fetcher, Failure):
            self._send_outcome(number, self.fetcher, FetchReport())
            return
        try:
            outcome = self.fetcher.fetch(indices)
        except StopIteration as stop:
            if self.setup.fetch.iterable:
                self.ended = True
                self._send(-1 - number, None)
                return
            outcome = Failure.of(stop, self.where)
        except Exception as error:
            outcome = Failure.of(error, self.where, self.fetcher.where(error))
        self._send_outcome(number, outcome, self.fetcher.report)

    def _send_outcome(self, number: int, outcome: Any, report: FetchReport) -> None:
        started = perf_counter()
        if self.watch is not None:
            report.rng = self.watch.look()
        news = MemoryNews(self.slots.retired(), self.task_slots.returned(), self.send_s)
        try:
            self._send(number, (outcome, report, news))
        except (BrokenPipeError, KeyboardInterrupt):
            raise
        except Exception as error:
            problem = WorkerError(
                f"the batch of type {type(outcome).__name__} cannot be sent to the loader: {error}; "
                "return tensors, arrays and picklable objects from collate_fn"
            )
            problem.__cause__ = error
            self._send(number, (Failure.of(problem, self.where), report, news))
        self.send_s = perf_counter() - started

    def _send(self, tag: int, message: Any) -> None:
        send(frame(tag, message, self.slots), self.setup.results)


class ParentWatch:
    """Waits for tasks without outliving the loader's process."""

    def __init__(self, tasks: Connection) -> None:
        parent = parent_process()
        assert parent is not None
        assert parent.pid is not None
        self._pid = parent.pid
        self._poll = select.poll()
        self._tasks = tasks.fileno()
        self._poll.register(self._tasks, select.POLLIN)
        self._pidfd = -1
        if hasattr(os, "pidfd_open"):
            try:
                self._pidfd = os.pidfd_open(self._pid)
                self._poll.register(self._pidfd, select.POLLIN)
            except OSError:  # an old kernel, or a parent that is gone already: the check below tells
                self._pidfd = -1

    def wait(self) -> bool:
        """True when a task is there, False when the loader's process is gone."""
        while True:
            ready = [descriptor for descriptor, _ in self._poll.poll(PARENT_CHECK_S * 1000)]
            if self._tasks in ready:
                return True
            if self._pidfd in ready or not self._is_alive():
                return False

    def _is_alive(self) -> bool:
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def make_board(num_workers: int) -> _core.SharedFile:
    """Memory for the words of all workers' fetchers, zeroed."""
    board = _core.SharedFile()
    os.ftruncate(board.fileno(), num_workers * WORDS_PER_WORKER * 8)
    return board


def map_board(board: _core.SharedFile) -> Any:
    """The words of all workers, as integers that other processes see."""
    return memoryview(mmap.mmap(board.fileno(), 0)).cast("q")


def words_of(board: Any, worker: int) -> MutableSequence[int]:
    """The words of one worker's fetcher."""
    return board[worker * WORDS_PER_WORKER : (worker + 1) * WORDS_PER_WORKER]  # type: ignore[no-any-return]

"""Worker processes.

Each worker has a pipe for tasks, a pipe for answers and a piece of shared memory whose slots it fills; the loader
has another such piece for what it sends. The loader waits on answer pipes and process sentinels together, so it
knows at once when a worker dies.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pickle import PicklingError
from time import perf_counter
from typing import Any

from fastload import _core
from fastload._errors import WorkerDiedError
from fastload._fetch import AT, NOWHERE, FetchConfig
from fastload._fetch import STOP as STOP_WORD
from fastload._index_batches import as_list
from fastload._stateful import WorkerState, fresh_states
from fastload.engines import _live
from fastload.engines._base import STOP_TIMEOUT_S, BatchTask, Made, check_owner, stopped_error
from fastload.engines._forkserver import preload_forkserver, start_method
from fastload.engines._obituary import obituary, torch_obituary
from fastload.engines._worker import (
    RESUME,
    RESUMED,
    STOP,
    WorkerSetup,
    make_board,
    map_board,
    words_of,
    worker_main,
)
from fastload.memory._channel import Inbox, Incoming, frame, send_first

# A consumer may hold this many batches of each worker in their slots; what it keeps beyond them is copied out on
# delivery, so that an epoch kept in a list costs what it costs with torch, and slots never run out.
BATCHES_KEPT_IN_SLOTS = 8

DESCRIPTORS_PER_WORKER = 4  # two pipes, the shared memory, the sentinel


@dataclass
class WorkerHandle:
    """The loader's side of one worker."""

    worker: int
    process: BaseProcess
    tasks: Connection
    results: Connection
    file: _core.SharedFile  # the worker's slots are in it
    memory: _core.RemoteSlots
    inbox: Inbox
    words: Any
    held: dict[int, Any] = field(default_factory=dict)  # number -> indices of the tasks it has not answered
    outbox: deque[bytes] = field(default_factory=deque)  # frames that its pipe had no room for
    done_with: list[int] = field(default_factory=list)  # slots of the worker, which it has not been told yet
    resuming: bool = False
    state: WorkerState = field(default_factory=WorkerState)  # at the start of the epoch

    def __post_init__(self) -> None:
        self._room = select.poll()
        self._room.register(self.tasks.fileno(), select.POLLOUT)

    def flush(self) -> bool:
        """Send what the pipe takes without blocking, in order; False if something stays in the outbox."""
        while self.outbox and self._room.poll(0):
            with contextlib.suppress(BrokenPipeError):  # it is dead: its sentinel tells, and says more
                send_first(self.outbox, self.tasks)
        return not self.outbox


class ProcessEngine:
    """Makes batches in ``num_workers`` processes, started with the first epoch."""

    def __init__(
        self,
        config: FetchConfig,
        *,
        num_workers: int,
        base_seed: int,
        context: Any,
        init_fn: Callable[[int], Any] | None,
        resume: Sequence[WorkerState] | None = None,
        lock_owner: int = 0,
    ) -> None:
        self.workers: list[BaseProcess] = []
        self._lock_owner = lock_owner  # who may lock the workers' slots for a device; 0: nobody
        self._resume_from = resume
        self._config = config
        self._num_workers = num_workers
        self._base_seed = base_seed
        self._context = context
        self._init_fn = init_fn
        self._handles: list[WorkerHandle] = []
        self._ending: list[WorkerHandle] = []
        self._reading: WorkerHandle | None = None  # whose answer is being read
        self.answers: deque[ProcessResult] = deque()
        self._poll = select.poll()
        self._by_descriptor: dict[int, WorkerHandle] = {}
        self._pid = os.getpid()
        self._memory: _core.SharedFile | None = None  # what this process writes for all workers
        self._slots = _core.Slots()
        self._board: _core.SharedFile | None = None
        self._words: Any = None

    def start(self, epoch: int) -> Sequence[WorkerState]:
        if not self._handles:
            try:
                self._start_workers(epoch)
            except BaseException as error:
                self.stop()
                if isinstance(error, OSError) and error.errno == errno.EMFILE:
                    raise RuntimeError(
                        f"Too many open files to start {self._num_workers} workers, each of which needs "
                        f"{DESCRIPTORS_PER_WORKER} descriptors in this process. Please increase the limit using "
                        "`ulimit -n` in the shell, or pass a smaller num_workers"
                    ) from error
                raise
            return fresh_states(self._resume_from, self._num_workers)
        try:
            self._resume(epoch)
        except WorkerDiedError:
            self.stop()
            raise
        return [handle.state for handle in self._handles]

    def _resume(self, epoch: int) -> None:
        """Workers do what they were given and acknowledge the epoch; their answers up to then go nowhere."""
        for handle in self._handles:
            handle.held.clear()
            handle.resuming = True
            message = self._framed(handle, RESUME, epoch)
            handle.done_with = []  # no calls from here on
            handle.outbox += (message,)
            self._flush(handle)
        while any(handle.resuming for handle in self._handles):
            self._receive(None)
        while self.answers:
            self.answers.popleft().discard()

    def _start_workers(self, epoch: int) -> None:
        _live.add(self)
        self.workers = []
        self._memory = _core.SharedFile()
        self._slots = _core.Slots(self._memory)
        self._board = make_board(self._num_workers)
        self._words = map_board(self._board)
        for worker in range(self._num_workers):
            words_of(self._words, worker)[AT] = NOWHERE
            self._start_worker(worker, epoch)

    def _start_worker(self, worker: int, epoch: int) -> None:
        assert self._memory is not None
        assert self._board is not None
        tasks, tasks_out = self._context.Pipe(duplex=False)
        results_in, results = self._context.Pipe(duplex=False)
        memory = _core.SharedFile()
        method = start_method(self._context)
        if method == "forkserver":
            preload_forkserver()
        setup = WorkerSetup(
            worker=worker,
            num_workers=self._num_workers,
            base_seed=self._base_seed,
            epoch=epoch,
            fetch=self._config,
            init_fn=self._init_fn,
            tasks=tasks,
            results=results,
            task_memory=self._memory,
            result_memory=memory,
            board=self._board,
            # The kernel takes the starting thread for the parent, and a forkserver's children have another one.
            resume=None if self._resume_from is None else self._resume_from[worker],
            dies_with_parent=method != "forkserver" and threading.current_thread() is threading.main_thread(),
            not_ours=self._descriptors_so_far(tasks_out, results_in) if method == "fork" else (),
        )
        process = self._context.Process(target=worker_main, args=(setup,), daemon=True)
        try:
            _start(process)
        except BaseException:
            for ours in (tasks_out, results_in, memory):
                ours.close()
            raise
        finally:
            tasks.close()
            results.close()
        words, slots = words_of(self._words, worker), _core.RemoteSlots(memory, self._lock_owner)
        inbox = Inbox(results_in, slots)
        handle = WorkerHandle(worker, process, tasks_out, results_in, memory, slots, inbox, words)
        self.workers.append(process)
        self._handles.append(handle)
        for descriptor in (results_in.fileno(), process.sentinel):
            self._by_descriptor[descriptor] = handle
            self._poll.register(descriptor, select.POLLIN)

    def _descriptors_so_far(self, *own: Connection) -> Sequence[Connection]:
        older = [connection for handle in self._handles for connection in (handle.tasks, handle.results)]
        return [*older, *own]

    def submit(self, task: BatchTask) -> None:
        handle = self._handles[task.worker]
        if not task.sent:
            message = self._framed(handle, task.number, task.indices)
            handle.done_with = []  # no calls from here on
            handle.outbox += (message,)
            handle.held[task.number] = task.indices
            task.sent = True
        self._flush(handle)

    def _framed(self, handle: WorkerHandle, tag: int, content: Any) -> bytes:
        handle.done_with.extend(chain.from_iterable(map(_core.RemoteSlots.returned, (handle.memory,))))
        return frame(tag, (content, handle.done_with), self._slots)

    def _flush(self, handle: WorkerHandle) -> None:
        if not handle.flush():  # the rest goes when the pipe has room
            self._by_descriptor[handle.tasks.fileno()] = handle
            self._poll.register(handle.tasks.fileno(), select.POLLOUT)

    def wait(self, timeout_s: float | None) -> bool:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        if not self._handles:
            raise stopped_error()
        check_owner(self._pid)
        if not self.answers and timeout_s == 0:
            self._receive(0)  # what is there already
        while not self.answers:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            self._receive(left)
        return True

    def _receive(self, timeout_s: float | None) -> None:
        """Wait until something happens, and take in all that has."""
        if self._reading is not None:  # an interrupt came before all of it was done
            self._take_answer(self._reading)
            return
        ended = []
        for descriptor, _ in self._poll.poll(None if timeout_s is None else math.ceil(timeout_s * 1000)):
            handle = self._by_descriptor[descriptor]
            if descriptor == handle.process.sentinel:
                ended.append(handle)
            elif descriptor == handle.tasks.fileno():
                if handle.flush():
                    self._poll.unregister(descriptor)
            else:
                self._take_answer(handle)
        for handle in ended:
            if not handle.results.poll(0) or not self._take_answer(handle):
                self._raise_died(handle)

    def _take_answer(self, handle: WorkerHandle) -> bool:
        """Read one answer; False if the pipe has come to its end."""
        self._reading = handle
        try:
            message = handle.inbox.first()
        except (EOFError, OSError):
            # Without its pipe a worker is of no use; from here on only its end is waited for.
            with contextlib.suppress(KeyError):
                self._poll.unregister(handle.results.fileno())
            self._reading = None
            return False
        if message.tag == RESUMED:
            state = message.open()
            handle.state, handle.resuming = state, False  # no calls from here on
        else:
            result = ProcessResult(handle, message, self._slots)
            if result.number in handle.held:  # no calls from here on
                del handle.held[result.number]
            self.answers += (result,)
        handle.inbox.pieces = []
        self._reading = None
        return True

    def _raise_died(self, handle: WorkerHandle) -> None:
        handle.process.join()
        at = handle.words[AT]
        held = [as_list(indices) for indices in handle.held.values()]
        text = obituary(handle.worker, handle.process, held, None if at == NOWHERE else at)
        raise WorkerDiedError(text) from RuntimeError(torch_obituary(handle.process))

    def stop(self) -> None:
        if self._memory is None:
            return  # not started, or stopped: maybe by the interpreter's exit, which takes modules away before us
        if os.getpid() != self._pid:
            return  # a fork of the loader's process: the workers are not its children
        self._ending, self._handles = self._handles or self._ending, []  # the latter where Ctrl-C ended an earlier stop
        handles = self._ending
        for handle in handles:
            handle.words[STOP_WORD] = 1
            if not handle.outbox:
                with contextlib.suppress(OSError):  # the end of its pipe, which comes next, says the same
                    handle.outbox.append(frame(STOP, None, self._slots))
                    handle.flush()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for handle in handles:
            handle.tasks.close()  # one that missed the message meets the end of its pipe
        for handle in handles:
            _end(handle.process, deadline)
            handle.results.close()
            handle.file.close()
        self._ending = []
        self._reading = None
        self.answers.clear()
        self._by_descriptor.clear()
        self._poll = select.poll()
        for file in (self._memory, self._board):
            if file is not None:
                file.close()
        self._memory = self._board = self._words = None
        _live.discard(self)


class ProcessResult:
    """An answer as it came out of the pipe."""

    def __init__(self, handle: WorkerHandle, message: Incoming, task_slots: _core.Slots) -> None:
        self.worker = handle.worker
        self.ended = message.tag < 0
        self.number = -1 - message.tag if self.ended else message.tag
        self._message: Incoming | None = message
        self._memory = handle.memory
        self._task_slots = task_slots
        self._given_back: Iterator[list[int]] = iter(())
        self._made: Made | None = None

    def open(self) -> Made:
        if self._made is None:
            self._open()
        for _ in map(self._task_slots.give_back, self._given_back):  # taken and given back in one call
            pass
        assert self._made is not None
        return self._made

    def _open(self) -> None:
        started = perf_counter()
        assert self._message is not None
        outcome, report, news = self._message.open(BATCHES_KEPT_IN_SLOTS)
        self._memory.forget(news.retired)
        made = Made(outcome, report, news.send_s + perf_counter() - started)
        given_back = iter((news.given_back,))
        self._made = made  # no calls from here on
        self._given_back = given_back
        self._message = None

    def discard(self) -> None:
        if not self.ended:
            self.open()


def _start(process: BaseProcess) -> None:
    try:
        process.start()
    except (TypeError, AttributeError, PicklingError):
        warnings.warn(
            "Got pickle error when attempting to start a worker Process. "
            "This might be because the worker Process arguments are not picklable: under the start methods spawn and "
            "forkserver (the default from Python 3.14 on) dataset, collate_fn and worker_init_fn have to be. "
            "Define them at the top level of a module, or pass multiprocessing_context='fork'.",
            stacklevel=2,
        )
        raise


def _end(process: BaseProcess, deadline: float) -> None:
    """Wait for the process until ``deadline``, then make it end."""
    process.join(max(0.0, deadline - time.monotonic()))
    for end in (process.terminate, process.kill):
        if not process.is_alive():
            return
        end()
        process.join(STOP_TIMEOUT_S)

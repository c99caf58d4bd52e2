"""What the machine can do, with nothing of a loader in the way: plain copies, forks and processes."""

import mmap
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


class WarmMappings:
    """Forked processes that copy one sample, again and again, into warm shared memory of their own.

    Each process goes round ``slots`` batches, as a loader that prefetches must; nobody reads what they wrote.
    """

    def __init__(self, sample: Array, batch_size: int, processes: int = 2, slots: int = 3) -> None:
        context = multiprocessing.get_context("fork")
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_fill, args=(theirs, sample, batch_size, slots), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        self._wait()

    def fill(self, batches: int) -> None:
        """Returns when ``batches`` batches are written, dealt evenly to the processes."""
        for pipe in self._pipes:
            pipe.send(batches // len(self._pipes))
        self._wait()

    def close(self) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.send(None)
            process.join()

    def _wait(self) -> None:
        for pipe in self._pipes:
            pipe.recv()


def _fill(pipe: Connection, sample: Array, batch_size: int, slots: int) -> None:
    memory = mmap.mmap(-1, slots * batch_size * sample.nbytes)
    batches = np.frombuffer(memory, sample.dtype).reshape(slots, batch_size, *sample.shape)
    batches[:] = 0
    pipe.send(True)
    while (count := pipe.recv()) is not None:
        for number in range(count):
            batch = batches[number % slots]
            for row in batch:
                np.copyto(row, sample)
        pipe.send(True)
    os._exit(0)


class WarmCopy:
    """Copies arrays into one warm block of private memory, with a thread for each core."""

    def __init__(self, sources: list[Array]) -> None:
        self._rows = np.zeros((len(sources), *sources[0].shape), sources[0].dtype)
        self._cores = len(os.sched_getaffinity(0))
        self._threads = ThreadPoolExecutor(self._cores)
        self._sources = sources

    def copy(self, times: int) -> None:
        for _ in range(times):
            list(self._threads.map(self._part, range(self._cores)))

    def close(self) -> None:
        self._threads.shutdown()

    def _part(self, part: int) -> None:
        for number in range(part, len(self._sources), self._cores):
            np.copyto(self._rows[number], self._sources[number])


def two_forks() -> None:
    """Forks two processes and waits for one byte from each: the least that fresh workers cost."""
    ends = [os.pipe() for _ in range(2)]
    children = []
    for read_end, write_end in ends:
        if not (child := os.fork()):
            os.write(write_end, b"x")
            os._exit(0)
        children.append(child)
        os.read(read_end, 1)
    for child in children:
        os.waitpid(child, 0)
    for descriptor in (descriptor for pair in ends for descriptor in pair):
        os.close(descriptor)

"""A device whose work is done late, in any order that its two queues allow, with an allocator like that of CUDA.

A copy reads the host's memory when it is done, not when it is queued, and holds nothing: who lets go of that memory
too early sees what has been written there since. Memory that was got aside is handed out again as soon as its tensor
has died, unless `FakeLane.use` was told; then after what the consumer's queue held at that moment. So is what was got
in that queue.
"""

from __future__ import annotations

import os
import random
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

SPOILT = 0xEE
Work = Callable[[], bool]  # whether it could be done; False: it waits


class FakeMark:
    def __init__(self, lane: FakeLane) -> None:
        self._lane = lane
        self.is_done = False

    def query(self) -> bool:
        return self.is_done

    def synchronize(self) -> None:
        while not self.is_done:
            assert self._lane.step(), "everything waits, and nothing will happen"

    def elapsed_time(self, later: FakeMark) -> float:
        assert self.is_done
        assert later.is_done
        return 1000.0


class FakeQueue(deque[Work]):
    __hash__ = object.__hash__
    waits = 0

    def wait_event(self, mark: FakeMark) -> None:
        self.append(mark.query)
        self.waits += 1


class _Block:
    def __init__(self, memory: NDArray[np.uint8]) -> None:
        self.memory = memory
        self.used_by_consumer = False


class FakeLane:
    """See the module. draws: decides what is done next, and when."""

    new_queue = FakeQueue

    def __init__(self, draws: random.Random, locks: bool = True) -> None:
        self._draws = draws
        self._locks = locks
        self._is_reading = False
        self._has_untold = False
        self.side = self.new_queue()
        self._consumers = self.new_queue()
        self._queue = self._consumers
        self._free: list[_Block] = []
        self._all: dict[int, _Block] = {}  # by address
        self._blocks: dict[int, _Block] = {}  # those in use
        self.staged = 0  # bytes
        self.copies = 0
        self.most_running = 0  # copies that waited at a time
        self.most_blocks = 1 << 20  # of memory
        self._memory = os.open("/proc/self/mem", os.O_RDONLY)

    def close(self) -> None:
        os.close(self._memory)

    # What a Lane does.

    def here(self) -> FakeQueue:
        return self._queue

    def asking(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def aside(self) -> Iterator[None]:
        outer, self._queue = self._queue, self.side
        try:
            yield
        finally:
            self._queue = outer

    def in_turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def copied(self, tensor: torch.Tensor) -> torch.Tensor:
        made = self._allocated(tensor)
        address, nbytes, target = tensor.data_ptr(), tensor.nbytes, made.data_ptr()

        def copy() -> bool:
            self._blocks_memory(target)[:nbytes] = self._bytes_at(address, nbytes)
            return True

        self._queue.append(copy)
        self.copies += 1
        self.most_running = max(self.most_running, len(self.side))
        return made

    def moved(self, value: Any) -> Any:
        return value.to(self)

    def staging(self, nbytes: int) -> torch.Tensor:
        self.staged += nbytes
        return torch.empty(nbytes, dtype=torch.uint8)

    @contextmanager
    def reading(self) -> Iterator[None]:
        self._is_reading = True
        try:
            yield
        finally:
            self._is_reading = False

    def reads(self, tensor: torch.Tensor) -> bool:
        assert self._is_reading
        return self._locks

    def mark(self, queue: FakeQueue) -> FakeMark:
        mark = FakeMark(self)

        def done() -> bool:
            mark.is_done = True
            return True

        queue.append(done)
        return mark

    def use(self, tensor: torch.Tensor, queue: FakeQueue) -> None:
        assert queue is self._consumers
        block = self._block_of(tensor)
        if block is not None:
            block.used_by_consumer = True

    def use_movable(self, value: Any, queue: FakeQueue) -> None:
        value.record_stream(queue)

    def note_untold(self, queue: FakeQueue) -> None:
        self._has_untold = True

    def come_after_users(self, also_here: bool) -> None:
        if self._has_untold or also_here:
            self.side.wait_event(self.mark(self._consumers))

    def stop_locking(self) -> None:
        self.mark(self.side).synchronize()
        self._locks = False

    # What a program does with a device.

    def read(self, tensor: torch.Tensor) -> list[NDArray[np.uint8]]:
        """A list that will hold the bytes that a kernel of the consumer's finds in the tensor."""
        found: list[NDArray[np.uint8]] = []
        address, nbytes = tensor.data_ptr(), tensor.nbytes

        def kernel() -> bool:
            found.append(self._bytes_at(address, nbytes))
            return True

        self._queue.append(kernel)
        return found

    def added(self, tensor: torch.Tensor, number: int) -> torch.Tensor:
        """The tensor of bytes plus a number, by a kernel in the queue that work goes to now."""
        made = self._allocated(tensor)
        source, nbytes, target = tensor.data_ptr(), tensor.nbytes, made.data_ptr()

        def kernel() -> bool:
            self._blocks_memory(target)[:nbytes] = self._bytes_at(source, nbytes) + np.uint8(number)
            return True

        self._queue.append(kernel)
        return made

    def step(self) -> bool:
        """Do the first thing in one of the queues; False if there is none that can be done."""
        queues = [self.side, self._consumers]
        self._draws.shuffle(queues)
        for queue in queues:
            if queue and queue[0]():
                queue.popleft()
                return True
        return False

    def steps(self, most: int) -> None:
        for _ in range(self._draws.randrange(most + 1)):
            self.step()

    def finish(self) -> None:
        while self.step():
            pass
        assert not self.side
        assert not self._consumers

    # Its memory.

    def _bytes_at(self, address: int, nbytes: int) -> NDArray[np.uint8]:
        """What is there now; something else if it is unmapped."""
        try:
            return np.frombuffer(os.pread(self._memory, nbytes, address), np.uint8)
        except OSError:
            return np.full(nbytes, SPOILT, np.uint8)

    def _allocated(self, like: torch.Tensor) -> torch.Tensor:
        fits = self._fits(like.nbytes)
        while not fits and len(self._all) >= self.most_blocks:
            if not self.step():
                raise torch.OutOfMemoryError("the device has no more blocks")
            fits = self._fits(like.nbytes)
        block = fits[-1] if fits else _Block(np.empty(max(like.nbytes, 1), np.uint8))
        if fits:
            self._free.remove(block)
        block.used_by_consumer = self._queue is self._consumers

        def spoil() -> bool:  # in its turn: the queue may still hold work for the tensor that was here
            block.memory[:] = SPOILT
            return True

        self._queue.append(spoil)
        view = block.memory[:]  # dies with the tensor
        address = block.memory.ctypes.data
        self._blocks[address] = self._all[address] = block
        weakref.finalize(view, self._freed, address)
        strides = torch.empty_like(like, device="meta").stride()
        return torch.from_numpy(view)[: like.nbytes].view(like.dtype).as_strided(like.shape, strides)

    def _fits(self, nbytes: int) -> list[_Block]:
        return [block for block in self._free if len(block.memory) >= nbytes]

    def _freed(self, address: int) -> None:
        block = self._blocks.pop(address)
        if not block.used_by_consumer:
            self._free.append(block)
            return

        def free() -> bool:
            self._free.append(block)
            return True

        self._consumers.append(free)

    def _block_of(self, tensor: torch.Tensor) -> _Block | None:
        return self._blocks.get(tensor.untyped_storage().data_ptr())

    def _blocks_memory(self, address: int) -> NDArray[np.uint8]:
        """The block, even if its tensor has died: a device writes there all the same."""
        start, block = next(
            (start, block) for start, block in self._all.items() if start <= address < start + len(block.memory)
        )
        return block.memory[address - start :]

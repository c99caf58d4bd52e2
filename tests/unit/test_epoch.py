"""The order of what an epoch asks its engine for, seen with an engine that answers on demand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from fastload._epoch import Epoch, ErrorLog
from fastload._fetch import FetchReport
from fastload._progress import Progress
from fastload._pulls import EmptyRecord
from fastload._stateful import WorkerState
from fastload.engines._base import BatchTask, Made


class Answer:
    def __init__(self, task: BatchTask, ended: bool) -> None:
        self.number, self.worker, self.ended = task.number, task.worker, ended
        self.indices = task.indices
        self.discarded = False

    def open(self) -> Made:
        return Made(self.indices, FetchReport())

    def discard(self) -> None:
        self.discarded = True


class Scripted:
    """An engine that answers the tasks in the order of ``numbers``; a worker ends with the task in ``ends``."""

    workers: Sequence[Any] = ()

    def __init__(self, numbers: Sequence[int], ends: Sequence[int] = ()) -> None:
        self.numbers = deque(numbers)
        self.ends = ends
        self.tasks: dict[int, BatchTask] = {}
        self.answers: deque[Answer] = deque()
        self.made: list[Answer] = []

    def start(self, epoch: int) -> None: ...

    def stop(self) -> None: ...

    def submit(self, task: BatchTask) -> None:
        self.tasks[task.number] = task

    def wait(self, timeout_s: float | None) -> bool:
        number = self.numbers.popleft()
        self.made.append(Answer(self.tasks[number], number in self.ends))
        self.answers.append(self.made[-1])
        return True

    def given_to(self, worker: int) -> list[int]:
        return [number for number, task in self.tasks.items() if task.worker == worker]


def make_epoch(engine: Scripted, batches: int = 100, **settings: Any) -> Epoch:
    indices: Iterator[int] = iter(range(batches))
    settings = {"num_workers": 2, "depth": 4, "in_order": True, "timeout_s": 0.0, **settings}
    workers = [WorkerState() for _ in range(settings["num_workers"] or 1)]
    progress = Progress(EmptyRecord(), 0, 0, workers)
    epoch = Epoch(engine, indices, error_log=ErrorLog(), progress=progress, **settings)
    epoch.prime()
    return epoch


def test_the_place_of_a_worker_that_ended_goes_to_another() -> None:
    engine = Scripted([0, 1], ends=[0])
    epoch = make_epoch(engine)
    assert (engine.given_to(0), engine.given_to(1)) == ([0, 2], [1, 3])
    assert epoch.next() == 1
    assert engine.given_to(1) == [1, 3, 4, 5]  # one for the end of worker 0, one for the batch that went out


def test_a_batch_that_arrived_before_its_worker_ended_goes_out_in_its_turn() -> None:
    engine = Scripted([1, 3, 0, 2], ends=[3])
    epoch = make_epoch(engine, batches=4)
    assert [epoch.next() for _ in range(3)] == [0, 1, 2]
    with pytest.raises(StopIteration):
        epoch.next()


def test_out_of_order_the_workers_that_are_left_share_the_whole_depth() -> None:
    engine = Scripted([0, 1, 3], ends=[0])
    epoch = make_epoch(engine, in_order=False)
    assert epoch.next() == 1
    assert epoch.next() == 3
    assert engine.given_to(1) == [1, 3, 4, 5, 6]


def test_out_of_order_no_worker_gets_more_than_its_share() -> None:
    engine = Scripted([1, 3, 4])
    epoch = make_epoch(engine, in_order=False)
    for expected in (1, 3, 4):
        assert epoch.next() == expected
    assert engine.given_to(0) == [0, 2]
    assert engine.given_to(1) == [1, 3, 4, 5, 6]


def test_what_arrived_and_is_not_wanted_any_more_is_given_back() -> None:
    engine = Scripted([2, 1, 3, 0])
    epoch = make_epoch(engine)
    assert epoch.next() == 0
    epoch.abandon()
    assert {answer.number: answer.discarded for answer in engine.made} == {0: False, 1: True, 2: True, 3: True}

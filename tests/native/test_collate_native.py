"""The C++ side of collate: memory, threads, the GIL, and reading tensors without torch's exchange table."""

import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from support.collated import assert_same
from torch.utils.data import default_collate as torch_collate
from torch.utils.data._utils import worker as torch_worker

from fastload import _core
from fastload.collate import default_collate, pad_collate, stack_into_slots
from fastload.memory._arena import process_slots


@pytest.fixture
def _in_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    info = torch_worker.WorkerInfo(id=0, num_workers=1, seed=0, dataset=None)  # type: ignore[no-untyped-call]
    monkeypatch.setattr(torch_worker, "_worker_info", info)


def test_a_large_result_lies_in_a_slot_until_its_last_view_dies() -> None:
    before = process_slots().leased
    batch = default_collate([(torch.ones(300_000), 1) for _ in range(4)])
    view = batch[0][1:]
    del batch
    assert process_slots().leased == before + 1
    del view
    assert process_slots().leased == before


def test_slots_are_used_again() -> None:
    samples = [torch.ones(300_000) for _ in range(4)]
    default_collate(samples)
    slots = process_slots().slots
    for _ in range(5):
        default_collate(samples)
    assert process_slots().slots == slots


@pytest.mark.usefixtures("_in_worker")
@pytest.mark.parametrize(
    "samples",
    [
        [torch.ones(2, 3), torch.zeros(2, 3)],
        [torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last) for _ in range(2)],
        [torch.randn(3, 1, 1).as_strided((3, 1, 1), (1, 3, 3)) for _ in range(2)],
        [torch.ones(2, dtype=torch.int32), torch.ones(2, dtype=torch.int64)],
        [torch.ones(2), torch.ones(2, dtype=torch.int64)],
        [torch.randn(64, 64, 3).permute(2, 0, 1) for _ in range(30)],
        [torch.ones(2, device="meta") for _ in range(2)],
    ],
)
def test_in_a_worker_results_are_torchs_results_in_a_worker(samples: list[torch.Tensor]) -> None:
    expected = torch_collate(samples)
    assert_same(default_collate(samples), expected)
    assert_same(stack_into_slots(samples), expected)


@pytest.mark.usefixtures("_in_worker")
def test_in_a_worker_nothing_is_shared_memory_of_torchs() -> None:
    for samples in ([torch.ones(2)] * 2, [torch.ones(2), torch.ones(2).int()], [torch.ones(2).as_subclass(Sub)] * 2):
        assert not default_collate(samples).is_shared()
    assert not default_collate(tuple_subclass([torch.ones(2)] * 2)).is_shared()


class Sub(torch.Tensor):
    pass


class tuple_subclass(tuple):  # type: ignore[type-arg]
    pass


@pytest.fixture
def _without_table() -> Iterator[None]:
    assert not _core.use_exchange_table(False)
    yield
    _core.use_exchange_table(True)


@pytest.mark.usefixtures("_without_table")
def test_without_the_exchange_table_results_are_the_same() -> None:
    batch = [
        {"a": torch.randn(3, 70, 70), "b": torch.tensor(i), "c": torch.randn(4, 5, 3).permute(2, 0, 1)}
        for i in range(9)
    ]
    assert_same(default_collate(batch), torch_collate(batch))
    assert pad_collate([torch.ones(1), torch.ones(3)]).tolist() == [[1, 0, 0], [1, 1, 1]]


def test_two_threads_collate_at_once() -> None:
    batches = [[{"a": torch.full((3, 40, 50 + t), float(i)), "b": i} for i in range(60)] for t in range(4)]
    wrong: list[int] = []

    def collate(t: int) -> None:
        expected = torch_collate(batches[t])
        for _ in range(20):
            result = default_collate(batches[t])
            if not (torch.equal(result["a"], expected["a"]) and torch.equal(result["b"], expected["b"])):
                wrong.append(t)

    threads = [threading.Thread(target=collate, args=(t,)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_another_thread_runs_while_a_large_batch_is_copied() -> None:
    samples = [torch.ones(1 << 20) for _ in range(64)]
    default_collate(samples)  # the slot's pages are there now
    progress = [0]
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            progress[0] += 1
            time.sleep(0)  # lets go of the GIL

    interval = sys.getswitchinterval()
    counter = threading.Thread(target=count)
    counter.start()
    try:
        while not progress[0]:
            time.sleep(0.001)
        # From here on nobody is made to give the GIL up: the counter runs only where collate lets go by itself, and
        # goes far only if that is for long. A call of torch lets go for less than one count.
        sys.setswitchinterval(100)
        counted = []
        for _ in range(5):  # on a busy machine the counter may not be given a processor each time
            before = progress[0]
            default_collate(samples)
            counted.append(progress[0] - before)
        assert max(counted) > 15
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        counter.join()


def references(value: Any) -> int:
    return sys.getrefcount(value)


def test_collating_keeps_no_reference() -> None:
    tensor, text, box, large = torch.ones(3), "a string of mine", {"k": 1.5}, torch.ones(300_000)
    watched = [tensor, text, box, box["k"], large, torch.float32]
    batch = [(tensor, text, box, large)] * 3
    default_collate(batch)
    before = [references(value) for value in watched]
    for _ in range(50):
        default_collate(batch)
        pad_collate([tensor, torch.ones(5)], return_mask=True)
        with pytest.raises(RuntimeError):
            default_collate([(large, tensor), (large, torch.ones(5))])
        with pytest.raises(KeyError):
            default_collate([box, {}])
    after = [references(value) for value in watched]
    assert after[:5] == before[:5]
    assert after[5] - before[5] < 50

"""``worker_type="thread"``: the same batches from threads, with worker info, errors and an end."""

import os
import sys
import threading
import time
from typing import Any

import pytest
import torch
import torch.utils.data
from support.compare import assert_same, fills
from support.datasets import Failing, Images, Numbers, Shard, as_is, first
from support.loader import DataLoader, TorchDataLoader, only_fastload, three_workers_are_fine
from support.resources import descendants, wait_until
from torch.utils.data import Dataset, get_worker_info
from torch.utils.data._utils import worker as torchs_worker_module

from fastload import WorkerError

pytestmark = [only_fastload, three_workers_are_fine]


def threaded(dataset: Any, workers: int = 2, **more: Any) -> Any:
    return DataLoader(dataset, num_workers=workers, worker_type="thread", **more)


class Ask(Dataset):
    def __init__(self, question: Any) -> None:
        self.question = question

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        return self.question()


@pytest.mark.parametrize(
    "arguments", [{}, {"batch_size": 4}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}], ids=str
)
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_batches_are_those_of_torchs_process_workers(workers: int, arguments: dict[str, Any]) -> None:
    for shuffle in (False, True):
        torch.manual_seed(2)
        ours = list(threaded(Numbers(10), workers, shuffle=shuffle, **arguments))
        state = torch.get_rng_state()
        torch.manual_seed(2)
        theirs = list(TorchDataLoader(Numbers(10), num_workers=workers, shuffle=shuffle, **arguments))
        assert_same(ours, theirs)
        assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("persistent", [False, True])
def test_several_epochs_and_a_break(persistent: bool) -> None:
    loader = threaded(Images(20), batch_size=4, persistent_workers=persistent)
    for _ in range(2):
        kept = list(loader)
        assert [fills(images) for images, _ in kept] == [labels.tolist() for _, labels in kept]
        assert [int(labels[0]) for _, labels in kept] == [0, 4, 8, 12, 16]
        next(iter(loader))


def test_streams_are_shared_out_as_among_processes() -> None:
    loader = threaded(Shard(3, 7), batch_size=2)
    assert [batch.tolist() for batch in loader] == [[0, 1], [100, 101], [2], [102, 103], [104, 105], [106]]


def test_batches_out_of_order_are_the_same_set() -> None:
    loader = threaded(Numbers(20), batch_size=3, in_order=False)
    assert sorted(index for batch in loader for index in batch[:, 0].tolist()) == list(range(20))


def test_worker_info_works_in_worker_threads_and_is_none_in_this_one() -> None:
    def question() -> tuple[Any, ...]:
        by_name, by_module = get_worker_info(), torch.utils.data.get_worker_info()
        deep = torchs_worker_module.get_worker_info()
        assert by_name is by_module is deep
        time.sleep(0.01)
        return by_name.id, by_name.num_workers, by_name.dataset is dataset, os.getpid(), threading.get_ident()

    dataset = Ask(question)
    iterator = iter(threaded(dataset, collate_fn=first))
    found = []
    for answer in iterator:
        assert get_worker_info() is None
        assert torch.utils.data.get_worker_info() is None
        found.append(answer)
    assert [answer[:4] for answer in found] == 3 * [(0, 2, True, os.getpid()), (1, 2, True, os.getpid())]
    assert threading.get_ident() not in {answer[4] for answer in found}
    assert len({answer[4] for answer in found}) == 2


def test_the_init_function_runs_in_each_thread_before_its_first_sample() -> None:
    seen: dict[int, int] = {}

    def init(worker_id: int) -> None:
        assert get_worker_info().id == worker_id
        seen[threading.get_ident()] = worker_id

    loader = threaded(Ask(lambda: seen[threading.get_ident()]), worker_init_fn=init, collate_fn=first)
    assert list(loader) == [0, 1, 0, 1, 0, 1]


def test_no_process_is_started() -> None:
    iterator = iter(threaded(Numbers(50)))
    next(iterator)
    assert not descendants()
    assert threading.active_count() >= 3


def test_an_error_comes_at_its_turn_and_iteration_goes_on() -> None:
    iterator = iter(threaded(Failing(6, bad=(3,)), batch_size=2))
    assert next(iterator).tolist() == [[0, 0], [1, 1]]
    with pytest.raises(ValueError, match="bad sample 3"):
        next(iterator)
    assert [batch.tolist() for batch in iterator] == [[[4, 4], [5, 5]]]


@pytest.mark.parametrize("persistent", [False, True])
def test_an_early_break_leaves_no_thread(persistent: bool) -> None:
    before = set(threading.enumerate())
    loader = threaded(Numbers(1000), persistent_workers=persistent)
    for _ in loader:
        break
    del loader
    assert wait_until(lambda: set(threading.enumerate()) <= before)


def test_a_timeout_and_a_later_try() -> None:
    gate = threading.Event()

    def question() -> int:
        gate.wait(20)
        return 1

    iterator = iter(threaded(Ask(question), timeout=0.3, collate_fn=first))
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.3 seconds"):
        next(iterator)
    gate.set()
    assert list(iterator) == 6 * [1]


def test_samples_need_not_pickle_and_objects_pass_as_they_are() -> None:
    lock = threading.Lock()
    loader = threaded(Ask(lambda: lock), collate_fn=as_is, batch_size=2)
    assert all(one is lock for batch in loader for one in batch)


def test_several_iterators_at_once_and_a_loader_inside_a_worker_thread() -> None:
    loader = threaded(Numbers(6), batch_size=2)
    assert [(int(a[0][0]), int(b[0][0])) for a, b in zip(loader, loader, strict=True)] == [
        (0, 0),
        (2, 2),
        (4, 4),
    ]
    nested = threaded(Ask(lambda: len(list(DataLoader(Numbers(4), batch_size=2)))), collate_fn=first)
    assert list(nested) == 6 * [2]


@pytest.mark.parametrize("wrong", ["threads", "", None, 3, True])
def test_another_worker_type_is_an_error_that_says_what_to_pass(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"(?s)worker_type.*process.*thread"):
        DataLoader(Numbers(2), worker_type=wrong)


def test_an_exception_in_the_loop_leaves_nothing() -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        for _ in threaded(Images(40), batch_size=4):
            raise ZeroDivisionError


class Leaving(torch.utils.data.Dataset[int]):
    def __getitem__(self, index: int) -> int:
        if index == 3:
            sys.exit("enough")
        return index

    def __len__(self) -> int:
        return 6


def test_a_sample_that_ends_its_thread_is_an_error_and_not_a_hang() -> None:
    iterator: Any = iter(DataLoader(Leaving(), num_workers=2, worker_type="thread"))
    assert [int(next(iterator)) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(WorkerError, match="worker thread 1 was told to end by SystemExit"):
        next(iterator)
    assert [int(batch) for batch in iterator] == [4, 5]

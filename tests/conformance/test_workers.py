"""What user code sees inside a worker process."""

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from support.datasets import Numbers, Slow, WorkerReport, as_is, first
from support.loader import DataLoader
from torch.utils.data import Dataset, IterableDataset, get_worker_info
from torch.utils.data._utils import worker as torchs_worker_module


class Ask(Dataset):
    """Item i is the answer of ``question`` where the samples are made."""

    def __init__(self, question: Any, length: int = 4) -> None:
        self.question = question
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.question()


def answers(question: Any, workers: int = 2, **more: Any) -> list[Any]:
    return list(DataLoader(Ask(question), num_workers=workers, collate_fn=first, **more))


def test_there_are_exactly_as_many_processes_as_workers() -> None:
    pids = answers(os.getpid)
    assert len(set(pids)) == 2
    assert os.getpid() not in pids
    assert pids[0] == pids[2]


def test_worker_info_is_torchs_and_holds_the_very_dataset() -> None:
    def question() -> tuple[Any, ...]:
        info = get_worker_info()
        same = info is torch.utils.data.get_worker_info() is torchs_worker_module._worker_info
        return type(info), same, info.id, info.num_workers, info.seed, info.rng, info.worker_method

    torch.manual_seed(4)
    base_seed = torch.empty((), dtype=torch.int64).random_().item()
    torch.manual_seed(4)
    expected = [
        (torchs_worker_module.WorkerInfo, True, w, 2, base_seed + w, None, "multiprocessing") for w in (0, 1, 0, 1)
    ]
    assert answers(question) == expected
    reports = list(DataLoader(WorkerReport(), num_workers=2, collate_fn=first))
    assert all(report["same_dataset"] for report in reports)
    assert get_worker_info() is None


def test_user_code_runs_in_the_main_thread_with_one_torch_thread_in_a_daemon() -> None:
    def question() -> tuple[Any, ...]:
        main = threading.current_thread() is threading.main_thread()
        return main, torch.get_num_threads(), multiprocessing.current_process().daemon

    assert answers(question) == 4 * [(True, 1, True)]


def test_the_thread_name_is_torchs() -> None:
    def question() -> str:
        with open(f"/proc/self/task/{os.getpid()}/comm") as file:
            return file.read().strip()

    assert set(answers(question)) == {"pt_data_worker"}


def test_the_initial_seed_is_the_base_seed_and_the_workers_number() -> None:
    iterator = iter(DataLoader(Ask(torch.initial_seed), num_workers=2, collate_fn=first))
    assert list(iterator) == [iterator._base_seed + w for w in (0, 1, 0, 1)]


def test_the_init_function_comes_after_the_seeds_and_before_the_first_sample() -> None:
    class Noted(WorkerReport):
        pass

    def init(worker_id: int) -> None:
        info = get_worker_info()
        info.dataset.note = (
            worker_id,
            info.id,
            random.random(),
            float(np.random.rand()),
            torch.initial_seed() - info.seed,
        )

    reports = list(DataLoader(Noted(), num_workers=2, worker_init_fn=init, collate_fn=first))
    notes = [report["note"] for report in reports]
    assert [note[:2] for note in notes] == 4 * [(0, 0), (1, 1)]
    assert len({note[2] for note in notes}) == len({note[3] for note in notes}) == 2
    assert {note[4] for note in notes} == {0}


class Log(IterableDataset):
    """Yields what was noted before and during ``__iter__``."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def __iter__(self) -> Iterator[str]:
        self.log.append("iter")
        return iter([" ".join(self.log)])


def test_the_init_function_comes_before_iter_of_the_dataset_and_is_not_repeated() -> None:
    def init(worker_id: int) -> None:
        get_worker_info().dataset.log.append(f"init{worker_id}")

    loader = DataLoader(Log(), batch_size=None, num_workers=1, worker_init_fn=init, persistent_workers=True)
    assert [list(loader) for _ in range(3)] == [["init0 iter"], ["init0 iter iter"], ["init0 iter iter iter"]]


def test_fresh_workers_see_what_changed_in_the_main_process_and_forget_what_they_changed() -> None:
    class Changing(Numbers):
        extra = 0
        calls = 0

        def __getitem__(self, index: int) -> Any:
            self.calls += 1
            return self.extra, self.calls

    dataset = Changing(2)
    loader = DataLoader(dataset, num_workers=1, collate_fn=first)
    assert list(loader) == [(0, 1), (0, 2)]
    dataset.extra = 7
    assert list(loader) == [(7, 1), (7, 2)]
    assert dataset.calls == 0


def test_persistent_workers_keep_what_they_changed_and_see_shared_memory_only() -> None:
    class Changing(Numbers):
        extra = 0
        calls = 0
        shared = torch.zeros(1).share_memory_()

        def __getitem__(self, index: int) -> Any:
            self.calls += 1
            return self.extra, self.calls, self.shared.item()

    dataset = Changing(2)
    loader = DataLoader(dataset, num_workers=1, collate_fn=first, persistent_workers=True)
    assert list(loader) == [(0, 1, 0), (0, 2, 0)]
    dataset.extra = 7
    dataset.shared += 5
    assert list(loader) == [(0, 3, 5), (0, 4, 5)]


def test_fork_needs_nothing_that_pickles() -> None:
    lock = threading.Lock()
    handle = open(__file__)  # noqa: SIM115

    class Local(Dataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            with lock:
                return handle.read(3)

    loader = DataLoader(
        Local(),
        num_workers=1,
        collate_fn=lambda batch: batch[0],
        worker_init_fn=lambda _: None,
        multiprocessing_context="fork",
    )
    assert next(iter(loader)) == '"""'
    handle.close()


def test_workers_are_forked_at_iter_from_this_very_process() -> None:
    loader = DataLoader(Ask(os.getppid), num_workers=1, collate_fn=first, multiprocessing_context="fork")
    assert set(loader) == {os.getpid()}


def test_user_threads_and_random_streams_are_private_to_a_worker() -> None:
    def question() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    before = (random.getstate(), torch.get_rng_state())
    drawn = answers(question)
    assert len(set(drawn)) == 4
    assert random.getstate() == before[0]
    torch.empty((), dtype=torch.int64)
    assert not torch.equal(torch.get_rng_state(), before[1])  # the base seed


def test_sigterm_ends_a_worker_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    iterator = iter(DataLoader(Slow(8, 0.05), num_workers=1))
    worker = iterator._workers[0]
    next(iterator)
    iterator._shutdown_workers()
    worker.join(5)
    assert capfd.readouterr().err == ""
    assert worker.exitcode in (0, -signal.SIGTERM)


def test_prints_and_warnings_of_user_code_come_through(capfd: pytest.CaptureFixture[str]) -> None:
    def question() -> int:
        print("a word from the worker", flush=True)
        return 1

    answers(question, workers=1)
    assert capfd.readouterr().out.count("a word from the worker") == 4


def test_a_loader_without_workers_runs_inside_a_worker() -> None:
    class Outer(Dataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> torch.Tensor:
            inner = DataLoader(Numbers(4), batch_size=2, shuffle=False)
            assert get_worker_info() is not None
            return torch.stack(list(inner)) + index

    plain = [batch.tolist() for batch in DataLoader(Plain())]
    assert [batch.tolist() for batch in DataLoader(Outer(), num_workers=2)] == plain


class Plain(Dataset):
    """What the nested loader of the test above makes."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.arange(4).repeat_interleave(2).reshape(2, 2, 2) + index


def test_a_daemonic_worker_may_not_start_workers_of_its_own() -> None:
    def question() -> Any:
        return list(DataLoader(Numbers(2), num_workers=1))

    with pytest.raises(AssertionError, match="daemonic processes are not allowed to have children"):
        answers(question, workers=1)


def test_the_collate_function_is_called_once_for_each_batch_in_the_worker() -> None:
    def collate(samples: list[int]) -> tuple[int, int, list[int]]:
        counter[0] += 1
        return os.getpid(), counter[0], samples

    counter = [0]
    loader = DataLoader(range(4), batch_size=2, num_workers=1, collate_fn=collate)
    batches = list(loader)
    assert [batch[1:] for batch in batches] == [(1, [0, 1]), (2, [2, 3])]
    assert batches[0][0] != os.getpid()
    assert counter == [0]


def test_every_index_is_read_once() -> None:
    class Counting(Numbers):
        def __init__(self, length: int) -> None:
            super().__init__(length)
            self.seen: list[int] = []

        def __getitem__(self, index: int) -> Any:
            self.seen.append(index)
            return list(self.seen)

    loader = DataLoader(Counting(6), batch_size=3, num_workers=1, collate_fn=as_is)
    assert list(loader)[-1][-1] == [0, 1, 2, 3, 4, 5]

"""Iterators: when they are new, when they are the same, and how they end."""

import pickle
import threading
from typing import Any

import pytest
import torch
from support.datasets import Numbers, Raising, WorkerReport, as_is
from support.loader import DataLoader, TorchDataLoader
from support.resources import descendants, is_running, wait_until
from torch.utils.data.dataloader import _BaseDataLoaderIter, _MultiProcessingDataLoaderIter


def persistent(dataset: Any, **more: Any) -> Any:
    return DataLoader(dataset, num_workers=2, persistent_workers=True, **more)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_iter_gives_a_new_iterator_which_is_its_own_iterator(workers: int) -> None:
    loader = DataLoader(Numbers(6), batch_size=2, num_workers=workers)
    first, second = iter(loader), iter(loader)
    assert first is not second
    assert iter(first) is first
    assert isinstance(first, _BaseDataLoaderIter)
    assert loader._iterator is None
    assert len(first) == 3
    with pytest.raises(NotImplementedError):
        pickle.dumps(first)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_several_iterators_of_one_loader_are_independent(workers: int) -> None:
    loader = DataLoader(Numbers(6), batch_size=2, num_workers=workers)
    one, two = iter(loader), iter(loader)
    mixed = [int(next(iterator)[0][0]) for iterator in (one, two, one, two, two, one)]
    assert mixed == [0, 0, 2, 2, 4, 4]
    assert [(int(a[0][0]), int(b[0][0])) for a in loader for b in loader] == [
        (a, b) for a in (0, 2, 4) for b in (0, 2, 4)
    ]


def test_next_of_iter_works_and_leaves_nothing() -> None:
    loader = DataLoader(Numbers(6), batch_size=2, num_workers=2)
    for _ in range(3):
        assert next(iter(loader)).tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_finished_iterator_keeps_saying_so(workers: int) -> None:
    iterator = iter(DataLoader(Numbers(2), num_workers=workers))
    assert len(list(iterator)) == 2
    for _ in range(3):
        with pytest.raises(StopIteration):
            next(iterator)


def test_a_finished_iterator_has_ended_its_workers_while_it_is_still_referenced() -> None:
    iterator = iter(DataLoader(Numbers(4), num_workers=2))
    pids = [worker.pid for worker in iterator._workers]
    assert all(is_running(pid) for pid in pids)
    list(iterator)
    assert wait_until(lambda: not any(is_running(pid) for pid in pids))
    assert not descendants()


def test_a_deleted_iterator_ends_its_workers() -> None:
    iterator = iter(DataLoader(Numbers(100), num_workers=2))
    pids = [worker.pid for worker in iterator._workers]
    next(iterator)
    del iterator
    assert wait_until(lambda: not any(is_running(pid) for pid in pids))


def test_a_persistent_loader_keeps_its_iterator_and_its_workers() -> None:
    loader = persistent(Numbers(6), batch_size=2)
    first = iter(loader)
    pids = [worker.pid for worker in first._workers]
    assert loader._iterator is first
    list(first)
    assert all(is_running(pid) for pid in pids)
    assert iter(loader) is first
    assert [worker.pid for worker in first._workers] == pids
    assert [int(batch[0][0]) for batch in first] == [0, 2, 4]


def test_a_persistent_loader_drops_what_was_in_flight_errors_included() -> None:
    loader = persistent(Raising(divide, length=9), batch_sampler=[[1], [0], [2], [3]], collate_fn=as_is)
    for _ in range(2):
        iterator = iter(loader)
        assert next(iterator) == [1]
    with pytest.raises(ZeroDivisionError):
        next(iterator)
    assert list(iterator) == [[2], [3]]


def divide() -> float:
    return 1 / 0


def test_others_may_forget_the_persistent_iterator_at_any_time() -> None:
    loader = persistent(Numbers(6), batch_size=2)
    iterator = iter(loader)
    next(iterator)
    pids = [worker.pid for worker in iterator._workers]
    loader._iterator = None
    del iterator
    assert wait_until(lambda: not any(is_running(pid) for pid in pids))
    assert len(list(loader)) == 3


def test_workers_offer_what_a_process_offers() -> None:
    iterator = iter(DataLoader(Numbers(50), num_workers=2))
    assert isinstance(iterator, _MultiProcessingDataLoaderIter)
    assert len(iterator._workers) == iterator._num_workers == 2
    for worker in iterator._workers:
        assert worker.is_alive()
        assert worker.exitcode is None
        assert worker.daemon
        assert worker.pid in descendants()
    workers = list(iterator._workers)
    iterator._shutdown_workers()
    for worker in workers:
        worker.join(5)
        assert not worker.is_alive()
        assert worker.exitcode == 0


def test_shutting_down_twice_after_terminate_and_by_del_is_safe() -> None:
    iterator = iter(DataLoader(Numbers(50), num_workers=2))
    next(iterator)
    for worker in iterator._workers:
        if worker.is_alive():
            worker.terminate()
    iterator._shutdown_workers()
    iterator._shutdown_workers()
    iterator.__del__()
    assert wait_until(lambda: not descendants())


def test_a_half_built_iterator_can_be_deleted() -> None:
    iterator_class = type(iter(DataLoader(Numbers(2), num_workers=1)))
    half = iterator_class.__new__(iterator_class)
    if hasattr(half, "_shutdown"):
        half.__del__()
    half._shutdown = True  # torch's own class reads it without asking
    half._shutdown_workers()


@pytest.mark.parametrize("workers", [0, 2])
def test_the_iterator_knows_its_base_seed_and_how_much_it_has_yielded(workers: int) -> None:
    torch.manual_seed(3)
    expected = torch.empty((), dtype=torch.int64).random_().item()
    torch.manual_seed(3)
    iterator = iter(DataLoader(Numbers(4), num_workers=workers))
    assert iterator._base_seed == expected
    assert iterator._num_yielded == 0
    next(iterator)
    assert iterator._num_yielded == 1
    assert iterator._num_workers == workers


def test_reset_is_called_with_the_loader() -> None:
    loader = persistent(Numbers(4))
    iterator = iter(loader)
    next(iterator)
    iterator._reset(loader, first_iter=False)
    assert [int(batch[0][0]) for batch in iterator] == [0, 1, 2, 3]


@pytest.mark.parametrize("workers", [0, 2])
def test_overriding_get_iterator_or_iter_keeps_working(workers: int) -> None:
    class Counting(DataLoader):
        made = 0

        def _get_iterator(self) -> Any:
            self.made += 1
            return super()._get_iterator()

        def __iter__(self) -> Any:
            for batch in super().__iter__():
                yield batch + 1

    loader = Counting(Numbers(4), batch_size=2, num_workers=workers)
    assert [batch.tolist() for batch in loader] == [[[1, 1], [2, 2]], [[3, 3], [4, 4]]]
    assert loader.made == 1
    assert "__iter__" not in vars(DataLoader) or DataLoader.__iter__ is TorchDataLoader.__iter__


def test_two_threads_may_iterate_two_loaders() -> None:
    found: dict[int, list[int]] = {}

    def iterate(workers: int) -> None:
        loader = DataLoader(Numbers(40), batch_size=4, num_workers=workers)
        found[workers] = [int(batch[0][0]) for _ in range(2) for batch in loader]

    threads = [threading.Thread(target=iterate, args=(workers,)) for workers in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {1: 2 * list(range(0, 40, 4)), 2: 2 * list(range(0, 40, 4))}


def test_without_workers_all_happens_here() -> None:
    calls: list[int] = []
    loader = DataLoader(WorkerReport(), worker_init_fn=calls.append, collate_fn=as_is)
    reports = [batch[0] for batch in loader]
    assert {report["id"] for report in reports} == {None}
    assert len({report["pid"] for report in reports}) == 1
    assert not calls
    assert not descendants()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [1, 4, None])
def test_an_empty_dataset_has_an_empty_epoch(batch_size: int | None, workers: int) -> None:
    loader = DataLoader(Numbers(0), batch_size=batch_size, num_workers=workers)
    assert list(loader) == list(loader) == []
    assert len(loader) == 0

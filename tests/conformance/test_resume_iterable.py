"""Resuming iterable datasets, and datasets and iterators that have a state of their own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from support.loader import DataLoader, only_fastload, three_workers_are_fine
from support.stateful import (
    OwnIterator,
    Sharded,
    StatefulBoth,
    StatefulIterators,
    StatefulNumbers,
    run_epochs,
    run_with_stops,
    set_seeds,
    stopped_after,
)
from torch.utils.data import IterableDataset

pytestmark = [only_fastload, three_workers_are_fine]

DATASETS = {
    "without state": Sharded,
    "iterator": StatefulIterators,
    "dataset and iterator": StatefulBoth,
    "its own iterator": OwnIterator,
}


class ShuffledOnce(IterableDataset):
    """Shuffles when it is iterated, and draws for each item; all workers give the same order."""

    def __iter__(self) -> Iterator[Any]:
        for index in torch.randperm(17).tolist():
            yield index, float(torch.rand(()))


@pytest.mark.parametrize("every", [1, 3, 100])
@pytest.mark.parametrize("dataset", DATASETS)
def test_inline_and_threads_resume_at_every_step(dataset: str, every: int) -> None:
    cases: list[tuple[int, dict[str, Any]]] = [(0, {"batch_size": 3}), (0, {"batch_size": None})]
    if dataset in ("without state", "iterator"):  # threads share the dataset, and with it its state
        cases.append((2, {"batch_size": 2}))
    for workers, settings in cases:

        def make(count: int, settings: dict[str, Any] = settings) -> DataLoader:
            data = DATASETS[dataset](14)
            return DataLoader(data, num_workers=count, worker_type="thread", snapshot_every_n_steps=every, **settings)

        (whole,) = run_epochs(make(workers), 1)
        for step in range(len(whole) + 1):
            assert run_with_stops(make, [step], [workers] * 2, 1) == [whole], f"{settings}, step {step}"
        assert run_with_stops(make, [1, 2, 1], [workers] * 4, 1) == [whole]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize(("dataset", "every"), [("without state", 1), ("iterator", 2), ("dataset and iterator", 1)])
def test_worker_processes_resume_in_their_places(dataset: str, every: int, workers: int) -> None:
    def make(count: int) -> DataLoader:
        return DataLoader(DATASETS[dataset](17), 2, num_workers=count, snapshot_every_n_steps=every)

    whole = run_epochs(make(workers), 2)
    assert run_with_stops(make, [0, 1, 3, 2], [workers] * 5, 2) == whole


@pytest.mark.parametrize("drop_last", [False, True])
def test_workers_that_came_to_their_end_stay_there(drop_last: bool) -> None:
    def make(count: int) -> DataLoader:
        return DataLoader(Uneven(), 2, num_workers=count, drop_last=drop_last, worker_type="thread")

    (whole,) = run_epochs(make(3), 1)
    for step in range(len(whole) + 1):
        assert run_with_stops(make, [step], [3, 3], 1) == [whole], f"step {step}"


class Uneven(Sharded):
    """Worker 0 has nothing, worker 1 one sample, worker 2 nine."""

    def __init__(self) -> None:
        super().__init__(0)

    def numbers(self) -> range:
        worker = torch.utils.data.get_worker_info().id
        return range(10 * worker, 10 * worker + (0, 1, 9)[worker])


@pytest.mark.parametrize("workers", [0, 2])
def test_an_order_that_iterating_draws_is_drawn_again(workers: int) -> None:
    def make() -> DataLoader:
        return DataLoader(ShuffledOnce(), 4, num_workers=workers)

    set_seeds(1)
    (whole,) = run_epochs(make(), 1)
    for step in range(1, 6):
        set_seeds(1)
        first, state = stopped_after(make(), step)
        loops_own = torch.get_rng_state()
        set_seeds(2)
        loader = make()
        loader.load_state_dict(state)
        torch.set_rng_state(loops_own)
        assert [first + run_epochs(loader, 1)[0]] == [whole], f"step {step}"


@pytest.mark.parametrize("workers", [0, 2])
def test_out_of_order_batches_of_an_iterable_are_delivered_once(workers: int) -> None:
    def make(count: int) -> DataLoader:
        return DataLoader(Sharded(21), 2, num_workers=count, in_order=False)

    for stop in (1, 4, 9):
        (run,) = run_with_stops(make, [stop], [workers] * 2, 1)
        assert sorted(index for batch in run for index in batch) == list(range(21))


@pytest.mark.parametrize(("persistent", "every"), [(False, 1), (True, 1), (True, 3), (True, 100)])
def test_the_end_of_one_epoch_begins_the_next(persistent: bool, every: int) -> None:
    def make(count: int) -> DataLoader:
        data = StatefulBoth(8)
        return DataLoader(data, 2, num_workers=count, persistent_workers=persistent, snapshot_every_n_steps=every)

    whole = run_epochs(make(2), 3)
    if persistent:
        assert whole[1] != whole[0]  # its workers' datasets count iterations
    assert run_with_stops(make, [9], [2, 2], 3) == whole
    assert run_with_stops(make, [2, 9, 1, 9], [2] * 5, 3) == whole


@pytest.mark.parametrize("every", [1, 3, 100])
@pytest.mark.parametrize(("workers", "steps"), [(0, 0), (0, 1), (2, 0), (2, 1), (2, 3)])
def test_later_epochs_of_the_same_workers_are_resumed(workers: int, steps: int, every: int) -> None:
    def make() -> DataLoader:
        data = StatefulBoth(12)
        return DataLoader(data, 2, num_workers=workers, persistent_workers=workers > 0, snapshot_every_n_steps=every)

    whole = run_epochs(make(), 3)
    loader = make()
    run_epochs(loader, 1)
    first, state = stopped_after(loader, steps)
    resumed = make()
    resumed.load_state_dict(state)
    rest, last = run_epochs(resumed, 2)
    assert [first + rest, last] == whole[1:]


@pytest.mark.parametrize("every", [1, 3, 100])
def test_the_end_of_one_epoch_begins_the_next_without_workers(every: int) -> None:
    def make(_: int) -> DataLoader:
        return DataLoader(StatefulBoth(8), 2, snapshot_every_n_steps=every)

    whole = run_epochs(make(0), 3)
    assert whole[1] != whole[0]
    assert run_with_stops(make, [9], [0, 0], 3) == whole
    assert run_with_stops(make, [2, 9, 1, 9], [0] * 5, 3) == whole


def test_states_are_restored_in_torchdatas_order() -> None:
    for dataset, wanted in (
        (StatefulBoth(9), ["dataset.load_state_dict", "iter", "iterator.load_state_dict"]),
        (StatefulIterators(9), ["iter", "iterator.load_state_dict"]),
        (OwnIterator(9), ["iter", "load_state_dict"]),  # only the iterator's, which it is
    ):
        _, state = stopped_after(DataLoader(type(dataset)(9), 2), 2)
        loader = DataLoader(dataset, 2)
        loader.load_state_dict(state)
        assert dataset.log == []
        iterator = iter(loader)
        assert dataset.log == wanted
        assert next(iterator).tolist() in ([4, 5], [104, 105])


def test_what_came_after_the_snapshot_is_read_again() -> None:
    for every, again in ((1, 0), (3, 2), (100, 5)):
        _, state = stopped_after(DataLoader(StatefulIterators(30), 1, snapshot_every_n_steps=every), 5)
        dataset = StatefulIterators(30)
        loader = DataLoader(dataset, 1, snapshot_every_n_steps=every)
        loader.load_state_dict(state)
        iterator = iter(loader)
        assert dataset.log.count("next") == again
        assert next(iterator).tolist() == [5]


def test_long_replays_are_announced(caplog: pytest.LogCaptureFixture) -> None:
    _, state = stopped_after(DataLoader(Sharded(20_000), 10_001), 1)
    loader = DataLoader(Sharded(20_000), 10_001)
    loader.load_state_dict(state)
    with caplog.at_level(logging.WARNING, "fastload"):
        assert next(iter(loader))[0] == 10_001
    assert "reads 10001 samples of Sharded again" in caplog.text


@pytest.mark.parametrize("workers", [0, 1])
def test_a_stateful_map_dataset_goes_on_counting(workers: int) -> None:
    def make(count: int) -> DataLoader:
        return DataLoader(StatefulNumbers(11), 2, num_workers=count, persistent_workers=count > 0)

    whole = run_epochs(make(workers), 3)
    assert whole[1] != whole[0]
    assert run_with_stops(make, [2, 1], [workers] * 3, 3) == whole
    assert run_with_stops(make, [7], [workers] * 2, 3) == whole


def test_a_state_needs_someone_to_take_it() -> None:
    _, state = stopped_after(DataLoader(StatefulIterators(9), 2), 2)
    loader = DataLoader(Sharded(9), 2)
    loader.load_state_dict(state)
    with pytest.raises(ValueError, match=r"a state of the iterator, but range_iterator has no load_state_dict"):
        iter(loader)
    _, state = stopped_after(DataLoader(StatefulBoth(9), 2), 2)
    loader = DataLoader(StatefulIterators(9), 2)
    loader.load_state_dict(state)
    with pytest.raises(ValueError, match=r"a state of the dataset, but StatefulIterators has no load_state_dict"):
        iter(loader)


def test_another_number_of_workers_is_refused() -> None:
    for before, after in ((2, 3), (0, 1), (1, 0)):
        data = Sharded(20)
        _, state = stopped_after(DataLoader(data, 2, num_workers=before, worker_type="thread"), 2)
        loader = DataLoader(data, 2, num_workers=after, worker_type="thread")
        with pytest.raises(ValueError, match=f"num_workers={before}, and this one has num_workers={after}"):
            loader.load_state_dict(state)


@pytest.mark.parametrize("workers", [0, 1])
def test_another_batch_size_is_refused_in_mid_epoch(workers: int) -> None:
    def loader(batch_size: int | None) -> DataLoader:
        return DataLoader(Sharded(11), batch_size, num_workers=workers, worker_type="thread")

    _, state = stopped_after(loader(2), 2)
    for other in (3, None):
        with pytest.raises(ValueError, match=f"batch_size=2, and this one has batch_size={other}"):
            loader(other).load_state_dict(state)
    _, over = stopped_after(loader(2), 99)
    loader(3).load_state_dict(over)  # the next epoch may be cut otherwise

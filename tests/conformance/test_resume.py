"""A run that is stopped and resumed gives the batches of one that is not: map-style datasets, every engine."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from support.datasets import Numbers
from support.loader import DataLoader, only_fastload, three_workers_are_fine
from support.stateful import (
    CallCounts,
    run_epochs,
    run_with_stops,
    set_seeds,
    stopped_after,
    through_json,
    through_torch,
)

pytestmark = [only_fastload, three_workers_are_fine]

N = 23
ENGINES = {
    "inline": {},
    "threads": {"num_workers": 2, "worker_type": "thread"},
    "processes": {"num_workers": 2},
    "persistent threads": {"num_workers": 2, "worker_type": "thread", "persistent_workers": True},
    "persistent processes": {"num_workers": 2, "persistent_workers": True},
}
SHAPES: dict[str, dict[str, Any]] = {
    "batches": {"batch_size": 4},
    "batches, the last one dropped": {"batch_size": 4, "drop_last": True},
    "no batches": {"batch_size": None},
}


def shuffling(workers: int, **settings: Any) -> DataLoader:
    """Three epochs of it depend on the generator alone."""
    arguments = {"batch_size": 4, "shuffle": True, "generator": torch.Generator().manual_seed(5), **settings}
    if not workers:
        arguments = {name: value for name, value in arguments.items() if name != "persistent_workers"}
    return DataLoader(range(N), num_workers=workers, **arguments)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("worker_type", ["process", "thread"])
def test_inline_and_threads_resume_at_every_step(worker_type: Any, shape: str) -> None:
    def make(workers: int) -> DataLoader:
        return shuffling(workers, worker_type=worker_type, **SHAPES[shape])

    workers = 2 if worker_type == "thread" else 0
    whole = run_epochs(make(0), 3)
    for step in range(len(whole[0]) + 2):
        assert run_with_stops(make, [step], [workers] * 2, 3) == whole, f"step {step}"


# Before the first batch, after the first, in the middle, after the last one, and at the end.
EVERYWHERE = [0, 1, 2, 3, 1]
PAIRS = [(before, after) for before in range(4) for after in range(before, 4)]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_any_number_of_processes_goes_on_where_any_other_stopped(one: int, other: int) -> None:
    whole = run_epochs(shuffling(0), 3)
    assert run_with_stops(shuffling, EVERYWHERE, [one, other] * 3, 3, through_torch) == whole
    if one != other:
        assert run_with_stops(shuffling, EVERYWHERE[1:], [one, other, one, other, one], 3) == whole


@pytest.mark.parametrize(("one", "other"), [(2, 2), (1, 2), (2, 0)])
@pytest.mark.parametrize("worker_type", ["process", "thread"])
def test_persistent_workers_resume_into_the_epochs_they_would_have_had(worker_type: str, one: int, other: int) -> None:
    def make(workers: int) -> DataLoader:
        return shuffling(workers, persistent_workers=True, worker_type=worker_type)

    # They draw no seed for their second epoch, so it is another one than without them.
    workers = [one, other] * 2
    whole = run_epochs(make(workers[-1]), 3)
    assert run_with_stops(make, EVERYWHERE[:3], workers, 3) == whole
    if one == other:
        assert run_with_stops(make, EVERYWHERE, [one] * 6, 3) == whole
        assert run_with_stops(make, [7, 2, 5], [one] * 4, 3) == whole


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_started_workers_resume(method: str) -> None:
    def make(workers: int) -> DataLoader:
        return shuffling(workers, multiprocessing_context=method if workers else None)

    assert run_with_stops(make, [2, 2], [1, 1, 0], 2) == run_epochs(shuffling(0), 2)


def test_the_second_and_third_resume_in_one_epoch_count_from_its_beginning() -> None:
    whole = run_epochs(shuffling(0), 2)
    loader = shuffling(0)
    state: dict[str, Any] = {}
    for step in range(6):
        loader.load_state_dict(state)
        batches, state = stopped_after(loader, 1)
        assert batches == whole[0][step : step + 1]
        assert (state["_num_yielded"], state["_sampler_iter_yielded"]) == (step + 1, step + 1)
        loader = shuffling(0)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("worker_type", ["process", "thread"])
def test_no_sample_is_made_again_and_none_is_lost(worker_type: str, workers: int) -> None:
    for step in range(7):
        before, after = CallCounts(N), CallCounts(N)
        order = torch.Generator().manual_seed(step)
        loader = DataLoader(before, 4, True, num_workers=workers, generator=order, worker_type=worker_type)
        first, state = stopped_after(loader, step)
        loader = DataLoader(after, 4, True, num_workers=workers, generator=order, worker_type=worker_type)
        loader.load_state_dict(state)
        (rest,) = run_epochs(loader, 1)
        delivered = [index for batch in first for index in batch]
        assert sorted(delivered + [index for batch in rest for index in batch]) == list(range(N))
        assert after.calls.tolist() == [int(index not in delivered) for index in range(N)]


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_out_of_order_are_delivered_once(workers: int) -> None:
    def make(count: int) -> DataLoader:
        return shuffling(count, in_order=False, batch_size=2)

    for stops in ([1], [5], [3, 4], [0, 11], [12]):
        run = run_with_stops(make, stops, [2] * len(stops) + [workers], 1)
        assert sorted(index for batch in run[0] for index in batch) == list(range(N))


class SlowStart(Numbers):
    """Worker 0's first batch takes its time, so that the other worker gets ahead of it."""

    def __getitem__(self, index: int) -> torch.Tensor:
        if index == 0:
            time.sleep(0.3)
        return super().__getitem__(index)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_batch_that_was_overtaken_is_not_forgotten(workers: int) -> None:
    loader = DataLoader(SlowStart(12), 1, num_workers=2, in_order=False)
    first, state = stopped_after(loader, 3)
    seen = [batch[0][0] for batch in first]
    assert 0 not in seen
    assert state["_ahead"] == sorted(seen)
    rest = DataLoader(Numbers(12), 1, num_workers=workers, in_order=False)
    rest.load_state_dict(state)
    again = [batch[0][0] for batch in run_epochs(rest, 1)[0]]
    assert sorted(seen + again) == list(range(12))


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("more", [1, 2, 4])
def test_what_is_saved_again_after_overtaken_batches_counts_both_stretches(more: int, workers: int) -> None:
    first, state = stopped_after(DataLoader(SlowStart(12), 1, num_workers=2, in_order=False), 3)
    second = DataLoader(Numbers(12), 1, num_workers=workers, in_order=False)
    second.load_state_dict(state)
    then, state = stopped_after(second, more)
    rest = DataLoader(Numbers(12), 1, in_order=False)
    rest.load_state_dict(state)
    seen = [batch[0][0] for batch in (*first, *then, *run_epochs(rest, 1)[0])]
    assert sorted(seen) == list(range(12))


def test_a_resumed_loader_has_its_whole_length() -> None:
    loader = shuffling(0)
    loader.load_state_dict(stopped_after(shuffling(0), 4)[1])
    assert len(loader) == 6
    iterator = iter(loader)
    assert len(iterator) == 6
    assert len(list(iterator)) == 2
    assert len(loader) == 6


def test_the_loops_generators_stay_where_they_are_when_an_epoch_is_resumed() -> None:
    _, state = stopped_after(DataLoader(range(N), 4, shuffle=True), 3)
    loader = DataLoader(range(N), 4, shuffle=True)
    loader.load_state_dict(state)
    before = torch.get_rng_state()
    next(iter(loader))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_restores_the_global_generators_needs_no_other(workers: int) -> None:
    def make() -> DataLoader:
        return DataLoader(range(N), 4, shuffle=True, num_workers=workers)

    set_seeds(3)
    whole = run_epochs(make(), 3)
    set_seeds(3)
    loader = make()
    first, state = stopped_after(loader, 2)
    saved = torch.get_rng_state()
    set_seeds(4)
    loader = make()
    loader.load_state_dict(state)
    torch.set_rng_state(saved)
    first_rest, *others = run_epochs(loader, 3)
    assert [first + first_rest, *others] == whole


def test_states_go_through_json_and_torch() -> None:
    _, state = stopped_after(shuffling(2), 3, codec=dict)
    assert through_json(state) == state
    assert through_torch(state) == state

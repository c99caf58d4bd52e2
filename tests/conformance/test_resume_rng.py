"""Random samples of resumed workers are those that would have followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from support.loader import DataLoader, only_fastload, three_workers_are_fine
from support.stateful import AtFirstPull, Draws, run_epochs, run_with_stops, set_seeds, stopped_after
from torch.utils.data import Dataset, IterableDataset

from fastload._rng import current_states, set_states

pytestmark = [only_fastload, three_workers_are_fine]


class StreamOfDraws(IterableDataset):
    def __iter__(self) -> Any:
        draws = Draws(9)
        return iter([draws[index] for index in np.random.permutation(9)])


def make(dataset: Any, workers: int, **settings: Any) -> DataLoader:
    generator = torch.Generator().manual_seed(9)
    arguments: dict[str, Any] = {"batch_size": 2, "generator": generator, **settings}
    return DataLoader(dataset, num_workers=workers, **arguments)


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("workers", [1, 2])
def test_worker_processes_go_on_with_their_generators(workers: int, persistent: bool) -> None:
    def loader(count: int) -> DataLoader:
        return make(Draws(17), count, shuffle=True, persistent_workers=persistent)

    whole = run_epochs(loader(workers), 2)
    assert run_with_stops(loader, [1, 2, 0, 3], [workers] * 5, 2) == whole
    assert run_with_stops(loader, [10, 1], [workers] * 3, 2) == whole  # the end of the epoch, and one batch more


def test_workers_of_iterable_datasets_go_on_with_their_generators() -> None:
    def loader(count: int) -> DataLoader:
        return make(StreamOfDraws(), count, persistent_workers=True)

    whole = run_epochs(loader(2), 2)
    for stops in ([0, 3, 2], [11, 1]):
        assert run_with_stops(loader, stops, [2] * (len(stops) + 1), 2) == whole


def test_workers_of_the_other_start_methods_do_too() -> None:
    def loader(count: int) -> DataLoader:
        return make(Draws(9), count, multiprocessing_context="forkserver")

    assert run_with_stops(loader, [3], [1, 1], 1) == run_epochs(make(Draws(9), 1), 1)


def test_an_epoch_broken_off_leaves_persistent_workers_where_they_are() -> None:
    def loader() -> DataLoader:
        return make(Draws(17), 2, persistent_workers=True)

    one = loader()
    next(iter(one))
    iterator = iter(one)  # the second epoch: the workers had made more than the batch that was taken
    next(iterator)
    state = one.state_dict()
    rest = [[part.tolist() for part in batch] for batch in iterator]
    other = loader()
    other.load_state_dict(state)
    assert [[part.tolist() for part in batch] for batch in other] == rest


@pytest.mark.parametrize(("before", "after"), [(0, 2), (2, 0), (1, 3), (2, 2)])
def test_samples_streams_do_not_depend_on_who_goes_on(before: int, after: int) -> None:
    def loader(count: int) -> DataLoader:
        return make(Draws(17), count, shuffle=True, rng="sample")

    whole = run_epochs(loader(0), 3)
    assert run_with_stops(loader, [2, 1], [before, after, before], 3) == whole
    assert run_with_stops(loader, [10, 3], [before, after, before], 3) == whole


def test_without_workers_the_callers_generators_decide() -> None:
    def loader() -> DataLoader:
        return DataLoader(Draws(9), 2)

    (whole,) = run_epochs(loader(), 1)
    set_seeds(0)
    first, state = stopped_after(loader(), 2)
    resumed = loader()
    resumed.load_state_dict(state)
    assert first + run_epochs(resumed, 1)[0] == whole


class PairOfNormals(Dataset):
    """NumPy makes normal numbers in pairs, and keeps the second one aside."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[float, ...]:
        return (float(np.random.randn()),)


def test_the_second_of_a_pair_of_normal_numbers_is_not_forgotten() -> None:
    def loader(count: int) -> DataLoader:
        return make(PairOfNormals(), count, batch_size=1)

    whole = run_epochs(loader(1), 1)
    for step in range(6):
        assert run_with_stops(loader, [step], [1, 1], 1) == whole, f"step {step}"


@pytest.mark.parametrize("workers", [0, 2])
def test_asking_for_the_state_draws_nothing_and_starts_nothing(workers: int) -> None:
    plain = run_epochs(make(Draws(17), workers, shuffle=True), 2)
    set_seeds(0)
    loader = make(Draws(17), workers, shuffle=True)
    before = torch.get_rng_state(), loader.generator.get_state()
    assert loader.state_dict() == loader.state_dict()
    assert loader._iterator is None
    assert torch.equal(before[0], torch.get_rng_state())
    assert torch.equal(before[1], loader.generator.get_state())
    set_seeds(0)
    asked = []
    for _ in range(2):
        asked.append([])
        for batch in loader:
            state = loader.state_dict()
            assert state == loader.state_dict()
            asked[-1].append([part.tolist() for part in batch])
    if workers:  # without, samples draw from the generators that epochs are seeded from
        assert asked == plain
    else:
        assert [[batch[0] for batch in epoch] for epoch in asked] == [[b[0] for b in epoch] for epoch in plain]


class DrawsWhenIterated(AtFirstPull):
    """Draws as soon as ``__iter__`` is called, as a list that is shuffled there does."""

    def __iter__(self) -> Iterator[int]:
        return iter(list(super().__iter__()))


@pytest.mark.parametrize("worker_type", ["process", "thread"])
@pytest.mark.parametrize("kind", ["shuffle", AtFirstPull, DrawsWhenIterated])
def test_after_an_epoch_of_persistent_workers_the_loops_generators_give_the_next_order(
    kind: Any, worker_type: str
) -> None:
    def loader() -> DataLoader:
        order = {"shuffle": True} if kind == "shuffle" else {"sampler": kind(8)}
        return DataLoader(range(8), 2, num_workers=1, persistent_workers=True, worker_type=worker_type, **order)

    gone_on, resumed = loader(), loader()
    run_epochs(gone_on, 1)
    resumed.load_state_dict(gone_on.state_dict())
    generators = current_states()
    expected = run_epochs(gone_on, 2)
    set_states(generators)
    assert run_epochs(resumed, 2) == expected

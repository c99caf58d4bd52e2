"""Resuming with samplers of every kind: torch's, fastload's, and a user's own with and without a state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.utils.data as torch_data
from support.loader import DataLoader, only_fastload, three_workers_are_fine
from support.samplers import SAMPLERS, EagerShuffle, LazyShuffle
from support.stateful import (
    AtFirstPull,
    OwnGeneratorEagerly,
    OwnGeneratorLazily,
    StatefulSampler,
    StatefulSamplerIterators,
    run_epochs,
    run_with_stops,
    set_seeds,
    stopped_after,
    taken,
)
from torch.utils.data import BatchSampler

from fastload import samplers

pytestmark = [only_fastload, three_workers_are_fine]

N = 13
Arguments = Callable[[torch.Generator], dict[str, Any]]

# Samplers whose epochs depend on their generator, seed and epoch alone.
TORCHS: dict[str, Arguments] = {
    "random": lambda g: {"sampler": torch_data.RandomSampler(range(N), generator=g)},
    "with replacement": lambda g: {"sampler": torch_data.RandomSampler(range(N), True, 40, generator=g)},
    "two and a half times": lambda g: {"sampler": torch_data.RandomSampler(range(N), False, 32, generator=g)},
    "subset": lambda g: {"sampler": torch_data.SubsetRandomSampler([5, 2, 7, 1, 11], generator=g)},
    "weighted": lambda g: {"sampler": torch_data.WeightedRandomSampler(torch.arange(N) + 1.0, 20, generator=g)},
    "weighted, each once": lambda g: {
        "sampler": torch_data.WeightedRandomSampler(torch.arange(N) + 1.0, N, False, generator=g)
    },
    "sequential": lambda g: {"sampler": torch_data.SequentialSampler(range(N))},
    "distributed": lambda g: {"sampler": torch_data.DistributedSampler(range(N), 2, 1, seed=3)},
    "batch sampler": lambda g: {
        "batch_sampler": BatchSampler(torch_data.RandomSampler(range(N), generator=g), 5, True)
    },
    "list of indices": lambda g: {"sampler": [3, 1, 4, 1, 5, 9, 2, 6]},
    "list of batches": lambda g: {"batch_sampler": [[0, 1], [5], (2, 3, 4), [1, 1]]},
}
FASTLOADS: dict[str, Arguments] = {
    "random": lambda g: {"sampler": samplers.RandomSampler(range(N), generator=g)},
    "with replacement": lambda g: {"sampler": samplers.RandomSampler(range(N), True, 40, generator=g)},
    "feistel": lambda g: {"sampler": samplers.RandomSampler(range(N), generator=g, method="feistel")},
    "feistel, two and a half times": lambda g: {
        "sampler": samplers.RandomSampler(range(N), False, 32, generator=g, method="feistel")
    },
    "sequential": lambda g: {"sampler": samplers.SequentialSampler(range(N))},
    "subset": lambda g: {"sampler": samplers.SubsetRandomSampler([5, 2, 7, 1, 11], g)},
    "weighted": lambda g: {"sampler": samplers.WeightedRandomSampler(torch.arange(N) + 1.0, 20, generator=g)},
    "weighted by aliases": lambda g: {
        "sampler": samplers.WeightedRandomSampler(torch.arange(N) + 1.0, 20, generator=g, method="alias")
    },
    "distributed": lambda g: {"sampler": samplers.DistributedSampler(range(N), 2, 1, seed=3)},
    "distributed weighted": lambda g: {
        "sampler": samplers.DistributedSampler(
            samplers.WeightedRandomSampler(torch.arange(N) + 1.0, 20, generator=g), 3, 1, tail="uneven"
        )
    },
    "repeated": lambda g: {"sampler": samplers.RepeatedAugmentationSampler(range(N), 3, 1, 0, selected_round=0)},
    "batch sampler": lambda g: {
        "batch_sampler": samplers.BatchSampler(samplers.RandomSampler(range(N), generator=g), 5, True)
    },
    "length-grouped": lambda g: {"batch_sampler": samplers.LengthGroupedBatchSampler([*range(1, N + 1)], 3)},
    "token budget": lambda g: {"batch_sampler": samplers.LengthGroupedBatchSampler([*range(1, N + 1)], max_tokens=20)},
    "distributed batches": lambda g: {
        "batch_sampler": samplers.DistributedBatchSampler(
            samplers.LengthGroupedBatchSampler([*range(1, N + 1)], 3), 2, 1
        )
    },
}
USERS: dict[str, Arguments] = {
    "own generator, at once": lambda g: {"sampler": OwnGeneratorEagerly(N, g)},
    "own generator, one by one": lambda g: {"sampler": OwnGeneratorLazily(N, g)},
    "stateful": lambda g: {"sampler": StatefulSampler(N)},
    "stateful iterators": lambda g: {"sampler": StatefulSamplerIterators(N)},
    "stateful in a batch sampler": lambda g: {"batch_sampler": BatchSampler(StatefulSampler(N), 5, True)},
}
ALL = {
    f"{whose} {name}": arguments
    for whose, those in (("torch's", TORCHS), ("fastload's", FASTLOADS), ("a user's", USERS))
    for name, arguments in those.items()
}


def make_loader(name: str, workers: int, **settings: Any) -> DataLoader:
    generator = torch.Generator().manual_seed(7)
    arguments: dict[str, Any] = {"batch_size": 2, **ALL[name](generator), **settings}
    if "batch_sampler" in arguments:
        arguments.pop("batch_size")
    return DataLoader(range(N), num_workers=workers, worker_type="thread", generator=generator, **arguments)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", ALL)
def test_every_sampler_goes_on_from_every_step_into_the_next_epochs(name: str, workers: int) -> None:
    def make(count: int) -> DataLoader:
        return make_loader(name, count)

    whole = run_epochs(make(0), 3)
    steps = len(whole[0])
    for step in range(steps + 2):
        assert run_with_stops(make, [step], [workers, 2 - workers], 3) == whole, f"step {step}"
    assert run_with_stops(make, [1, 1, steps - 2, 1, 2], [workers] * 6, 3) == whole
    assert run_with_stops(make, [steps + 1, 0, 2, steps, steps + 1], [workers] * 6, 3) == whole


@pytest.mark.parametrize("name", [name for name in ALL if "batch_sampler" not in ALL[name](torch.Generator())])
def test_samplers_without_batches_go_on_too(name: str) -> None:
    def make(count: int) -> DataLoader:
        return make_loader(name, count, batch_size=None)

    for workers in (0, 2):
        whole = run_epochs(make(workers), 2)
        assert run_with_stops(make, [0, 3, 2], [workers] * 4, 2) == whole


@pytest.mark.parametrize("batch_size", [3, None])
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("sampler", [AtFirstPull, EagerShuffle])
def test_draws_from_global_generators_when_an_epoch_begins_are_made_again(
    sampler: Any, workers: int, batch_size: int | None
) -> None:
    def make(count: int) -> DataLoader:
        return DataLoader(range(N), batch_size, sampler=sampler(N), num_workers=count, worker_type="thread")

    set_seeds(3)
    whole = run_epochs(make(workers), 1)
    for stops in ([1], [3], [2, 0, 1], [len(whole[0])], [1] * len(whole[0])):
        set_seeds(3)
        assert run_with_stops(make, stops, [workers] * (len(stops) + 1), 1) == whole


def test_a_sampler_that_draws_as_it_goes_goes_on_with_what_the_caller_restored() -> None:
    def make() -> DataLoader:
        return DataLoader(range(N), 2, sampler=LazyShuffle(N))

    set_seeds(3)
    (whole,) = run_epochs(make(), 1)
    for step in range(len(whole)):
        set_seeds(3)
        first, state = stopped_after(make(), step)
        loader = make()
        loader.load_state_dict(state)
        assert [first + run_epochs(loader, 1)[0]] == [whole]


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "lazy"])  # which draws as it goes
def test_the_torch_contracts_samplers_go_on_once_the_epoch_is_begun(name: str) -> None:
    def make(_: int) -> DataLoader:
        return DataLoader(range(N), **SAMPLERS[name](N, 3))

    set_seeds(3)
    whole = run_epochs(make(0), 1)
    for stops in ([1], [2, 1]):
        set_seeds(3)
        assert run_with_stops(make, stops, [0] * (len(stops) + 1), 1) == whole


def test_an_endless_sampler_goes_on_in_any_pass() -> None:
    def make(count: int) -> DataLoader:
        data = samplers.InfiniteSampler(N, seed=4)
        return DataLoader(range(N), 4, sampler=data, num_workers=count, worker_type="thread")

    whole = taken(iter(make(0)), 20)
    for stops in ([0], [1], [3], [4, 9], [13, 1]):
        seen: list[Any] = []
        state: dict[str, Any] = {}
        for stop in (*stops, 20 - sum(stops)):
            loader = make(2 if len(seen) % 2 else 0)
            loader.load_state_dict(state)
            batches, state = stopped_after(loader, stop)
            seen += batches
        assert seen == whole


@pytest.mark.parametrize("every", [1, 2, 100])
@pytest.mark.parametrize("sampler", [StatefulSampler, StatefulSamplerIterators])
def test_samplers_with_a_state_are_asked_every_so_often(sampler: Any, every: int) -> None:
    def make(count: int) -> DataLoader:
        data = sampler(N)
        return DataLoader(range(N), 2, sampler=data, num_workers=count, snapshot_every_n_steps=every)

    whole = run_epochs(make(0), 2)
    for workers in (0, 1):
        assert run_with_stops(make, [1, 3, 1], [workers] * 4, 2) == whole
        assert run_with_stops(make, [8], [workers] * 2, 2) == whole


def test_epochs_are_counted_by_the_loader_and_set_by_the_caller() -> None:
    def make() -> DataLoader:
        return DataLoader(range(N), 4, sampler=samplers.DistributedSampler(range(N), 1, 0))

    def epoch(number: int) -> list[Any]:
        loader = make()
        loader.sampler.set_epoch(number)
        return run_epochs(loader, 1)[0]

    loader = make()
    assert run_epochs(loader, 3) == [epoch(0), epoch(1), epoch(2)]
    first, state = stopped_after(loader, 2)
    assert first == epoch(3)[:2]

    resumed = make()
    resumed.load_state_dict(state)
    assert run_epochs(resumed, 2) == [epoch(3)[2:], epoch(4)]
    resumed.sampler.set_epoch(9)
    assert run_epochs(resumed, 2) == [epoch(9), epoch(10)]

    told = make()
    told.load_state_dict(state)
    told.sampler.set_epoch(3)  # as training loops do for the epoch they resume
    assert run_epochs(told, 1) == [epoch(3)[2:]]


def test_torchs_distributed_sampler_needs_no_set_epoch_after_a_resume_of_its_epoch() -> None:
    def make(number: int) -> DataLoader:
        loader = DataLoader(range(N), 4, sampler=torch_data.DistributedSampler(range(N), 1, 0))
        loader.sampler.set_epoch(number)
        return loader

    whole = run_epochs(make(2), 1)[0]
    first, state = stopped_after(make(2), 1)
    resumed = make(2)
    resumed.load_state_dict(state)
    assert first + run_epochs(resumed, 1)[0] == whole

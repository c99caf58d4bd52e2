"""Any run, stopped and resumed anywhere any number of times, gives the batches of one that was not."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.loader import DataLoader, three_workers_are_fine
from support.stateful import (
    OwnGeneratorEagerly,
    Sharded,
    StatefulIterators,
    StatefulSampler,
    run_epochs,
    run_with_stops,
    through_json,
    through_torch,
)

from fastload import samplers

pytestmark = three_workers_are_fine

# Fixtures are for the whole test here; each example restores what it needs.
UNCHECKED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
inline = settings(max_examples=250, deadline=None, suppress_health_check=UNCHECKED)
with_workers = settings(max_examples=30, deadline=None, suppress_health_check=UNCHECKED)

KINDS = {
    "sequential": lambda n, g: {},
    "shuffled": lambda n, g: {"shuffle": True},
    "with replacement": lambda n, g: {"sampler": samplers.RandomSampler(range(n), True, n + 7, g)},
    "thrice": lambda n, g: {"sampler": torch.utils.data.RandomSampler(range(n), False, 3 * n, g)},
    "feistel": lambda n, g: {"sampler": samplers.RandomSampler(range(n), generator=g, method="feistel")},
    "weighted": lambda n, g: {"sampler": torch.utils.data.WeightedRandomSampler([1.0] * n, n, generator=g)},
    "subset": lambda n, g: {"sampler": torch.utils.data.SubsetRandomSampler(range(0, n, 2), g)},
    "distributed": lambda n, g: {"sampler": samplers.DistributedSampler(range(n), 2, 0)},
    "own": lambda n, g: {"sampler": OwnGeneratorEagerly(n, g)},
    "stateful": lambda n, g: {"sampler": StatefulSampler(n)},
    "plain list": lambda n, g: {"sampler": [*range(n), *range(0, n, 3)]},
}


def make_loader(length: int, kind: str, seed: int, workers: int, **settings: Any) -> DataLoader:
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(
        range(length), num_workers=workers, generator=generator, **KINDS[kind](length, generator), **settings
    )


lengths = st.integers(1, 40)
stops = st.lists(st.integers(0, 9), max_size=5)
batch_sizes = st.one_of(st.none(), st.integers(1, 12))


@inline
@given(
    length=lengths,
    kind=st.sampled_from(sorted(KINDS)),
    seed=st.integers(0, 2**63 - 1),
    batch_size=batch_sizes,
    drop_last=st.booleans(),
    stops=stops,
    every=st.integers(1, 4),
    codec=st.sampled_from([through_json, through_torch]),
)
def test_without_workers(
    length: int,
    kind: str,
    seed: int,
    batch_size: int | None,
    drop_last: bool,
    stops: list[int],
    every: int,
    codec: Any,
) -> None:
    def make(workers: int) -> DataLoader:
        dropping = drop_last and batch_size is not None
        return make_loader(
            length, kind, seed, workers, batch_size=batch_size, drop_last=dropping, snapshot_every_n_steps=every
        )

    epochs = len(stops) + 2  # each stop may be an epoch's end
    assert run_with_stops(make, stops, [0] * (len(stops) + 1), epochs, codec) == run_epochs(make(0), epochs)


@settings(parent=inline, max_examples=150)
@given(
    length=lengths,
    kind=st.sampled_from(sorted(KINDS)),
    seed=st.integers(0, 1000),
    batch_size=st.integers(1, 12),
    stops=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=4),
    last=st.integers(0, 3),
)
def test_with_other_numbers_of_threads_after_each_stop(
    length: int, kind: str, seed: int, batch_size: int, stops: list[tuple[int, int]], last: int
) -> None:
    def make(workers: int) -> DataLoader:
        return make_loader(length, kind, seed, workers, batch_size=batch_size, worker_type="thread")

    after = [stop for stop, _ in stops]
    workers = [*(count for _, count in stops), last]
    epochs = len(stops) + 1
    assert run_with_stops(make, after, workers, epochs) == run_epochs(make(0), epochs)


@with_workers
@given(
    length=lengths,
    kind=st.sampled_from(sorted(KINDS)),
    batch_size=batch_sizes,
    stop=st.integers(0, 9),
    before=st.integers(0, 2),
    after=st.integers(0, 2),
)
def test_with_other_numbers_of_processes(
    length: int, kind: str, batch_size: int | None, stop: int, before: int, after: int
) -> None:
    def make(workers: int) -> DataLoader:
        return make_loader(length, kind, 5, workers, batch_size=batch_size)

    if kind == "own" and batch_size is None:
        after = before  # iterated at once, and once more where there are workers, as by torch
    assert run_with_stops(make, [stop], [before, after], 1) == run_epochs(make(before), 1)


@settings(parent=inline, max_examples=150)
@given(
    length=st.integers(0, 40),
    dataset=st.sampled_from([Sharded, StatefulIterators]),
    batch_size=batch_sizes,
    drop_last=st.booleans(),
    every=st.integers(1, 5),
    workers=st.integers(0, 3),
    stops=st.lists(st.integers(0, 6), max_size=4),
)
def test_of_iterable_datasets(
    length: int, dataset: Any, batch_size: int | None, drop_last: bool, every: int, workers: int, stops: list[int]
) -> None:
    def make(count: int) -> DataLoader:
        return DataLoader(
            dataset(length),
            batch_size,
            drop_last=drop_last and batch_size is not None,
            num_workers=count,
            worker_type="thread",
            snapshot_every_n_steps=every,
        )

    epochs = len(stops) + 1
    whole = run_epochs(make(workers), epochs)
    assert run_with_stops(make, stops, [workers] * (len(stops) + 1), epochs) == whole

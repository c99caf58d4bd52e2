"""Index batches as arrays: torch's numbers, drawn from torch's generators when torch draws them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from fastload import samplers
from fastload._index_batches import as_list, index_source
from fastload._pulls import ArrayPulls


def array_pulls(sampler: Any) -> ArrayPulls:
    source = index_source(sampler)
    assert source is not None
    return ArrayPulls(source)


def run(make_sampler: Any, ours: bool, with_generator: bool) -> tuple[list[list[int]], list[bytes]]:
    """The batches, and the states of both generators before the first pull and after each."""
    torch.manual_seed(11)
    generator = torch.Generator().manual_seed(12) if with_generator else None
    sampler = make_sampler(generator)
    iterator = array_pulls(sampler) if ours else iter(sampler)
    batches: list[list[int]] = []
    states: list[bytes] = []

    def note_states() -> None:
        mine = b"" if generator is None else generator.get_state().numpy().tobytes()
        states.append(torch.get_rng_state().numpy().tobytes() + mine)

    note_states()
    for batch in iterator:
        batches.append(as_list(batch))
        note_states()
    note_states()
    return batches, states


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(1, 70),
    size=st.integers(1, 40),
    drop_last=st.booleans(),
    replacement=st.booleans(),
    num_samples=st.one_of(st.none(), st.integers(1, 150)),
    with_generator=st.booleans(),
)
def test_batches_and_draws_are_those_of_torch(
    n: int, size: int, drop_last: bool, replacement: bool, num_samples: int | None, with_generator: bool
) -> None:
    def make_sampler(generator: torch.Generator | None) -> BatchSampler:
        sampler = RandomSampler(range(n), replacement, num_samples, generator)
        return BatchSampler(sampler, size, drop_last)

    assert run(make_sampler, True, with_generator) == run(make_sampler, False, with_generator)


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 40),
    size=st.integers(1, 20),
    drop_last=st.booleans(),
    replacement=st.booleans(),
    num_samples=st.integers(1, 60),
    with_generator=st.booleans(),
)
def test_subset_and_weighted_batches_and_draws_are_those_of_torch(
    n: int, size: int, drop_last: bool, replacement: bool, num_samples: int, with_generator: bool
) -> None:
    def make_subset(generator: torch.Generator | None) -> BatchSampler:
        return BatchSampler(SubsetRandomSampler(range(3, 3 + n), generator), size, drop_last)

    def make_weighted(generator: torch.Generator | None) -> BatchSampler:
        number = num_samples if replacement else min(num_samples, n)
        weights = torch.arange(n) + 1.0
        return BatchSampler(WeightedRandomSampler(weights, number, replacement, generator), size, drop_last)

    for make_sampler in (make_subset, make_weighted):
        assert run(make_sampler, True, with_generator) == run(make_sampler, False, with_generator)


@pytest.mark.parametrize("replacement", [False, True])
def test_single_indices_are_those_of_torch(replacement: bool) -> None:
    def make_sampler(generator: torch.Generator | None) -> RandomSampler:
        return RandomSampler(range(9), replacement, 20, generator)

    for with_generator in (False, True):
        assert run(make_sampler, True, with_generator) == run(make_sampler, False, with_generator)
    assert all(type(index) is int for index in array_pulls(make_sampler(None)))


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("rank", [0, 2])
def test_distributed_batches_are_those_of_torch_in_its_epoch(rank: int, drop_last: bool) -> None:
    theirs = DistributedSampler(range(17), 3, rank, seed=5)
    theirs.set_epoch(4)
    sampler = BatchSampler(theirs, 4, drop_last)
    assert [batch.tolist() for batch in array_pulls(sampler)] == list(sampler)


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 30),
    size=st.integers(1, 12),
    drop_last=st.booleans(),
    replacement=st.booleans(),
    num_samples=st.one_of(st.none(), st.integers(1, 70)),
    data=st.data(),
)
def test_pulls_begun_anywhere_give_and_draw_the_rest(
    n: int, size: int, drop_last: bool, replacement: bool, num_samples: int | None, data: st.DataObject
) -> None:
    def source_of(generator: torch.Generator) -> Any:
        sampler = RandomSampler(range(n), replacement, num_samples, generator)
        return index_source(BatchSampler(sampler, size, drop_last))

    generator = torch.Generator().manual_seed(4)
    whole = ArrayPulls(source_of(generator))
    batches = [as_list(batch) for batch in whole]
    after = generator.get_state()
    state = whole.record.state(0)["order"]
    first = data.draw(st.integers(0, len(batches)))
    generator.manual_seed(5)
    assert [as_list(batch) for batch in ArrayPulls.resumed(source_of(generator), state, first, None)] == batches[first:]
    assert torch.equal(generator.get_state(), after)


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("n", [0, 1, 7, 65_536, 65_537, 131_075])
def test_sequential_batches_are_those_of_torch(n: int, drop_last: bool) -> None:
    sampler = BatchSampler(SequentialSampler(range(n)), 1000, drop_last)
    assert [batch.tolist() for batch in array_pulls(sampler)] == list(sampler)


class MyBatches(BatchSampler):
    pass


class MyRandom(RandomSampler):
    pass


@pytest.mark.parametrize(
    "sampler",
    [
        [[0, 1], [2]],
        MyBatches(SequentialSampler(range(4)), 2, False),
        BatchSampler(MyRandom(range(4)), 2, False),
        BatchSampler(SubsetRandomSampler(["a", "b"]), 2, False),
        BatchSampler([3, 1, 2], 2, False),
        MyRandom(range(4)),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_samplers_that_may_do_otherwise_are_left_alone(sampler: Any) -> None:
    assert index_source(sampler) is None


@pytest.mark.parametrize(
    "sampler",
    [
        RandomSampler(range(4)),
        SequentialSampler(range(4)),
        samplers.RandomSampler(range(4), method="feistel"),
        samplers.LengthGroupedBatchSampler([1, 2, 3], 2),
        BatchSampler(samplers.DistributedSampler(range(4), 2, 0), 2, False),
        samplers.BatchSampler(SubsetRandomSampler([1, 2]), 2, False),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_known_samplers_give_arrays(sampler: Any) -> None:
    assert index_source(sampler) is not None


def test_a_sampler_that_was_changed_is_left_alone() -> None:
    sampler = RandomSampler(range(4))
    sampler.__iter__ = lambda: iter([1, 2])  # type: ignore[method-assign]
    assert index_source(sampler) is None
    batches = BatchSampler(SequentialSampler(range(4)), 2, False)
    batches.extra = 1  # type: ignore[attr-defined]
    assert index_source(batches) is None


def test_user_code_gets_a_list_of_ints() -> None:
    (batch,) = array_pulls(BatchSampler(SequentialSampler(range(3)), 3, False))
    assert all(type(index) is int for index in as_list(batch))
    assert as_list([1, "a"]) == [1, "a"]
    array = np.arange(3)
    assert as_list(array) is array

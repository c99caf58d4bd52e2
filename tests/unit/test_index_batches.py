"""Index batches as arrays: torch's numbers, drawn from torch's generators when torch draws them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler, SubsetRandomSampler

from fastload._index_batches import as_list, index_batches


def run(make_sampler: Any, ours: bool, with_generator: bool) -> tuple[list[list[int]], list[bytes]]:
    """The batches, and the states of both generators before the first pull and after each."""
    torch.manual_seed(11)
    generator = torch.Generator().manual_seed(12) if with_generator else None
    sampler = make_sampler(generator)
    iterator = index_batches(sampler) if ours else iter(sampler)
    batches: list[list[int]] = []
    states: list[bytes] = []

    def note_states() -> None:
        mine = b"" if generator is None else generator.get_state().numpy().tobytes()
        states.append(torch.get_rng_state().numpy().tobytes() + mine)

    note_states()
    assert iterator is not None
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


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("n", [0, 1, 7, 65_536, 65_537, 131_075])
def test_sequential_batches_are_those_of_torch(n: int, drop_last: bool) -> None:
    sampler = BatchSampler(SequentialSampler(range(n)), 1000, drop_last)
    assert [batch.tolist() for batch in index_batches(sampler) or ()] == list(sampler)


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
        BatchSampler(SubsetRandomSampler([1, 2]), 2, False),
        BatchSampler([3, 1, 2], 2, False),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_samplers_that_may_do_otherwise_are_left_alone(sampler: Any) -> None:
    assert index_batches(sampler) is None


def test_user_code_gets_a_list_of_ints() -> None:
    (batch,) = index_batches(BatchSampler(SequentialSampler(range(3)), 3, False)) or ()
    assert all(type(index) is int for index in as_list(batch))
    assert as_list([1, "a"]) == [1, "a"]
    array = np.arange(3)
    assert as_list(array) is array

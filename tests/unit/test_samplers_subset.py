"""`SubsetRandomSampler` against torch's: indices, their types, and what is drawn from whom."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data

from fastload.samplers._batch import BatchSampler
from fastload.samplers._order import array_sampler
from fastload.samplers._subset import SubsetRandomSampler

TorchSubset = torch.utils.data.SubsetRandomSampler

SUBSETS = {
    "list": [5, -3, 2**62, 5, 0],
    "tuple": (4, 1, 9),
    "range": range(10, 3, -2),
    "long": list(range(0, 60_000, 3)),
    "empty": [],
    "bools": [True, 3],
    "words": ["a", "b", "c"],
    "huge": [2**64, 1],
    "array": np.arange(6),
    "tensor": torch.arange(7),
}


def drawn(sampler_type: Any, indices: Any, shared: bool) -> list[Any]:
    """Two epochs: each index with its type, and the states of both generators before and after each pull."""
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(2) if shared else None
    seen: list[Any] = []
    for _ in range(2):
        for index in sampler_type(indices, generator):
            seen += [(type(index), index), torch.get_rng_state().sum(), generator and generator.get_state().sum()]
        seen += [torch.get_rng_state().sum(), generator and generator.get_state().sum()]
    return seen


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("indices", SUBSETS.values(), ids=SUBSETS)
def test_indices_and_draws_are_those_of_torch(indices: Any, shared: bool) -> None:
    if len(indices) < 1000:
        assert drawn(SubsetRandomSampler, indices, shared) == drawn(TorchSubset, indices, shared)
    else:
        torch.manual_seed(1)
        expected = [list(TorchSubset(indices)), torch.rand(1)]
        torch.manual_seed(1)
        assert [list(SubsetRandomSampler(indices)), torch.rand(1)] == expected


@pytest.mark.parametrize("sampler_type", [TorchSubset, SubsetRandomSampler])
def test_only_plain_ints_become_arrays(sampler_type: Any) -> None:
    as_arrays = [name for name, indices in SUBSETS.items() if array_sampler(sampler_type(indices)) is not None]
    assert as_arrays == ["list", "tuple", "range", "long", "empty"]


@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_the_order_of_many_array_elements_is_no_list(kind: str) -> None:
    indices = np.arange(300_000) if kind == "array" else torch.arange(300_000)
    tracemalloc.start()
    try:
        iterator = iter(SubsetRandomSampler(indices))
        next(iterator)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    torch.manual_seed(6)
    ours = list(itertools.islice(SubsetRandomSampler(indices), 5000))
    torch.manual_seed(6)
    assert ours == list(itertools.islice(TorchSubset(indices), 5000))


def test_batches_are_those_of_torch() -> None:
    for size in (1, 2, 5, 7):
        for drop_last in (False, True):
            torch.manual_seed(4)
            expected = list(torch.utils.data.BatchSampler(TorchSubset(range(10, 15)), size, drop_last))
            torch.manual_seed(4)
            assert list(BatchSampler(SubsetRandomSampler(range(10, 15)), size, drop_last)) == expected


def test_a_list_that_changes_is_read_anew_each_epoch() -> None:
    indices = [1, 2]
    sampler = SubsetRandomSampler(indices)
    assert sorted(sampler) == [1, 2]
    indices.append(3)
    assert sorted(sampler) == [1, 2, 3]


@pytest.mark.parametrize("shared", [False, True])
def test_a_state_gives_the_same_order_from_every_position(shared: bool) -> None:
    generator = torch.Generator().manual_seed(2) if shared else None
    known = array_sampler(SubsetRandomSampler(range(50, 90), generator))
    assert known is not None
    order = known.order()
    whole = order.read(0, 40).tolist()
    state = json.loads(json.dumps(order.state()))
    after = generator and generator.get_state()
    torch.manual_seed(5)  # everybody's generator, which goes on from where it is
    elsewhere = torch.get_rng_state()
    for position in range(41):
        resumed = known.order(state=state)
        assert resumed.read(position, 40).tolist() == whole[position:]
        resumed.finish()
        assert torch.equal(torch.get_rng_state(), elsewhere)
        assert generator is None or torch.equal(generator.get_state(), after)


def test_a_state_of_another_length_is_refused() -> None:
    known, other = (array_sampler(SubsetRandomSampler(range(n))) for n in (4, 5))
    assert known is not None
    assert other is not None
    with pytest.raises(ValueError, match="length=4, but this SubsetRandomSampler has length=5"):
        other.order(state=known.order().state())

"""`SequentialSampler` and `BatchSampler` against torch's."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch.utils.data

from fastload.samplers._batch import BatchSampler
from fastload.samplers._order import CHUNK, array_sampler
from fastload.samplers._sequential import SequentialSampler

TorchBatches = torch.utils.data.BatchSampler
TorchSequential = torch.utils.data.SequentialSampler


@pytest.mark.parametrize("n", [0, 1, 7, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_indices_are_those_of_torch(n: int) -> None:
    sampler = SequentialSampler(range(n))
    assert list(sampler) == list(TorchSequential(range(n)))
    assert all(type(index) is int for index in sampler)
    assert len(sampler) == n


def test_a_state_is_continued_at_every_position_and_refused_for_another_length() -> None:
    order = SequentialSampler(range(20)).order()
    state = json.loads(json.dumps(order.state()))
    resumed = SequentialSampler(range(20)).order(state=state)
    for position in range(21):
        assert resumed.read(position, 20, 3).tolist() == list(range(position, 20, 3))
    with pytest.raises(ValueError, match="length=20, but this SequentialSampler has length=21"):
        SequentialSampler(range(21)).order(state=state)


def test_torchs_own_sampler_is_seen_as_ours() -> None:
    known = array_sampler(TorchSequential(range(5)))
    assert known is not None
    assert known.order().read(1, 5).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 3, 10, 11, 10_000])
@pytest.mark.parametrize("n", [0, 1, 10, 10_000])
def test_batches_are_those_of_torch(n: int, size: int, drop_last: bool) -> None:
    expected = list(TorchBatches(TorchSequential(range(n)), size, drop_last))
    for inner in (SequentialSampler(range(n)), TorchSequential(range(n)), list(range(n))):
        sampler = BatchSampler(inner, size, drop_last)
        assert list(sampler) == expected
        assert len(sampler) == len(expected)


def test_a_batch_sampler_takes_any_iterable_and_asks_it_when_torch_does() -> None:
    seen: dict[Any, list[Any]] = {}
    for batch_type in (TorchBatches, BatchSampler):
        events = seen[batch_type] = []

        def items(events: list[Any] = events) -> Any:
            for item in "abcdefg":
                events.append(item)
                yield item

        events.extend(batch_type(items(), 3, False))  # each batch as it comes
    assert seen[BatchSampler] == seen[TorchBatches]


@pytest.mark.parametrize("arguments", [(0, False), (-1, False), (True, False), (2.0, False), (2, 1), (2, None)])
def test_bad_arguments_raise_what_torch_raises(arguments: Any) -> None:
    with pytest.raises(ValueError, match="should be a") as torchs:
        TorchBatches(range(3), *arguments)
    with pytest.raises(ValueError, match="should be a") as ours:
        BatchSampler(range(3), *arguments)
    assert str(ours.value) == str(torchs.value)

"""Split items are gone on with from where they stopped."""

import pickle
from typing import Any

import pytest
from support.streams import StatefulIterator, StatefulStream, Stream, StreamOfStatefulIterators

import fastload
from fastload._split import split_by_rank_and_worker


@pytest.mark.parametrize("source", [Stream, StreamOfStatefulIterators, StatefulStream])
@pytest.mark.parametrize("equalize", [None, "pad", "mask", "truncate"])
def test_an_iterator_goes_on_from_its_state_at_every_item(source: Any, equalize: Any) -> None:
    def begin() -> Any:
        return iter(split_by_rank_and_worker(source(11), rank=2, world_size=3, equalize=equalize))

    whole = list(begin())
    for count in range(len(whole) + 1):
        before, after = begin(), begin()
        assert [next(before) for _ in range(count)] == whole[:count]
        after.load_state_dict(pickle.loads(pickle.dumps(before.state_dict())))
        assert list(after) == whole[count:]


@pytest.mark.parametrize("source", [Stream, StreamOfStatefulIterators, StatefulStream])
def test_the_state_reaches_into_what_is_repeated(source: Any) -> None:
    def begin() -> Any:
        part = split_by_rank_and_worker(source(3), rank=0, world_size=2, lengths=[3, 8], equalize="mask")
        return iter(part)

    whole = list(begin())
    assert [item for item, _ in whole] == [0, 1, 2, 0, 1, 2, 0, 1]
    for count in range(len(whole) + 1):
        before, after = begin(), begin()
        assert [next(before) for _ in range(count)] == whole[:count]
        after.load_state_dict(before.state_dict())
        assert list(after) == whole[count:]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("source", [Stream, StreamOfStatefulIterators])
def test_a_loader_goes_on_in_the_middle_of_the_split_items(source: Any, workers: int) -> None:
    def begin() -> Any:
        part = split_by_rank_and_worker(source(30), rank=1, world_size=2, equalize="mask")
        return fastload.DataLoader(part, batch_size=3, num_workers=workers)

    def rest_of(batches: Any) -> list[Any]:
        return [[part.tolist() for part in batch] for batch in batches]

    whole = rest_of(begin())
    for count in range(0, len(whole) + 1, 2):
        before, after = begin(), begin()
        batches = iter(before)
        assert [[part.tolist() for part in next(batches)] for _ in range(count)] == whole[:count]
        after.load_state_dict(before.state_dict())
        assert rest_of(after) == whole[count:]


def test_a_stateful_source_is_not_read_again() -> None:
    part = split_by_rank_and_worker(StreamOfStatefulIterators(1000), rank=0, world_size=2)
    before, after = iter(part), iter(part)
    for _ in range(400):
        next(before)
    StatefulIterator.asked = 0
    after.load_state_dict(before.state_dict())
    assert next(after) == 800
    assert StatefulIterator.asked == 2


def test_the_state_of_another_part_is_refused() -> None:
    state = iter(split_by_rank_and_worker(Stream(8), rank=0, world_size=2)).state_dict()
    other = iter(split_by_rank_and_worker(Stream(8), rank=1, world_size=3))
    with pytest.raises(ValueError, match="the state of rank 0 of 2, worker 0 of 1, and here is rank 1 of 3"):
        other.load_state_dict(state)


class WithoutMethods(Stream):
    """Has the names of a state's methods, and neither of them."""

    state_dict = load_state_dict = None


def test_a_source_whose_state_methods_are_none_is_read_again() -> None:
    before, after = (iter(split_by_rank_and_worker(WithoutMethods(6), rank=1, world_size=2)) for _ in range(2))
    assert next(before) == 1
    after.load_state_dict(before.state_dict())
    assert list(after) == [3, 5]

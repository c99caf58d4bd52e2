"""Shards and items of iterable datasets: each on one worker of one rank, and as many on all ranks."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.datasets import Numbers
from support.loader import DataLoader, TorchDataLoader
from support.streams import EpochStream, SizedStream, Stream
from torch.utils.data import IterableDataset

import fastload
from fastload._ranks import Place
from fastload._reader import Reader
from fastload._split import EQUALIZE, SplitIterator, split_by_rank_and_worker

RANKS = range(4)


class ShardReader(IterableDataset):
    """Ten numbers from each of its shards."""

    def __init__(self, shards: int, **split: Any) -> None:
        self.shards = list(range(shards))
        self.split = split

    def __iter__(self) -> Iterator[int]:
        for shard in split_by_rank_and_worker(self.shards, **self.split):
            yield from range(10 * shard, 10 * shard + 10)


def on_each_rank(source: Any, ranks: int = 4, **options: Any) -> list[list[Any]]:
    return [list(split_by_rank_and_worker(source, rank=rank, world_size=ranks, **options)) for rank in range(ranks)]


def numbers_of(loader: Any) -> list[int]:
    return torch.cat(list(loader)).tolist()


# --- lists of shards ------------------------------------------------------------------------------------


def test_one_process_gets_all_shards_in_their_order() -> None:
    assert split_by_rank_and_worker(["a", "b", "c"]) == ["a", "b", "c"]


def test_ranks_get_every_nth_shard() -> None:
    assert on_each_rank(list("abcdefg"), 3) == [list("adg"), list("be"), list("cf")]


@pytest.mark.parametrize(
    ("equalize", "expected"),
    [
        ("pad", [[0, 4], [1, 5], [2, 0], [3, 1]]),
        ("truncate", [[0], [1], [2], [3]]),
        (None, [[0, 4], [1, 5], [2], [3]]),
    ],
)
def test_every_rank_gets_as_many_shards(equalize: Any, expected: list[list[int]]) -> None:
    assert on_each_rank(range(6), 4, equalize=equalize) == expected


def test_fewer_shards_than_ranks_are_padded_to_one_each() -> None:
    assert on_each_rank([7, 8], 5, equalize="pad") == [[7], [8], [7], [8], [7]]


def test_shards_that_cannot_be_shared_evenly_are_an_error_on_request() -> None:
    with pytest.raises(ValueError, match="6 shards cannot be shared evenly between 4 ranks: 2 left over"):
        split_by_rank_and_worker(range(6), rank=0, world_size=4, equalize="error")
    assert on_each_rank(range(4), 4, equalize="error") == [[0], [1], [2], [3]]


@pytest.mark.parametrize(("workers", "ranks"), [(0, 3), (1, 2), (2, 1), (2, 3)])
def test_every_shard_is_read_by_one_worker_of_one_rank(ranks: int, workers: int) -> None:
    read = [
        numbers_of(DataLoader(ShardReader(7, rank=rank, world_size=ranks), batch_size=4, num_workers=workers))
        for rank in range(ranks)
    ]
    assert sorted(number for numbers in read for number in numbers) == list(range(70))
    assert max(map(len, read)) - min(map(len, read)) <= 10


def test_too_few_shards_are_said_once_in_a_job() -> None:
    with pytest.warns(UserWarning, match=r"3 shards for 5 ranks with 1 workers each: 2 of 5 workers get none") as said:
        parts = on_each_rank(range(3), 5)
    assert len(said) == 1
    assert said[0].filename == __file__
    assert parts == [[0], [1], [2], [], []]


def test_the_idle_worker_says_so() -> None:
    loader = DataLoader(ShardReader(1), batch_size=10, num_workers=2)
    with pytest.raises(UserWarning, match="1 shards for 1 ranks with 2 workers each: 1 of 2 workers get none"):
        list(loader)  # warnings are errors here, in the worker too


# --- iterable datasets ----------------------------------------------------------------------------------


def test_items_go_to_ranks_in_turn() -> None:
    assert on_each_rank(Stream(10), 3) == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]


@pytest.mark.parametrize("loader", [DataLoader, TorchDataLoader])
@pytest.mark.parametrize(("workers", "ranks"), [(0, 3), (1, 2), (2, 1), (2, 3)])
def test_every_item_comes_once_over_all_ranks_and_workers(loader: Any, workers: int, ranks: int) -> None:
    parts = [split_by_rank_and_worker(Stream(25), rank=rank, world_size=ranks) for rank in range(ranks)]
    read = [numbers_of(loader(part, batch_size=3, num_workers=workers)) for part in parts]
    assert sorted(number for numbers in read for number in numbers) == list(range(25))
    assert all(number % ranks == rank for rank, numbers in enumerate(read) for number in numbers)


def test_thread_workers_share_the_items_too() -> None:
    part = split_by_rank_and_worker(Stream(25), rank=1, world_size=2)
    read = numbers_of(fastload.DataLoader(part, batch_size=3, num_workers=2, worker_type="thread"))
    assert sorted(read) == list(range(1, 25, 2))


@pytest.mark.parametrize("sized", [Stream, SizedStream])
@pytest.mark.parametrize(
    ("equalize", "expected"),
    [
        (None, [[0, 4], [1, 5], [2], [3]]),
        ("pad", [[0, 4], [1, 5], [2, 5], [3, 5]]),
        ("mask", [[(0, True), (4, True)], [(1, True), (5, True)], [(2, True), (5, False)], [(3, True), (5, False)]]),
        ("truncate", [[0], [1], [2], [3]]),
    ],
)
def test_every_rank_gets_as_many_items(sized: Any, equalize: Any, expected: list[list[Any]]) -> None:
    assert on_each_rank(sized(6), 4, equalize=equalize) == expected
    if sized is SizedStream:
        parts = [split_by_rank_and_worker(sized(6), rank=r, world_size=4, equalize=equalize) for r in RANKS]
        assert [len(part) for part in parts] == [len(items) for items in expected]


def test_fewer_items_than_ranks_are_padded_to_one_each() -> None:
    assert on_each_rank(Stream(1), 3, equalize="pad") == [[0], [0], [0]]
    assert on_each_rank(Stream(0), 3, equalize="pad") == [[], [], []]


def test_a_source_without_length_makes_a_dataset_without_length() -> None:
    assert not hasattr(split_by_rank_and_worker(Stream(3)), "__len__")


@pytest.mark.parametrize(("workers", "length"), [(0, 8), (0, 29), (0, 30), (0, 31), (2, 29), (2, 32)])
@pytest.mark.parametrize("equalize", ["pad", "mask", "truncate"])
def test_every_rank_gets_as_many_batches_through_workers(workers: int, equalize: Any, length: int) -> None:
    parts = [split_by_rank_and_worker(Stream(length), rank=rank, world_size=4, equalize=equalize) for rank in RANKS]
    loaders = [DataLoader(part, batch_size=2, num_workers=workers) for part in parts]
    shapes = [[len(batch[0]) if equalize == "mask" else len(batch) for batch in loader] for loader in loaders]
    assert all(shape == shapes[0] for shape in shapes)


@pytest.mark.parametrize("stream", [Stream, SizedStream])
def test_items_that_cannot_be_shared_evenly_are_an_error_on_request(stream: Any) -> None:
    for rank in RANKS:
        part = iter(split_by_rank_and_worker(stream(8), rank=rank, world_size=4, equalize="error"))
        assert list(part) == [rank, rank + 4]
        with pytest.raises(ValueError, match="9 items cannot be shared evenly between 4 ranks: 1 left over"):
            list(split_by_rank_and_worker(stream(9), rank=rank, world_size=4, equalize="error"))


def test_a_known_length_is_an_error_before_the_first_item() -> None:
    with pytest.raises(ValueError, match="9 items"):
        iter(split_by_rank_and_worker(SizedStream(9), rank=0, world_size=4, equalize="error"))


@settings(deadline=None)
@given(
    length=st.integers(0, 60), ranks=st.integers(1, 5), workers=st.integers(1, 4), equalize=st.sampled_from(EQUALIZE)
)
def test_whatever_the_numbers_all_ranks_get_as_much_and_together_everything(
    length: int, ranks: int, workers: int, equalize: Any
) -> None:
    assume(equalize != "error" or length % ranks == 0)
    places = [[(Place(rank, ranks), Place(worker, workers)) for worker in range(workers)] for rank in range(ranks)]
    read = [[list(SplitIterator(Reader(Stream(length)), *place, equalize)) for place in row] for row in places]
    together = [item for row in read for items in row for item in items]
    valid = [item for item, mask in together if mask] if equalize == "mask" else together
    for row in read:
        assert [len(items) for items in row] == [len(items) for items in read[0]]
    if equalize == "truncate":
        assert sorted(valid) == list(range(length // ranks * ranks))
    else:
        assert sorted(set(valid)) == list(range(length))
        assert len(together) == -(-length // ranks) * ranks
        assert equalize != "mask" or len(valid) == length


# --- ranks with data of their own -----------------------------------------------------------------------

LENGTHS = [10, 7, 9, 10]


def own_data(equalize: Any) -> list[Any]:
    return [
        split_by_rank_and_worker(Stream(n, 100 * r), rank=r, world_size=4, lengths=LENGTHS, equalize=equalize)
        for r, n in enumerate(LENGTHS)
    ]


def test_the_shortest_rank_decides_when_all_are_truncated() -> None:
    assert [list(part) for part in own_data("truncate")] == [list(range(100 * r, 100 * r + 7)) for r in RANKS]


def test_shorter_ranks_begin_again_when_padded() -> None:
    read = [list(part) for part in own_data("pad")]
    assert read[1] == [*range(100, 107), 100, 101, 102]
    assert read[2] == [*range(200, 209), 200]
    assert [len(items) for items in read] == [10] * 4 == [len(part) for part in own_data("pad")]


def test_what_is_repeated_is_marked_in_a_mask() -> None:
    for rank, part in enumerate(own_data("mask")):
        items, mask = next(iter(DataLoader(part, batch_size=10)))
        assert mask.tolist() == [place < LENGTHS[rank] for place in range(10)]
        assert items[mask].tolist() == list(range(100 * rank, 100 * rank + LENGTHS[rank]))


@pytest.mark.parametrize("equalize", ["pad", "mask", "truncate"])
@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_with_data_of_their_own_make_as_many_batches(equalize: Any, workers: int) -> None:
    counts = [len(list(DataLoader(part, batch_size=2, num_workers=workers))) for part in own_data(equalize)]
    assert len(set(counts)) == 1


def test_ranks_that_differ_are_an_error_on_request() -> None:
    with pytest.raises(ValueError, match=r"lengths is \[10, 7, 9, 10\]: the ranks differ"):
        own_data("error")


def test_a_rank_that_has_less_than_was_said_is_an_error() -> None:
    part = split_by_rank_and_worker(Stream(5), rank=0, world_size=2, lengths=[7, 7], equalize="error")
    with pytest.raises(ValueError, match="ended after 5 items, and lengths says that this rank has 7"):
        list(part)


# --- where this is, and what does not fit ---------------------------------------------------------------


def test_torchruns_environment_tells_the_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert list(split_by_rank_and_worker(Stream(4))) == [0, 1, 2, 3]
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert list(split_by_rank_and_worker(Stream(4))) == [1, 3]
    assert split_by_rank_and_worker(["a", "b"]) == ["b"]
    assert list(split_by_rank_and_worker(Stream(4), rank=0, world_size=4)) == [0]


@pytest.mark.parametrize(
    ("rank", "world_size", "message"),
    [
        ("2", "2", r"rank 2 of 2 from the environment \(RANK, WORLD_SIZE\)"),
        ("one", "2", "RANK='one' and WORLD_SIZE='2' in the environment must be numbers"),
    ],
)
def test_an_environment_that_makes_no_sense_is_an_error(
    monkeypatch: pytest.MonkeyPatch, rank: str, world_size: str, message: str
) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", world_size)
    with pytest.raises(ValueError, match=message):
        split_by_rank_and_worker([1, 2])


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (Stream(3), {"rank": 1}, ValueError, "belong together, got rank=1, world_size=None"),
        (Stream(3), {"rank": 3, "world_size": 3}, ValueError, "rank 3 of 3 from the arguments"),
        (Stream(3), {"equalize": "drop"}, ValueError, "equalize must be .* or None, got 'drop'"),
        (Stream(3), {"lengths": [3, 3]}, ValueError, "lengths has 2 entries, and there are 1 ranks"),
        (Stream(3), {"lengths": [3]}, ValueError, "say with equalize what to make of it"),
        (Stream(3), {"lengths": [-3], "equalize": "pad"}, ValueError, r"lengths is \[-3\]"),
        ([1], {"equalize": "mask"}, ValueError, "pass 'pad'"),
        ([1], {"lengths": [1]}, ValueError, "lengths is for an IterableDataset"),
        ("shard.tar", {}, TypeError, "got str 'shard.tar'; wrap a single shard in a list"),
        ({1, 2}, {}, TypeError, "got set"),
        (Numbers(3), {}, TypeError, "Numbers is a map-style dataset: split it by a sampler"),
    ],
)
def test_what_does_not_fit_is_an_error(source: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        split_by_rank_and_worker(source, **options)


def test_a_rank_without_data_cannot_repeat_any() -> None:
    with pytest.raises(ValueError, match=r"lengths is \[0, 3\]: a rank without items has none to repeat"):
        split_by_rank_and_worker(Stream(0), rank=0, world_size=2, lengths=[0, 3], equalize="pad")


def test_the_source_learns_the_epoch() -> None:
    source = EpochStream(3)
    split_by_rank_and_worker(source).set_epoch(5)
    split_by_rank_and_worker(source, rank=0, world_size=1, lengths=[3], equalize="pad").set_epoch(source.epoch + 1)
    split_by_rank_and_worker(Stream(3)).set_epoch(7)
    assert source.epoch == 6

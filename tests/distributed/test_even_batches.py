"""Ranks whose data ends at different times make the same number of steps, and none of them hangs."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from support.gloo import gloo_group, run_ranks
from torch.utils.data import IterableDataset

import fastload
from fastload._even import EvenBatches

LENGTHS = [5, 3, 4, 5]


class Own(IterableDataset):
    """What only this rank has: 100 r, 100 r + 1, ..."""

    def __init__(self, rank: int, length: int) -> None:
        self.numbers = range(100 * rank, 100 * rank + length)

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)


def loader_of(rank: int, lengths: list[int], workers: int = 0) -> Any:
    return fastload.DataLoader(Own(rank, lengths[rank]), batch_size=1, num_workers=workers)


def step(batch: Any) -> Any:
    """A training step: ranks wait for each other, in the default group."""
    dist.all_reduce(torch.ones(()))
    return [part.tolist() for part in batch] if isinstance(batch, list) else batch.tolist()


def epochs(lengths: list[int], equalize: Any, workers: int) -> Any:
    """In a rank: the batches of two epochs, or the error."""
    with gloo_group() as (rank, _):
        batches = EvenBatches(loader_of(rank, lengths, workers), equalize=equalize)
        try:
            return [[step(batch) for batch in batches] for _ in range(2)]
        except ValueError as error:
            return str(error)


def own(rank: int, count: int) -> list[list[int]]:
    return [[100 * rank + number] for number in range(count)]


@pytest.mark.parametrize("workers", [0, 1])
def test_all_stop_with_the_first(workers: int) -> None:
    found = run_ranks(4, epochs, LENGTHS, "truncate", workers)
    assert found == [[own(rank, 3)] * 2 for rank in range(4)]


def test_all_go_on_to_the_last() -> None:
    found = run_ranks(4, epochs, LENGTHS, "pad", 0)
    assert found == [[own(rank, n) + [[100 * rank + n - 1]] * (5 - n)] * 2 for rank, n in enumerate(LENGTHS)]


def masked(lengths: list[int]) -> Any:
    with gloo_group() as (rank, _):
        batches = EvenBatches(loader_of(rank, lengths), equalize="mask")
        return [(step(batch), own) for batch, own in batches]


def test_repeated_batches_are_marked() -> None:
    found = run_ranks(2, masked, [3, 1])
    assert found == [[([0], True), ([1], True), ([2], True)], [([100], True), ([100], False), ([100], False)]]


@pytest.mark.parametrize(
    ("lengths", "equalize", "message"),
    [
        ([2, 3], "error", "1 of 2 ranks have no more batches and the others have"),
        ([0, 3], "pad", "1 of 2 ranks have no batch at all"),
    ],
)
def test_an_error_is_raised_on_all_ranks(lengths: list[int], equalize: str, message: str) -> None:
    for found in run_ranks(2, epochs, lengths, equalize, 0):
        assert message in found


def test_ranks_without_any_data_have_no_step_to_make() -> None:
    assert run_ranks(2, epochs, [0, 0], "pad", 0) == [[[], []]] * 2
    assert run_ranks(2, epochs, [0, 3], "truncate", 0) == [[[], []]] * 2


def resumed_everywhere(lengths: list[int], equalize: Any, workers: int) -> Any:
    """In a rank: the steps of an epoch, and for every step, and the end, those that a training resumed there makes."""
    with gloo_group() as (rank, _):
        whole, states = [], []
        batches = EvenBatches(loader_of(rank, lengths, workers), equalize=equalize)
        states.append(batches.state_dict())
        for batch in batches:
            whole.append(step(batch))
            states.append(batches.state_dict())
        states.append(batches.state_dict())  # of an epoch that is over
        resumed = []
        for state in states:
            fresh = EvenBatches(loader_of(rank, lengths, workers), equalize=equalize)
            fresh.load_state_dict(state)
            resumed.append([step(batch) for batch in fresh])
        return whole, resumed


@pytest.mark.parametrize(("equalize", "workers"), [("truncate", 0), ("pad", 0), ("pad", 1)])
def test_a_training_resumed_at_any_step_makes_the_rest(equalize: str, workers: int) -> None:
    for whole, resumed in run_ranks(2, resumed_everywhere, [5, 3], equalize, workers):
        assert len(whole) == (3 if equalize == "truncate" else 5)
        assert resumed == [*(whole[step:] for step in range(len(whole) + 1)), whole]


def test_one_process_needs_no_group() -> None:
    batches = EvenBatches(fastload.DataLoader(range(5), 2), equalize="mask")
    assert [(batch.tolist(), own) for batch, own in batches] == [([0, 1], True), ([2, 3], True), ([4], True)]
    assert [len(batch) for batch, _ in batches] == [2, 2, 1]


def test_one_process_has_states_too() -> None:
    batches, fresh = (EvenBatches(fastload.DataLoader(range(5), 2)) for _ in range(2))
    for batch in batches:
        fresh.load_state_dict(batches.state_dict())
        assert [number for rest in fresh for number in rest.tolist()] == list(range(int(batch[-1]) + 1, 5))


def test_an_unknown_way_is_an_error() -> None:
    with pytest.raises(ValueError, match="equalize must be 'truncate', 'pad', 'mask', 'error', got None"):
        EvenBatches([], equalize=None)  # type: ignore[arg-type]

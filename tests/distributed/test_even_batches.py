"""Ranks whose data ends at different times make the same number of steps, and none of them hangs."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from support.gloo import gloo_group, run_ranks
from torch.utils.data import IterableDataset
from torch.utils.data.distributed import DistributedSampler as TorchDistributedSampler

import fastload
from fastload._even import EvenBatches
from fastload.samplers import DistributedSampler

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
        states.append(json.dumps(batches.state_dict()))
        for batch in batches:
            whole.append(marked_step(batch, equalize))
            states.append(json.dumps(batches.state_dict()))
        states.append(json.dumps(batches.state_dict()))  # of an epoch that is over
        resumed = []
        for state in states:
            saved_again = EvenBatches(loader_of(rank, lengths, workers), equalize=equalize)
            saved_again.load_state_dict(json.loads(state))
            fresh = EvenBatches(loader_of(rank, lengths, workers), equalize=equalize)
            fresh.load_state_dict(saved_again.state_dict())
            resumed.append([marked_step(batch, equalize) for batch in fresh])
        return whole, resumed


def marked_step(batch: Any, equalize: str) -> Any:
    return (step(batch[0]), batch[1]) if equalize == "mask" else step(batch)


@pytest.mark.parametrize(("equalize", "workers"), [("truncate", 0), ("pad", 0), ("pad", 1), ("mask", 0)])
def test_a_training_resumed_at_any_step_makes_the_rest_even_if_it_saves_before_its_first_step(
    equalize: str, workers: int
) -> None:
    for whole, resumed in run_ranks(2, resumed_everywhere, [5, 3], equalize, workers):
        assert len(whole) == (3 if equalize == "truncate" else 5)
        assert resumed == [*(whole[step:] for step in range(len(whole) + 1)), whole]


class Foreign:
    """Not a loader of this library: the batches of an order that each epoch draws anew, and a state."""

    def __init__(self, rank: int) -> None:
        self.generator = torch.Generator().manual_seed(5)
        self.rank = rank
        self.count = 5 - rank
        self.at = 0
        self.began = self.generator.get_state()
        self.loaded = False

    def __iter__(self) -> Iterator[Any]:
        if not self.loaded:
            self.began, self.at = self.generator.get_state(), 0
        self.loaded = False
        order = torch.randperm(9, generator=self.generator.set_state(self.began))
        while self.at < self.count:
            self.at += 1
            yield order[self.at - 1]
        self.began, self.at = self.generator.get_state(), 0

    def state_dict(self) -> dict[str, Any]:
        return {"began": self.began.tolist(), "at": self.at}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.began, self.at = torch.tensor(state["began"], dtype=torch.uint8), state["at"]
        self.loaded = True


LENGTH = 9


def uneven_loader(kind: str, rank: int, world_size: int) -> Any:
    """Rank 0 has a batch more than the others, in an order of each epoch's own."""
    if kind == "foreign":
        return Foreign(rank)
    numbers = range(LENGTH)
    tail: Any = "pad" if kind == "padded" else "uneven"
    sampler = DistributedSampler(numbers, world_size, rank, tail=tail)
    if kind == "a generator's":
        generator = torch.Generator().manual_seed(3)
        return fastload.DataLoader(range(5 - rank), 1, shuffle=True, generator=generator)
    workers = int(kind == "workers")
    return fastload.DataLoader(numbers, 1, sampler=sampler, num_workers=workers, persistent_workers=bool(workers))


def epochs_after_one(kind: str, equalize: Any) -> Any:
    """In a rank: two epochs after the first one, of a process that goes on and of one that is resumed."""
    with gloo_group() as (rank, world_size):
        batches, fresh = (EvenBatches(uneven_loader(kind, rank, world_size), equalize=equalize) for _ in range(2))
        first = [step(batch) for batch in batches]
        fresh.load_state_dict(json.loads(json.dumps(batches.state_dict())))
        after = [[[step(batch) for batch in one] for _ in range(2)] for one in (batches, fresh)]
        return first, *after


@pytest.mark.parametrize("kind", ["uneven", "padded", "workers", "a generator's", "foreign"])
@pytest.mark.parametrize("equalize", ["truncate", "pad"])
def test_after_an_epoch_all_ranks_go_on_with_the_next_one(kind: str, equalize: str) -> None:
    for first, gone_on, resumed in run_ranks(2, epochs_after_one, kind, equalize):
        assert resumed == gone_on
        assert all(epoch != first for epoch in gone_on)


def test_a_rank_that_was_cut_short_is_in_the_samplers_next_epoch() -> None:
    found = run_ranks(2, epochs_after_one, "uneven", "truncate")
    for rank, (_, _, resumed) in enumerate(found):
        sampler = TorchDistributedSampler(range(LENGTH), 2, rank)
        for epoch, steps in enumerate(resumed, start=1):
            sampler.set_epoch(epoch)
            assert steps == [[index] for index in list(sampler)[: LENGTH // 2]]


def test_a_loader_whose_state_methods_are_none_has_no_state() -> None:
    class Plain(list[int]):
        state_dict = load_state_dict = None

    assert list(EvenBatches(Plain([1, 2]))) == [1, 2]


def test_one_process_needs_no_group() -> None:
    batches = EvenBatches(fastload.DataLoader(range(5), 2), equalize="mask")
    assert [(batch.tolist(), own) for batch, own in batches] == [([0, 1], True), ([2, 3], True), ([4], True)]
    assert [len(batch) for batch, _ in batches] == [2, 2, 1]


def test_one_process_has_states_too() -> None:
    batches, fresh = (EvenBatches(fastload.DataLoader(range(5), 2)) for _ in range(2))
    for batch in batches:
        fresh.load_state_dict(batches.state_dict())
        assert [number for rest in fresh for number in rest.tolist()] == list(range(int(batch[-1]) + 1, 5))


def test_a_state_survives_a_job_that_makes_no_step() -> None:
    batches, fresh = (EvenBatches(fastload.DataLoader(range(3), 1)) for _ in range(2))
    for _ in batches:
        state = batches.state_dict()
    fresh.load_state_dict(state)
    assert fresh.state_dict() == state
    assert list(fresh) == []
    assert len(list(fresh)) == 3  # the next epoch


def test_an_unknown_way_is_an_error() -> None:
    with pytest.raises(ValueError, match="equalize must be 'truncate', 'pad', 'mask', 'error', got None"):
        EvenBatches([], equalize=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [{}, None, fastload.DataLoader(range(4)).state_dict()])
def test_what_is_no_state_of_its_own_is_an_error(state: Any) -> None:
    with pytest.raises(ValueError, match="this is not a state of EvenBatches"):
        EvenBatches(fastload.DataLoader(range(4))).load_state_dict(state)

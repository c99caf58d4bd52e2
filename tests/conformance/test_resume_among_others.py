"""Resuming where others have a say: shared generators, the caller's set_epoch, another sampler, another world."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from support.loader import DataLoader, only_fastload
from torch.utils.data import Dataset, IterableDataset, RandomSampler, Sampler, get_worker_info

from fastload import samplers

pytestmark = only_fastload


def through_json(state: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(state))


def indices(loader: DataLoader) -> list[int]:
    return torch.cat(list(loader)).tolist()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_two_loaders_may_share_a_generator(workers: int, steps: int) -> None:
    def make() -> tuple[torch.Generator, DataLoader, DataLoader]:
        shared = torch.Generator().manual_seed(5)
        loaders = (DataLoader(range(12), 3, shuffle=True, num_workers=workers, generator=shared) for _ in range(2))
        return shared, *loaders

    def train(training: Any, validation: DataLoader, seen: list[Any]) -> None:
        for batch in training:
            seen.append(batch.tolist())
            seen.append(indices(validation))

    _, training, validation = make()
    whole: list[Any] = []
    for _ in range(2):
        train(training, validation, whole)

    _, training, validation = make()
    seen: list[Any] = []
    iterator = iter(training)
    for _ in range(steps):
        seen.append(next(iterator).tolist())
        seen.append(indices(validation))
    states = through_json([training.state_dict(), validation.state_dict()])
    del iterator
    _, training, validation = make()
    training.load_state_dict(states[0])
    validation.load_state_dict(states[1])
    for _ in range(2):
        train(training, validation, seen)
    assert seen == whole


def test_a_generator_that_the_caller_sets_after_loading_stays_where_it_is() -> None:
    generator = torch.Generator().manual_seed(1)
    loader = DataLoader(range(8), 2, shuffle=True, generator=generator)
    iterator = iter(loader)
    next(iterator)
    state = through_json(loader.state_dict())
    whole = [batch.tolist() for batch in iterator]
    generator = torch.Generator()
    loader = DataLoader(range(8), 2, shuffle=True, generator=generator)
    loader.load_state_dict(state)
    generator.manual_seed(99)
    iterator = iter(loader)
    assert [next(iterator).tolist() for _ in whole] == whole
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(99).get_state())


def distributed(**settings: Any) -> DataLoader:
    return DataLoader(range(24), 4, sampler=samplers.DistributedSampler(range(24), 2, 0), **settings)


def order_of_epoch(epoch: int) -> list[int]:
    sampler = torch.utils.data.DistributedSampler(range(24), 2, 0)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_a_call_of_set_epoch_after_loading_a_finished_state_wins() -> None:
    first = distributed()
    assert indices(first) == order_of_epoch(0)
    for told, epoch in ((None, 1), (5, 5)):
        loader = distributed()
        loader.load_state_dict(through_json(first.state_dict()))
        if told is not None:
            loader.sampler.set_epoch(told)
        assert indices(loader) == order_of_epoch(epoch)
        assert indices(loader) == order_of_epoch(epoch + 1)


def test_a_call_of_set_epoch_before_the_first_iteration_is_saved() -> None:
    loader = distributed()
    loader.sampler.set_epoch(7)
    other = distributed()
    other.load_state_dict(through_json(loader.state_dict()))
    assert indices(other) == order_of_epoch(7)


class Tenacious(RandomSampler):
    """A subclass: its order is known by iterating it only."""


class Numbers(IterableDataset):
    def __iter__(self) -> Iterator[int]:
        return iter(range(20))


KINDS = {
    "order": lambda: DataLoader(range(20), 4, shuffle=True),
    "iterated": lambda: DataLoader(range(20), 4, sampler=Tenacious(range(20))),
    "stream": lambda: DataLoader(Numbers(), 4),
}


@pytest.mark.parametrize("saved", KINDS)
@pytest.mark.parametrize("loaded", KINDS)
def test_a_state_of_another_kind_of_sampler_is_refused(saved: str, loaded: str) -> None:
    loader = KINDS[saved]()
    next(iter(loader))
    state = through_json(loader.state_dict())
    if saved == loaded:
        KINDS[loaded]().load_state_dict(state)
        return
    with pytest.raises(ValueError, match=r"resume with the dataset"):
        KINDS[loaded]().load_state_dict(state)


class SlowFirstWorker(Dataset):
    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> int:
        info = get_worker_info()
        if info is not None and info.id == 0:
            time.sleep(0.25)
        return index


def test_batches_that_went_out_of_order_cannot_be_shared_by_another_world() -> None:
    def make(ranks: int) -> DataLoader:
        sampler = samplers.DistributedSampler(range(64), ranks, 0)
        return DataLoader(SlowFirstWorker(), 4, sampler=sampler, num_workers=2, in_order=False)

    loader = make(2)
    iterator = iter(loader)
    for _ in range(2):
        next(iterator)
    state = through_json(loader.state_dict())
    assert state["_ahead"]
    make(2).load_state_dict(state)
    with pytest.raises(ValueError, match=r"in_order=False.*2 ranks again, not by 1"):
        make(1).load_state_dict(state)


class OwnRandomNumbers(Sampler):
    """Draws from a generator that nobody else can know of."""

    def __init__(self, seed: int) -> None:
        self.drawn = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[int]:
        return iter(self.drawn.permutation(12).tolist())

    def __len__(self) -> int:
        return 12


def test_a_sampler_that_gives_another_order_than_before_is_told_of() -> None:
    loader = DataLoader(range(12), 3, sampler=OwnRandomNumbers(1))
    iterator = iter(loader)
    for _ in range(2):
        next(iterator)
    state = through_json(loader.state_dict())
    same = DataLoader(range(12), 3, sampler=OwnRandomNumbers(1))
    same.load_state_dict(state)
    assert len(list(same)) == 2  # no warning
    other = DataLoader(range(12), 3, sampler=OwnRandomNumbers(2))
    other.load_state_dict(state)
    with pytest.warns(UserWarning, match="OwnRandomNumbers, gives another order than when the state was saved"):
        list(other)


class BeginsAnew(IterableDataset):
    """Keeps its position, and goes back to the start when it has come to the end."""

    def __init__(self) -> None:
        self.position = 0

    def __iter__(self) -> Iterator[int]:
        while self.position < 5:
            self.position += 1
            yield self.position - 1
        self.position = 0

    def state_dict(self) -> dict[str, int]:
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.position = state["position"]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_dataset_that_begins_anew_at_its_end_has_no_rest_after_its_last_batch(workers: int) -> None:
    def make() -> DataLoader:
        return DataLoader(BeginsAnew(), 2, num_workers=workers)

    loader = make()
    iterator = iter(loader)
    for _ in range(3 * max(workers, 1)):
        next(iterator)
    state = through_json(loader.state_dict())
    loader = make()
    loader.load_state_dict(state)
    assert list(loader) == []
    assert len(list(loader)) == 3 * max(workers, 1)


@pytest.mark.parametrize(("key", "value"), [("_sampler_iter_yielded", -3), ("_num_yielded", -1), ("_epoch", -5)])
def test_counts_below_zero_are_refused(key: str, value: int) -> None:
    loader = DataLoader(range(12), 3)
    next(iter(loader))
    with pytest.raises(ValueError, match="damaged"):
        loader.load_state_dict({**loader.state_dict(), key: value})


def test_a_map_dataset_with_a_state_says_when_other_workers_cannot_take_it(caplog: pytest.LogCaptureFixture) -> None:
    class Counting(Dataset):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> int:
            return index

        def state_dict(self) -> dict[str, int]:
            return {"calls": 1}

        def load_state_dict(self, state: dict[str, int]) -> None:
            pass

    loader = DataLoader(Counting(), 2, num_workers=1)
    iterator = iter(loader)
    next(iterator)
    other = DataLoader(Counting(), 2)
    other.load_state_dict(through_json(loader.state_dict()))
    assert len(list(other)) == 3
    assert "num_workers=1" in caplog.text


class OneByOne(Sampler):
    """Draws each index when it is asked for."""

    def __len__(self) -> int:
        return 12

    def __iter__(self) -> Iterator[int]:
        for _ in range(12):
            yield int(torch.randint(100, (1,)))


@pytest.mark.parametrize("steps", [(2, 1), (2, 0), (0, 3), (5, 2), (9, 2)])
def test_what_was_drawn_ahead_survives_a_second_resume(steps: tuple[int, int]) -> None:
    def make(workers: int) -> DataLoader:
        return DataLoader(range(100), 1, sampler=OneByOne(), num_workers=workers)

    torch.manual_seed(0)
    whole = indices(make(0))
    torch.manual_seed(0)
    seen: list[int] = []
    loader = make(2)
    for step in steps:
        iterator = iter(loader)
        seen += [int(next(iterator)) for _ in range(step)]
        state, generator = through_json(loader.state_dict()), torch.get_rng_state()
        torch.manual_seed(77)
        loader = make(0)
        loader.load_state_dict(state)
        torch.set_rng_state(generator)
    assert seen + indices(loader) == whole

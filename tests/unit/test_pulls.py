"""Index batches of samplers that only their own code knows, and the way back to one of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from support.stateful import AtFirstPull, Countdown, StatefulSampler, StatefulSamplerIterators, set_seeds
from torch.utils.data import BatchSampler

from fastload import DataLoader
from fastload._pulls import ForeignPulls, UnknownPulls, stateful_sampler
from fastload._rng import current_states


def pulls_of(sampler: Any, every: int = 1) -> ForeignPulls:
    before = current_states()
    return ForeignPulls(iter(sampler), sampler, every, before, [])


def resumed(sampler: Any, state: Any, turns: int, every: int = 1) -> ForeignPulls:
    return ForeignPulls.resumed(lambda: iter(sampler), sampler, every, json.loads(json.dumps(state)), turns)


@pytest.mark.parametrize("every", [1, 2, 5, 100])
@pytest.mark.parametrize("make", [StatefulSampler, StatefulSamplerIterators, AtFirstPull])
def test_every_turn_can_be_come_back_to_while_pulls_run_ahead(make: Any, every: int) -> None:
    set_seeds(1)
    whole = list(make(9))
    for turns in range(10):
        for ahead in (0, 3):
            set_seeds(1)
            pulls = pulls_of(make(9), every)
            for _ in range(min(turns + ahead, 9)):
                next(pulls)
            for turn in range(1, turns + 1):
                pulls.record.passed(turn)
            state = pulls.record.state(turns)
            if turns or ahead:
                set_seeds(2)
            assert list(resumed(make(9), state, turns, every)) == whole[turns:], (turns, ahead)


def test_what_is_kept_does_not_grow_with_the_epoch() -> None:
    pulls = pulls_of(StatefulSampler(1000), 3)
    for turn, _ in enumerate(pulls, 1):
        pulls.record.passed(turn)
        assert len(pulls.record.snapshots) <= 3


def test_passing_over_leaves_the_global_generators_alone() -> None:
    pulls = pulls_of(AtFirstPull(9))
    next(pulls)
    state = pulls.record.state(1)
    before = current_states()
    resumed(AtFirstPull(9), state, 1)
    assert current_states() == before


def test_nothing_is_kept_for_loaders_without_a_state() -> None:
    pulls = ForeignPulls(iter(StatefulSampler(4)), StatefulSampler(4), 0, None, [])
    assert len(list(pulls)) == 4
    assert not pulls.record.snapshots
    assert pulls.record.first is None


def test_a_sampler_that_has_become_shorter_is_an_error() -> None:
    pulls = pulls_of([1, 2, 3, 4])
    assert next(pulls) == 1
    with pytest.raises(ValueError, match="is 4 index batches into its epoch, but the sampler ends 2 before that"):
        resumed([1, 2], pulls.record.state(4), 4)


def test_a_snapshot_is_no_view_of_what_it_was_taken_of() -> None:
    class Lists(Countdown):
        def __init__(self) -> None:
            super().__init__(range(5), [])
            self.seen: list[int] = []

        def state_dict(self) -> dict[str, Any]:
            return {**super().state_dict(), "seen": self.seen}

        def __next__(self) -> int:
            self.seen.append(0)
            return super().__next__()

    class Listed(StatefulSamplerIterators):
        def __iter__(self) -> Iterator[int]:
            return Lists()

    pulls = pulls_of(Listed(5))
    next(pulls)
    state = pulls.record.state(0)
    next(pulls)
    assert state["snapshot"]["iterator"]["seen"] == []


def test_the_state_of_the_innermost_sampler_counts() -> None:
    inner = StatefulSampler(4)
    assert stateful_sampler(BatchSampler(inner, 2, False)) is inner
    assert stateful_sampler(BatchSampler([1], 2, False)) is None
    assert stateful_sampler(None) is None


def test_pulls_for_iterable_datasets_keep_nothing() -> None:
    pulls = UnknownPulls(iter([[None] * 2]), None)
    assert next(pulls) == [None, None]
    pulls.record.passed(1)
    assert pulls.record.state(1) == {"kind": "stream"}


def test_draws_at_the_first_pull_happen_when_the_first_batch_is_pulled() -> None:
    random.seed(3)
    before = random.getstate()
    pulls = pulls_of(AtFirstPull(5))
    assert random.getstate() == before
    next(pulls)
    assert random.getstate() != before
    assert torch.initial_seed() == 0


class Restarting:
    """A batch sampler that is its own iterator, and begins again whenever it is asked for one: as Lightning's is."""

    def __init__(self) -> None:
        self.number = 0

    def __iter__(self) -> Restarting:
        self.number = 0
        return self

    def __next__(self) -> list[int]:
        if self.number == 4:
            raise StopIteration
        self.number += 1
        return [self.number - 1, self.number]

    def __len__(self) -> int:
        return 4


@pytest.mark.parametrize("workers", [0, 1])
def test_an_iterator_that_begins_again_when_asked_for_one_is_asked_once_an_epoch(workers: int) -> None:
    loader = DataLoader(list(range(8)), batch_sampler=Restarting(), num_workers=workers)
    for _ in range(2):
        assert [batch.tolist() for batch in loader] == [[0, 1], [1, 2], [2, 3], [3, 4]]

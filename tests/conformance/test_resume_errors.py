"""States that do not fit say so in numbers; failing samples, broken loops and copies of loaders keep their place."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from typing import Any

import pytest
import torch
from support.datasets import Failing, Numbers
from support.loader import DataLoader, TorchDataLoader, only_fastload
from support.stateful import (
    AtFirstPull,
    StatefulSampler,
    run_epochs,
    stopped_after,
    taken,
)

import fastload
from fastload import samplers

pytestmark = only_fastload

N = 20


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(2)


def loader_of(length: int = N, batch_size: int | None = 4, **settings: Any) -> DataLoader:
    return DataLoader(range(length), batch_size, generator=seeded(), **settings)


def state_of(loader: DataLoader, steps: int = 2) -> dict[str, Any]:
    return stopped_after(loader, steps)[1]


def refused(loader: DataLoader, state: Any, match: str | None, error: type[Exception] = ValueError) -> None:
    """At once, or where only the sampler can tell, with the first batch."""

    def resume() -> None:
        loader.load_state_dict(state)
        next(iter(loader))

    with pytest.raises(error, match=match):
        resume()


def test_another_dataset_is_refused() -> None:
    refused(loader_of(21), state_of(loader_of(20)), r"dataset of length 20, and this loader's has length 21")
    stream = DataLoader(iter_of(5), 2)
    refused(stream, state_of(loader_of(20)), r"dataset of length 20, and this loader's has unknown length")
    refused(loader_of(20), state_of(DataLoader(iter_of(5), 2)), r"unknown length, and this loader's has length 20")


class iter_of(torch.utils.data.IterableDataset):
    def __init__(self, length: int) -> None:
        self.length = length

    def __iter__(self) -> Any:
        return iter(range(self.length))


@pytest.mark.parametrize(
    "settings",
    [{}, {"shuffle": True}, {"sampler": AtFirstPull(N)}, {"sampler": StatefulSampler(N)}],
    ids=["sequential", "shuffled", "foreign", "stateful"],
)
def test_another_batch_size_is_refused(settings: dict[str, Any]) -> None:
    state = state_of(loader_of(N, 4, **settings))
    refused(loader_of(N, 5, **settings), state, r"batch_size=4, and this one has batch_size=5")
    if not isinstance(settings.get("sampler"), StatefulSampler):
        refused(
            loader_of(N, None, **settings), state, r"batch_size=(4|1), and this one has batch_size=(None|1)|another"
        )


def test_another_kind_of_sampler_is_refused() -> None:
    shuffled, in_order = state_of(loader_of(shuffle=True)), state_of(loader_of())
    refused(loader_of(), shuffled, r"kind='torch permutation', but this SequentialSampler has kind='sequential'")
    refused(loader_of(shuffle=True), in_order, r"kind='sequential', but this RandomSampler has kind='torch perm")
    more = samplers.RandomSampler(range(N), num_samples=30)
    refused(loader_of(sampler=more), shuffled, r"num_samples=20, but this RandomSampler has num_samples=30")
    foreign = state_of(loader_of(sampler=StatefulSampler(N)))
    refused(loader_of(sampler=AtFirstPull(N)), foreign, r"a state of the sampler, but BatchSampler has no load_state")


def test_another_number_of_generators_is_refused() -> None:
    state = state_of(DataLoader(range(N), 4, sampler=samplers.RandomSampler(range(N), generator=seeded())))
    refused(DataLoader(range(N), 4, shuffle=True), state, r"1 torch.Generator objects, and this loader .* have 0")


def test_what_is_no_state_is_refused() -> None:
    refused(loader_of(), {"_snapshot": {}, "_steps_since_snapshot": 0}, r"not a state of fastload.*_snapshot")
    torchdatas = {
        "_index_sampler_state": None,
        "_sampler_iter_state": None,
        "_sampler_iter_yielded": 2,
        "_num_yielded": 2,
        "_iterator_finished": False,
    }
    refused(loader_of(), torchdatas, r"not a state of fastload.DataLoader: it has the keys _index_sampler_state")
    refused(loader_of(), [1, 2], r"a dict, got list", TypeError)
    refused(loader_of(), None, r"a dict, got NoneType", TypeError)


def test_a_newer_version_is_refused() -> None:
    refused(loader_of(), {**state_of(loader_of()), "_fastload_state": 2}, r"version 2, this fastload reads version 1")


# Other values mean something in these.
ANY_VALUE = {"_dataset_length", "_batch_size", "_num_workers", "_sample_seed", "_iterator_finished"}
KEYS = state_of(DataLoader(range(4), 2, generator=seeded())).keys()


@pytest.mark.parametrize("key", sorted(KEYS - ANY_VALUE))
def test_damaged_states_are_refused(key: str) -> None:
    for shuffle in (False, True):
        whole = state_of(loader_of(shuffle=shuffle))
        refused(loader_of(shuffle=shuffle), {**whole, key: "?"}, None)


@pytest.mark.parametrize("key", ["_dataset_length", "_epoch", "_num_yielded", "_sample_seed", "_num_workers"])
def test_incomplete_states_are_refused(key: str) -> None:
    state = state_of(loader_of())
    del state[key]
    refused(loader_of(), state, f"damaged: KeyError: '{key}'")


def test_a_refused_state_leaves_the_loader_to_begin_anew() -> None:
    loader = loader_of()
    with pytest.raises(ValueError, match="length 21"):
        loader.load_state_dict(state_of(loader_of(21)))
    assert len(run_epochs(loader, 1)[0]) == 5


def test_a_state_is_used_once_and_the_last_one_counts() -> None:
    whole = run_epochs(loader_of(shuffle=True), 2)
    loader = loader_of(shuffle=True)
    loader.load_state_dict(state_of(loader_of(shuffle=True), 1))
    loader.load_state_dict(state_of(loader_of(shuffle=True), 3))
    assert run_epochs(loader, 2) == [whole[0][3:], whole[1]]


def test_an_empty_state_begins_anew() -> None:
    loader = loader_of()
    assert len(taken(iter(loader), 2)) == 2
    loader.load_state_dict({})
    assert loader.state_dict()["_num_yielded"] == 0
    loader.load_state_dict(state_of(loader_of()))
    loader.load_state_dict({})
    assert len(run_epochs(loader, 1)[0]) == 5


def test_a_loaded_state_is_the_loaders_state_until_it_is_used() -> None:
    state = state_of(loader_of(shuffle=True), 3)
    loader = loader_of(shuffle=True)
    loader.load_state_dict(state)
    assert loader.state_dict() == state
    loader.state_dict()["_num_yielded"] = 99
    state["_num_yielded"] = 98
    assert loader.state_dict()["_num_yielded"] == 3
    assert len(run_epochs(loader, 1)[0]) == 2


def test_a_state_is_a_dict_of_its_own() -> None:
    loader = loader_of(sampler=StatefulSampler(N))
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    before = json.dumps(state)
    next(iterator)
    assert json.dumps(state) == before
    again = loader.state_dict()
    untouched = copy.deepcopy(again)
    for value in again.values():
        if isinstance(value, (dict, list)):
            value.clear()
    again.clear()
    assert loader.state_dict() == untouched


@pytest.mark.parametrize("workers", [0, 2])
def test_breaking_off_keeps_the_place(workers: int) -> None:
    loader = loader_of(num_workers=workers, worker_type="thread")
    seen = []
    for batch in loader:
        seen.append(batch.tolist())
        if len(seen) == 2:
            break
    other = loader_of()
    other.load_state_dict(loader.state_dict())
    assert seen + run_epochs(other, 1)[0] == run_epochs(loader_of(), 1)[0]


def test_of_two_live_iterators_the_one_that_began_last_has_the_state() -> None:
    loader = loader_of()
    first, second = iter(loader), iter(loader)
    taken(first, 3)
    assert loader.state_dict()["_num_yielded"] == 0
    taken(second, 1)
    taken(first, 1)
    assert loader.state_dict()["_num_yielded"] == 1
    assert len(list(first)) == 1
    assert len(list(second)) == 4


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_that_raised_has_had_its_turn(workers: int) -> None:
    def make(bad: tuple[int, ...]) -> DataLoader:
        return DataLoader(Failing(12, bad), 2, num_workers=workers, worker_type="thread")

    loader = make((4,))
    iterator = iter(loader)
    assert len(taken(iterator, 2)) == 2
    with pytest.raises(ValueError, match="bad sample 4"):
        next(iterator)
    state = loader.state_dict()
    assert (state["_num_yielded"], state["_sampler_iter_yielded"]) == (2, 3)
    resumed = make(())
    resumed.load_state_dict(state)
    assert [batch[0][0] for batch in run_epochs(resumed, 1)[0]] == [6, 8, 10]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [2, None])
def test_skipped_samples_are_behind(workers: int, batch_size: int | None) -> None:
    def make() -> DataLoader:
        data = Failing(10, (0, 3, 8))
        return DataLoader(data, batch_size, num_workers=workers, worker_type="thread", on_error="skip")

    (whole,) = run_epochs(make(), 1)
    for step in range(len(whole) + 1):
        first, state = stopped_after(make(), step)
        resumed = make()
        resumed.load_state_dict(state)
        assert first + run_epochs(resumed, 1)[0] == whole


def test_pinning_keeps_the_place() -> None:
    def make() -> DataLoader:
        return DataLoader(Numbers(9), 2, pin_memory=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there may be no accelerator
        first, state = stopped_after(make(), 2)
        resumed = make()
        resumed.load_state_dict(state)
        rest = run_epochs(resumed, 1)[0]
    assert first + rest == run_epochs(DataLoader(Numbers(9), 2), 1)[0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda loader: pickle.loads(pickle.dumps(loader))])
def test_copies_of_a_loader_take_its_loaded_state_along(copied: Any) -> None:
    whole = run_epochs(DataLoader(Numbers(N), 4), 1)[0]
    loader = DataLoader(Numbers(N), 4)
    loader.load_state_dict(state_of(DataLoader(Numbers(N), 4), 3))
    other = copied(loader)
    assert run_epochs(other, 1)[0] == whole[3:]
    assert run_epochs(loader, 1)[0] == whole[3:]


def test_a_copy_of_a_loader_in_use_begins_anew() -> None:
    loader = DataLoader(Numbers(N), 4)
    iterator = iter(loader)
    next(iterator)
    other = copy.deepcopy(loader)
    assert other.state_dict()["_num_yielded"] == 0
    assert len(run_epochs(other, 1)[0]) == 5
    assert len(list(iterator)) == 4


def test_torchs_loaders_under_install_have_no_state() -> None:
    fastload.install()
    try:
        loader = TorchDataLoader(range(9), 2)
        assert [batch.tolist() for batch in loader][-1] == [8]
        assert not hasattr(loader, "state_dict")
    finally:
        fastload.uninstall()


@pytest.mark.parametrize("steps", [0, 3])
def test_states_are_of_one_size_whatever_the_datasets(steps: int) -> None:
    for settings in ({}, {"shuffle": True}, {"shuffle": True, "generator": seeded()}):
        sizes = []
        for length in (10**3, 10**7):
            loader = DataLoader(range(length), 10, **settings)
            sizes.append(len(json.dumps(state_of(loader, steps))))
        assert abs(sizes[0] - sizes[1]) < 200, settings  # compressed random numbers, and a few digits
        assert max(sizes) < 20_000


def test_the_state_before_the_first_epoch_is_that_of_a_new_loader() -> None:
    loader = loader_of(shuffle=True)
    state = loader.state_dict()
    assert state["_num_yielded"] == 0
    assert not state["_iterator_finished"]
    other = loader_of(shuffle=True)
    other.load_state_dict(state)
    assert run_epochs(other, 3) == run_epochs(loader, 3)
    counting = DataLoader(range(N), 4, sampler=samplers.DistributedSampler(range(N), 1, 0))
    same = DataLoader(range(N), 4, sampler=samplers.DistributedSampler(range(N), 1, 0))
    same.load_state_dict(counting.state_dict())
    assert run_epochs(same, 3) == run_epochs(counting, 3)


def test_a_state_that_was_refused_is_still_there_for_another_try() -> None:
    loader = DataLoader(range(10), 2, shuffle=True)
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    other = DataLoader(range(10), 2, shuffle=True)
    other.load_state_dict(state)
    object.__setattr__(other, "dataset", range(12))
    with pytest.raises(ValueError, match=r"length 10.*length 12"):
        iter(other)
    object.__setattr__(other, "dataset", range(10))
    assert torch.cat(list(other)).tolist() == torch.cat(list(iterator)).tolist()


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5])
def test_another_batch_size_is_refused_where_the_world_is_the_same(batch_size: int) -> None:
    loader = DataLoader(range(40), 4, sampler=samplers.DistributedSampler(range(40), 2, 0))
    iterator = iter(loader)
    next(iterator)
    other = DataLoader(range(40), batch_size, sampler=samplers.DistributedSampler(range(40), 2, 0))
    with pytest.raises(ValueError, match=f"batch_size=4.*batch_size={batch_size}"):
        other.load_state_dict(loader.state_dict())

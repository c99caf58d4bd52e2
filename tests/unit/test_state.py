"""What a loader's state says."""

from __future__ import annotations

from typing import Any

import torch
from support.loader import DataLoader
from support.stateful import StatefulNumbers, stopped_after
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler

from fastload import samplers
from fastload._state import VERSION, epoch_samplers, loader_state, shared_generators, state_dict

TORCHDATAS = {"_num_yielded", "_sampler_iter_yielded", "_iterator_finished"}


def test_the_keys_that_others_read_and_change_are_there_at_any_time() -> None:
    loader = DataLoader(range(5), 2)
    assert loader.state_dict().keys() >= TORCHDATAS
    for steps, counts in ((0, (0, False)), (2, (2, False)), (3, (3, False)), (4, (3, True))):
        state = stopped_after(DataLoader(range(5), 2), steps)[1]
        assert (state["_num_yielded"], state["_iterator_finished"]) == counts
        assert state["_sampler_iter_yielded"] == state["_num_yielded"]


def test_counts_that_another_library_lowered_are_obeyed() -> None:
    # A dispatcher that reads ahead takes off the state what it has not given out.
    _, state = stopped_after(DataLoader(range(10), 2), 4)
    state["_num_yielded"] -= 2
    state["_sampler_iter_yielded"] -= 2
    loader = DataLoader(range(10), 2)
    loader.load_state_dict(state)
    assert next(iter(loader)).tolist() == [4, 5]


def test_a_finished_state_that_another_library_marked_begins_an_epoch() -> None:
    _, state = stopped_after(DataLoader(range(10), 2), 5)
    state["_iterator_finished"] = True
    loader = DataLoader(range(10), 2)
    loader.load_state_dict(state)
    assert next(iter(loader)).tolist() == [0, 1]


def test_batches_count_when_they_are_handed_out_not_when_they_are_made() -> None:
    loader = DataLoader(range(20), 2, num_workers=1, worker_type="thread", prefetch_factor=4)
    assert stopped_after(loader, 1)[1]["_sampler_iter_yielded"] == 1


def test_each_generator_is_saved_once() -> None:
    one, other = torch.Generator(), torch.Generator()
    loader = DataLoader(range(4), sampler=RandomSampler(range(4), generator=one), generator=one)
    assert shared_generators(loader) == [one]
    loader = DataLoader(range(4), sampler=RandomSampler(range(4), generator=one), generator=other)
    assert shared_generators(loader) == [other, one]
    assert shared_generators(DataLoader(range(4))) == []


def test_samplers_that_count_epochs_are_found_inside_others() -> None:
    inner = samplers.DistributedSampler(range(8), 2, 0)
    assert epoch_samplers(DataLoader(range(8), 2, sampler=inner)) == [inner]
    assert epoch_samplers(DataLoader(range(8), batch_sampler=BatchSampler(inner, 2, False))) == [inner]
    assert epoch_samplers(DataLoader(range(8), 2, sampler=SequentialSampler(range(8)))) == []


def test_a_sampler_that_holds_itself_is_looked_at_once() -> None:
    class Loop(SequentialSampler):
        generator = torch.Generator()

        @property
        def sampler(self) -> Any:
            return self

    assert len(shared_generators(DataLoader(range(3), None, sampler=Loop(range(3))))) == 1


def test_a_loader_of_torchs_gets_its_memory_when_it_is_asked_for() -> None:
    loader = torch.utils.data.DataLoader(range(4), 2)
    assert state_dict(loader)["_fastload_state"] == VERSION
    assert loader_state(loader) is loader_state(loader)


def test_what_a_dataset_says_of_itself_is_copied() -> None:
    loader = DataLoader(StatefulNumbers(6), 2)
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    assert state["_workers"][0]["snapshot"]["dataset"] == {"made": 2}
    state["_workers"][0]["snapshot"]["dataset"]["made"] = 7
    assert loader.state_dict()["_workers"][0]["snapshot"]["dataset"] == {"made": 2}

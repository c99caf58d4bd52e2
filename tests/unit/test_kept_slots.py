"""Loaders with worker threads find their memory warm in the next epoch, and leave none behind."""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest
import torch
from support.resources import wait_until

from fastload import DataLoader, _core
from fastload.memory import _arena

MIB, ITEMS, BATCH = 1 << 20, 48, 4


class Pictures(torch.utils.data.Dataset[torch.Tensor]):
    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((MIB // BATCH,), float(index))


@pytest.fixture
def slots(monkeypatch: pytest.MonkeyPatch) -> _core.Slots:
    """Those of this process, of which none are kept for their size, nor for loaders that other tests have left."""
    monkeypatch.setattr(_arena, "_wanted", {})
    own = _core.Slots(keep_bytes=0)
    monkeypatch.setattr(_arena, "_slots", own)
    monkeypatch.setattr(_arena, "_owner_pid", os.getpid())
    return own


def loader_of(**options: Any) -> DataLoader[torch.Tensor]:
    return DataLoader(Pictures(), BATCH, worker_type="thread", **options)


def test_the_slots_of_an_epoch_stay_for_the_next_one(slots: _core.Slots) -> None:
    loader = loader_of(num_workers=2, prefetch_factor=2)
    kept = 2
    for _ in range(3):
        batches = iter(loader)
        first = next(batches)
        assert wait_until(lambda: slots.leased >= 3)  # the first one, and those that are made ahead
        del first
        for batch in batches:
            del batch
        assert wait_until(lambda: slots.leased == 0)
        assert max(kept, 3) <= slots.slots <= 2 * 2 + 2
        kept = slots.slots
    del loader
    gc.collect()
    assert wait_until(lambda: slots.slots == 2)


def test_slots_that_a_consumer_has_piled_up_go_back(slots: _core.Slots) -> None:
    loader = loader_of(num_workers=1, prefetch_factor=2)
    held = list(loader)
    assert slots.slots >= ITEMS // BATCH
    held.clear()
    assert wait_until(lambda: slots.slots == 1 * 2 + 2)


def test_the_largest_of_several_loaders_counts_as_long_as_it_lives(slots: _core.Slots) -> None:
    large, small = loader_of(num_workers=2, prefetch_factor=4), loader_of(num_workers=1, prefetch_factor=2)
    held = [list(large), list(small)]
    held.clear()
    assert wait_until(lambda: slots.slots == 2 * 4 + 2)
    del large
    gc.collect()
    assert wait_until(lambda: slots.slots == 1 * 2 + 2)

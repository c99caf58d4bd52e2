"""Who may touch what memory, and when: against a device whose copies are late and in odd orders."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from support.fake_device import FakeLane
from torch.utils.data import Dataset

from fastload import DataLoader
from fastload.cuda import _device
from fastload.cuda._lane import Mark
from fastload.cuda._transfer import Transfer

SHAPE = (3, 256, 512)  # bytes: four are beyond what is copied out of a slot on delivery


class Images(Dataset[Any]):
    """Image i has i everywhere, and so have the values beside it."""

    def __init__(self, length: int = 40) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {
            "image": torch.full(SHAPE, index, dtype=torch.uint8),
            "label": index,
            "weight": torch.full((2,), index, dtype=torch.uint8),
            "name": f"image {index}",
        }


@dataclass
class Machine:
    """A loader to a device that does not exist."""

    lane: FakeLane
    draws: random.Random
    transfers: list[Transfer]

    def loader(self, dataset: Dataset[Any] | None = None, **options: Any) -> DataLoader[Any]:
        defaults = {"batch_size": 4, "num_workers": 2, "device": "cuda"}
        return DataLoader(Images() if dataset is None else dataset, **{**defaults, **options})


@pytest.fixture(params=range(3))
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    yield from machines(random.Random(request.param), monkeypatch, FakeLane, Transfer)


def machines(draws: random.Random, monkeypatch: pytest.MonkeyPatch, lane: Any, transfer: Any) -> Iterator[Machine]:
    made = Machine(lane(draws), draws, [])

    def delivery_to(device: torch.device, ahead: int, transform: Any) -> Transfer:
        made.transfers.append(transfer(made.lane, ahead, transform))
        return made.transfers[-1]

    monkeypatch.setattr(_device, "delivery_to", delivery_to)
    yield made
    made.transfers.clear()
    gc.collect()
    made.lane.close()


def seen(machine: Machine, loader: DataLoader[Any], kept: int = 2) -> list[tuple[int, list[Any]]]:
    """(first index, what kernels find) of each batch, by a consumer who drops batches at once or later."""
    found, hands = [], []
    for number, batch in enumerate(loader):
        assert batch["name"] == [f"image {4 * number + place}" for place in range(len(batch["name"]))]
        found.append((4 * number, [machine.lane.read(batch[name]) for name in ("image", "label", "weight")]))
        hands.append(batch)
        del batch
        while len(hands) > machine.draws.randrange(kept + 1):
            hands.pop(0)
        machine.lane.steps(30)
    machine.lane.finish()
    return found


def faults(found: list[tuple[int, list[Any]]], plus: int = 0) -> int:
    """In how many batches a kernel has found what is not theirs."""
    wrong = 0
    for first, (images, labels, weights) in found:
        indices = np.arange(first, first + 4)
        right = np.array_equal(images[0].reshape(4, -1), np.repeat(indices[:, None] + plus, np.prod(SHAPE), 1))
        right &= np.array_equal(labels[0].view(np.int64), indices)
        right &= np.array_equal(weights[0].reshape(4, 2), np.repeat(indices[:, None], 2, 1))
        wrong += not right
    return wrong


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_kernels_find_their_batches(machine: Machine, workers: int) -> None:
    found = seen(machine, machine.loader(num_workers=workers, prefetch_factor=3 if workers else None))
    assert len(found) == 10
    assert faults(found) == 0
    stats = machine.loader().stats()
    assert stats.bytes_copied == 0


def test_kernels_find_what_a_transform_has_made(machine: Machine) -> None:
    def transform(batch: dict[str, Any]) -> dict[str, Any]:
        return {**batch, "image": machine.lane.added(batch["image"], 7)}

    found = seen(machine, machine.loader(device_transform=transform))
    assert faults(found, plus=7) == 0


def test_batches_of_several_loaders_on_one_device(machine: Machine) -> None:
    loaders = [machine.loader(), machine.loader(num_workers=1)]
    found = []
    for number, batches in enumerate(zip(*loaders, strict=True)):
        for batch in batches:
            found.append((4 * number, [machine.lane.read(batch[name]) for name in ("image", "label", "weight")]))
        del batch, batches
        machine.lane.steps(20)
    machine.lane.finish()
    assert faults(found) == 0


def test_an_iterator_that_goes_waits_for_its_copies(machine: Machine) -> None:
    iterator = iter(machine.loader())
    batch = next(iterator)
    read = machine.lane.read(batch["image"])
    del iterator
    machine.transfers.clear()
    gc.collect()
    machine.lane.finish()
    assert np.array_equal(np.unique(read[0]), [0, 1, 2, 3])


def test_what_is_counted(machine: Machine) -> None:
    loader = machine.loader(num_workers=1)
    for batch in loader:
        del batch
        machine.lane.finish()
    stats = loader.stats()
    labels_and_weights = 40 * (8 + 2)
    assert stats.bytes_copied == 40 * np.prod(SHAPE) + labels_and_weights
    assert 6 <= stats.copy_s <= 10  # each took a second; the last ones are not counted yet
    assert 6 <= stats.stall_s <= 10
    assert machine.lane.copies == 2 * 10  # images by themselves, labels and weights together
    assert machine.lane.staged == 10 * 128


# What the fake device is for: each rule, broken, is seen.


class NothingHeld(Transfer):
    def hold(self, memory: Any, start: Mark, end: Mark, stats: Any) -> None:
        super().hold(None, start, end, stats)


class NothingWaitedFor(FakeLane):
    def wait_for(self, mark: Any) -> None:
        pass


class NothingSaidOfUse(FakeLane):
    def use(self, tensor: torch.Tensor) -> None:
        pass


@pytest.mark.parametrize(
    ("lane", "transfer"),
    [(FakeLane, NothingHeld), (NothingWaitedFor, Transfer), (NothingSaidOfUse, Transfer)],
    ids=["host memory that is not held", "marks that are not waited for", "memory whose use is not told"],
)
def test_early_reuse_is_seen(
    monkeypatch: pytest.MonkeyPatch, lane: Callable[..., Any], transfer: Callable[..., Any]
) -> None:
    wrong = 0
    for seed in range(4):
        for machine in machines(random.Random(seed), monkeypatch, lane, transfer):
            wrong += faults(seen(machine, machine.loader(), kept=1))
    assert wrong > 0

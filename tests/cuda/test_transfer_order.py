"""Who may touch what memory, and when: against a device whose copies are late and in odd orders."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from support.fake_device import FakeLane, FakeQueue
from support.resources import wait_until
from torch.utils.data import Dataset

from fastload import DataLoader
from fastload._stats import LoaderStats
from fastload.cuda import _device
from fastload.cuda._lane import Lane, Queue
from fastload.cuda._spans import Span, Spans
from fastload.cuda._transfer import Transfer
from fastload.memory._arena import allocate

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


class Counted(Images):
    """It knows in all processes how many were made."""

    def __init__(self) -> None:
        super().__init__()
        self.made = torch.zeros((), dtype=torch.int64).share_memory_()

    def __getitem__(self, index: int) -> dict[str, Any]:
        self.made += 1
        return super().__getitem__(index)


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

    def delivery_to(device: torch.device, ahead: int, transform: Any, locks: Any) -> Transfer:
        made.transfers.append(transfer(made.lane, ahead, transform))
        return made.transfers[-1]

    monkeypatch.setattr(_device, "delivery_to", delivery_to)
    monkeypatch.setattr(_device, "check_there", lambda device: None)
    yield made
    made.transfers.clear()
    gc.collect()
    made.lane.close()


def seen(machine: Machine, loader: DataLoader[Any], kept: int = 2, steps: int = 30) -> list[tuple[int, list[Any]]]:
    """(first index, what kernels find) of each batch, by a consumer who drops batches at once or later.

    steps: how many the device does at most from one batch to the next.
    """
    found, hands = [], []
    for number, batch in enumerate(loader):
        assert batch["name"] == [f"image {4 * number + place}" for place in range(len(batch["name"]))]
        found.append((4 * number, [machine.lane.read(batch[name]) for name in ("image", "label", "weight")]))
        hands.append(batch)
        del batch
        while len(hands) > machine.draws.randrange(kept + 1):
            hands.pop(0)
        machine.lane.steps(steps)
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
    assert stats.copy_s == 10  # each took a second
    assert stats.stall_s == machine.lane.here().waits > 0  # the same, where the copy was not done already
    assert machine.lane.copies == 2 * 10  # images by themselves, labels and weights together
    assert machine.lane.staged == 10 * 128


def without_locks(draws: random.Random) -> FakeLane:
    return FakeLane(draws, locks=False)


def test_a_device_that_cannot_read_slots_gets_copies_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for machine in machines(random.Random(0), monkeypatch, without_locks, Transfer):
        assert faults(seen(machine, machine.loader())) == 0
        assert machine.lane.staged == 10 * (128 + 4 * np.prod(SHAPE))


class Late:
    """A batch type that knows its way to the device, and nothing of queues."""

    def __init__(self, image: torch.Tensor) -> None:
        self.image = image

    def to(self, lane: FakeLane) -> Late:
        return Late(lane.copied(self.image))


def late(samples: list[Any]) -> Late:
    slot = allocate((len(samples), *SHAPE), torch.uint8)
    return Late(torch.stack([sample["image"] for sample in samples], out=slot))


def test_memory_of_types_that_move_themselves_is_held(machine: Machine) -> None:
    reads = []
    for batch in machine.loader(num_workers=0, collate_fn=late):
        reads.append(machine.lane.read(batch.image))
        hands = batch  # until the next has come
        machine.lane.steps(6)
        del batch
    del hands
    machine.lane.finish()
    for number, (image,) in enumerate(reads):
        assert np.array_equal(image.reshape(4, -1)[:, 0], np.arange(4 * number, 4 * number + 4))
        assert np.array_equal(image.reshape(4, -1)[:, -1], np.arange(4 * number, 4 * number + 4))


def test_as_many_batches_set_out_ahead_as_are_asked_for(machine: Machine) -> None:
    images = Counted()
    iterator = iter(machine.loader(images, num_workers=1, prefetch_factor=4))
    assert wait_until(lambda: int(images.made) > 4 * 3, 60)  # who makes a fourth batch has sent three
    next(iterator)
    assert machine.lane.copies >= 2 * 3


# What the fake device is for: each rule, broken, is seen.


class HoldingNothing(Spans):
    def copies(self, queue: Queue, memory: Any, stats: LoaderStats) -> AbstractContextManager[Span]:
        return super().copies(queue, None, stats)


class NothingHeld(Transfer):
    def __init__(self, lane: Lane, ahead: int, transform: Any = None) -> None:
        super().__init__(lane, ahead, transform)
        self.spans = HoldingNothing(lane)


class Unordered(FakeQueue):
    def wait_event(self, mark: Any) -> None:
        pass


class NothingWaitedFor(FakeLane):
    new_queue = Unordered


class NothingSaidOfUse(FakeLane):
    def use(self, tensor: torch.Tensor, queue: Queue) -> None:
        pass


@pytest.mark.parametrize(
    ("lane", "transfer"),
    [(FakeLane, NothingHeld), (NothingWaitedFor, Transfer), (NothingSaidOfUse, Transfer)],
    ids=["host memory that is not held", "marks that are not waited for", "memory whose use is not told"],
)
def test_early_reuse_is_seen(
    monkeypatch: pytest.MonkeyPatch, lane: Callable[..., Any], transfer: Callable[..., Any]
) -> None:
    wrong = seed = 0
    while not wrong and seed < 8:
        for machine in machines(random.Random(seed), monkeypatch, lane, transfer):
            wrong = faults(seen(machine, machine.loader(), kept=1, steps=6))
        seed += 1
    assert wrong

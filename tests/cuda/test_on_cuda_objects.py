"""The real device: batches with objects in them that nobody but their own code sees into."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from support.on_cuda import BUSY_CYCLES
from torch.nn.utils.rnn import pack_sequence

from fastload import DataLoader

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here"),
    pytest.mark.usefixtures("fresh_sides"),
]

LENGTH, BATCH, SIZE = 240, 4, 1 << 19
SAMPLES = [torch.full((SIZE,), number % 250, dtype=torch.uint8) for number in range(LENGTH)]
WAYS = [{}, {"num_workers": 2}, {"num_workers": 1, "worker_type": "thread"}]


class Moves:
    """Moves what it has in place, and waits for nothing."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def to(self, device: Any, non_blocking: bool = False) -> Moves:
        self.images = self.images.to(device, non_blocking=True)
        return self


class MovesAndTells(Moves):
    def record_stream(self, stream: Any) -> None:
        self.images.record_stream(stream)


def wrong_batches(loader: DataLoader[Any], images_of: Callable[[Any], torch.Tensor], *streams: Any) -> int:
    """How many are not what they should be, by kernels that are far behind the loader."""
    wrong = torch.zeros(LENGTH // BATCH, dtype=torch.int64, device="cuda")
    torch.cuda.synchronize()
    batches = iter(loader)
    for number in range(len(wrong)):
        with torch.cuda.stream(streams[number % len(streams)] if streams else None):
            images = images_of(next(batches))
            torch.cuda._sleep(BUSY_CYCLES)  # type: ignore[no-untyped-call]
            expected = torch.arange(BATCH * number, BATCH * (number + 1), device="cuda").view(BATCH, 1) % 250
            wrong[number] = (images.view(BATCH, SIZE) != expected).sum()
            del images
    torch.cuda.synchronize()
    return int((wrong.cpu() != 0).sum())


@pytest.mark.parametrize("options", WAYS)
def test_arrays_beside_tensors_are_the_users(options: dict[str, Any]) -> None:
    def collate(samples: list[torch.Tensor]) -> Any:
        images = torch.stack(samples)
        return {"image": images, "array": images.numpy()}

    def copied(batch: dict[str, Any]) -> torch.Tensor:
        on_host = torch.from_numpy(batch["array"])
        assert not on_host.is_pinned()
        return on_host.to("cuda", non_blocking=True)

    assert not wrong_batches(DataLoader(SAMPLES, BATCH, collate_fn=collate, device="cuda", **options), copied)


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("kind", [Moves, MovesAndTells])
def test_types_that_move_in_place(kind: Any, options: dict[str, Any]) -> None:
    def collate(samples: list[torch.Tensor]) -> Any:
        return {"own": kind(torch.stack(samples)), "image": torch.stack(samples)}

    loader = DataLoader(SAMPLES, BATCH, collate_fn=collate, device="cuda", **options)
    assert not wrong_batches(loader, lambda batch: batch["own"].images)
    assert not wrong_batches(loader, lambda batch: batch["image"])


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("is_new", [True, False], ids=["new object", "same object"])
def test_a_transform_that_brings_an_object_to_the_device(is_new: bool, options: dict[str, Any]) -> None:
    def collate(samples: list[torch.Tensor]) -> Any:
        return SimpleNamespace(images=torch.stack(samples))

    def brought(batch: Any) -> Any:
        made = SimpleNamespace() if is_new else batch
        made.images = batch.images.to("cuda", non_blocking=True)
        return made

    loader = DataLoader(SAMPLES, BATCH, collate_fn=collate, device="cuda", device_transform=brought, **options)
    assert not wrong_batches(loader, lambda batch: batch.images)


def test_objects_that_come_after_batches_without_any() -> None:
    """Slots are locked by then, and copies from them are under way."""

    def collate(samples: list[torch.Tensor]) -> Any:
        images = torch.stack(samples)
        return images if images[0, 0] < 100 else SimpleNamespace(images=images)

    def images_of(batch: Any) -> torch.Tensor:
        if isinstance(batch, torch.Tensor):
            return batch
        assert not batch.images.is_pinned()
        return batch.images.to("cuda", non_blocking=True)

    for options in WAYS:
        assert not wrong_batches(DataLoader(SAMPLES, BATCH, collate_fn=collate, device="cuda", **options), images_of)


@pytest.mark.parametrize("options", WAYS)
def test_objects_that_are_used_on_several_streams(options: dict[str, Any]) -> None:
    loader = DataLoader(
        SAMPLES, BATCH, device="cuda", device_transform=lambda batch: pack_sequence(list(batch)), **options
    )

    def unpacked(batch: Any) -> torch.Tensor:
        return batch.data.view(SIZE, BATCH).t().contiguous()

    assert not wrong_batches(loader, unpacked, torch.cuda.Stream(), torch.cuda.Stream())


def test_arrays_that_are_in_no_slot_are_the_same_objects() -> None:
    array = np.ones(3)
    ((_, found),) = DataLoader([(torch.ones(3), array)], None, device="cuda", collate_fn=lambda sample: sample)
    assert found is array

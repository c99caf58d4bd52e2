"""The real device: batches with objects in them that nobody but their own code sees into."""

from __future__ import annotations

import threading
import time
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
        array = images.numpy()
        return {"image": images, "array": array, "same": [array]}

    def copied(batch: dict[str, Any]) -> torch.Tensor:
        assert batch["same"][0] is batch["array"]
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


class Halves(MovesAndTells):
    """The first time it is interrupted when half of it is there."""

    interrupts = 1

    def __init__(self, images: torch.Tensor) -> None:
        super().__init__(images)
        self.halves = list(images.view(2, -1))

    def pin_memory(self) -> Halves:
        self.halves = [half.pin_memory() for half in self.halves]
        return self

    def to(self, device: Any, non_blocking: bool = False) -> Halves:
        for number in range(2):
            self.halves[number] = self.halves[number].to(device, non_blocking=non_blocking)
            if Halves.interrupts:
                Halves.interrupts -= 1
                raise KeyboardInterrupt
        return self

    def record_stream(self, stream: Any) -> None:
        for half in self.halves:
            half.record_stream(stream)


def test_a_type_that_is_interrupted_when_it_moves_in_place() -> None:
    batches = iter(
        DataLoader(SAMPLES[:12], BATCH, collate_fn=lambda samples: Halves(torch.stack(samples)), device="cuda")
    )
    with pytest.raises(KeyboardInterrupt):
        next(batches)
    for number, batch in enumerate(batches):
        found = torch.cat(batch.halves).view(BATCH, SIZE)[:, 0].tolist()
        assert found == list(range(BATCH * number, BATCH * (number + 1)))
    assert number == 2


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


class Dict(dict[str, Any]):
    """May have attributes."""


def with_attribute(images: torch.Tensor) -> Any:
    made = Dict(number=3)
    made.images = images
    return made


def in_array(images: torch.Tensor) -> Any:
    array = np.empty(1, dtype=object)
    array[0] = images
    return array


def in_attribute(images: torch.Tensor) -> Any:
    made = torch.zeros(1, device="cuda")
    made.images = images  # type: ignore[attr-defined]
    return made


def in_gradient(images: torch.Tensor) -> Any:
    made = torch.zeros(images.shape, device="cuda", requires_grad=True)
    made.grad = images.float()
    return made


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize(
    ("hide", "find"),
    [
        (with_attribute, lambda batch: batch.images),
        (in_attribute, lambda batch: batch.images),
        (in_gradient, lambda batch: batch.grad),
        (in_array, lambda batch: batch[0]),
    ],
    ids=["attribute of a dict", "attribute of a tensor", "gradient", "array of objects"],
)
def test_what_a_transform_hides_in_known_types(hide: Any, find: Any, options: dict[str, Any]) -> None:
    loader = DataLoader(SAMPLES, BATCH, device="cuda", device_transform=lambda images: hide(images + 0), **options)
    assert not wrong_batches(loader, find)


@pytest.mark.parametrize("options", WAYS)
def test_attributes_of_containers_are_not_in_locked_memory(options: dict[str, Any]) -> None:
    def collate(samples: list[torch.Tensor]) -> Any:
        images = torch.stack(samples)
        made = Dict(images=images)
        made.raw = images
        return made

    loader = DataLoader(SAMPLES, BATCH, collate_fn=collate, device="cuda", **options)
    assert not any(batch.raw.is_pinned() for batch in loader)


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


def test_a_pinned_buffer_that_is_filled_again_and_again() -> None:
    class Buffer(torch.utils.data.Dataset[torch.Tensor]):
        def __init__(self) -> None:
            self.memory = torch.empty(BATCH, SIZE, dtype=torch.uint8, pin_memory=True)

        def __len__(self) -> int:
            return LENGTH // BATCH

        def __getitem__(self, index: int) -> torch.Tensor:
            return self.memory.copy_(torch.stack(SAMPLES[BATCH * index : BATCH * (index + 1)]))

    assert not wrong_batches(DataLoader(Buffer(), None, device="cuda"), lambda batch: batch)


def test_worker_threads_that_make_batches_on_the_device() -> None:
    def on_device(samples: list[torch.Tensor]) -> torch.Tensor:
        torch.cuda._sleep(BUSY_CYCLES)  # type: ignore[no-untyped-call]
        numbers = (torch.arange(BATCH, device="cuda") + int(samples[0][0])) % 250
        return numbers.to(torch.uint8).view(BATCH, 1).expand(BATCH, SIZE).contiguous()

    loader = DataLoader(SAMPLES, BATCH, num_workers=1, worker_type="thread", collate_fn=on_device, device="cuda")
    assert not wrong_batches(loader, lambda batch: batch, torch.cuda.Stream())


def test_integers_of_few_bits() -> None:
    made = torch.zeros(8, dtype=torch.uint8).view(torch.uint4)
    (found,) = DataLoader([made], None, device="cuda", collate_fn=lambda sample: sample)
    assert found.is_cuda
    assert found.dtype == torch.uint4
    assert found.view(torch.uint8).tolist() == [0] * 8


def test_small_tensors_that_are_kept_keep_no_images() -> None:
    before = torch.cuda.memory_allocated()
    data = [(torch.zeros(3, 32, 32), number) for number in range(64)]  # 768 KiB of images
    (labels,) = [batch[1] for batch in DataLoader(data, 64, device="cuda")]
    assert torch.cuda.memory_allocated() - before == labels.nbytes


def test_memory_that_runs_out_ahead_of_its_turn_is_asked_for_again() -> None:
    """The consumer holds most of it, and lets go before the turn of the batches that got none."""
    torch.cuda.empty_cache()
    most = torch.cuda.memory_reserved() + (80 << 20)
    torch.cuda.set_per_process_memory_fraction(most / torch.cuda.mem_get_info()[1])
    try:
        hog = torch.empty(40 << 20, dtype=torch.uint8, device="cuda")
        batches = iter(DataLoader(SAMPLES, 20, num_workers=1, prefetch_factor=8, device="cuda"))  # 10 MiB each
        found = [next(batches)[:, 0].cpu()]
        time.sleep(1)  # all others have arrived, and are begun with now
        second = next(batches)
        del hog
        found.append(second[:, 0].cpu())
        found += [batch[:, 0].cpu() for batch in batches]
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert torch.cat(found).tolist() == [number % 250 for number in range(LENGTH)]


def test_stats_asked_for_by_another_thread() -> None:
    loader = DataLoader(SAMPLES, BATCH, num_workers=1, device="cuda")
    is_over = threading.Event()
    errors: list[Exception] = []

    def poll() -> None:
        try:
            while not is_over.is_set():
                loader.stats()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        assert not wrong_batches(loader, lambda batch: batch)
    finally:
        is_over.set()
        thread.join()
    assert not errors

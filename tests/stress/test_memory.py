"""What a consumer keeps stays right, and memory stays bounded: descriptors, mappings and slots all come back."""

import gc
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from support.compare import fills
from support.datasets import Images, Numbers
from support.loader import TESTING_TORCH, DataLoader, only_fastload
from support.resources import held, left_behind, shared_mappings, wait_until

MB = 1 << 20
BATCH_BYTES = 4 * 3 * 320 * 320


def mapped_bytes() -> int:
    return sum(size for _, size in shared_mappings())


def private_bytes() -> int:
    """Memory that this process has for itself."""
    fields = Path("/proc/self/smaps_rollup").read_text().split()
    return (int(fields[fields.index("Private_Dirty:") + 1]) + int(fields[fields.index("Private_Clean:") + 1])) * 1024


def loaders() -> list[Any]:
    return [
        pytest.param({"num_workers": 2}, id="processes"),
        pytest.param({"num_workers": 2, "persistent_workers": True}, id="persistent"),
        pytest.param({"num_workers": 2, "worker_type": "thread"}, id="threads", marks=only_fastload),
        pytest.param({}, id="inline"),
    ]


every_engine = pytest.mark.parametrize("engine", loaders())


@pytest.mark.timeout(240)
def test_two_hundred_iterators_in_a_row_leave_nothing() -> None:
    loader = DataLoader(Numbers(6), batch_size=2, num_workers=1)
    list(loader)
    gc.collect()
    before = held()
    for number in range(200):
        iterator = iter(loader)
        next(iterator)
        if number % 2:
            list(iterator)  # else it is broken off
        del iterator
    gc.collect()
    assert wait_until(lambda: not left_behind(before)), f"left behind: {left_behind(before)}"


@only_fastload
def test_two_hundred_broken_off_epochs_of_worker_threads_leave_nothing() -> None:
    before = held()
    for persistent in (False, True):
        loader = DataLoader(
            Numbers(40), batch_size=2, num_workers=2, worker_type="thread", persistent_workers=persistent
        )
        for _ in range(100):
            next(iter(loader))
        del loader
    gc.collect()
    assert wait_until(lambda: not left_behind(before)), f"left behind: {left_behind(before)}"


def test_two_hundred_broken_off_epochs_of_persistent_workers_take_no_more_than_a_few() -> None:
    """What was in flight at each break is thrown away, and its memory is used again."""
    loader = DataLoader(Images(40, (64, 64)), batch_size=2, num_workers=2, persistent_workers=True)
    for _ in range(5):
        next(iter(loader))
    descriptors, mappings = len(os.listdir("/proc/self/fd")), len(shared_mappings())
    for _ in range(200):
        next(iter(loader))
    assert len(os.listdir("/proc/self/fd")) <= descriptors
    assert len(shared_mappings()) <= mappings + 16


@pytest.mark.timeout(240)
@every_engine
def test_a_consumer_that_keeps_every_label_does_not_keep_the_images(engine: dict[str, Any]) -> None:
    loader = DataLoader(Images(480), batch_size=4, **engine)
    kept: list[torch.Tensor] = []
    most_mapped, most_private = 0, 0
    at_first = private_bytes()
    for images, labels in loader:
        kept.append(labels)
        assert int(images[0, 0, 0, 0]) == int(labels[0]) % 251
        most_mapped = max(most_mapped, mapped_bytes())
        most_private = max(most_private, private_bytes() - at_first)
        del images
    assert torch.cat(kept).tolist() == list(range(480))
    assert most_mapped <= 40 * BATCH_BYTES
    if not TESTING_TORCH:  # its batches lie between the labels in one heap
        assert most_private <= 60 * BATCH_BYTES


@pytest.mark.timeout(240)
@every_engine
def test_a_consumer_that_keeps_every_image_has_them_all(engine: dict[str, Any]) -> None:
    loader = DataLoader(Images(240), batch_size=4, **engine)
    at_first = private_bytes()
    kept = list(loader)
    assert len(kept) == 60
    for images, labels in kept:
        assert fills(images) == [int(label) % 251 for label in labels]
    assert mapped_bytes() + private_bytes() - at_first <= 2 * 60 * BATCH_BYTES + 200 * MB


@pytest.mark.timeout(240)
@every_engine
def test_a_consumer_that_keeps_every_second_image_has_those(engine: dict[str, Any]) -> None:
    loader = DataLoader(Images(240), batch_size=4, **engine)
    for _ in range(2):
        kept = [images for position, (images, _) in enumerate(loader) if position % 2]
        gc.collect()
        assert [fills(images) for images in kept] == [
            [index % 251 for index in range(at, at + 4)] for at in range(4, 240, 8)
        ]


@every_engine
def test_a_consumer_that_keeps_one_image_of_each_batch_has_those(engine: dict[str, Any]) -> None:
    kept = [images[2] for images, _ in DataLoader(Images(120), batch_size=4, **engine)]
    assert [fills(image[None])[0] for image in kept] == [4 * batch + 2 for batch in range(30)]


@only_fastload
def test_all_mappings_go_once_the_last_tensor_has_gone() -> None:
    before = mapped_bytes()
    kept = [images for images, _ in DataLoader(Images(80), batch_size=4, num_workers=2)]
    assert len(kept) == 20
    del kept
    gc.collect()
    assert mapped_bytes() <= before


@only_fastload
def test_memory_does_not_grow_over_epochs() -> None:
    loader = DataLoader(Images(40), batch_size=4, num_workers=2, persistent_workers=True)
    sizes = []
    for _ in range(12):
        for images, _ in loader:
            del images
        sizes.append(mapped_bytes())
    assert max(sizes[4:]) <= max(sizes[:4])


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_of_all_sizes_in_any_order_are_right(workers: int) -> None:
    sizes = [1, 300, 2, 299, 40, 1, 200, 301, 3, 64] * 2

    def collate(samples: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        size = int(samples[0][0])
        return {
            "a": torch.full((size, 100, 100), size % 251, dtype=torch.uint8),
            "b": torch.full((size, 5), size),
        }

    loader = DataLoader(Numbers(400), batch_sampler=[[size] for size in sizes], num_workers=workers, collate_fn=collate)
    previous = None
    for batch, size in zip(loader, sizes, strict=True):
        assert fills(batch["a"]) == size * [size % 251]
        assert batch["b"].unique().tolist() == [size]
        if previous is not None:
            assert previous["a"].unique().tolist() == [len(previous["a"]) % 251]
        previous = batch


class Tall(Images):
    """Images that become higher with the index, one of them very high."""

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        height = 4000 if index == 6 else 100 + 40 * index
        return torch.full((height, 1000), index, dtype=torch.uint8), index


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_larger_than_all_before_it(workers: int) -> None:
    loader = DataLoader(Tall(12), batch_size=1, num_workers=workers)
    kept = list(loader)
    assert [(int(label), images.shape[1], *fills(images)) for images, label in kept] == [
        (index, 4000 if index == 6 else 100 + 40 * index, index) for index in range(12)
    ]


@pytest.mark.parametrize("workers", [0, 1])
def test_tensors_without_elements(workers: int) -> None:
    class Empty(Numbers):
        def __getitem__(self, index: int) -> Any:
            return (
                torch.zeros(0, 3),
                torch.zeros(2, 0, dtype=torch.int8),
                torch.zeros(0, dtype=torch.bool).numpy(),
            )

    for batch in DataLoader(Empty(4), batch_size=2, num_workers=workers):
        assert [tuple(part.shape) for part in batch] == [(2, 0, 3), (2, 2, 0), (2, 0)]


def test_descriptors_do_not_grow_with_what_is_kept() -> None:
    loader = DataLoader(Images(120), batch_size=4, num_workers=2)
    iterator = iter(loader)
    kept = [next(iterator)]
    before = len(os.listdir("/proc/self/fd"))
    kept.extend(iterator)
    assert len(kept) == 30
    assert len(os.listdir("/proc/self/fd")) <= before + 2 * len(kept)


@only_fastload
def test_many_big_leaves_in_one_batch() -> None:
    def collate(samples: list[torch.Tensor]) -> list[torch.Tensor]:
        return [torch.full((1_200_000,), (int(samples[0][0]) + leaf) % 251, dtype=torch.uint8) for leaf in range(12)]

    loader = DataLoader(Numbers(10), num_workers=2, collate_fn=collate)
    kept = [(batch[0], batch[7][1000:]) for batch in loader]
    for index, (first, eighth) in enumerate(kept):
        assert first.unique().tolist() == [index]
        assert eighth.unique().tolist() == [index + 7]

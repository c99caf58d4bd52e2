"""Batches for a CUDA device lie in slots that no other loader uses, and no user."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from support.fake_cuda import FakeCuda
from torch.utils.data._utils.collate import default_collate_fn_map

from fastload import DataLoader
from fastload import transforms as T
from fastload._state import device_memory
from fastload.collate import default_collate, pad_collate
from fastload.datasets import ArrayDataset, ImageFolder
from fastload.memory import _page_locks
from fastload.memory._arena import process_slots

SIDE = 320  # four images of one channel are more than a slot's least


@pytest.fixture
def asked_to_lock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Addresses of the tensors whose slots were to be locked."""
    FakeCuda(monkeypatch)
    addresses: list[int] = []

    def lock(_: Any, tensor: torch.Tensor, device: int, reader: Any) -> bool:
        addresses.append(tensor.data_ptr())
        return True

    monkeypatch.setattr(_page_locks.PageLocks, "lock", lock)
    return addresses


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    (folder / "one").mkdir()
    for number in range(8):
        Image.new("RGB", (SIDE, SIDE), (number, 0, 0)).save(folder / "one" / f"{number}.jpg")
    return folder


SAMPLES = [torch.full((4, SIDE, SIDE), float(number)) for number in range(8)]


@pytest.mark.parametrize("options", [{}, {"num_workers": 1, "worker_type": "thread"}], ids=["inline", "thread"])
def test_what_a_users_function_makes_is_not_locked(options: dict[str, Any], asked_to_lock: list[int]) -> None:
    """It may keep it, or change it when the batch is gone."""
    kept = []

    def collate(samples: list[torch.Tensor]) -> torch.Tensor:
        kept.append(default_collate(samples))
        return kept[-1]

    loader = DataLoader(SAMPLES, 4, device="cuda", collate_fn=collate, **options)
    assert len(list(loader)) == 2
    assert not any(device_memory(loader).slots.find(batch.data_ptr()) for batch in kept)
    for own in (default_collate, partial(pad_collate, value=1)):
        loader = DataLoader(SAMPLES, 4, device="cuda", collate_fn=own, **options)
        asked_to_lock.clear()
        assert len(list(loader)) == 2
        assert all(device_memory(loader).slots.find(address) for address in asked_to_lock)


class Own:
    """Its batches are its own rule's, which may keep them."""


def test_what_a_users_rule_makes_is_not_locked(asked_to_lock: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []

    def rule(batch: Any, *, collate_fn_map: Any = None) -> torch.Tensor:
        kept.append(default_collate(SAMPLES[:4]))
        return kept[-1]

    monkeypatch.setitem(default_collate_fn_map, Own, rule)
    loader = DataLoader([Own() for _ in range(8)], 4, device="cuda")
    assert len(list(loader)) == len(kept) == 2
    assert not any(device_memory(loader).slots.find(batch.data_ptr()) for batch in kept)


class GivesBatches(torch.utils.data.Dataset[Any]):
    def __init__(self) -> None:
        self.kept: list[torch.Tensor] = []

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("there are batches")

    def __getbatch__(self, indices: Any, allocate: Any) -> torch.Tensor:
        self.kept.append(allocate((len(indices), 4, SIDE, SIDE), torch.float32))
        return self.kept[-1]


@pytest.mark.parametrize("wrap", [lambda data: data, lambda data: torch.utils.data.Subset(data, range(8))])
def test_what_a_users_dataset_makes_is_not_locked(wrap: Any, asked_to_lock: list[int]) -> None:
    data = GivesBatches()
    loader = DataLoader(wrap(data), 4, device="cuda")
    assert len(list(loader)) == len(data.kept) == 2
    assert not any(device_memory(loader).slots.find(batch.data_ptr()) for batch in data.kept)


def test_a_copy_of_a_loader_has_memory_of_its_own(asked_to_lock: list[int]) -> None:
    loader = DataLoader(SAMPLES, 4, device="cuda")
    assert len(list(loader)) == 2
    other = pickle.loads(pickle.dumps(loader))
    assert len(list(other)) == 2
    assert device_memory(other).owner != device_memory(loader).owner


@pytest.mark.parametrize("kind", ["samples", "arrays", "images"])
@pytest.mark.parametrize("options", [{}, {"num_workers": 1, "worker_type": "thread"}], ids=["inline", "thread"])
def test_slots(kind: str, options: dict[str, Any], asked_to_lock: list[int], images: Path) -> None:
    data: Any = SAMPLES
    if kind == "arrays":
        data = ArrayDataset(torch.stack(SAMPLES))
    elif kind == "images":
        data = ImageFolder(images, T.Compose([T.CenterCrop(SIDE), T.ToImage(), T.ToDtype(torch.float32, scale=True)]))
    for_users = process_slots()
    loaders = [DataLoader(data, 4, device="cuda", **options) for _ in range(2)]
    for loader, other in (loaders, loaders[::-1]):
        for batch in loader:
            del batch
        own, others = device_memory(loader).slots, device_memory(other).slots
        assert len(asked_to_lock) == 2
        assert all(own.find(address) for address in asked_to_lock)
        assert not any(slots.find(address) for address in asked_to_lock for slots in (for_users, others))
        asked_to_lock.clear()
        for batch in DataLoader(data, 4, **options):
            address = (batch if kind == "samples" else batch[0]).data_ptr()
            assert for_users.find(address)
            assert not any(device_memory(one).slots.find(address) for one in loaders)
    assert not asked_to_lock

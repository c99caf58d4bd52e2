"""Batches for a CUDA device and batches for users never lie in the same slots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from support.fake_cuda import FakeCuda

from fastload import DataLoader
from fastload import transforms as T
from fastload.cuda import _page_lock
from fastload.datasets import ArrayDataset, ImageFolder
from fastload.memory._arena import process_slots

SIDE = 320  # four images of one channel are more than a slot's least


@pytest.fixture
def asked_to_lock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Addresses of the tensors whose slots were to be locked."""
    FakeCuda(monkeypatch)
    addresses: list[int] = []

    def lock(_: Any, tensor: torch.Tensor) -> bool:
        addresses.append(tensor.data_ptr())
        return True

    monkeypatch.setattr(_page_lock.PageLocks, "lock", lock)
    return addresses


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    (folder / "one").mkdir()
    for number in range(8):
        Image.new("RGB", (SIDE, SIDE), (number, 0, 0)).save(folder / "one" / f"{number}.jpg")
    return folder


SAMPLES = [torch.full((4, SIDE, SIDE), float(number)) for number in range(8)]


@pytest.mark.parametrize("kind", ["samples", "arrays", "images"])
@pytest.mark.parametrize("options", [{}, {"num_workers": 1, "worker_type": "thread"}], ids=["inline", "thread"])
def test_slots(kind: str, options: dict[str, Any], asked_to_lock: list[int], images: Path) -> None:
    data: Any = SAMPLES
    if kind == "arrays":
        data = ArrayDataset(torch.stack(SAMPLES))
    elif kind == "images":
        data = ImageFolder(images, T.Compose([T.CenterCrop(SIDE), T.ToImage(), T.ToDtype(torch.float32, scale=True)]))
    for_users, for_device = process_slots(), process_slots(for_device=True)
    for _ in range(2):
        for batch in DataLoader(data, 4, device="cuda", **options):
            del batch
        assert len(asked_to_lock) == 2
        assert all(for_device.find(address) and not for_users.find(address) for address in asked_to_lock)
        asked_to_lock.clear()
        for batch in DataLoader(data, 4, **options):
            address = (batch if kind == "samples" else batch[0]).data_ptr()
            assert for_users.find(address)
            assert not for_device.find(address)
    assert not asked_to_lock

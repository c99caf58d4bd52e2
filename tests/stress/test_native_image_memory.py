"""Epochs over many files, iterators by the hundred: memory, threads and descriptors stay what they were."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from support.photo_folder import make_folder
from support.resources import held, left_behind, wait_until

from fastload import DataLoader
from fastload.datasets import ImageFolder
from fastload.transforms import Compose, RandomHorizontalFlip, RandomResizedCrop, ToTensor

FILES, BATCH = 10_000, 50
CHAIN = Compose([RandomResizedCrop(32), RandomHorizontalFlip(), ToTensor()])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many names of few files."""
    few, many = make_folder(tmp_path_factory.mktemp("few")), tmp_path_factory.mktemp("many")
    originals = sorted(few.glob("*/*.jpg"))
    (many / "class").mkdir()
    for number in range(FILES):
        os.link(originals[number % len(originals)], many / "class" / f"{number:05}.jpg")
    return many


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_over_ten_thousand_files_holds_what_its_first_part_holds(folder: Path, workers: int) -> None:
    loader = DataLoader(ImageFolder(folder, CHAIN), BATCH, shuffle=True, num_workers=workers)
    sizes = [resident_bytes() for _ in loader]
    assert len(sizes) == FILES // BATCH
    assert max(sizes) - max(sizes[: len(sizes) // 4]) < 4 << 20


@pytest.mark.parametrize("workers", [0, 2])
def test_iterators_broken_off_by_the_hundred_leave_nothing(folder: Path, workers: int) -> None:
    loader = DataLoader(ImageFolder(folder, CHAIN), BATCH, num_workers=workers)
    next(iter(loader))
    gc.collect()
    before = held()
    for _ in range(100):
        next(iter(loader))
    gc.collect()
    assert wait_until(lambda: not left_behind(before)), f"left behind: {left_behind(before)}"

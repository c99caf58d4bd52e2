"""Ctrl-C that a program catches, at any moment inside next(): the epoch goes on, in order, with all of it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.interrupts import InterruptAt, signal_after
from support.resources import held, left_behind, wait_until

import fastload
from fastload.datasets import ImageFolder
from fastload.transforms import PILToTensor

SAMPLES = 600
FASTLOAD = str(Path(fastload.__file__).parent)


class Numbers(torch.utils.data.Dataset[torch.Tensor]):
    """``values`` times its number is sample number; now and then the loader has to wait for one, or it fails."""

    def __init__(self, values: int = 1, fails: bool = False) -> None:
        self.values = values
        self.fails = fails

    def __getitem__(self, index: int) -> torch.Tensor:
        if index % 8 == 0:
            time.sleep(0.002)
        if self.fails and index % 10 == 0:
            raise ValueError(f"sample {index} is broken")
        return torch.full((self.values,), float(index))

    def __len__(self) -> int:
        return SAMPLES


class Parts(torch.utils.data.IterableDataset[int]):
    """Each worker's part has another length."""

    def __iter__(self) -> Iterator[int]:
        info = torch.utils.data.get_worker_info()
        assert info is not None
        part = range(info.id, SAMPLES, info.num_workers)
        return iter(part[: len(part) - 40 * info.id])


class IndexBatches:
    """A sampler whose iterator is no generator, which an interrupt would end."""

    def __iter__(self) -> Iterator[list[int]]:
        return iter([[first, first + 1] for first in range(0, SAMPLES, 2)])

    def __len__(self) -> int:
        return SAMPLES // 2


def folder(root: Path) -> Path:
    (root / "a").mkdir()
    for number in range(12):
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(root / "a" / f"{number:03}.png")
    return root


def images(root: Path) -> ImageFolder:
    dataset = ImageFolder(folder(root), PILToTensor())
    dataset.samples = dataset.samples * (SAMPLES // 12)
    return dataset


def make_loader(kind: str, root: Path) -> Any:
    options: dict[str, Any] = {"batch_size": 2, "num_workers": 2}
    if kind == "native":
        return fastload.DataLoader(images(root), **options)
    if kind == "iterable":
        return fastload.DataLoader(Parts(), **options)
    if kind == "sampler":
        return fastload.DataLoader(Numbers(), batch_sampler=IndexBatches(), num_workers=2)
    if kind == "inline":
        return fastload.DataLoader(Numbers(), batch_size=2)
    if kind == "thread":
        options["worker_type"] = "thread"
    if kind == "one-in-flight":
        options |= {"num_workers": 1, "prefetch_factor": 1}
    if kind == "out-of-order":
        options["in_order"] = False
    values = {"in-slots": 1 << 18}.get(kind, 1)
    return fastload.DataLoader(Numbers(values, fails=kind == "failing"), **options)


KINDS = [
    "native",
    "thread",
    "process",
    "one-in-flight",
    "out-of-order",
    "iterable",
    "sampler",
    "in-slots",
    "failing",
    "inline",
]


def next_number(iterator: Any) -> int | None:
    """The number of what comes next: the batch's first sample, or below zero the sample that failed; None at the end.

    Of an image it is the file's colour. Every value of the batch is looked at: slots may be written to again.
    """
    try:
        batch = next(iterator)
    except ValueError as error:
        return -int(str(error).partition("Error: sample ")[2].split()[0])
    except StopIteration:
        return None
    values = (batch[0] if isinstance(batch, list) else batch).reshape(2, -1)
    assert torch.equal(values, values[:, :1].expand_as(values))
    return int(values[0, 0])


def check(kind: str, seen: list[int | None], loader: Any) -> None:
    """``seen`` is an epoch, with all of it and nothing twice."""
    iterator = iter(loader)
    want = [*iter(lambda: next_number(iterator), None), None]
    assert len(want) > 200
    if kind == "out-of-order":
        assert sorted(map(str, seen)) == sorted(map(str, want))
    else:
        assert seen == want


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_goes_on_after_an_interrupt_at_any_place(kind: str, tmp_path: Path) -> None:
    loader = make_loader(kind, tmp_path)
    before = held()
    iterator = iter(loader)
    seen: list[int | None] = []
    at = happened = 0
    while None not in seen:
        at += 1
        with suppress(KeyboardInterrupt), InterruptAt(at, __file__) as interrupt:
            seen.append(next_number(iterator))
        if interrupt.happened:
            happened += 1
            seen.append(next_number(iterator))
        else:
            at = 0  # there were fewer places than that
    assert happened > 100
    del iterator, interrupt
    assert wait_until(lambda: not left_behind(before)), left_behind(before)
    check(kind, seen, loader)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_goes_on_after_signals_at_any_moment(kind: str, tmp_path: Path) -> None:
    loader = make_loader(kind, tmp_path)
    iterator = iter(loader)
    seen: list[int | None] = []
    draw = random.Random(1).random
    times = 0
    while None not in seen:
        times += 1
        with suppress(KeyboardInterrupt), signal_after(draw() / 500, FASTLOAD):
            seen.append(next_number(iterator))
    assert times - len(seen) > 5
    check(kind, seen, loader)

"""Ctrl-C that a program catches, at any call that hands out batches and tasks: the epoch goes on, in order."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fastload
from fastload.datasets import ImageFolder
from fastload.transforms import PILToTensor

SAMPLES = 48
INTERRUPTIBLE = ("fastload/_epoch.py", "fastload/engines/")


class Interrupt:
    """Raises KeyboardInterrupt at event number ``at`` of the calls that the loader makes, where Python looks for it."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, frame: Any, event: str, argument: Any) -> None:
        if event not in ("call", "c_return") or not any(name in frame.f_code.co_filename for name in INTERRUPTIBLE):
            return
        if is_taking_answers(frame):
            return
        self.left -= 1
        if self.left == 0:
            sys.setprofile(None)
            raise KeyboardInterrupt


def is_taking_answers(frame: Any) -> bool:
    """Whether an answer is being read, which may be in nobody's hands for a moment."""
    while frame is not None:
        if frame.f_code.co_name in ("_wait", "_poll", "_take_in"):
            return True
        frame = frame.f_back
    return False


def folder(root: Path) -> Path:
    (root / "a").mkdir()
    for number in range(SAMPLES):
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(root / "a" / f"{number:03}.png")
    return root


def loaders(root: Path) -> Iterator[tuple[str, Any]]:
    options: dict[str, Any] = {"batch_size": 2, "num_workers": 2}
    yield "native", fastload.DataLoader(ImageFolder(folder(root), PILToTensor()), **options)
    yield "thread", fastload.DataLoader(range(SAMPLES), worker_type="thread", **options)
    yield "process", fastload.DataLoader(range(SAMPLES), **options)


def number_of(batch: Any) -> int:
    """The first sample's number."""
    return int(batch[0][0, 0, 0, 0]) if isinstance(batch, list | tuple) else int(batch[0])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["native", "thread", "process"])
def test_an_epoch_goes_on_after_an_interrupt_at_any_call(kind: str, tmp_path: Path) -> None:
    loader = dict(loaders(tmp_path))[kind]
    happened = 0
    for at in range(1, 60):
        iterator = iter(loader)
        seen = [number_of(next(iterator)) for _ in range(5)]
        try:
            sys.setprofile(Interrupt(at))
            seen.append(number_of(next(iterator)))
        except KeyboardInterrupt:
            happened += 1
        finally:
            sys.setprofile(None)
        seen.extend(number_of(batch) for batch in iterator)
        assert seen == sorted(set(seen)), at
        assert len(seen) >= SAMPLES // 2 - 1, at  # the one that was about to be handed out may be gone
    assert happened > 5

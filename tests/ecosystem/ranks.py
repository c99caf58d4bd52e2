"""Two ranks of a job, forked from the test's process, and what each of them gives back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accelerate import debug_launcher
from accelerate.state import AcceleratorState, GradientState

WORLD = 2


def on_each_rank(function: Callable[..., Any], folder: Path, *arguments: Any) -> list[Any]:
    """What ``function(*arguments)`` returns on each rank of a job of accelerate's, on gloo.

    Raises what torch's launcher raises when a rank fails; ``folder`` gets a file for each rank.
    """
    debug_launcher(_keep_result, (function, folder, arguments), WORLD)
    return results(folder)


def _keep_result(function: Callable[..., Any], folder: Path, arguments: tuple[Any, ...]) -> None:
    rank = torch.distributed.get_rank()
    keep(folder, rank, function(*arguments))


def keep(folder: Path, rank: int, result: Any) -> None:
    torch.save(result, folder / f"rank{rank}.pt")


def results(folder: Path) -> list[Any]:
    """What the ranks have kept in ``folder``, which is empty then."""
    found = []
    for rank in range(WORLD):
        file = folder / f"rank{rank}.pt"
        found.append(torch.load(file, weights_only=False))
        file.unlink()
    return found


def forget_accelerate() -> None:
    """accelerate keeps one state for a process; the next test, and ranks forked from here, need none."""
    AcceleratorState._reset_state(True)
    GradientState._reset_state()

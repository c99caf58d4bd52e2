"""The distributed example as ranks of a test, and what its steps recorded."""

import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "examples" / "train_ddp.py"


def train(*arguments: str) -> None:
    """In a rank: the example's main function."""
    os.environ["TQDM_DISABLE"] = "1"
    sys.path.insert(0, str(PROGRAM.parent))
    import train_ddp

    train_ddp.main(list(arguments))


class Step(NamedTuple):
    step: int
    epoch: int
    indices: list[int]
    loss: float


def recorded(folder: Path, rank: int) -> list[Step]:
    """The steps that ``rank`` has recorded; a line that it was killed in does not count."""
    path = folder / f"rank{rank}.jsonl"
    text = path.read_text() if path.exists() else ""
    return [Step(**json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def all_recorded(folder: Path) -> Iterator[Step]:
    for rank in range(len(list(folder.glob("rank*.jsonl")))):
        yield from recorded(folder, rank)


def load(checkpoint: Path) -> dict[str, Any]:
    return torch.load(checkpoint, weights_only=False)


def steps_done(checkpoint: Path) -> int:
    return load(checkpoint)["step"] if checkpoint.exists() else 0


def same_losses(some: list[Step], others: list[Step], ranks: int) -> bool:
    """Bit by bit with up to two ranks. DDP adds in another order after its first step, and sums of three feel that."""
    losses = [torch.tensor([step.loss for step in steps]) for steps in (some, others)]
    return torch.equal(*losses) if ranks <= 2 else torch.allclose(*losses, rtol=1e-3)


def same_weights(one: Path, other: Path, ranks: int) -> bool:
    """As `same_losses`, of two checkpoints."""
    first, second = load(one)["network"], load(other)["network"]
    same = torch.equal if ranks <= 2 else partial(torch.allclose, atol=1e-4)
    return first.keys() == second.keys() and all(same(first[name], second[name]) for name in first)

"""Checkpoints of a distributed training: one file, written by rank 0, always whole."""

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist


def save_checkpoint(path: Path, state: dict[str, Any], own: dict[str, Any]) -> None:
    """Write ``state``, which is the same on all ranks, and every rank's ``own``, as the list "ranks".

    All ranks have to call it. The file appears under its name only when it is complete and on the disk, so whoever
    is killed in the meantime leaves the one before.
    """
    ranks = gathered(own)
    if ranks is None:
        return
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        torch.save({**state, "ranks": ranks}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def gathered(own: dict[str, Any]) -> list[dict[str, Any]] | None:
    """What each rank has, in the order of ranks, on rank 0; None on the others."""
    if not dist.is_initialized():
        return [own]
    everyone: list[Any] | None = [None] * dist.get_world_size() if dist.get_rank() == 0 else None
    dist.gather_object(own, everyone)
    return everyone


def random_states() -> dict[str, Any]:
    """Where the generators of this process are."""
    states = {"torch": torch.get_rng_state(), "numpy": np.random.get_state(legacy=False), "python": random.getstate()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_random_states(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    np.random.set_state(states["numpy"])
    random.setstate(states["python"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])

"""Which rank of how many this process is, and which worker of how many this is."""

from __future__ import annotations

import os
from typing import NamedTuple

import torch.distributed as dist
from torch.utils.data import get_worker_info


class Place(NamedTuple):
    """One of several equal parts of a job."""

    number: int
    of: int


def find_rank(rank: int | None = None, world_size: int | None = None) -> Place:
    """The rank and the world size: those given, or torch.distributed's, or torchrun's environment, or 0 of 1.

    torchrun's environment (RANK and WORLD_SIZE) is what a spawned worker sees, where nothing is initialised.
    Raises ValueError if only one of the two is given, and for a rank outside of the world.
    """
    if (rank is None) != (world_size is None):
        raise ValueError(f"rank and world_size belong together, got rank={rank}, world_size={world_size}")
    if rank is not None and world_size is not None:
        place, source = Place(rank, world_size), "the arguments"
    elif is_distributed():
        place, source = Place(dist.get_rank(), dist.get_world_size()), "torch.distributed"
    elif "RANK" in os.environ and "WORLD_SIZE" in os.environ:
        place, source = _rank_of_environment(), "the environment (RANK, WORLD_SIZE)"
    else:
        place, source = Place(0, 1), "nothing"
    if not 0 <= place.number < place.of:
        raise ValueError(f"rank {place.number} of {place.of} from {source}: a rank is 0 to world_size - 1")
    return place


def is_distributed() -> bool:
    """Whether the default process group is there."""
    return dist.is_available() and dist.is_initialized()


def find_worker() -> Place:
    """The worker of a loader that this code runs in; 0 of 1 outside of workers."""
    info = get_worker_info()
    return Place(0, 1) if info is None else Place(info.id, info.num_workers)


def _rank_of_environment() -> Place:
    values = os.environ["RANK"], os.environ["WORLD_SIZE"]
    try:
        return Place(*map(int, values))
    except ValueError:
        raise ValueError(
            f"RANK={values[0]!r} and WORLD_SIZE={values[1]!r} in the environment must be numbers"
        ) from None

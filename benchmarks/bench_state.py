"""How large is a loader's state, what does asking for it cost, and what does it cost to be able to answer?"""

import json
import pickle
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

import fastload
from benchmarks._harness import Row, Side, Unit, compare_outputs
from benchmarks._stateful import COMPETITORS, PEER, make_loader, where
from benchmarks.conftest import Compare

SAMPLES, BATCH_SIZE, SKIPPED, COUNTED, ASKED = 1_000_000, 8, 20, 1000, 100
CONDITIONS = f"map-style dataset of {SAMPLES:,} ints, shuffle=True, batch {BATCH_SIZE}, fork."

MADE_BEFORE = (
    "with workers torchdata makes a new state for every batch, whether it is asked for or not, and only hands it out "
    "here; what that costs is in the row of the batches"
)


NO_GENERATORS = (
    "fastload's state has the generators of the workers in it, which move with every batch here; torchdata keeps none "
    "of them: a resumed epoch goes on with other random numbers there"
)


class Drawing(Dataset[float]):
    """Samples that draw from the three global generators, as augmentation does."""

    def __getitem__(self, index: int) -> float:
        return index + random.random() + float(np.random.rand()) + float(torch.rand(()))

    def __len__(self) -> int:
        return SAMPLES


@dataclass
class Running:
    """A loader in the middle of an epoch."""

    loader: Any
    batches: Iterator[torch.Tensor]


@pytest.mark.parametrize("workers", [0, 2])
def bench_state_size(compare: Compare, workers: int) -> None:
    row = Row(
        title=f"size of state_dict(), {where(workers)}",
        unit=Unit("bytes", "answer"),
        conditions=f"{CONDITIONS} Pickled, after {SKIPPED} batches.",
        doubts="as JSON fastload's is longer by a little, shown apart; torchdata's has tensors in it, which JSON does "
        "not take; a dataset with a state of its own adds to both",
        most_rounds=1,
        warm_up=False,
        peer=PEER,
    )
    as_json = Side(lambda running: len(json.dumps(running.loader.state_dict())), lambda: warm("fastload", workers))
    sides = {name: Side(pickled_bytes, lambda name=name: warm(name, workers)) for name in COMPETITORS}
    compare(row, {**sides, "fastload, as JSON": as_json})


@pytest.mark.parametrize("workers", [0, 2])
def bench_state_cost(compare: Compare, workers: int) -> None:
    row = Row(
        title=f"state_dict(), {where(workers)}",
        unit=Unit("us", "time", 1e-6),
        conditions=f"{CONDITIONS} {ASKED} calls after {SKIPPED} batches, no batch in between.",
        doubts=MADE_BEFORE if workers else "",
        most_rounds=5,
        peer=PEER,
    )
    compare(row, {name: Side(ask, lambda name=name: warm(name, workers), amount=ASKED) for name in COMPETITORS})


@pytest.mark.parametrize(("workers", "draws"), [(0, False), (2, False), (2, True)])
def bench_state_keeping(compare: Compare, workers: int, draws: bool) -> None:
    dataset = Drawing() if draws else range(SAMPLES)
    compare_outputs(lambda name: first_batches(name, workers, dataset))
    row = Row(
        title=f"batches of a loader that can be resumed, {where(workers)}{', samples draw' if draws else ''}",
        unit=Unit("us", "time", 1e-6),
        conditions=f"{CONDITIONS} For each of {COUNTED} batches after the first {SKIPPED}; nobody asks for a state, "
        "but where that is said. fastload behind torch's DataLoader (fastload.install) keeps none."
        + (" Samples draw from the generators of random, NumPy and torch." if draws else ""),
        doubts=NO_GENERATORS if draws else "",
        most_rounds=5,
        peer=PEER,
    )
    sides = {
        "torch, keeps no state": taking("torch", workers, dataset),
        "fastload behind torch's DataLoader": Side(take, lambda: warm_installed(workers, dataset), amount=COUNTED),
        **{name: taking(name, workers, dataset) for name in COMPETITORS},
        **{f"{name}, state_dict() after every batch": taking(name, workers, dataset, True) for name in COMPETITORS},
    }
    compare(row, sides)


def taking(name: str, workers: int, dataset: Any, asking: bool = False) -> Side:
    return Side(take_and_ask if asking else take, lambda: warm(name, workers, dataset), amount=COUNTED)


def warm(name: str, workers: int, dataset: Any = range(SAMPLES)) -> Running:
    """A loader in the middle of its first epoch."""
    torch.manual_seed(0)
    loader = make_loader(name, dataset, BATCH_SIZE, workers, shuffle=True)
    batches = iter(loader)
    for _ in range(SKIPPED):
        next(batches)
    return Running(loader, batches)


def warm_installed(workers: int, dataset: Any) -> Running:
    fastload.install()
    try:
        return warm("torch", workers, dataset)
    finally:
        fastload.uninstall()


def first_batches(name: str, workers: int, dataset: Any) -> list[torch.Tensor]:
    running = warm(name, workers, dataset)
    return [next(running.batches) for _ in range(50)]


def pickled_bytes(running: Running) -> int:
    return len(pickle.dumps(running.loader.state_dict()))


def take(running: Running) -> None:
    for _ in range(COUNTED):
        next(running.batches)


def take_and_ask(running: Running) -> None:
    for _ in range(COUNTED):
        next(running.batches)
        running.loader.state_dict()


def ask(running: Running) -> None:
    for _ in range(ASKED):
        running.loader.state_dict()

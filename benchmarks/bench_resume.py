"""How long does a run that was interrupted in the middle of an epoch wait for its next batch?"""

import functools
from typing import Any

import pytest
import torch

import fastload
from benchmarks._harness import Row, Side, Unit, assert_same
from benchmarks._stateful import PEER, make_loader, where
from benchmarks.conftest import Compare

SAMPLES, BATCH_SIZE = 10_000_000, 2000
MIDDLE = SAMPLES // BATCH_SIZE // 2  # batches before the interruption
FEISTEL = "fastload, RandomSampler(method='feistel')"


@pytest.mark.parametrize("workers", [0, 2])
def bench_resume(compare: Compare, workers: int) -> None:
    row = Row(
        title=f"resume in the middle of 10^7 samples, {where(workers)}",
        unit=Unit("ms", "time", 1e-3),
        conditions=f"dataset range(10^7), shuffle=True, batch {BATCH_SIZE}; a new loader, load_state_dict with the "
        f"state after {MIDDLE} batches, iter, next. fastload: torch's order.",
        doubts="the batch is checked to be the one that the uninterrupted epoch goes on with, on each side; imports "
        "are not counted, and a sample costs nothing here: torchdata makes none again either",
        most_rounds=3,
        peer=PEER,
    )
    compare(row, {name: side(name, workers) for name in (PEER, "fastload", FEISTEL)})


def side(name: str, workers: int) -> Side:
    state, expected = interrupted(name, workers)
    return Side(lambda kept: resume(name, workers, state, kept), list, lambda kept: check(kept, expected))


def loader(name: str, workers: int) -> Any:
    dataset = range(SAMPLES)
    if name != FEISTEL:
        return make_loader(name, dataset, BATCH_SIZE, workers, shuffle=True)
    sampler = fastload.samplers.RandomSampler(dataset, method="feistel")
    return make_loader("fastload", dataset, BATCH_SIZE, workers, sampler=sampler)


@functools.cache
def interrupted(name: str, workers: int) -> tuple[Any, torch.Tensor]:
    """The state in the middle of an epoch, and the batch that came next."""
    running = loader(name, workers)
    batches = iter(running)
    for _ in range(MIDDLE):
        next(batches)
    return running.state_dict(), next(batches)


def resume(name: str, workers: int, state: Any, kept: list[Any]) -> None:
    resumed = loader(name, workers)
    resumed.load_state_dict(state)
    batches = iter(resumed)
    kept += [next(batches), batches]


def check(kept: list[Any], expected: torch.Tensor) -> None:
    """The workers of ``kept`` end here, outside the measured time."""
    assert_same(kept[0], expected)
    kept.clear()

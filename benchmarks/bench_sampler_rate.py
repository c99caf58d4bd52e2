"""What does an index cost, over a whole epoch?"""

import time
from functools import partial

import numpy as np
import pytest

from benchmarks._harness import Row, Side, Unit
from benchmarks._samplers import BATCH_SIZE, CASES, CONDITIONS, MOST_INDICES, Case, Report, settings, sides
from benchmarks.conftest import Compare

NS = Unit("ns", "answer")


@pytest.mark.parametrize("case", CASES, ids=str)
def bench_sampler_rate(compare: Compare, case: Case) -> None:
    is_swapping = case.sampler == "shuffle" and not case.no_torch
    row = Row(
        title=f"per index: {case.title}",
        unit=NS,
        conditions=f"{CONDITIONS} Index batches of {BATCH_SIZE} as the loader gets them, without making samples. "
        "Over the epoch: constructors and first batch, a million indices, another million, which stands for the rest.",
        limit_is=RANDOM_WRITES if is_swapping else "",
        **settings(case),
    )
    limit = {"limit": Side(lambda _: random_write_ns(case.length))} if is_swapping else {}
    parts = {
        **labelled(sides(case, lambda report: part_ns(report, 0)), "first million"),
        **labelled(sides(case, lambda report: part_ns(report, -1)), "second million"),
    }
    compare(row, {**limit, **(parts if case.epoch > MOST_INDICES else {}), **sides(case, partial(over_epoch_ns, case))})


def labelled(sides: dict[str, Side], part: str) -> dict[str, Side]:
    return {f"{name}, {part}": side for name, side in sides.items()}


def part_ns(report: Report, number: int) -> float:
    count, seconds = report["parts"][number]
    return seconds / count * 1e9


def over_epoch_ns(case: Case, report: Report) -> float:
    rest = case.epoch - sum(count for count, _ in report["parts"])
    read = sum(seconds for _, seconds in report["parts"])
    return (report["seconds"] + read) / case.epoch * 1e9 + part_ns(report, -1) * rest / case.epoch


RANDOM_WRITES = (
    "NumPy writes a million numbers to random places of an array of 4 bytes for each index of the order, which has "
    "been written before; the places are drawn before: what a shuffle that keeps its order in memory cannot do without"
)


def random_write_ns(length: int) -> float:
    places = np.random.default_rng(0).integers(length, size=MOST_INDICES)
    memory = np.ones(length, dtype=np.uint32)
    begin = time.perf_counter()
    memory[places] = 2
    return (time.perf_counter() - begin) / MOST_INDICES * 1e9

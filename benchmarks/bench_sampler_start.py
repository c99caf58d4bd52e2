"""How long, and with how much memory, does a user wait for the first batch of an order, at any scale?"""

import dataclasses
import time

import pytest
import torch

from benchmarks._harness import MB, Row, Side, Target, Unit, compare_outputs
from benchmarks._samplers import BATCH_SIZE, CASES, CONDITIONS, Case, index_batches, join, settings, side, sides
from benchmarks.conftest import Compare

MS = Unit("ms", "answer", 1e-3)
MEGABYTES = Unit("MB", "answer", MB)
SMALL = 10**6

MUST_START = {("shuffle", 10**8): Target("20x torch", times_torch=20)}
GOAL_START = {("feistel", 10**9): Target("10 ms", at_most=10)}
# A list has 8 bytes for every index, and 32 more for its int; the order itself is to take 4.
MUST_MEMORY = {("shuffle", 10**8): Target("no Python list: 410 MB", at_most=410)}
GOAL_MEMORY = {("feistel", 10**9): Target("1 MB", at_most=1)}


@pytest.mark.parametrize("case", CASES, ids=str)
def bench_sampler_start(compare: Compare, case: Case) -> None:
    if case.length == SMALL and case.is_torchs_order:
        compare_outputs(lambda name: index_batches(name, case))
    key = (case.sampler, case.length)
    row = Row(
        title=f"first batch: {case.title}",
        unit=MS,
        conditions=f"{CONDITIONS} From the constructors of sampler and loader to the first batch of {BATCH_SIZE}.",
        must=MUST_START.get(key),
        goal=GOAL_START.get(key),
        **settings(case),
    )
    # torch.randperm alone is no limit where the order is made as it is read, but it is what torch does first.
    alone = {"torch.randperm alone": Side(lambda _: randperm_seconds(case.length), most_rounds=1)}
    compare(row, {**sides(case, lambda report: report["seconds"]), **(alone if is_shuffle(case) else {})})


@pytest.mark.parametrize("case", CASES, ids=str)
def bench_sampler_memory(compare: Compare, case: Case) -> None:
    key = (case.sampler, case.length)
    row = Row(
        title=f"memory: {case.title}",
        unit=MEGABYTES,
        conditions=f"{CONDITIONS} Peak of the resident memory above what the process had before the constructors, "
        "over the first batch and two million indices more, or all; weights are there before.",
        must=MUST_MEMORY.get(key),
        goal=GOAL_MEMORY.get(key),
        **settings(case),
    )
    row = dataclasses.replace(row, doubts=join(row.doubts, "the kernel's count of the peak may lag by up to 0.3 MB"))
    first = side("fastload", case, lambda report: report["first_bytes"], row.most_rounds)
    compare(row, {**sides(case, lambda report: report["bytes"]), "fastload, to the first batch": first})


def is_shuffle(case: Case) -> bool:
    return case.sampler == "shuffle" and not case.no_torch


def randperm_seconds(length: int) -> float:
    begin = time.perf_counter()
    torch.randperm(length)
    return time.perf_counter() - begin

"""How long does collating many small dicts take?"""

from typing import Any

import numpy as np
import torch

from benchmarks._harness import Row, Side, Target, Unit, both, compare_outputs
from benchmarks._peers import peer
from benchmarks.conftest import Compare

CALLS = 100

ROW = Row(
    title="default_collate, 256 dicts of 5 small fields",
    unit=Unit("us", "time", 1e-6),
    conditions="tensor (8,), int, float, str and np.float32 (4,) in each dict.",
    limit_is="plain Python transposes the dicts into lists and makes no tensor; a floor, not a limit",
    must=Target("5x torch", times_torch=5),
    goal=Target("10x torch", times_torch=10),
)


def bench_collate_dicts(compare: Compare) -> None:
    samples = [sample(index) for index in range(256)]
    compare_outputs(lambda name: peer(name).default_collate(samples))
    compare(
        ROW,
        {
            "limit": Side(lambda _: repeat(transpose, samples), amount=CALLS),
            **both(lambda name: Side(lambda _: repeat(peer(name).default_collate, samples), amount=CALLS)),
        },
    )


def sample(index: int) -> dict[str, Any]:
    return {
        "image": torch.rand(8),
        "label": index,
        "weight": index / 7,
        "name": f"sample-{index}",
        "box": np.full(4, index, np.float32),
    }


def transpose(samples: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {key: [one[key] for one in samples] for key in samples[0]}


def repeat(collate: Any, samples: list[dict[str, Any]]) -> None:
    for _ in range(CALLS):
        collate(samples)

"""How long does collating a batch of images take?"""

from typing import Any

import torch

from benchmarks._harness import Row, Side, Target, Unit, both, compare_outputs
from benchmarks._limits import WarmCopy
from benchmarks._peers import peer
from benchmarks.conftest import Compare

CALLS = 10

ROW = Row(
    title="default_collate, 64 x (3, 224, 224) float32",
    unit=Unit("ms", "time", 1e-3),
    conditions=f"64 different tensors; {CALLS} calls a round, each result dropped before the next call.",
    limit_is="NumPy copies the samples into warm private memory, a thread for each core",
    must=Target("4x torch", times_torch=4),
    goal=Target("memcpy speed", share_of_limit=0.9),
    doubts="the goal counts as met at 90% of the limit",
)


def bench_collate_images(compare: Compare) -> None:
    samples = [torch.rand(3, 224, 224) for _ in range(64)]
    compare_outputs(lambda name: peer(name).default_collate(samples))
    limit = WarmCopy([sample.numpy() for sample in samples])
    compare(
        ROW,
        {
            "limit": Side(lambda _: limit.copy(CALLS), amount=CALLS),
            **both(lambda name: Side(lambda _: repeat(peer(name).default_collate, samples), amount=CALLS)),
        },
    )
    limit.close()


def repeat(collate: Any, samples: list[torch.Tensor]) -> None:
    for _ in range(CALLS):
        collate(samples)

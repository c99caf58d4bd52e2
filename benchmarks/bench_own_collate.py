"""How much of that remains when the user's own function makes the batch?"""

import torch

from benchmarks import _transport
from benchmarks._harness import GB, Row, Target, Unit
from benchmarks.conftest import Compare

ROW = Row(
    title="the same, own collate_fn calling torch.stack",
    unit=Unit("GB/s", "rate", GB),
    conditions="as above, but for collate_fn=lambda samples: torch.stack(samples).",
    limit_is="as above: one copy; torch.stack makes one before the loader sees the batch",
    must=Target("3x torch", times_torch=3),
    goal=Target("5x torch", times_torch=5),
)


def stack(samples: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(samples)


def bench_own_collate(compare: Compare) -> None:
    with _transport.sides(collate_fn=stack) as sides:
        compare(ROW, sides)

"""What does the loader itself cost for each batch?"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset

from benchmarks._harness import Row, Side, Unit, both, compare_outputs
from benchmarks._peers import peer
from benchmarks.conftest import Compare

SKIPPED, COUNTED, AHEAD = 20, 3000, 20


class Tiny(Dataset[torch.Tensor]):
    """A tensor of four numbers at every index, made before."""

    def __init__(self) -> None:
        self.samples = torch.arange(64.0).reshape(16, 4).unbind()

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.samples[index % 16]

    def __len__(self) -> int:
        return 2 * (SKIPPED + COUNTED + AHEAD)


@pytest.mark.parametrize("workers", [0, 2])
def bench_overhead(compare: Compare, workers: int) -> None:
    compare_outputs(lambda name: list(loader(name, workers))[:50])
    where = f"{workers} process workers" if workers else "inline"
    row = Row(
        title=f"overhead: a batch of 2 tiny tensors, {where}",
        unit=Unit("us", "time", 1e-6),
        conditions=f"(4,) float32 tensors that exist already; {COUNTED} batches after the first {SKIPPED}.",
    )
    sides = both(lambda name: Side(take, lambda: warm(name, workers), amount=COUNTED))
    asking = Side(take_and_ask, lambda: warm_with_loader(workers), amount=COUNTED)
    compare(row, {**sides, "fastload, stats() after every batch": asking})


def loader(name: str, workers: int) -> Any:
    context = "fork" if workers else None
    return peer(name).DataLoader(Tiny(), 2, num_workers=workers, multiprocessing_context=context)


def warm(name: str, workers: int) -> Iterator[torch.Tensor]:
    return skip(loader(name, workers))


def warm_with_loader(workers: int) -> tuple[Any, Iterator[torch.Tensor]]:
    asked = loader("fastload", workers)
    return asked, skip(asked)


def skip(batches_of: Any) -> Iterator[torch.Tensor]:
    batches: Iterator[torch.Tensor] = iter(batches_of)
    for _ in range(SKIPPED):
        next(batches)
    return batches


def take(batches: Iterator[torch.Tensor]) -> None:
    for _ in range(COUNTED):
        next(batches)


def take_and_ask(state: tuple[Any, Iterator[torch.Tensor]]) -> None:
    asked, batches = state
    for _ in range(COUNTED):
        next(batches)
        asked.stats()

"""Shared by the transport rows: large batches from two process workers to a consumer that drops them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import Dataset

from benchmarks._harness import Side, both, compare_outputs
from benchmarks._limits import WarmMappings
from benchmarks._peers import peer

SHAPE = (3, 224, 224)
BATCH_SIZE = 64
WORKERS = 2
SKIPPED = 8  # batches until the prefetch is full and every slot warm
COUNTED = 60
AHEAD = 8  # batches behind the last counted one, so that the workers never run dry
BATCH_BYTES = BATCH_SIZE * 3 * 224 * 224 * 4

Collate = Callable[[list[torch.Tensor]], torch.Tensor]


class OneSample(Dataset[torch.Tensor]):
    """The same tensor at every index, at no cost."""

    def __init__(self) -> None:
        self.sample = torch.rand(SHAPE)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.sample

    def __len__(self) -> int:
        return BATCH_SIZE * (SKIPPED + COUNTED + AHEAD)


class OwnSamples(Dataset[torch.Tensor]):
    """Another tensor at every index, to compare batches with."""

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.rand(SHAPE, generator=torch.Generator().manual_seed(index))

    def __len__(self) -> int:
        return 2 * BATCH_SIZE + 3


def loader(name: str, dataset: Dataset[torch.Tensor], collate_fn: Collate | None) -> Any:
    return peer(name).DataLoader(
        dataset, BATCH_SIZE, num_workers=WORKERS, collate_fn=collate_fn, multiprocessing_context="fork"
    )


@contextmanager
def sides(collate_fn: Collate | None) -> Iterator[dict[str, Side]]:
    """The limit, torch and fastload, after their batches were found equal."""
    compare_outputs(lambda name: list(loader(name, OwnSamples(), collate_fn)))
    dataset, amount = OneSample(), COUNTED * BATCH_BYTES
    limit = WarmMappings(dataset.sample.numpy(), BATCH_SIZE, WORKERS)
    yield {
        "limit": Side(lambda _: limit.fill(COUNTED), amount=amount),
        **both(lambda name: Side(take, lambda: warm(name, dataset, collate_fn), amount=amount)),
    }
    limit.close()


def warm(name: str, dataset: OneSample, collate_fn: Collate | None) -> Iterator[torch.Tensor]:
    batches: Iterator[torch.Tensor] = iter(loader(name, dataset, collate_fn))
    for _ in range(SKIPPED):
        next(batches)
    return batches


def take(batches: Iterator[torch.Tensor]) -> None:
    for _ in range(COUNTED):
        next(batches)

"""How fast is a shuffled epoch over a data set that is in memory already?"""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import TensorDataset

from benchmarks._harness import Row, Side, Target, Unit, compare_outputs
from benchmarks._peers import peer
from benchmarks.conftest import Compare

SAMPLES, SHAPE, BATCH_SIZE = 50_000, (3, 32, 32), 256

ROW = Row(
    title="in memory: 50,000 x (3, 32, 32) uint8, batch 256, shuffled",
    unit=Unit("samples/s", "rate"),
    conditions="TensorDataset of images and int64 labels, num_workers=0, whole epochs from iter() on.",
    limit_is="torch.index_select of images and labels with random indices drawn before",
    must=Target("15x torch inline", times_torch=15),
    goal=Target("90% of the limit", share_of_limit=0.9),
)


def bench_in_memory(compare: Compare) -> None:
    images = torch.randint(0, 256, (SAMPLES, *SHAPE), dtype=torch.uint8)
    labels = torch.arange(SAMPLES)
    dataset = TensorDataset(images, labels)
    compare_outputs(lambda name: epoch(name, dataset))
    order = torch.randperm(SAMPLES).split(BATCH_SIZE)
    compare(
        ROW,
        {
            "limit": Side(lambda _: select(images, labels, order), amount=SAMPLES),
            "torch": Side(exhaust, lambda: loader("torch", dataset), amount=SAMPLES),
            "torch, 2 workers": Side(exhaust, lambda: started(dataset), amount=SAMPLES - BATCH_SIZE),
            "fastload": Side(exhaust, lambda: loader("fastload", dataset), amount=SAMPLES),
        },
    )


def loader(name: str, dataset: TensorDataset, **options: Any) -> Any:
    return peer(name).DataLoader(dataset, BATCH_SIZE, shuffle=True, **options)


def epoch(name: str, dataset: TensorDataset) -> list[Any]:
    torch.manual_seed(1)
    return list(loader(name, dataset))


def started(dataset: TensorDataset) -> Iterator[Any]:
    """torch with two workers that have delivered their first batch: their start is not in the figure."""
    batches: Iterator[Any] = iter(loader("torch", dataset, num_workers=2, multiprocessing_context="fork"))
    next(batches)
    return batches


def exhaust(batches: Any) -> None:
    for _ in batches:
        pass


def select(images: torch.Tensor, labels: torch.Tensor, order: tuple[torch.Tensor, ...]) -> None:
    for indices in order:
        torch.index_select(images, 0, indices)
        torch.index_select(labels, 0, indices)

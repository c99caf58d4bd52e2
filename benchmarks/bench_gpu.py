"""How fast do batches reach a GPU, and how long does a training step wait for them?"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import Any

import pytest
import torch

from benchmarks import _gpu, _photos
from benchmarks._harness import GB, Row, Side, Target, Unit
from benchmarks.conftest import Compare

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")

WORKERS, COUNTS = 8, (1, 2, 4, 8, 16)
BATCH, STEP_BATCH, STEPS = 64, 256, 20
PEER = "torch, pin_memory, non_blocking"
WARM = "whole epochs of loaders that have run one before, to the last batch on the device"

BANDWIDTH = Row(
    title="gpu: 64 x (3, 224, 224) float32 from 8 workers to the device",
    unit=Unit("GB/s", "rate", GB),
    conditions=f"samples that are in memory already, 60 batches, {WARM}.",
    limit_is="60 copies of one pinned tensor of that size",
    peer=PEER,
)
FIRST = Row(
    title="gpu: first batch on the device, 2 workers",
    unit=Unit("ms", "time", 1e-3),
    conditions="64 x (3, 224, 224) float32, from the constructor to the first batch on the device.",
    peer=PEER,
)


def bench_bandwidth(compare: Compare) -> None:
    batches = 60
    data = _gpu.Waves(BATCH * batches)
    amount = batches * BATCH * (data.images[0].nbytes + 8)
    pinned = torch.empty(BATCH, *data.images.shape[1:]).pin_memory()

    def copies(_: Any) -> None:
        for _ in range(batches):
            pinned.to(_gpu.DEVICE, non_blocking=True)
        _gpu.synchronize()

    sides = {"limit": Side(copies, amount=amount), **loaders(data, BATCH, WORKERS, amount)}
    compare(BANDWIDTH, sides)


def bench_first_batch(compare: Compare) -> None:
    data = _gpu.Waves(BATCH * 8)

    def first(loader: Callable[..., Any], **way: Any) -> Callable[[Any], None]:
        def work(_: Any) -> None:
            next(iter(way.get("through", iter)(loader(data, BATCH, 2))))
            _gpu.synchronize()

        return work

    compare(
        FIRST, {PEER: Side(first(_gpu.torch_loader, through=_gpu.moved)), "fastload": Side(first(_gpu.fastload_loader))}
    )


@pytest.mark.parametrize("source", ["files", "memory"])
def bench_step(compare: Compare, source: str) -> None:
    step = _gpu.training_step()
    folder = _photos.SMALL.folder()
    _photos.warm_up(folder)
    names = {"files": "JPEG files, random crops of 224", "memory": "memory, float32"}
    row = Row(
        title=f"gpu: ResNet-50, bfloat16, batch {STEP_BATCH}, from {names[source]}",
        unit=Unit("ms/step", "time", 1e-3),
        conditions=f"{STEPS} steps of loaders that have run before, {WORKERS} workers.",
        limit_is="the same step on a batch that is on the device already",
        must=Target("5% slower than the limit", share_of_limit=0.95) if source == "files" else None,
        goal=Target("1% slower than the limit", share_of_limit=0.99) if source == "files" else None,
        peer=PEER,
    )
    there = (
        torch.rand(STEP_BATCH, 3, 224, 224, device=_gpu.DEVICE),
        torch.randint(1000, (STEP_BATCH,), device=_gpu.DEVICE),
    )
    if source == "memory":
        theirs, mine, options = _gpu.Waves(STEP_BATCH * STEPS), _gpu.Waves(STEP_BATCH * STEPS), {}
    else:
        many = _photos.many_links(_photos.SMALL, STEP_BATCH * STEPS)
        theirs, mine = _gpu.pillow_files(many), _gpu.native_files(many, as_levels=True)
        options = {"device_transform": _gpu.normalised}
    loader = _gpu.torch_loader(theirs, STEP_BATCH, WORKERS)
    sides = {
        "limit": stepping(step, lambda: [there] * STEPS),
        PEER: stepping(step, lambda: _gpu.moved(loader)),
        "fastload": stepping(step, keep(_gpu.fastload_loader(mine, STEP_BATCH, WORKERS, **options))),
    }
    with suppress(ImportError):
        sides["timm's PrefetchLoader"] = stepping(
            step, keep(_gpu.timm_prefetched(_gpu.torch_loader(theirs, STEP_BATCH, WORKERS)))
        )
    compare(row, sides)


@pytest.mark.parametrize("workers", COUNTS)
def bench_scaling(compare: Compare, workers: int) -> None:
    folder = _photos.SMALL.folder()
    _photos.warm_up(folder)
    row = Row(
        title=f"gpu: JPEG files to random crops of 224 on the device, {workers} workers",
        unit=Unit("images/s", "rate"),
        conditions=f"1,024 files of 500x375, batches of {BATCH} float32, normalised, {WARM}.",
        peer=PEER,
    )
    images = 1024 // BATCH * BATCH
    theirs = _gpu.torch_loader(_gpu.pillow_files(folder), BATCH, workers)
    mine = _gpu.fastload_loader(
        _gpu.native_files(folder, as_levels=True), BATCH, workers, device_transform=_gpu.normalised
    )
    compare(
        row,
        {
            PEER: Side(exhaust(lambda: _gpu.moved(theirs)), amount=images),
            "fastload": Side(exhaust(keep(mine)), amount=images),
        },
    )


def loaders(data: Any, batch: int, workers: int, amount: float) -> dict[str, Side]:
    theirs, mine = _gpu.torch_loader(data, batch, workers), _gpu.fastload_loader(data, batch, workers)
    return {
        PEER: Side(exhaust(lambda: _gpu.moved(theirs)), amount=amount),
        "fastload": Side(exhaust(keep(mine)), amount=amount),
    }


def keep(batches: Iterable[Any]) -> Callable[[], Iterable[Any]]:
    return lambda: batches


def exhaust(batches: Callable[[], Iterable[Any]]) -> Callable[[Any], None]:
    def work(_: Any) -> None:
        for batch in batches():
            del batch
        _gpu.synchronize()

    return work


def stepping(step: Callable[[torch.Tensor, torch.Tensor], None], batches: Callable[[], Iterable[Any]]) -> Side:
    """Steps on each batch; workers have begun before the clock does, and the first batch is waited for."""

    def begun() -> Any:
        iterator = iter(batches())
        step(*next(iterator))
        _gpu.synchronize()
        return iterator

    def work(iterator: Any) -> None:
        for images, labels in islice(iterator, STEPS - 1):
            step(images, labels)
        _gpu.synchronize()

    def ended(iterator: Any) -> None:
        for batch in iterator:
            del batch

    return Side(work, begun, ended, amount=STEPS - 1)

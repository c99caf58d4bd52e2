"""How fast do batches reach a GPU, and how long does a training step wait for them?"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import pytest
import torch

from benchmarks import _gpu, _photos
from benchmarks._harness import GB, Row, Side, Target, Unit, assert_same
from benchmarks.conftest import Compare

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")

WORKERS, COUNTS = 8, (1, 2, 4, 8, 16)
BATCH, STEP_BATCH, COPIES = 64, 256, 100
STEPS = 100  # many more than the 16 batches that 8 workers have in flight
BATCHES_PER_WORKER = 20  # ten times what each has in flight
PEER = "torch, pin_memory, non_blocking"
RANDOM = (
    "Crops are random, and drawn by each loader by itself: of the outputs shapes and types are compared, not values"
)

BANDWIDTH = Row(
    title="gpu: ready batches of 64 x (3, 224, 224) float32 to the device",
    unit=Unit("GB/s", "rate", GB),
    conditions=f"{COPIES} batches that lie in the shared memory of 2 workers before the clock starts, to the last one "
    "on the device.",
    limit_is="as many copies of one pinned tensor of that size",
    peer=PEER,
)
FIRST = Row(
    title="gpu: first batch on the device, 2 workers",
    unit=Unit("ms", "time", 1e-3),
    conditions="64 x (3, 224, 224) float32, from the constructor to the first batch on the device; the end of the "
    "workers is not timed.",
    peer=PEER,
)


def bench_bandwidth(compare: Compare) -> None:
    ready = _gpu.Ready(COPIES, BATCH)
    theirs, mine = _gpu.torch_ready(ready, 2), _gpu.fastload_ready(ready, 2)
    pinned = _gpu.pinned(_gpu.Ready(1, BATCH)[0])
    amount = COPIES * pinned.nbytes

    def copies(_: Any) -> None:
        for _ in range(COPIES):
            pinned.to(_gpu.DEVICE, non_blocking=True)
        _gpu.synchronize()

    same_outputs(lambda: _gpu.moved_whole(theirs), lambda: mine)
    sides = {
        "limit": Side(copies, amount=amount),
        PEER: Side(exhaust(lambda: _gpu.moved_whole(theirs)), amount=amount),
        "fastload": Side(exhaust(lambda: mine), amount=amount),
    }
    compare(BANDWIDTH, sides)


def bench_first_batch(compare: Compare) -> None:
    data = _gpu.Waves(BATCH * 8)

    def theirs() -> Iterator[Any]:
        return iter(_gpu.moved(_gpu.torch_loader(data, BATCH, 2)))

    def mine() -> Iterator[Any]:
        return iter(_gpu.fastload_loader(data, BATCH, 2))

    def first(made: Callable[[], Iterator[Any]]) -> Side:
        def work(kept: list[Any]) -> None:
            kept.append(made())
            next(kept[0])
            _gpu.synchronize()

        return Side(work, list, list.clear)

    same_outputs(theirs, mine)
    compare(FIRST, {PEER: first(theirs), "fastload": first(mine)})


@pytest.mark.parametrize("source", ["files", "memory"])
def bench_step(compare: Compare, source: str) -> None:
    pytest.importorskip("torchvision", reason="ResNet-50 is torchvision's, which is not installed")
    step = _gpu.training_step()
    names = {"files": "JPEG files, random crops of 224", "memory": "memory, float32"}
    row = Row(
        title=f"gpu: ResNet-50, bfloat16, batch {STEP_BATCH}, from {names[source]}",
        unit=Unit("ms/step", "time", 1e-3),
        conditions=f"whole epochs of {STEPS} steps, from iter() to the end of the last step, of loaders that have run "
        f"before, {WORKERS} workers with 2 batches each in flight.",
        limit_is="the same steps on a batch that is on the device already",
        must=Target("5% slower than the limit", share_of_limit=0.95) if source == "files" else None,
        goal=Target("1% slower than the limit", share_of_limit=0.99) if source == "files" else None,
        doubts=RANDOM if source == "files" else "",
        most_rounds=3,
        peer=PEER,
    )
    there = (
        torch.rand(STEP_BATCH, 3, 224, 224, device=_gpu.DEVICE),
        torch.randint(1000, (STEP_BATCH,), device=_gpu.DEVICE),
    )
    if source == "memory":
        theirs = mine = _gpu.Waves(STEP_BATCH * STEPS)
        options = {}
    else:
        many = photos(STEP_BATCH * STEPS)
        theirs, mine = _gpu.pillow_files(many), _gpu.native_files(many, as_levels=True)
        options = {"device_transform": _gpu.Normalised()}
    loader, ours = (
        _gpu.torch_loader(theirs, STEP_BATCH, WORKERS),
        _gpu.fastload_loader(mine, STEP_BATCH, WORKERS, **options),
    )
    same_outputs(lambda: _gpu.moved(loader), lambda: ours, values=source == "memory")
    sides = {
        "limit": stepping(step, lambda: [there] * STEPS),
        PEER: stepping(step, lambda: _gpu.moved(loader)),
        "fastload": stepping(step, lambda: ours),
    }
    with suppress(ImportError):
        prefetched = _gpu.timm_prefetched(_gpu.torch_loader(theirs, STEP_BATCH, WORKERS))
        sides["timm's PrefetchLoader"] = stepping(step, lambda: prefetched)
    compare(row, sides)


@pytest.mark.parametrize("workers", COUNTS)
def bench_scaling(compare: Compare, workers: int) -> None:
    images = BATCH * BATCHES_PER_WORKER * workers
    folder = photos(images)
    row = Row(
        title=f"gpu: JPEG files to random crops of 224 on the device, {workers} workers",
        unit=Unit("images/s", "rate"),
        conditions=f"{images:,} files of 500x375, batches of {BATCH} float32, normalised, whole epochs of loaders that "
        "have run one before, to the last batch on the device.",
        doubts=RANDOM,
        most_rounds=3,
        peer=PEER,
    )
    theirs = _gpu.torch_loader(_gpu.pillow_files(folder), BATCH, workers)
    mine = _gpu.fastload_loader(
        _gpu.native_files(folder, as_levels=True), BATCH, workers, device_transform=_gpu.Normalised()
    )
    same_outputs(lambda: _gpu.moved(theirs), lambda: mine, values=False)
    compare(
        row,
        {
            PEER: Side(exhaust(lambda: _gpu.moved(theirs)), amount=images),
            "fastload": Side(exhaust(lambda: mine), amount=images),
        },
    )


def photos(files: int) -> Any:
    """A folder of so many files, all of them in the page cache."""
    _photos.warm_up(_photos.SMALL.folder())
    return _photos.many_links(_photos.SMALL, files)


def same_outputs(theirs: Callable[[], Iterable[Any]], mine: Callable[[], Iterable[Any]], values: bool = True) -> None:
    """AssertionError unless both give the same first batches; values: or else such as have their shapes and types."""
    found = []
    for batches in (theirs, mine):
        torch.manual_seed(0)
        found.append([[part.cpu() for part in batch] for batch in islice(batches(), 2)])
    if not values:
        found = [[[(part.shape, part.dtype) for part in batch] for batch in side] for side in found]
    assert_same(*found)


def exhaust(batches: Callable[[], Iterable[Any]]) -> Callable[[Any], None]:
    def work(_: Any) -> None:
        for batch in batches():
            del batch
        _gpu.synchronize()

    return work


def stepping(step: Callable[[torch.Tensor, torch.Tensor], None], batches: Callable[[], Iterable[Any]]) -> Side:
    """A whole epoch of steps; the first round, which begins the workers, is no figure."""

    def work(_: Any) -> None:
        for images, labels in batches():
            step(images, labels)
        _gpu.synchronize()

    return Side(work, amount=STEPS)

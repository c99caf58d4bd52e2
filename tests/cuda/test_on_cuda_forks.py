"""The real device, and children that are forked when it is in use: it is not theirs."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from support.on_cuda import WAYS, Images
from support.slots import in_child

from fastload import DataLoader, _core
from fastload.collate import default_collate

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here"),
    pytest.mark.usefixtures("fresh_sides"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def in_a_cycle(*things: Any) -> None:
    """Whoever collects next lets go of them."""
    cycle = list(things)
    cycle.append(cycle)


def a_batch(loader: DataLoader[Any]) -> None:
    in_a_cycle(next(iter(loader)))


def part_of_a_batch(loader: DataLoader[Any]) -> None:
    in_a_cycle(next(iter(loader))["image"][1:, 0])


def an_iterator(loader: DataLoader[Any]) -> None:
    iterator = iter(loader)
    next(iterator)
    in_a_cycle(iterator)


def an_iterator_whose_copies_are_done(loader: DataLoader[Any]) -> None:
    iterator = iter(loader)
    next(iterator)
    torch.cuda.synchronize()
    loader.stats()
    in_a_cycle(iterator)


class Told:
    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def to(self, device: Any, non_blocking: bool = False) -> Told:
        return Told(self.images.to(device, non_blocking=non_blocking))

    def record_stream(self, stream: Any) -> None:
        self.images.record_stream(stream)


def part_of_an_object(loader: DataLoader[Any]) -> None:
    made = DataLoader(loader.dataset, 8, device="cuda", collate_fn=lambda samples: Told(torch.ones(8, 3)))
    in_a_cycle(next(iter(made)).images)


def the_loader_after_an_epoch(loader: DataLoader[Any]) -> None:
    for batch in loader:
        del batch
    in_a_cycle(loader)


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize(
    "left",
    [
        a_batch,
        part_of_a_batch,
        part_of_an_object,
        an_iterator,
        an_iterator_whose_copies_are_done,
        the_loader_after_an_epoch,
    ],
)
def test_what_is_let_go_of_in_a_child(left: Callable[[DataLoader[Any]], None], options: dict[str, Any]) -> None:
    left(DataLoader(Images(), 8, device="cuda", **options))
    in_child(gc.collect)  # type: ignore[arg-type]
    gc.collect()
    torch.cuda.synchronize()


FORKS = """
import gc, os, sys
{lead}
def collect():
    gc.collect()
os.register_at_fork(after_in_child=collect)
import torch
from fastload import DataLoader
gc.disable()
torch.ones(1).cuda()
batches = iter(DataLoader([torch.full((1 << 18,), float(number)) for number in range(8)], 2, device="cuda"))
batch = next(batches)
cycle = [next(batches)]
cycle.append(cycle)
del cycle
child = os.fork()
if not child:
    sys.exit(7)
assert os.waitpid(child, 0)[1] == 7 << 8
"""


def test_the_end_of_a_child_frees_nothing_and_neither_do_others_handlers() -> None:
    lead = "import emulated_gpu" if "emulated_gpu" in sys.modules else ""
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKS.format(lead=lead)], check=True, timeout=300)


def test_a_child_is_told_that_the_device_is_not_its_own() -> None:
    batches = iter(DataLoader([torch.zeros(2) for _ in range(8)], 2, device="cuda"))
    next(batches)

    def told() -> None:
        with pytest.raises(RuntimeError, match="the device of this iterator is the parent process's"):
            next(batches)

    in_child(told)


def test_a_child_asks_the_device_nothing_for_stats() -> None:
    loader = DataLoader(Images(), 8, device="cuda")
    for batch in loader:
        del batch
    in_child(loader.stats)  # type: ignore[arg-type]
    assert loader.stats().bytes_copied > 0


@pytest.mark.parametrize("options", WAYS)
def test_children_neither_see_nor_change_what_the_device_reads(options: dict[str, Any]) -> None:
    """Slots are used again after a fork, while the child is alive and fills memory of its own."""
    loader = DataLoader(Images(), 8, device="cuda", **options)
    expected = [batch["image"] for batch in DataLoader(Images(), 8)]
    assert len(list(loader)) == 8
    goes_on, says_so = os.pipe()
    child = os.fork()
    if not child:
        filled = [bytes([7]) * (4 << 20) for _ in range(20)]
        os.read(goes_on, 1)
        os._exit(any(one.count(7) != len(one) for one in filled))
    try:
        for _ in range(2):
            for batch, right in zip(loader, expected, strict=True):
                assert torch.equal(batch["image"].cpu(), right)
    finally:
        os.write(says_so, b"x")
        assert os.waitpid(child, 0)[1] == 0
        os.close(goes_on)
        os.close(says_so)


def test_batches_that_a_dataset_keeps_are_its_workers_too() -> None:
    class Keeps(torch.utils.data.Dataset[Any]):
        def __init__(self) -> None:
            self.kept: dict[int, Any] = {}

        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            if index not in self.kept:
                samples = Images()
                self.kept[index] = default_collate([samples[8 * index + place] for place in range(8)])
            return self.kept[index]

    data = Keeps()
    expected = [batch["image"] for batch in DataLoader(Images(), 8)][:4]
    for options in ({}, {"num_workers": 1, "multiprocessing_context": "fork"}):
        found = list(DataLoader(data, None, device="cuda", **options))
        assert all(torch.equal(batch["image"].cpu(), right) for batch, right in zip(found, expected, strict=True))
    assert not any(batch["image"].is_pinned() for batch in data.kept.values())


def test_batches_of_another_loader_stay_the_users() -> None:
    """One for the device passes them on, and locks nothing of theirs."""
    inner = DataLoader(Images(), 8, num_workers=2)
    batches = list(inner)
    before = _core.locked_bytes()
    found = list(DataLoader(batches, None, device="cuda", collate_fn=lambda batch: batch))
    assert _core.locked_bytes() == before
    assert not any(batch["image"].is_pinned() for batch in batches)
    for batch, mine in zip(found, batches, strict=True):
        assert torch.equal(batch["image"].cpu(), mine["image"])

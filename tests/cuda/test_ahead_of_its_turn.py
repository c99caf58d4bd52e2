"""Batches set out for the device before their turn; what the loader promises of each batch holds at its turn."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import torch
from support.fake_device import FakeLane
from torch.utils.data import Dataset, IterableDataset, get_worker_info

import fastload
from fastload import DataLoader
from fastload._stats import LoaderStats
from fastload.cuda import _device
from fastload.cuda._spans import Spans
from fastload.cuda._transfer import Transfer

pytestmark = pytest.mark.parametrize("workers", [0, 2])


class Rows(Dataset[torch.Tensor]):
    def __init__(self, bad: tuple[int, ...] = ()) -> None:
        self.bad = bad

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> torch.Tensor:
        if index in self.bad:
            raise ValueError(f"row {index} is bad")
        return torch.full((1 << 18,), index)


class Stream(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        return iter(range(20) if info is None else range(info.id, 20, info.num_workers))


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeLane]]:
    """Each loader's to "cuda"; every step is done at once when `first` asks."""
    made: list[FakeLane] = []

    def delivery_to(device: torch.device, ahead: int, transform: Any, locks: Any) -> Transfer:
        made.append(FakeLane(random.Random(0)))
        return Transfer(made[-1], ahead, transform)

    monkeypatch.setattr(_device, "delivery_to", delivery_to)
    monkeypatch.setattr(_device, "check_there", lambda device: None)
    yield made
    gc.collect()
    for lane in made:
        lane.close()


def first(batch: torch.Tensor, lanes: list[FakeLane]) -> int:
    found = lanes[-1].read(batch)
    lanes[-1].finish()
    return int(found[0].view("int64")[0])


def test_an_error_is_raised_at_its_batchs_turn(lanes: list[FakeLane], workers: int) -> None:
    loader = DataLoader(Rows(bad=(8,)), 4, num_workers=workers, prefetch_factor=3 if workers else None, device="cuda")
    iterator = iter(loader)
    assert [first(next(iterator), lanes) for _ in range(2)] == [0, 4]
    with pytest.raises(ValueError, match="row 8 is bad"):
        next(iterator)
    assert [first(batch, lanes) for batch in iterator] == [12, 16, 20]


@pytest.mark.parametrize(
    ("owner", "where"), [(FakeLane, "copied"), (FakeLane, "mark"), (Spans, "wait_for"), (FakeLane, "use")]
)
def test_an_interrupt_on_the_way_to_the_device_loses_no_batch(
    lanes: list[FakeLane], monkeypatch: pytest.MonkeyPatch, owner: Any, where: str, workers: int
) -> None:
    calls = []
    plain = getattr(owner, where)

    def interrupted(*arguments: Any) -> Any:
        calls.append(where)
        if len(calls) in (2, 5, 6):
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.setattr(owner, where, interrupted)
    iterator = iter(DataLoader(Rows(), 4, num_workers=workers, device="cuda"))
    found: list[int] = []
    while len(found) < 6:
        with suppress(KeyboardInterrupt):
            found.append(first(next(iterator), lanes))
    monkeypatch.undo()
    assert len(calls) > 6
    assert found == [0, 4, 8, 12, 16, 20]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_batches_come_as_long_as_there_is_memory_in_their_turn(lanes: list[FakeLane], most: int, workers: int) -> None:
    """For a consumer who lets go of each batch before the next."""
    ahead = {"prefetch_factor": 4} if workers else {}
    iterator = iter(DataLoader(Rows(), 4, num_workers=workers, device="cuda", **ahead))
    lanes[-1].most_blocks = most
    found = []
    for _ in range(6):
        batch = next(iterator)
        found.append(first(batch, lanes))
        del batch
    assert found == [0, 4, 8, 12, 16, 20]


def test_no_batch_takes_the_room_that_an_earlier_one_waits_for(
    lanes: list[FakeLane], monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    begun = []
    plain = Transfer.begin

    def begin(transfer: Transfer, batch: torch.Tensor, stats: LoaderStats, in_turn: bool) -> Any:
        number = int(batch[0, 0]) // 4
        if number in (1, 3) and not in_turn:  # the large ones, say
            return None
        begun.append(number)
        return plain(transfer, batch, stats, in_turn)

    monkeypatch.setattr(Transfer, "begin", begin)
    ahead = {"prefetch_factor": 4} if workers else {}
    iterator = iter(DataLoader(Rows(), 4, num_workers=workers, device="cuda", **ahead))
    time.sleep(1 if workers else 0)  # all have arrived, and might set out
    assert [first(batch, lanes) for batch in iterator] == [0, 4, 8, 12, 16, 20]
    assert begun == [0, 1, 2, 3, 4, 5]


def test_a_batch_for_which_there_is_none_is_an_error_in_its_turn(lanes: list[FakeLane], workers: int) -> None:
    iterator = iter(DataLoader(Rows(), 4, num_workers=workers, device="cuda"))
    lanes[-1].most_blocks = 2
    kept = [next(iterator) for _ in range(2)]
    with pytest.raises(torch.OutOfMemoryError, match="no more blocks"):
        next(iterator)
    kept.clear()
    assert [first(batch, lanes) for batch in iterator] == [12, 16, 20]


def test_an_interrupt_while_memory_is_asked_for_again_loses_no_batch(
    lanes: list[FakeLane], monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    happened = []
    plain_begin, plain_copied = Transfer.begin, FakeLane.copied

    def begin(transfer: Transfer, batch: Any, stats: LoaderStats, in_turn: bool) -> Any:
        if not in_turn and not happened:
            happened.append("refused")
            return None
        return plain_begin(transfer, batch, stats, in_turn)

    def copied(lane: FakeLane, tensor: torch.Tensor) -> torch.Tensor:
        if happened == ["refused"]:
            happened.append("interrupted")
            raise KeyboardInterrupt
        return plain_copied(lane, tensor)

    monkeypatch.setattr(Transfer, "begin", begin)
    monkeypatch.setattr(FakeLane, "copied", copied)
    iterator = iter(DataLoader(Rows(), 4, num_workers=workers, device="cuda"))
    found: list[int] = []
    while len(found) < 6:
        with suppress(KeyboardInterrupt):
            found.append(first(next(iterator), lanes))
    assert happened == (["refused", "interrupted"] if workers else [])
    assert found == [0, 4, 8, 12, 16, 20]


def test_what_is_left_out_is_left_out(lanes: list[FakeLane], workers: int) -> None:
    loader = DataLoader(Rows(bad=(4, 5, 6, 9)), 4, num_workers=workers, on_error="skip", device="cuda")
    assert [(len(batch), first(batch, lanes)) for batch in loader] == [
        (4, 0),
        (1, 7),
        (3, 8),
        (4, 12),
        (4, 16),
        (4, 20),
    ]
    assert loader.stats().skipped == 4


def test_an_error_of_the_transform_is_raised_at_its_batchs_turn(lanes: list[FakeLane], workers: int) -> None:
    calls = []

    def transform(batch: torch.Tensor) -> torch.Tensor:
        calls.append(len(calls))
        if len(calls) == 2:
            raise ValueError("the second batch")
        return batch

    iterator = iter(DataLoader(Rows(), 4, num_workers=workers, device="cuda", device_transform=transform))
    assert first(next(iterator), lanes) == 0
    with pytest.raises(ValueError, match="the second batch"):
        next(iterator)
    assert first(next(iterator), lanes) == 8


def test_a_transform_cannot_end_the_epoch(lanes: list[FakeLane], workers: int) -> None:
    iterator = iter(
        DataLoader(Rows(), 4, num_workers=workers, device="cuda", device_transform=lambda _: next(iter(())))
    )
    for _ in range(6):
        with pytest.raises(RuntimeError, match=r"StopIteration\(\)"):
            next(iterator)
    with pytest.raises(StopIteration):
        next(iterator)


def test_a_state_counts_what_next_has_returned(lanes: list[FakeLane], workers: int) -> None:
    def made() -> DataLoader[torch.Tensor]:
        torch.manual_seed(0)
        options: dict[str, Any] = {"prefetch_factor": 3} if workers else {}
        return DataLoader(Rows(), 4, shuffle=True, num_workers=workers, device="cuda", **options)

    expected = [first(batch, lanes) for batch in made()]
    for taken in (1, 3):
        loader = made()
        iterator = iter(loader)
        for _ in range(taken):
            next(iterator)
        state = loader.state_dict()
        del iterator
        loader = made()
        loader.load_state_dict(state)
        assert [first(batch, lanes) for batch in loader] == expected[taken:]


def test_streams_and_any_order(lanes: list[FakeLane], workers: int) -> None:
    loader = DataLoader(Stream(), 4, num_workers=workers, device="cuda", prefetch_factor=2 if workers else None)
    assert sorted(first(batch, lanes) for batch in loader) == sorted(
        int(batch[0]) for batch in torch.utils.data.DataLoader(Stream(), 4, num_workers=workers)
    )
    rows = DataLoader(Rows(), 4, num_workers=workers, device="cuda", in_order=False)
    assert sorted(first(batch, lanes) for batch in rows) == [0, 4, 8, 12, 16, 20]


def test_epochs_begun_anew_in_the_middle(lanes: list[FakeLane], workers: int) -> None:
    loader = DataLoader(Rows(), 4, num_workers=workers, device="cuda", persistent_workers=workers > 0)
    for _ in range(3):
        for batch in loader:
            assert first(batch, lanes) == 0
            break
    assert [first(batch, lanes) for batch in loader] == [0, 4, 8, 12, 16, 20]


def test_thread_and_native_workers(lanes: list[FakeLane], workers: int, tmp_path: Any) -> None:
    if not workers:
        return
    threads = DataLoader(Rows(), 4, num_workers=workers, worker_type="thread", device="cuda")
    assert [first(batch, lanes) for batch in threads] == [0, 4, 8, 12, 16, 20]
    from PIL import Image

    from fastload.datasets import ImageList

    paths = [tmp_path / f"{number}.png" for number in range(12)]
    for number, path in enumerate(paths):
        Image.new("RGB", (400, 400), (number, 1, 2)).save(path)
    plan = fastload.transforms.Compose([fastload.transforms.Resize((400, 400)), fastload.transforms.ToImage()])
    images = ImageList(paths, list(range(12)), transform=plan)
    reads = []
    for batch, labels in DataLoader(images, 4, num_workers=workers, device="cuda"):
        reads.append((lanes[-1].read(batch), lanes[-1].read(labels)))
        del batch, labels
        lanes[-1].steps(4)
    lanes[-1].finish()
    assert [int(image[0][0]) for image, _ in reads] == [0, 4, 8]
    assert [int(labels[0].view("int64")[0]) for _, labels in reads] == [0, 4, 8]


def test_ranges_are_shown_to_a_profiler(lanes: list[FakeLane], workers: int) -> None:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        list(DataLoader(Rows(), 8, num_workers=workers, device="cuda"))
    counts = {event.key: event.count for event in profile.key_averages()}
    assert counts["fastload: batch to device"] == 3


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_ranges_are_shown_to_a_profiler_of_all_threads(lanes: list[FakeLane], workers: int) -> None:
    options = torch._C._profiler._ExperimentalConfig(profile_all_threads=True)
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], experimental_config=options
    ) as profile:
        list(DataLoader(Rows(), 8, num_workers=workers, device="cuda"))
    counts = {event.key: event.count for event in profile.key_averages()}
    assert counts["fastload: batch to device"] == 3
    kind = "_MultiProcessingDataLoaderIter" if workers else "_SingleProcessDataLoaderIter"
    assert counts[f"enumerate(DataLoader)#{kind}.__next__"] == 4

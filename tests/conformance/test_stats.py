"""``loader.stats()``: counts and seconds of the running epoch, or of the last one."""

import dataclasses
import time
from typing import Any

import pytest
from support.datasets import Images, Numbers, Shard, Slow
from support.loader import DataLoader, only_fastload

pytestmark = only_fastload

ENGINES = [
    pytest.param({}, id="inline"),
    pytest.param({"num_workers": 2}, id="processes"),
    pytest.param({"num_workers": 2, "persistent_workers": True}, id="persistent"),
    pytest.param({"num_workers": 2, "worker_type": "thread"}, id="threads"),
]
every_engine = pytest.mark.parametrize("engine", ENGINES)
SECONDS = ("fetch_s", "collate_s", "transport_s", "wait_s")


@every_engine
def test_before_the_first_epoch_all_is_zero(engine: dict[str, Any]) -> None:
    stats = DataLoader(Numbers(4), **engine).stats()
    assert (stats.batches, stats.samples, stats.skipped) == (0, 0, 0)
    assert all(getattr(stats, name) == 0 for name in SECONDS)


@every_engine
def test_counts_are_of_what_was_handed_out_and_start_anew_in_each_epoch(engine: dict[str, Any]) -> None:
    loader = DataLoader(Numbers(10), batch_size=4, **engine)
    for _ in range(2):
        done = 0
        for batches, batch in enumerate(loader, start=1):
            done += len(batch)
            assert (loader.stats().batches, loader.stats().samples) == (batches, done)
        assert (loader.stats().batches, loader.stats().samples, loader.stats().skipped) == (3, 10, 0)
    next(iter(loader))
    assert (loader.stats().batches, loader.stats().samples) == (1, 4)


@every_engine
def test_seconds_are_plausible(engine: dict[str, Any]) -> None:
    loader = DataLoader(Slow(12, 0.02), batch_size=3, **engine)
    start = time.perf_counter()
    list(loader)
    wall_s = time.perf_counter() - start
    stats = loader.stats()
    assert all(isinstance(getattr(stats, name), float) and getattr(stats, name) >= 0 for name in SECONDS)
    assert all(isinstance(getattr(stats, name), int) for name in ("batches", "samples", "skipped"))
    assert 12 * 0.02 <= stats.fetch_s <= max(1, engine.get("num_workers", 0)) * wall_s
    assert stats.wait_s <= wall_s
    if engine:
        assert stats.wait_s > 0


def test_work_of_the_workers_is_counted_where_it_is_done() -> None:
    loader = DataLoader(Images(12), batch_size=4, num_workers=2)
    list(loader)
    assert loader.stats().fetch_s > 0
    assert loader.stats().collate_s > 0


@every_engine
def test_a_stream_and_single_items_are_counted(engine: dict[str, Any]) -> None:
    stream = DataLoader(Shard(3, 4), batch_size=2, **engine)
    samples = sum(len(batch) for batch in stream)
    assert stream.stats().samples == samples
    single = DataLoader(Numbers(5), batch_size=None, **engine)
    list(single)
    assert (single.stats().batches, single.stats().samples) == (5, 5)


def test_what_was_asked_earlier_does_not_change() -> None:
    loader = DataLoader(Numbers(4))
    iterator = iter(loader)
    next(iterator)
    stats = loader.stats()
    next(iterator)
    assert stats.batches == 1
    assert "batches=1" in repr(stats)
    assert dataclasses.is_dataclass(stats) or hasattr(stats, "_fields")

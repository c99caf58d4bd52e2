"""What worker processes and the loader hold of each other's memory comes back."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fastload import DataLoader


class Images(torch.utils.data.Dataset[torch.Tensor]):
    """Two megabytes a batch of two."""

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((1 << 18,), float(index))

    def __len__(self) -> int:
        return 64


class Numbers(torch.utils.data.Dataset[int]):
    def __getitem__(self, index: int) -> int:
        return index

    def __len__(self) -> int:
        return 60_000


@pytest.mark.parametrize("shuffle", [False, True])
def test_slots_of_large_index_batches_are_used_again(shuffle: bool) -> None:
    loader = DataLoader(Numbers(), batch_size=3000, num_workers=2, shuffle=shuffle)  # 9 KB an index batch
    iterator: Any = iter(loader)
    total = sum(int(batch.sum()) for batch in iterator)
    assert total == sum(range(60_000))
    assert 0 < iterator._engine._slots.slots <= 6  # as many as tasks are in flight, and two


def test_memory_settles_when_batches_are_dropped() -> None:
    iterator: Any = iter(DataLoader(Images(), batch_size=2, num_workers=2))
    for number, batch in enumerate(iterator):
        assert float(batch[0, 0]) == 2.0 * number
        if iterator._engine._handles:
            assert all(handle.memory.leased <= 2 for handle in iterator._engine._handles)


@pytest.mark.parametrize("worker_type", ["process", "thread"])
def test_an_engine_that_was_stopped_needs_nothing_to_be_stopped_again(
    worker_type: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    iterator: Any = iter(DataLoader(Images(), batch_size=2, num_workers=2, worker_type=worker_type))
    iterator._engine.stop()
    with monkeypatch.context() as context:  # at interpreter exit modules are taken away before the last iterator
        context.setattr("fastload.engines._live._live", None)
        context.setattr("fastload.engines._process.os", None)
        iterator._engine.stop()


def test_stopping_ends_all_workers_though_the_first_cannot_be_written_to() -> None:
    iterator: Any = iter(DataLoader(Images(), batch_size=2, num_workers=2))
    next(iterator)
    workers = list(iterator._engine.workers)
    iterator._engine._handles[0].tasks.close()
    iterator._engine.stop()
    assert [worker.exitcode for worker in workers] == [0, 0]

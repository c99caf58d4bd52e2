"""Which loaders torch's own iterator serves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter, _SingleProcessDataLoaderIter

import fastload
from fastload._iterators import InlineIterator
from fastload._loader import belongs_to_torch


def test_data_pipes_are_handed_to_torch() -> None:
    from torch.utils.data.datapipes.iter import IterableWrapper

    loader: Any = fastload.DataLoader(IterableWrapper([1, 2, 3]), batch_size=2)
    assert type(iter(loader)) is _SingleProcessDataLoaderIter
    assert [batch.tolist() for batch in loader] == [[1, 2], [3]]


def test_everything_else_is_fastloads() -> None:
    assert type(iter(fastload.DataLoader(range(3)))) is InlineIterator  # type: ignore[arg-type]


def test_where_shared_memory_was_not_tried_plain_worker_loaders_are_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    plain: Any = fastload.DataLoader(range(3), num_workers=1)  # type: ignore[arg-type]
    assert belongs_to_torch(plain)
    assert belongs_to_torch(torch.utils.data.DataLoader(range(3), num_workers=1))  # type: ignore[arg-type]
    assert not belongs_to_torch(fastload.DataLoader(range(3), num_workers=1, on_error="skip"))  # type: ignore[arg-type]
    assert not belongs_to_torch(fastload.DataLoader(range(3)))  # type: ignore[arg-type]
    iterator = iter(plain)
    assert type(iterator) is _MultiProcessingDataLoaderIter
    assert next(iterator).tolist() == [0]
    iterator._shutdown_workers()


def test_arguments_of_a_newer_torch_go_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {}
    original = torch.utils.data.DataLoader.__init__

    def newer(self: Any, *arguments: Any, warp: int = 0, **more: Any) -> None:
        taken["warp"] = warp
        original(self, *arguments, **more)

    monkeypatch.setattr(torch.utils.data.DataLoader, "__init__", newer)
    loader: Any = fastload.DataLoader(range(3), warp=9)  # type: ignore[arg-type]
    assert taken == {"warp": 9}
    assert type(iter(loader)) is _SingleProcessDataLoaderIter


def test_arguments_that_nobody_knows_are_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'warp'"):
        fastload.DataLoader(range(3), warp=9)  # type: ignore[arg-type]

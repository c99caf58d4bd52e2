"""Workers started by spawn and by forkserver: the same batches, and a word when something does not pickle."""

import os
from typing import Any

import pytest
import torch
from support.compare import assert_same, fills
from support.datasets import Failing, Images, RandomSamples, RandomStream, WorkerReport, first
from support.loader import DataLoader, TorchDataLoader, torchs_half_built_iterators_complain
from torch.utils.data import get_worker_info

METHODS = ["forkserver", "spawn"]


def note_worker(worker_id: int) -> None:
    get_worker_info().dataset.note = f"init {worker_id}"


def batches(loader_class: Any, dataset: Any, method: str, epochs: int = 2, **more: Any) -> list[Any]:
    torch.manual_seed(1)
    loader = loader_class(dataset, num_workers=2, multiprocessing_context=method, persistent_workers=epochs > 1, **more)
    return [batch for _ in range(epochs) for batch in loader]


@pytest.mark.parametrize("method", METHODS)
def test_two_epochs_of_random_samples_are_those_of_torchs_forked_workers(method: str) -> None:
    ours = batches(DataLoader, RandomSamples(11), method, batch_size=3, shuffle=True)
    assert_same(ours, batches(TorchDataLoader, RandomSamples(11), "fork", batch_size=3, shuffle=True))


@pytest.mark.parametrize("method", METHODS)
def test_a_stream_is_that_of_torchs_forked_workers(method: str) -> None:
    ours = batches(DataLoader, RandomStream(7), method, batch_size=2)
    assert_same(ours, batches(TorchDataLoader, RandomStream(7), "fork", batch_size=2))


@pytest.mark.parametrize("method", METHODS)
def test_worker_info_the_init_function_and_an_error(method: str) -> None:
    loader = DataLoader(
        WorkerReport(),
        num_workers=1,
        multiprocessing_context=method,
        worker_init_fn=note_worker,
        collate_fn=first,
    )
    reports = list(loader)
    assert {report["note"] for report in reports} == {"init 0"}
    assert all(report["same_dataset"] for report in reports)
    assert os.getpid() not in {report["pid"] for report in reports}


@pytest.mark.parametrize("method", METHODS)
def test_an_error_and_a_break_in_mid_epoch(method: str) -> None:
    iterator = iter(DataLoader(Failing(9, bad=(1,)), num_workers=1, multiprocessing_context=method))
    assert next(iterator).tolist() == [[0, 0]]
    with pytest.raises(ValueError, match="Caught ValueError in DataLoader worker process 0"):
        next(iterator)
    assert next(iterator).tolist() == [[2, 2]]


@pytest.mark.parametrize("method", METHODS)
def test_big_batches_are_kept_after_the_workers_have_gone(method: str) -> None:
    loader = DataLoader(Images(16), batch_size=4, num_workers=2, multiprocessing_context=method)
    kept = list(loader)
    assert [fills(images) for images, _ in kept] == [labels.tolist() for _, labels in kept]
    assert [labels.tolist()[0] for _, labels in kept] == [0, 4, 8, 12]


@torchs_half_built_iterators_complain
@pytest.mark.parametrize("method", METHODS)
def test_what_does_not_pickle_gets_torchs_warning_and_the_error(method: str) -> None:
    loader = DataLoader(Images(2), num_workers=1, multiprocessing_context=method, collate_fn=lambda batch: batch)
    with (
        pytest.warns(UserWarning, match="Got pickle error when attempting to start a worker Process"),
        pytest.raises((TypeError, AttributeError, Exception), match=r"(?i)pickle"),
    ):
        iter(loader)


def test_a_context_object_with_its_own_start_method_is_used() -> None:
    context = torch.multiprocessing.get_context("fork")
    loader = DataLoader(WorkerReport(), num_workers=1, multiprocessing_context=context, collate_fn=first)
    assert loader.multiprocessing_context is context
    assert len({report["pid"] for report in loader}) == 1

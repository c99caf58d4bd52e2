"""Devices that torch's generic calls serve, and what is no device."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.datasets import Numbers

from fastload import DataLoader, _iterators


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_on_the_cpu_are_those_without_a_device(workers: int) -> None:
    expected = list(DataLoader(Numbers(7), 2, num_workers=workers))
    found = list(DataLoader(Numbers(7), 2, num_workers=workers, device="cpu"))
    for one, other in zip(expected, found, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_transform_is_called_with_each_batch(workers: int) -> None:
    loader = DataLoader(
        Numbers(6),
        2,
        num_workers=workers,
        device=torch.device("cpu"),
        device_transform=lambda batch: batch.double() / 2,
    )
    assert torch.cat(list(loader))[:, 0].tolist() == [0, 0.5, 1, 1.5, 2, 2.5]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_transform_may_change_batches_in_place_in_inference_mode(workers: int) -> None:
    loader = DataLoader(Numbers(6), 2, num_workers=workers, device="cpu", device_transform=lambda batch: batch.add_(1))
    with torch.inference_mode():
        assert torch.cat(list(loader))[:, 0].tolist() == [1, 2, 3, 4, 5, 6]


def test_a_transform_cannot_end_the_epoch() -> None:
    with pytest.raises(RuntimeError, match=r"StopIteration\(\)"):
        list(DataLoader(Numbers(6), 2, device="cpu", device_transform=lambda batch: next(iter(()))))


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_transform_that_is_interrupted_is_not_given_the_same_again(device: str) -> None:
    """It may have changed that already; of what was copied there is another copy."""
    calls = []

    def interrupted(batch: torch.Tensor) -> torch.Tensor:
        calls.append(batch)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return batch.add_(100)

    batches = iter(DataLoader(Numbers(8), 2, device=device, device_transform=interrupted))
    found = [next(batches)]
    with pytest.raises(KeyboardInterrupt):
        next(batches)
    with pytest.raises(RuntimeError, match="an interrupt came while device_transform had this batch"):
        next(batches)
    found += list(batches)
    if device == "cpu":
        assert torch.cat(found)[:, 0].tolist() == [100, 101, 104, 105, 106, 107]


def test_a_transform_may_change_containers_that_the_dataset_keeps() -> None:
    data = [{"x": torch.zeros(1), "sizes": {"width": 3}}]
    loader = DataLoader(data, None, device="cpu", device_transform=lambda batch: batch["sizes"].pop("width"))
    assert [list(loader) for _ in range(2)] == [[3], [3]]


class StopsOnTheWay:
    def to(self, device: Any) -> Any:
        raise StopIteration


def test_a_type_cannot_end_the_epoch() -> None:
    batches = iter(DataLoader([0, 1], None, device="cpu", collate_fn=lambda sample: StopsOnTheWay()))
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"StopIteration\(\)"):
            next(batches)
    with pytest.raises(StopIteration):
        next(batches)


def test_batches_go_to_any_device_of_torchs() -> None:
    loader = DataLoader([{"x": torch.zeros(3), "name": "one"}], device="meta")
    (batch,) = loader
    assert batch["x"].device.type == "meta"
    assert batch["name"] == ["one"]
    assert loader.stats().bytes_copied == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, "device must be what torch.device takes, such as 'cuda:0', got 'gpu'"),
        ({"device": "cuda:128"}, "has no number that torch can keep, got 'cuda:128'"),
        ({"device": 2.5}, "device must be what torch.device takes"),
        ({"device_transform": abs}, "pass device= too"),
        ({"device": "cpu", "device_transform": 3}, "device_transform must be callable, got 3"),
    ],
)
def test_what_is_no_device_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataLoader(Numbers(2), **options)
    loader = DataLoader(Numbers(2))
    for name, value in options.items():
        setattr(loader, name, value)
    with pytest.raises(ValueError, match=message):
        iter(loader)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
@pytest.mark.parametrize("workers", [0, 1])
def test_a_device_that_is_not_there_is_an_error(workers: int) -> None:
    loader = DataLoader(Numbers(2), num_workers=workers, device="cuda:1")
    with pytest.raises(RuntimeError, match="device='cuda:1': torch sees no CUDA device here"):
        iter(loader)


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is an accelerator here")
@pytest.mark.parametrize("device", ["cuda", "xpu", "mps", "hpu"])
def test_no_worker_is_started_for_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(_iterators, "make_worker_engine", lambda *_: pytest.fail("workers were started"))
    with pytest.raises(RuntimeError, match=f"device='{device}': "):
        iter(DataLoader(Numbers(2), num_workers=1, device=device))

"""The real device: `make gpu` runs these where there is one, `make test-emulated-gpu` anywhere."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from support.datasets import Numbers
from support.on_cuda import BUSY_CYCLES, SHAPE, WAYS, Images, assert_equal, on_cpu
from torch.nn.utils.rnn import pack_sequence

from fastload import DataLoader
from fastload.datasets import ArrayDataset

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here"),
    pytest.mark.usefixtures("fresh_sides"),
]


@pytest.mark.parametrize("options", WAYS)
def test_batches_are_those_on_the_cpu(options: dict[str, Any]) -> None:
    expected = list(DataLoader(Images(), 8))
    loader = DataLoader(Images(), 8, device="cuda", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # memory is locked in place
        for _ in range(2):
            found = list(loader)
            assert all(batch["image"].is_cuda and batch["label"].is_cuda for batch in found)
            for one, other in zip(found, expected, strict=True):
                assert_equal(on_cpu(one), other)


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("own_stream", [False, True], ids=["default stream", "own stream"])
def test_slow_consumers_that_drop_batches_at_once_find_them_whole(options: dict[str, Any], own_stream: bool) -> None:
    images = Images(8 * 60)
    loader = DataLoader(images, 8, device="cuda", **options)
    stream = torch.cuda.Stream() if own_stream else torch.cuda.current_stream()
    pattern = images.pattern.cuda()
    weights = torch.tensor([index / 7 for index in range(8 * 60)], device="cuda")
    wrong = torch.zeros(60, dtype=torch.int64, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        for number, batch in enumerate(loader):
            torch.cuda._sleep(BUSY_CYCLES)  # type: ignore[no-untyped-call]
            # Nothing in here waits for the device, so the loader is many batches ahead of these kernels.
            first = torch.arange(8 * number, 8 * number + 8, device="cuda")
            wrong[number] = (
                (batch["image"] - pattern != first.view(8, 1, 1, 1)).sum()
                + (batch["label"] != first).sum()
                + (batch["weight"].view(8) != weights[8 * number : 8 * number + 8]).sum()
            )
            del batch
    torch.cuda.synchronize()
    assert wrong.tolist() == [0] * 60


@pytest.mark.parametrize("options", WAYS)
def test_slow_consumers_find_whole_what_a_slow_transform_has_made(options: dict[str, Any]) -> None:
    images = Images(8 * 40)
    pattern = images.pattern.cuda()

    def doubled(batch: dict[str, Any]) -> dict[str, Any]:
        torch.cuda._sleep(BUSY_CYCLES // 2)  # type: ignore[no-untyped-call]
        return {"image": (batch["image"] - pattern) * 2, "label": batch["label"] * 2}

    wrong = torch.zeros(40, dtype=torch.int64, device="cuda")
    loader = DataLoader(images, 8, device="cuda", device_transform=doubled, **options)
    for number, batch in enumerate(loader):
        torch.cuda._sleep(BUSY_CYCLES)  # type: ignore[no-untyped-call]
        twice = torch.arange(8 * number, 8 * number + 8, device="cuda") * 2
        wrong[number] = (batch["image"] != twice.view(8, 1, 1, 1)).sum() + (batch["label"] != twice).sum()
        del batch
    torch.cuda.synchronize()
    assert wrong.tolist() == [0] * 40


def test_a_transform_sees_what_was_queued_before_the_epoch() -> None:
    for epoch in range(3):
        torch.cuda._sleep(20 * BUSY_CYCLES)  # type: ignore[no-untyped-call]
        offset = torch.full((1,), 3.0 + epoch, device="cuda")  # is made when that is over
        wrong = torch.zeros((), dtype=torch.int64, device="cuda")
        plus = DataLoader(
            Images(16), 8, num_workers=1, device="cuda", device_transform=lambda batch, by=offset: batch["label"] + by
        )
        for number, labels in enumerate(plus):
            wrong += (labels != torch.arange(8 * number, 8 * number + 8, device="cuda") + 3 + epoch).sum()
        assert wrong.item() == 0


def test_batches_that_a_collate_fn_makes_on_the_device() -> None:
    def on_device(samples: list[Any]) -> torch.Tensor:
        torch.cuda._sleep(BUSY_CYCLES)  # type: ignore[no-untyped-call]
        return torch.full((1 << 20,), float(samples[0]["label"]), device="cuda")

    wrong = torch.zeros((), dtype=torch.int64, device="cuda")
    loader = DataLoader(Images(64), 1, collate_fn=on_device, device="cuda", device_transform=lambda batch: batch * 2)
    for number, batch in enumerate(loader):
        wrong += (batch != 2 * number).sum()
        del batch
    assert wrong.item() == 0


@pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning", "ignore:Sparse invariant checks:UserWarning")
def test_tensors_that_are_no_range_of_memory() -> None:
    made = [torch.eye(3).to_sparse(), torch.eye(3).to_sparse_csr()]
    for workers in (0, 1):
        loader = DataLoader(
            Images(1), None, num_workers=workers, collate_fn=lambda _: made, device="cuda", device_transform=list
        )
        ((one, other),) = loader
        assert one.is_cuda
        assert torch.equal(one.cpu().to_dense(), torch.eye(3))
        assert other.is_cuda
        assert torch.equal(other.cpu().to_dense(), torch.eye(3))


def test_a_transform_may_return_what_nobody_knows() -> None:
    loader = DataLoader(
        Images(64), 8, num_workers=1, device="cuda", device_transform=lambda batch: pack_sequence(list(batch["image"]))
    )
    wrong = torch.zeros((), dtype=torch.int64, device="cuda")
    for number, batch in enumerate(loader):
        torch.cuda._sleep(BUSY_CYCLES)  # type: ignore[no-untyped-call]
        expected = torch.arange(8 * number, 8 * number + 8, device="cuda")
        wrong += (batch.data.view(SHAPE[0], 8, *SHAPE[1:])[0, :, 0, 0] != expected).sum()
        del batch
    assert wrong.item() == 0


def test_a_transform_runs_on_the_device() -> None:
    mean = torch.tensor([1.0, 2.0, 3.0], device="cuda").view(3, 1, 1)

    def normalised(batch: dict[str, Any]) -> dict[str, Any]:
        return {**batch, "image": (batch["image"].float() - mean).half()}

    plain = list(DataLoader(Images(), 8))
    for found, expected in zip(
        DataLoader(Images(), 8, num_workers=2, device="cuda", device_transform=normalised), plain, strict=True
    ):
        assert torch.equal(found["image"].cpu(), (expected["image"] - mean.cpu()).half())


def test_layouts_and_types() -> None:
    def collate(samples: list[Any]) -> dict[str, Any]:
        image = torch.stack([sample["image"] for sample in samples]).to(memory_format=torch.channels_last)
        return {
            "image": image,
            "again": image,
            "turned": torch.arange(6).view(2, 3).t(),
            "wide": torch.zeros(3, 1).expand(3, 4),
            "bits": torch.tensor([True, False]),
            "brain": torch.ones(3, dtype=torch.bfloat16),
            "empty": torch.empty(0, 5),
            "packed": pack_sequence([torch.ones(3), torch.zeros(2)]),
            "names": ["a", "b"],
            "there": 3,
        }

    for workers in (0, 2):
        loader = DataLoader(Images(16), 8, num_workers=workers, collate_fn=collate, device="cuda")
        for batch in loader:
            assert batch["image"].is_contiguous(memory_format=torch.channels_last)
            assert batch["again"] is batch["image"]
            assert batch["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
            assert batch["wide"].tolist() == [[0.0] * 4] * 3
            assert batch["bits"].tolist() == [True, False]
            assert batch["brain"].dtype == torch.bfloat16
            assert batch["empty"].shape == (0, 5)
            assert batch["packed"].data.tolist() == [1, 0, 1, 0, 1]
            assert batch["packed"].data.is_cuda
            assert batch["names"] == ["a", "b"]
            assert batch["there"] == 3


def test_stats_of_the_device() -> None:
    loader = DataLoader(Images(), 8, num_workers=2, device="cuda")
    for batch in loader:
        torch.cuda.synchronize()
        del batch
    stats = loader.stats()
    assert stats.bytes_copied == 64 * (4 * 3 * 128 * 128 + 8 + 4)
    assert 0 < stats.copy_s < 10
    assert 0 <= stats.stall_s < 10


def test_several_loaders_on_one_device() -> None:
    loaders = [DataLoader(Images(), 8, num_workers=1, device="cuda") for _ in range(3)]
    expected = list(DataLoader(Images(), 8))
    for number, batches in enumerate(zip(*loaders, strict=True)):
        for batch in batches:
            assert_equal(on_cpu(batch), expected[number])


def test_graphs_read_their_static_inputs() -> None:
    static = torch.zeros(8, *SHAPE, device="cuda")
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = static.double().sum()
    expected = [batch["image"].double().sum().item() for batch in DataLoader(Images(), 8)]
    found = []
    for batch in DataLoader(Images(), 8, num_workers=2, device="cuda"):
        static.copy_(batch["image"])
        del batch
        graph.replay()
        found.append(result.clone())
    assert [one.item() for one in found] == expected


@pytest.mark.parametrize("options", WAYS)
def test_an_iterator_may_go_while_a_graph_is_captured(options: dict[str, Any]) -> None:
    static = torch.zeros(8, *SHAPE, device="cuda")
    loader = DataLoader(Images(), 8, device="cuda", **options)
    iterator = iter(loader)
    static.copy_(next(iterator)["image"])
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = static.double().sum()
        loader.stats()
        del iterator
        loader = DataLoader(Images(), 8, device="cuda")  # the slots of the other go too
    graph.replay()
    assert result.item() == next(iter(DataLoader(Images(), 8)))["image"].double().sum().item()
    assert [int(batch["label"][0]) for batch in loader] == list(range(0, 64, 8))
    assert loader.stats().bytes_copied > 0


def test_under_autocast_and_gradients() -> None:
    model = torch.nn.Linear(128, 2).cuda()
    for batch in DataLoader(Images(16), 8, num_workers=2, device="cuda"):
        with torch.autocast("cuda", torch.bfloat16):
            loss = model(batch["image"]).float().mean()
        loss.backward()
    assert model.weight.grad is not None
    assert torch.isfinite(model.weight.grad).all()


def test_arrays_in_memory() -> None:
    data = ArrayDataset(torch.arange(1 << 22).view(64, 1 << 16), torch.arange(64))
    for number, (rows, labels) in enumerate(DataLoader(data, 16, device="cuda")):
        assert torch.equal(rows.cpu(), torch.arange(1 << 22).view(4, 16, 1 << 16)[number])
        assert labels.tolist() == list(range(16 * number, 16 * number + 16))


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(RuntimeError, match=r"torch sees [0-9]+ CUDA devices here"):
        iter(DataLoader(Numbers(2), device="cuda:63"))


def test_ranges_are_shown_to_a_profiler() -> None:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        list(DataLoader(Images(16), 8, num_workers=1, device="cuda"))
    names = {event.key for event in profile.key_averages()}
    assert "enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__" in names
    assert "fastload: batch to device" in names


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_ranges_are_shown_to_nvtx(monkeypatch: pytest.MonkeyPatch) -> None:
    entered = []
    plain = torch.autograd.profiler.record_function.__enter__
    monkeypatch.setattr(
        torch.autograd.profiler.record_function,
        "__enter__",
        lambda label: (entered.append(label.name), plain(label))[1],
    )
    with torch.autograd.profiler.emit_nvtx():  # type: ignore[no-untyped-call]
        list(DataLoader(Images(16), 8, num_workers=1, device="cuda"))
    assert entered.count("fastload: batch to device") == 2

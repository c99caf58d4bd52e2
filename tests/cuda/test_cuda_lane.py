"""What is asked of CUDA for each batch, and in which order, by a torch.cuda that writes it down."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from support.fake_cuda import DEVICE, FakeCuda, OnCuda
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import Dataset

from fastload import DataLoader


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    return FakeCuda(monkeypatch)


class Images(Dataset[Any]):
    def __init__(self, length: int = 8) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": torch.full((1 << 18,), float(index)), "label": index, "weight": torch.ones(2)}


class One(Dataset[Any]):
    """Its batches are what ``make`` makes, and the same number of times."""

    def __init__(self, make: Any, times: int = 1) -> None:
        self.make = make
        self.times = times

    def __len__(self) -> int:
        return self.times

    def __getitem__(self, index: int) -> Any:
        return self.make()


def loader_of(make: Any, times: int = 1, **options: Any) -> DataLoader[Any]:
    return DataLoader(One(make, times), batch_size=None, collate_fn=same, device="cuda", **options)


def same(batch: Any) -> Any:
    return batch


def test_a_batch_goes_aside_and_the_consumers_stream_waits(cuda: FakeCuda) -> None:
    def doubled(batch: Any) -> Any:
        cuda.note("transform", cuda.current.name)
        return {**batch, "image": batch["image"] * 2}

    loader = DataLoader(Images(4), 4, device="cuda", device_transform=doubled)
    (batch,) = loader
    assert batch["image"][:, 0].tolist() == [0, 2, 4, 6]
    assert batch["label"].tolist() == [0, 1, 2, 3]
    assert all(type(value) is OnCuda for value in batch.values())
    assert cuda.kinds("synchronize") == [
        ("pinned", "host"),  # the host's work, before the clock of the copies
        ("lock", "host"),
        ("mark", "consumer"),  # what a transform reads may still be made there
        ("wait", "aside"),
        ("mark", "aside"),
        ("copy", "aside"),
        ("copy", "aside"),
        ("mark", "aside"),
        ("mark", "aside"),
        ("transform", "aside"),
        ("mark", "aside"),
        ("mark", "consumer"),
        ("wait", "consumer"),
        ("mark", "consumer"),
        ("use", "consumer"),
        ("use", "consumer"),
        ("use", "consumer"),
    ]
    marks = [more for what, _, more in cuda.log if what == "mark"]
    assert [more for what, _, more in cuda.log if what == "wait"] == [marks[0], marks[4]]
    assert [more for what, _, more in cuda.log if what == "use"] == [(4, 1 << 18), (4,), (4, 2)]


def test_the_consumers_stream_is_the_one_that_is_current_in_next(cuda: FakeCuda) -> None:
    iterator = iter(DataLoader(Images(), 4, device="cuda"))
    with cuda.stream("mine"):
        next(iterator)
    assert {queue for what, queue, _ in cuda.log if what == "use"} == {"mine"}
    # The epoch begins after what is queued in it, and in the stream of threads that know no other.
    assert [queue for what, queue, _ in cuda.log if what == "wait"] == ["aside", "aside", "mine"]


def test_large_tensors_that_the_device_cannot_read_are_staged(cuda: FakeCuda) -> None:
    cuda.locks = False
    (batch,) = DataLoader(Images(4), 4, device="cuda")
    assert batch["image"][:, 0].tolist() == [0, 1, 2, 3]
    assert [more for what, _, more in cuda.log if what == "pinned"] == [(128,), (4 << 20,)]


def test_staged_tensors_keep_their_layout(cuda: FakeCuda) -> None:
    cuda.locks = False
    image = torch.arange(1 << 20).view(4, 4, 256, 256).to(memory_format=torch.channels_last)
    ((found,),) = loader_of(lambda: [image])
    assert found.stride() == image.stride()
    assert torch.equal(found.as_subclass(torch.Tensor), image)


@pytest.mark.parametrize("options", [{}, {"num_workers": 1}, {"num_workers": 1, "persistent_workers": True}])
def test_one_stream_serves_all_epochs_and_loaders(cuda: FakeCuda, options: dict[str, Any]) -> None:
    for _ in range(2):
        loader = DataLoader(Images(), 4, device="cuda", **options)
        for _ in range(3):
            assert len(list(loader)) == 2
    assert cuda.streams_made == 1


class Lazy(Sequence[Any]):
    """It makes its tensors when it is asked."""

    def __init__(self, parts: Any) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return self.parts if isinstance(self.parts, int) else len(self.parts)

    def __getitem__(self, index: Any) -> Any:
        if index >= len(self):
            raise IndexError
        return torch.full((2,), index) if isinstance(self.parts, int) else self.parts[index]


class LazyMapping(Mapping[str, Any]):
    def __init__(self, parts: Any) -> None:
        self.parts = parts

    def __getitem__(self, key: str) -> Any:
        return torch.tensor([self.parts[key]]) if isinstance(self.parts[key], int) else self.parts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)


def test_containers_that_make_their_tensors_when_asked(cuda: FakeCuda) -> None:
    (batch,) = loader_of(lambda: (Lazy(3), LazyMapping({"one": 1, "two": 2})))
    assert [part.tolist() for part in batch[0]] == [[0, 0], [1, 1], [2, 2]]
    assert {key: value.tolist() for key, value in batch[1].items()} == {"one": [1], "two": [2]}
    assert all(type(part) is OnCuda for part in (*batch[0], *batch[1].values()))


ODD = {
    "coo": lambda: torch.eye(3).to_sparse(),
    "csr": lambda: torch.eye(3).to_sparse_csr(),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "jagged": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
    "quantized": lambda: torch.quantize_per_tensor(torch.ones(3), 1.0, 0, torch.quint8),
}


@pytest.mark.filterwarnings("ignore:.*nested tensors:UserWarning", "ignore:Sparse CSR:UserWarning")
@pytest.mark.filterwarnings("ignore:.*quantiz.*")
@pytest.mark.parametrize("kind", ODD)
def test_tensors_that_are_no_range_of_memory_are_moved_by_the_consumers_stream(cuda: FakeCuda, kind: str) -> None:
    (batch,) = loader_of(lambda: {"odd": ODD[kind](), "plain": torch.ones(3)})
    assert type(batch["plain"]) is OnCuda
    assert batch["odd"].layout == ODD[kind]().layout
    copies = [(what, queue) for what, queue in cuda.kinds() if "copy" in what]
    assert copies == [("copy", "aside"), ("blocking copy", "consumer")]


@pytest.mark.parametrize("kind", ["coo", "csr"])
@pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning")
def test_bytes_of_sparse_tensors_are_counted(cuda: FakeCuda, kind: str) -> None:
    loader = loader_of(ODD[kind])
    list(loader)
    assert loader.stats().bytes_copied == {"coo": 3 * 4 + 6 * 8, "csr": 3 * 4 + (4 + 3) * 8}[kind]


def test_small_tensors_that_are_not_in_a_row_keep_their_strides(cuda: FakeCuda) -> None:
    turned = torch.arange(6).view(2, 3).t()
    (batch,) = loader_of(lambda: [turned, torch.ones(2)])
    assert torch.equal(batch[0].as_subclass(torch.Tensor), turned)
    assert batch[0].stride() == turned.stride()


@pytest.mark.parametrize("shape", [(3, 1, 4, 5), (1, 6, 2, 2), (2, 1, 1, 1)])
def test_small_images_keep_their_strides(cuda: FakeCuda, shape: tuple[int, ...]) -> None:
    image = torch.rand(shape).to(memory_format=torch.channels_last)
    (batch,) = loader_of(lambda: [torch.ones(3, dtype=torch.uint8), image])
    assert torch.equal(batch[1].as_subclass(torch.Tensor), image)
    assert batch[1].stride() == image.to("meta").stride()


class Movable:
    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> Any:
        return type(self)(self.tensor.to(device, non_blocking=non_blocking))


class Told(Movable):
    def record_stream(self, stream: Any) -> None:
        self.tensor.record_stream(stream)


def test_types_that_know_of_streams_are_copied_aside(cuda: FakeCuda) -> None:
    loader = loader_of(lambda: Told(torch.ones(5)))
    (batch,) = loader
    assert type(batch) is Told
    assert ("copy", "aside", torch.strided) in cuda.log
    assert ("use", "consumer", (5,)) in cuda.log
    assert loader.stats().bytes_copied == 20


def test_types_that_do_not_are_moved_by_the_consumers_stream(cuda: FakeCuda) -> None:
    def noted(batch: Any) -> Any:
        cuda.note("transform", cuda.current.name)
        return batch

    loader = loader_of(lambda: (Movable(torch.ones(5)), torch.ones(3)), device_transform=noted)
    ((own, plain),) = loader
    assert type(own.tensor) is type(plain) is OnCuda
    assert [kind for kind in cuda.kinds("mark", "pinned") if kind[1] != "host"] == [
        ("wait", "aside"),
        ("copy", "aside"),
        ("wait", "consumer"),
        ("use", "consumer"),
        ("copy", "consumer"),
        ("transform", "consumer"),
    ]
    assert loader.stats().bytes_copied == 20 + 12


def waits_aside(cuda: FakeCuda) -> int:
    return cuda.kinds().count(("wait", "aside"))


def test_the_stream_aside_waits_once_an_epoch_and_for_batches_that_are_there_already(cuda: FakeCuda) -> None:
    loader = DataLoader(Images(12), 4, device="cuda", device_transform=same)
    for epochs in (1, 2):
        assert len(list(loader)) == 3
        assert waits_aside(cuda) == epochs
    cuda.log.clear()
    there = torch.ones(3).as_subclass(OnCuda)
    assert len(list(loader_of(lambda: [there, torch.ones(2)], 3))) == 3
    assert waits_aside(cuda) == 3


def test_a_batch_on_the_device_is_held_until_a_transform_has_read_it(cuda: FakeCuda) -> None:
    alive = []

    def made() -> torch.Tensor:
        there = torch.ones(3).as_subclass(OnCuda)
        alive.append(weakref.ref(there))
        return there

    cuda.is_done = False
    loader = loader_of(made, device_transform=lambda batch: None)
    iterator = iter(loader)
    assert next(iterator) is None
    transformed = max(more for what, queue, more in cuda.log if (what, queue) == ("mark", "aside"))
    cuda.done_before = transformed
    loader.stats()
    assert alive[0]() is not None
    cuda.done_before += 1
    loader.stats()
    assert alive[0]() is None


class Encoding(dict[str, Any]):
    def to(self, device: Any) -> Any:
        raise AssertionError("it is there")


@pytest.mark.parametrize(
    ("made", "known"),
    [
        (lambda batch: pack_sequence([torch.ones(3)]), False),
        (lambda batch: Encoding(ids=batch), False),
        (lambda batch: (batch, torch.nn.Identity()), False),
        (lambda batch: SimpleNamespace(ids=batch), False),
        (lambda batch: slice(batch, None), False),
        (lambda batch: [{"ids": batch, "name": "one", "number": 3}, None], True),
    ],
    ids=["packed", "encoding", "module", "object", "slice", "containers"],
)
def test_whatever_a_transform_returns_is_delivered_and_made_safe(cuda: FakeCuda, made: Any, known: bool) -> None:
    found = list(loader_of(lambda: torch.ones(3), 4, device_transform=made))
    assert {type(one) for one in found} == {type(made(torch.ones(3)))}
    assert waits_aside(cuda) == (1 if known else 4)
    cuda.log.clear()
    list(loader_of(lambda: torch.ones(3), 4))  # another loader gets memory from the same stream
    assert waits_aside(cuda) == (1 if known else 4)


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_are_made_in_the_modes_of_a_new_thread(cuda: FakeCuda, workers: int) -> None:
    seen = []

    def modes() -> tuple[bool, bool, bool]:
        return torch.is_inference_mode_enabled(), torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")

    def noted(batch: Any) -> Any:
        seen.append(modes())
        return {"twice": batch["image"] * 2}

    for device in ("cuda", "cpu"):
        loader = DataLoader(Images(), 4, num_workers=workers, device=device, device_transform=noted)
        iterator = iter(loader)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            batches = [next(iterator)]
            assert modes() == (True, False, True)
        with torch.no_grad():
            batches.append(next(iterator))
            assert modes() == (False, False, False)
        assert not any(batch["twice"].is_inference() for batch in batches)
    assert seen == [(False, True, False)] * 4


def test_late_batches_are_moved_in_the_modes_of_a_new_thread(cuda: FakeCuda) -> None:
    with torch.inference_mode():
        (batch,) = loader_of(lambda: Movable(torch.ones(5)), device_transform=lambda one: one.tensor * 2)
    assert not batch.is_inference()


def test_what_is_done_later_is_counted_when_it_is_asked_for(cuda: FakeCuda) -> None:
    loader = DataLoader(Images(), 4, device="cuda")
    cuda.is_done = False
    iterator = iter(loader)
    next(iterator)
    next(iterator)
    assert loader.stats().copy_s == 0
    cuda.is_done = True
    assert loader.stats().copy_s == 2
    assert loader.stats().stall_s == 2
    cuda.is_done = False
    list(loader)
    stats = loader.stats()
    assert (stats.copy_s, stats.stall_s) == (2, 2)


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_an_error_that_was_caught_keeps_no_batch(cuda: FakeCuda, device: str) -> None:
    alive = []

    def failing(batch: Any) -> Any:
        alive.append(weakref.ref(batch["image"]))
        raise ValueError("no")

    gc.collect()
    gc.disable()
    try:
        iterator = iter(DataLoader(Images(), 4, device=device, device_transform=failing))
        for _ in range(2):
            with suppress(ValueError):
                next(iterator)
        del iterator
        assert [batch() is None for batch in alive] == [True, True]
    finally:
        gc.enable()


def test_the_device_of_the_loader_is_the_one_of_its_batches(cuda: FakeCuda) -> None:
    (batch,) = loader_of(lambda: torch.ones(3))
    assert batch.device == DEVICE

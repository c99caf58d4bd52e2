"""A delivered batch belongs to the user: right in every stride, writable, private, and unchanged for ever."""

import dataclasses
import decimal
import enum
import gc
import os
import pickle
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from support.compare import assert_same, fills
from support.datasets import Images, Numbers, as_is
from support.loader import DataLoader, TorchDataLoader, only_fastload
from torch.utils.data import Dataset

BIG = (2, 600, 1024)  # 1.2 MB as bytes: takes a slot
SMALL = (2, 3, 4)
SHAPES = [pytest.param(BIG, id="big"), pytest.param(SMALL, id="small")]


class Made(Dataset):
    """Item i is ``make(i)``."""

    def __init__(self, make: Any, length: int = 4) -> None:
        self.make = make
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.make(index)


def delivered(make: Any, loader_class: Any = DataLoader, workers: int = 1) -> list[Any]:
    return list(loader_class(Made(make), batch_size=None, collate_fn=as_is, num_workers=workers))


@dataclasses.dataclass
class Target:
    boxes: Any
    name: str


class Colour(enum.Enum):
    RED = 1


class Plain:
    """An object that default pickling handles, with a tensor inside."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and bool((self.value == other.value).all())

    def __hash__(self) -> int:
        return 0


ANYTHING: dict[str, Any] = {
    "none": lambda i: None,
    "object with a tensor": lambda i: Plain(torch.full(BIG, i, dtype=torch.uint8)),
    "dataclass": lambda i: Target(torch.full(BIG, i, dtype=torch.uint8), str(i)),
    "enumeration": lambda i: Colour.RED,
    "set": lambda i: {i, "x"},
    "decimal": lambda i: decimal.Decimal(i) / 7,
    "exception as a value": lambda i: {"error": str(ValueError(i))},
    "long text": lambda i: str(i) * 100_000,
    "long bytes": lambda i: bytes([i]) * 3_000_000,
    "bytearray": lambda i: bytearray([i]) * 3_000_000,
    "function": lambda i: as_is,
    "type": lambda i: Plain,
    "big array": lambda i: np.full(BIG, i, dtype=np.int16),
    "big array in Fortran order": lambda i: np.asfortranarray(np.full(BIG, i, dtype=np.int16)),
    "small array": lambda i: np.arange(i + 1),
    "object array": lambda i: np.array([i, "x", None], dtype=object),
    "text array": lambda i: np.array(["a" * i, "b"]),
    "dates": lambda i: np.array(["2020-01-01", "2021-02-03"], dtype="datetime64[D]"),
    "numpy scalar": lambda i: np.float32(i) + 1,
    "sparse": lambda i: torch.eye(500).to_sparse() * i,
    "sparse csr": lambda i: torch.sparse_csr_tensor([0, 1, 2], [0, 1], [1.0, 2.0]),
    "float8": lambda i: torch.full(BIG, i, dtype=torch.float32).to(torch.float8_e4m3fn),
    "bfloat16": lambda i: torch.full(BIG, i, dtype=torch.bfloat16),
    "bool": lambda i: torch.full(BIG, i % 2, dtype=torch.bool),
    "complex": lambda i: torch.full(SMALL, i + 1j),
    "zero-dimensional": lambda i: torch.tensor(i + 1),
    "empty": lambda i: torch.zeros(0, 5),
    "big and requires grad": lambda i: torch.full(BIG, float(i), requires_grad=True),
    "deep": lambda i: [{"a": ({"b": [torch.full(BIG, i, dtype=torch.uint8)]},)}],
    "generator": lambda i: torch.Generator().manual_seed(i).initial_seed(),
    "device and dtype": lambda i: (torch.device("cpu"), torch.float16, torch.Size([1, i]), torch.strided),
}


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("kind", list(ANYTHING))
def test_anything_that_torchs_loader_delivers_is_delivered(kind: str) -> None:
    ours, theirs = (delivered(ANYTHING[kind], loader_class) for loader_class in (DataLoader, TorchDataLoader))
    assert_same(ours, theirs)


LAYOUTS: dict[str, Any] = {
    "transposed": lambda t: t.transpose(0, 2),
    "every second column": lambda t: t[..., ::2],
    "every second of the first": lambda t: t[::2],
    "expanded": lambda t: t[:1].expand(3, *t.shape[1:]),
    "channels last": lambda t: t.unsqueeze(0).contiguous(memory_format=torch.channels_last),
    "an offset into its storage": lambda t: t[1:],
    "conjugated": lambda t: t.to(torch.complex64).conj(),
    "negated view": lambda t: t.to(torch.complex64).conj().imag,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_strides_and_memory_format_are_kept(layout: str, shape: tuple[int, ...]) -> None:
    def make(index: int) -> torch.Tensor:
        count = int(np.prod(shape))
        return LAYOUTS[layout]((torch.arange(count) % 97 + index).to(torch.float32).reshape(shape))

    ours, theirs = (delivered(make, loader_class) for loader_class in (DataLoader, TorchDataLoader))
    assert_same(ours, theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.is_conj() == other.is_conj()
        assert one.is_neg() == other.is_neg()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_tensor_that_is_in_the_batch_twice_is_one_tensor_memory(shape: tuple[int, ...]) -> None:
    def make(index: int) -> Any:
        tensor = torch.full(shape, index, dtype=torch.uint8)
        return {"a": tensor, "b": tensor, "list": [tensor]}

    for index, batch in enumerate(delivered(make)):
        batch["a"].add_(1)
        assert int(batch["b"].max()) == int(batch["list"][0].min()) == index + 1


@pytest.mark.parametrize("shape", SHAPES)
def test_views_of_one_storage_stay_views_of_one_storage(shape: tuple[int, ...]) -> None:
    def make(index: int) -> Any:
        tensor = torch.full(shape, index, dtype=torch.uint8)
        return {"whole": tensor, "row": tensor[1], "flat": tensor.view(-1), "turned": tensor.transpose(0, 1)}

    for index, batch in enumerate(delivered(make)):
        batch["row"].fill_(99)
        assert int(batch["whole"][0].max()) == index
        assert int(batch["whole"][1].min()) == int(batch["turned"][0, 1].min()) == int(batch["flat"][-1]) == 99


def test_two_views_of_which_none_is_the_whole_share_memory_too() -> None:
    def make(index: int) -> Any:
        storage = torch.zeros(3_000_000, dtype=torch.uint8)
        return storage[: 2 << 20], storage[1 << 20 :]

    for left, right in delivered(make):
        left[1 << 20] = 7
        assert int(right[0]) == 7


@pytest.mark.parametrize("workers", [0, 1])
def test_a_small_view_of_a_big_storage_is_right(workers: int) -> None:
    def make(index: int) -> torch.Tensor:
        return torch.arange(1 << 20)[index * 10 : index * 10 + 3]

    assert [view.tolist() for view in delivered(make, workers=workers)] == [
        [10 * i, 10 * i + 1, 10 * i + 2] for i in range(4)
    ]


class Tagged(torch.Tensor):
    """A subclass with an attribute of its own."""


def test_subclasses_and_parameters_keep_type_and_attributes() -> None:
    def make(index: int) -> Any:
        tagged = torch.full(BIG, index, dtype=torch.uint8).as_subclass(Tagged)
        tagged.tag = f"number {index}"
        return tagged, torch.nn.Parameter(torch.full((4,), float(index)))

    for index, (tagged, parameter) in enumerate(delivered(make)):
        assert type(tagged) is Tagged
        assert int(tagged.max()) == index
        assert type(parameter) is torch.nn.Parameter
        assert parameter.requires_grad
        assert parameter.tolist() == 4 * [float(index)]


def test_an_attribute_on_a_plain_tensor_travels_or_not_as_in_torchs_loader() -> None:
    def make(index: int) -> torch.Tensor:
        tensor = torch.full(BIG, index, dtype=torch.uint8)
        tensor.note = "x"
        return tensor

    ours, theirs = (delivered(make, loader_class) for loader_class in (DataLoader, TorchDataLoader))
    assert [hasattr(tensor, "note") for tensor in ours] == [hasattr(tensor, "note") for tensor in theirs]


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_delivered_tensors_and_arrays_are_writable_and_private(shape: tuple[int, ...], workers: int) -> None:
    def make(index: int) -> Any:
        return torch.full(shape, index, dtype=torch.uint8), np.full(shape, index, dtype=np.uint8)

    for index, (tensor, array) in enumerate(delivered(make, workers=workers)):
        assert int(tensor.max()) == int(tensor.min()) == int(array.max()) == int(array.min()) == index
        assert array.flags.writeable
        tensor.fill_(200)
        array[:] = 201
        assert int(tensor.min()) == 200
        assert tensor.numpy().flags.writeable


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_batch_stays_as_it_is_for_ever_while_it_is_referenced(workers: int, persistent: bool) -> None:
    arguments = {"persistent_workers": persistent} if workers else {}
    loader = DataLoader(Images(24), batch_size=4, num_workers=workers, **arguments)
    kept = [batch for _ in range(2) for batch in loader]
    del loader
    gc.collect()
    for position, (images, labels) in enumerate(kept):
        expected = list(range(position % 6 * 4, position % 6 * 4 + 4))
        assert labels.tolist() == expected
        assert fills(images) == expected


@pytest.mark.parametrize("workers", [0, 2])
def test_a_view_alone_keeps_its_memory(workers: int) -> None:
    loader = DataLoader(Images(40), batch_size=4, num_workers=workers)
    views = [images[3, 0, 5:9] for images, _ in loader]
    arrays = [images.numpy()[2, 1, ::7] for images, _ in loader]
    exported = [torch.from_dlpack(images)[1] for images, _ in loader]
    del loader
    gc.collect()
    for batch, (view, array, dlpack) in enumerate(zip(views, arrays, exported, strict=True)):
        assert view.unique().tolist() == [batch * 4 + 3]
        assert np.unique(array).tolist() == [batch * 4 + 2]
        assert dlpack.unique().tolist() == [batch * 4 + 1]


def test_mutating_a_batch_disturbs_no_other() -> None:
    loader = DataLoader(Images(24), batch_size=4, num_workers=2)
    for position, (images, labels) in enumerate(loader):
        assert fills(images) == labels.tolist() == list(range(position * 4, position * 4 + 4))
        images.fill_(255)
        labels.fill_(-1)


def test_the_iterator_keeps_no_reference_to_a_batch() -> None:
    iterator = iter(DataLoader(Made(lambda i: Plain(torch.zeros(2))), batch_size=None, num_workers=1, collate_fn=as_is))
    batch = next(iterator)
    reference = weakref.ref(batch)
    del batch
    assert reference() is None
    assert len(list(iterator)) == 3


def test_a_delivered_batch_pickles_copies_and_travels_on() -> None:
    (images, labels) = next(iter(DataLoader(Images(4), batch_size=4, num_workers=1)))
    for other in (
        pickle.loads(pickle.dumps(images)),
        images.clone(),
        torch.from_numpy(images.numpy().copy()),
    ):
        assert torch.equal(other, images)
    images.share_memory_()
    assert images.is_shared()
    assert fills(images) == labels.tolist()
    storage = torch.zeros(3).share_memory_()
    assert storage.is_shared()


@pytest.mark.parametrize("workers", [0, 2])
def test_delivered_tensors_are_ordinary(workers: int) -> None:
    for images, labels in DataLoader(Images(8), batch_size=4, num_workers=workers):
        for tensor in (images, labels):
            assert type(tensor) is torch.Tensor
            assert tensor.is_leaf
            assert not tensor.requires_grad
            assert tensor.device.type == "cpu"
            assert tensor.is_contiguous()
        images.resize_(2, 3)
        assert (images.float() @ torch.ones(3, 1)).shape == (2, 1)


def test_gradients_flow_into_a_delivered_tensor() -> None:
    (images, _) = next(iter(DataLoader(Images(4), batch_size=4, num_workers=1, collate_fn=floats)))
    images.requires_grad_()
    images.sum().backward()
    assert images.grad.unique().tolist() == [1.0]


def floats(samples: list[Any]) -> Any:
    return torch.stack([image.float() for image, _ in samples]), [label for _, label in samples]


def test_batches_that_grow_and_shrink_are_right() -> None:
    sizes = [1, 7, 3, 30, 2, 31, 1, 30]

    def collate(samples: list[Any]) -> Any:
        return torch.cat([torch.full((int(n[0]) * 100_000,), int(n[0]), dtype=torch.uint8) for n in samples])

    loader = DataLoader(Numbers(64), batch_sampler=[[n] for n in sizes] * 3, num_workers=2, collate_fn=collate)
    kept = list(loader)
    assert [(len(batch), batch.unique().tolist()) for batch in kept] == [(n * 100_000, [n]) for n in sizes] * 3


@only_fastload
def test_big_batches_need_no_descriptor_each() -> None:
    loader = DataLoader(Images(80), batch_size=4, num_workers=2)
    iterator = iter(loader)
    kept = [next(iterator)]
    before = len(os.listdir("/proc/self/fd"))
    kept.extend(iterator)
    assert len(os.listdir("/proc/self/fd")) <= before
    assert len(kept) == 20

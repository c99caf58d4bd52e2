"""MNIST and FashionMNIST: torchvision's samples, native batches of them, and errors for files that are not theirs."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from PIL import Image
from support.compare import assert_same
from support.vision_files import idx, mnist_arrays, mnist_files, write_files

import fastload
from fastload import transforms as T
from fastload.datasets import MNIST, FashionMNIST

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")

AUGMENT = [T.RandomCrop(28, 4), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize((0.1307,), (0.3081,))]
PLAIN = [T.ToTensor(), T.Normalize((0.1307,), (0.3081,))]
ARRAYS = mnist_arrays()
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_files(tmp_path / "MNIST" / "raw", mnist_files())
    return tmp_path


def same(value: Any) -> Any:
    return value


def batches(dataset: Any, library: Any = fastload, **arguments: Any) -> list[Any]:
    torch.manual_seed(3)
    return list(library.DataLoader(dataset, 7, shuffle=True, **arguments))


def test_images_and_labels_are_those_of_the_files(root: Path) -> None:
    for train, prefix in ((True, "train"), (False, "t10k")):
        dataset = MNIST(root, train)
        assert dataset.train is train
        assert_same(dataset.data, torch.from_numpy(ARRAYS[f"{prefix}-images-idx3-ubyte"]))
        assert_same(dataset.targets, torch.from_numpy(ARRAYS[f"{prefix}-labels-idx1-ubyte"]).long())
        assert len(dataset) == (24 if train else 12)


def test_the_classes_are_torchvisions(root: Path) -> None:
    dataset = MNIST(root)
    assert dataset.classes[0] == "0 - zero"
    assert dataset.class_to_idx["9 - nine"] == 9
    assert dataset.raw_folder == str(root / "MNIST" / "raw")
    assert dataset.root == str(root)


def test_fashion_has_a_folder_and_classes_of_its_own(tmp_path: Path) -> None:
    write_files(tmp_path / "FashionMNIST" / "raw", mnist_files())
    dataset = FashionMNIST(tmp_path, train=False)
    assert len(dataset) == 12
    assert dataset.class_to_idx["Ankle boot"] == 9


def test_a_sample_is_a_pil_image_and_an_int(root: Path) -> None:
    image, label = MNIST(root)[-1]
    assert isinstance(image, Image.Image)
    assert (image.mode, image.size) == ("L", (28, 28))
    assert np.array_equal(np.asarray(image), ARRAYS["train-images-idx3-ubyte"][23])
    assert type(label) is int
    assert label == 3


def test_samples_go_through_the_transforms(root: Path) -> None:
    dataset = MNIST(root, transform=lambda image: image.size, target_transform=lambda label: f"class {label}")
    assert dataset[3] == ((28, 28), "class 3")


@pytest.mark.parametrize("steps", [AUGMENT, PLAIN], ids=["augmented", "plain"])
@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_native_batches_are_the_samples(root: Path, steps: list[Any], num_workers: int) -> None:
    native = MNIST(root, transform=T.Compose(steps))
    assert native.batch_plan() is not None
    python = MNIST(root, transform=T.Compose([*steps, T.Lambda(same)]))
    assert python.batch_plan() is None
    assert_same(batches(native, num_workers=num_workers), batches(python))


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_batches_are_those_of_torchs_loader(root: Path, num_workers: int) -> None:
    dataset = MNIST(root, transform=T.Compose(PLAIN))
    theirs = batches(dataset, torch.utils.data, num_workers=num_workers)
    assert theirs[0][0].shape == (7, 1, 28, 28)
    assert_same(batches(dataset, num_workers=num_workers), theirs)


def test_a_batch_has_the_pixels_of_the_file(root: Path) -> None:
    (images, labels), *_ = fastload.DataLoader(MNIST(root, transform=T.PILToTensor()), 24)
    assert np.array_equal(images[:, 0].numpy(), ARRAYS["train-images-idx3-ubyte"])
    assert labels.tolist() == ARRAYS["train-labels-idx1-ubyte"].tolist()


def test_a_copy_by_pickle_is_native_too(root: Path) -> None:
    dataset = MNIST(root, transform=T.Compose(PLAIN))
    as_before = batches(dataset)
    assert_same(batches(pickle.loads(pickle.dumps(dataset))), as_before)


def test_pixels_and_labels_may_be_replaced(root: Path) -> None:
    dataset = MNIST(root, transform=T.PILToTensor())
    batches(dataset)
    chosen = dataset.targets == 2
    dataset.data, dataset.targets = dataset.data[chosen], dataset.targets[chosen]
    (images, labels), *_ = fastload.DataLoader(dataset, 24)
    assert_same(images[:, 0], torch.from_numpy(ARRAYS["train-images-idx3-ubyte"][[2, 12, 22]]))
    assert labels.tolist() == [2, 2, 2]


def test_pixels_that_no_native_program_reads_are_left_to_pillow(root: Path) -> None:
    dataset = MNIST(root, transform=T.PILToTensor())
    for other in (dataset.data.bfloat16(), dataset.data.float(), dataset.data[:, :, ::2]):
        dataset.data = other
        assert dataset.batch_plan() is None
    assert np.array_equal(dataset[1][0][0].numpy(), other[1].numpy())


def test_compressed_files_will_do(tmp_path: Path, root: Path) -> None:
    folder = tmp_path / "elsewhere"
    write_files(folder / "MNIST" / "raw", mnist_files(compressed=True))
    for train in (True, False):
        ours, plain = MNIST(folder, train), MNIST(root, train)
        assert_same([ours.data, ours.targets], [plain.data, plain.targets])


def test_only_the_files_of_its_part_are_read(root: Path) -> None:
    (root / "MNIST" / "raw" / TEST_IMAGES).unlink()
    assert len(MNIST(root)) == 24


def test_a_missing_file_is_named_with_the_way_to_get_it(root: Path) -> None:
    (root / "MNIST" / "raw" / TEST_LABELS).unlink()
    with pytest.raises(
        RuntimeError, match=rf"not found\. You can use download=True .*{TEST_LABELS}, nor {TEST_LABELS}.gz"
    ):
        MNIST(root, train=False)


IMAGES = idx(ARRAYS[TEST_IMAGES])
LABELS = idx(ARRAYS[TEST_LABELS])
HEAD_BYTES = 16

WRONG: dict[str, tuple[str, bytes, str]] = {
    "nothing": (TEST_IMAGES, b"", "it has 0 bytes, its header should have 16"),
    "half a header": (TEST_IMAGES, IMAGES[:9], "it has 9 bytes, its header should have 16"),
    "text": (TEST_IMAGES, b"<html>404 Not Found</html>", "should begin with 0x00000803 .* not 0x3c68746d"),
    "labels for images": (TEST_IMAGES, LABELS, "should begin with 0x00000803 .* not 0x00000801"),
    "images for labels": (TEST_LABELS, IMAGES, "should begin with 0x00000801 .* not 0x00000803"),
    "floats": (TEST_IMAGES, struct.pack(">I", 0x0D03) + IMAGES[4:], "not 0x00000d03"),
    "the other byte order": (TEST_IMAGES, struct.pack("<I", 0x0803) + IMAGES[4:], "not 0x03080000"),
    "cut short": (TEST_IMAGES, IMAGES[:-1], r"should have 9424 bytes, as its shape is \(12, 28, 28\), not 9423"),
    "a byte more": (TEST_IMAGES, IMAGES + b"\0", "should have 9424 bytes, .* not 9425"),
    "a larger count": (TEST_IMAGES, struct.pack(">II", 0x0803, 13) + IMAGES[8:], "should have 10208 bytes"),
    "a huge shape": (TEST_IMAGES, struct.pack(">IIII", 0x0803, *[0xFFFFFFFF] * 3) + b"\0", "not 17"),
    "no images": (TEST_IMAGES, struct.pack(">IIII", 0x0803, 0, 28, 28), r"it is empty: its shape is \(0, 28, 28\)"),
    "images of no height": (TEST_IMAGES, struct.pack(">IIII", 0x0803, 12, 0, 28), "it is empty"),
    "too few labels": (
        TEST_LABELS,
        idx(ARRAYS[TEST_LABELS][:11]),
        f"11 labels, but there are 12 images in .*{TEST_IMAGES}",
    ),
    "a label too large": (TEST_LABELS, LABELS[:-1] + b"\x0a", "from 0 to 9, but there is 10"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gz"])
def test_a_file_that_holds_something_else_is_an_error(root: Path, what: str, compressed: bool) -> None:
    name, content, message = WRONG[what]
    folder = root / "MNIST" / "raw"
    if compressed:
        (folder / name).unlink()
        write_files(folder, {f"{name}.gz": gzip.compress(content)})
    else:
        write_files(folder, {name: content})
    suffix = ".gz" if compressed else ""
    with pytest.raises(RuntimeError, match=rf"{name}{suffix} is damaged: .*{message}.* Delete it, and download=True"):
        MNIST(root, train=False)


COMPRESSED = gzip.compress(IMAGES)
BAD_GZIP = {
    "cut short": COMPRESSED[: len(COMPRESSED) // 2],
    "without its checksum": COMPRESSED[:-8],
    "of another checksum": COMPRESSED[:-8] + b"12345678",
    "damaged in the middle": COMPRESSED[:100] + bytes(100) + COMPRESSED[200:],
    "damaged at the beginning": COMPRESSED[:10] + b"\xff" * 100 + COMPRESSED[110:],
    "no gzip": IMAGES,
    "followed by something": COMPRESSED + b"something",
}


@pytest.mark.parametrize("what", BAD_GZIP)
def test_a_compressed_file_that_is_damaged_is_an_error(root: Path, what: str) -> None:
    (root / "MNIST" / "raw" / TEST_IMAGES).unlink()
    write_files(root / "MNIST" / "raw", {f"{TEST_IMAGES}.gz": BAD_GZIP[what]})
    with pytest.raises(RuntimeError, match=rf"{TEST_IMAGES}.gz is damaged: "):
        MNIST(root, train=False)

"""CIFAR10 and CIFAR100: torchvision's samples, native batches of them, and errors for files that are not theirs."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from PIL import Image
from support.compare import assert_same
from support.vision_files import (
    CIFAR_ROW_BYTES,
    cifar10_files,
    cifar100_files,
    cifar_rows,
    md5_of,
    point_cifar_at,
    python2_pickle,
    write_files,
)

import fastload
from fastload import transforms as T
from fastload.datasets import CIFAR10, CIFAR100
from fastload.datasets._cifar_files import read_batch

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
AUGMENT = [T.RandomCrop(32, 4), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize(MEAN, STD)]
PLAIN = [T.ToTensor(), T.Normalize(MEAN, STD)]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for dataset, files in ((CIFAR10, cifar10_files()), (CIFAR100, cifar100_files())):
        point_cifar_at(monkeypatch, dataset, files)
        write_files(tmp_path / dataset.base_folder, files)
    return tmp_path


def same(value: Any) -> Any:
    return value


def in_python(steps: list[Any]) -> T.Compose:
    """The same steps, and one that keeps batches from being native."""
    return T.Compose([*steps, T.Lambda(same)])


def batches(dataset: Any, library: Any = fastload, **arguments: Any) -> list[Any]:
    torch.manual_seed(3)
    return list(library.DataLoader(dataset, 7, shuffle=True, **arguments))


def test_training_images_are_the_five_files_in_order(root: Path) -> None:
    dataset = CIFAR10(root)
    rows = np.concatenate([cifar_rows(6, seed) for seed in range(5)])
    assert dataset.data.dtype == np.uint8
    assert np.array_equal(dataset.data, rows.reshape(30, 3, 32, 32).transpose(0, 2, 3, 1))
    assert dataset.targets == [0, 1, 2, 3, 4, 5] * 5
    assert len(dataset) == 30
    assert (dataset.train, dataset.root, dataset.base_folder) == (True, str(root), "cifar-10-batches-py")
    assert dataset.classes[:2] == ["airplane", "automobile"]
    assert dataset.class_to_idx["truck"] == 9


def test_test_images_are_those_of_the_test_file(root: Path) -> None:
    dataset = CIFAR10(str(root), train=False)
    assert np.array_equal(dataset.data, cifar_rows(6, 5).reshape(6, 3, 32, 32).transpose(0, 2, 3, 1))
    assert dataset.targets == [0, 1, 2, 3, 4, 5]


def test_labels_of_cifar100_are_the_fine_ones(root: Path) -> None:
    train, test = CIFAR100(root), CIFAR100(root, train=False)
    assert train.targets == test.targets == [0, 7, 14, 21, 28, 35]
    assert np.array_equal(test.data[2].transpose(2, 0, 1).reshape(-1), cifar_rows(6, 1)[2])
    assert train.classes == [f"fine {number}" for number in range(100)]


def test_a_sample_is_a_pil_image_and_an_int(root: Path) -> None:
    image, label = CIFAR10(root)[-2]
    assert isinstance(image, Image.Image)
    assert (image.mode, image.size) == ("RGB", (32, 32))
    assert np.array_equal(np.asarray(image), CIFAR10(root).data[28])
    assert type(label) is int
    assert label == 4


def test_samples_go_through_the_transforms(root: Path) -> None:
    dataset = CIFAR10(root, transform=lambda image: image.size, target_transform=lambda label: f"class {label}")
    assert dataset[3] == ((32, 32), "class 3")


@pytest.mark.parametrize("steps", [AUGMENT, PLAIN], ids=["augmented", "plain"])
@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_native_batches_are_the_samples(root: Path, steps: list[Any], num_workers: int) -> None:
    native = CIFAR10(root, transform=T.Compose(steps))
    assert native.batch_plan() is not None
    python = CIFAR10(root, transform=in_python(steps))
    assert python.batch_plan() is None
    assert_same(batches(native, num_workers=num_workers), batches(python))


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_batches_are_those_of_torchs_loader(root: Path, num_workers: int) -> None:
    dataset = CIFAR10(root, transform=T.Compose(PLAIN))
    theirs = batches(dataset, torch.utils.data, num_workers=num_workers)
    assert_same(batches(dataset, num_workers=num_workers), theirs)
    (images, _), *_ = torch.utils.data.DataLoader(dataset, 30)
    levels = (images * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)) * 255
    assert np.array_equal(levels.round().numpy().transpose(0, 2, 3, 1), dataset.data)


@pytest.mark.parametrize("library", [fastload, torch.utils.data])
def test_every_augmented_image_is_a_crop_of_its_own_one(root: Path, library: Any) -> None:
    dataset = CIFAR10(root, transform=T.Compose(AUGMENT[:3]))
    images = torch.cat([images for images, _ in library.DataLoader(dataset, 7)]).mul(255).round().numpy()
    padded = np.pad(dataset.data, ((0, 0), (4, 4), (4, 4), (0, 0))).transpose(0, 3, 1, 2)
    places = [(y, x, flip) for y in range(9) for x in range(9) for flip in (1, -1)]
    found = set()
    for image, whole in zip(images, padded, strict=True):
        (place,) = (
            p for p in places if np.array_equal(whole[:, p[0] : p[0] + 32, p[1] : p[1] + 32][..., :: p[2]], image)
        )
        found.add(place)
    assert len(found) > 15


def test_batches_are_made_without_pil_images(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = CIFAR10(root, transform=T.Compose(PLAIN))
    monkeypatch.setattr(CIFAR10, "load", None)
    assert len(batches(dataset, num_workers=1)) == 5


def test_pixels_and_labels_may_be_replaced(root: Path) -> None:
    dataset = CIFAR10(root, transform=T.Compose(PLAIN))
    before = batches(dataset)
    dataset.data, dataset.targets = dataset.data[20:9:-1], dataset.targets[20:9:-1]
    assert len(dataset) == 11
    python = copy.copy(dataset)
    python.transform = in_python(PLAIN)
    after = batches(dataset)
    assert not torch.equal(after[0][0], before[0][0])
    assert dataset.batch_plan() is not None
    assert_same(after, batches(python))


def test_pixels_changed_in_place_are_seen(root: Path) -> None:
    dataset = CIFAR10(root, transform=T.PILToTensor())
    batches(dataset)
    dataset.data[:] = 7
    assert all(bool((images == 7).all()) for images, _ in batches(dataset))


def test_pixels_that_no_native_program_reads_are_left_to_pillow(root: Path) -> None:
    dataset = CIFAR10(root, transform=T.PILToTensor())
    dataset.data = dataset.data[:, ::2]
    assert dataset.batch_plan() is None
    (images, _), *_ = fastload.DataLoader(dataset, 30)
    assert np.array_equal(images.numpy(), dataset.data.transpose(0, 3, 1, 2))


def test_a_copy_by_pickle_is_native_too(root: Path) -> None:
    dataset = CIFAR10(root, transform=T.Compose(PLAIN))
    as_before = batches(dataset)
    restored = pickle.loads(pickle.dumps(dataset))
    assert restored.batch_plan() is not None
    assert_same(batches(restored), as_before)


def test_a_missing_file_is_named_with_the_way_to_get_it(root: Path) -> None:
    (root / "cifar-10-batches-py" / "data_batch_4").unlink()
    with pytest.raises(
        RuntimeError, match=r"not found or corrupted\. You can use download=True .*data_batch_4: there is"
    ):
        CIFAR10(root, train=False)


@pytest.mark.parametrize("name", ["data_batch_2", "test_batch", "batches.meta"])
def test_a_file_of_another_md5_is_named(root: Path, name: str) -> None:
    path = root / "cifar-10-batches-py" / name
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(RuntimeError, match=rf"You can use download=True .*{name}: its md5 is"):
        CIFAR10(root)


def test_without_an_md5_any_content_will_do(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CIFAR100, "test_list", [("test", None)])
    write_files(root / "cifar-100-python", {"test": python2_pickle({"data": cifar_rows(2, 9), "labels": [3, 99]})})
    assert CIFAR100(root, train=False).targets == [3, 99]


# The beginning and end of the original data_batch_1, with one image in place of 10,000.
ORIGINAL = (
    b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05K\x06aU\x04dataq\x06"
    b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\t(K\x01K\x01M\x00\x0c\x86"
    b"cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    b"T\x00\x0c\x00\x00" + bytes(range(256)) * 12 + b"tbu."
)


def test_a_file_is_read_as_numpy_reads_it(tmp_path: Path) -> None:
    ours = python2_pickle({"labels": [6], "data": np.arange(CIFAR_ROW_BYTES).astype(np.uint8)[None]})
    fortran = python2_pickle({"labels": [1, 2], "data": np.asfortranarray(cifar_rows(2, 0))})
    for content in (ORIGINAL, ours, fortran):
        images, labels = read_batch(str(write_files(tmp_path, {"batch": content}) / "batch"), 10)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy 2 calls the module by another name
            entry = pickle.loads(content, encoding="latin1")
        assert labels == entry["labels"]
        assert np.array_equal(images.transpose(0, 3, 1, 2).reshape(len(labels), -1), entry["data"])


def attack(name: str, command: bytes) -> bytes:
    """What pickles that call ``name`` with ``command`` consist of, but for their beginning and end."""
    if name == "posix.system":
        return b"cposix\nsystem\n" + b"U%c%b\x85R" % (len(command), command)
    if name == "os.system":
        return b"(S'%b'\nios\nsystem\n" % command
    assert name == "subprocess.getoutput"
    return b"\x8c\nsubprocess\x8c\tgetoutput\x93\x8c%c%b\x85R" % (len(command), command)


ATTACKS = {
    "posix.system": "it asks for posix.system, which",
    "os.system": "it asks for os.system, which",
    "subprocess.getoutput": "it is no pickle of Python 2's",  # it is of protocol 4
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_pickle_that_runs_something_runs_nothing(tmp_path: Path, name: str) -> None:
    marker = tmp_path / "marker"
    call = attack(name, f"touch {marker}".encode())
    pickle.loads(b"\x80\x02" + call + b".")
    assert marker.exists()  # so it is an attack
    marker.unlink()
    for content in (b"\x80\x02" + call + b".", ORIGINAL.replace(b"K\x06a", call + b"a")):
        write_files(tmp_path, {"batch": content})
        with pytest.raises(RuntimeError, match=f"batch is damaged: {ATTACKS[name]}"):
            read_batch(str(tmp_path / "batch"), 10)
        assert not marker.exists()


NAMES = [
    "numpy.load",
    "numpy.core.multiarray.scalar",
    "numpy.ndarray.tofile",
    "builtins.getattr",
    "copyreg._reconstructor",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_other_name_is_found(tmp_path: Path, name: str) -> None:
    module, _, attribute = name.rpartition(".")
    write_files(tmp_path, {"batch": f"c{module}\n{attribute}\n.".encode()})
    with pytest.raises(RuntimeError, match=rf"asks for {name}"):
        read_batch(str(tmp_path / "batch"), 10)


def batch_with(**changes: Any) -> bytes:
    whole: dict[str, Any] = {"labels": [1, 2], "data": cifar_rows(2, 0), **changes}
    return python2_pickle({key: value for key, value in whole.items() if value is not None})


WRONG = {
    "nothing": (b"", "EOFError"),
    "text": (b"<html>404</html>", "it is no pickle of Python 2's"),
    "cut short": (batch_with()[:-500], "cut short"),
    "a list": (python2_pickle([1]), "should hold a dict, but it holds list"),
    "no data": (batch_with(data=None), "there is none"),
    "data that is no array": (batch_with(data=[1, 2]), "there is none"),
    "data of two bytes": (batch_with(data=cifar_rows(2, 0).astype(np.int16)), "there is none"),
    "data of signed bytes": (batch_with(data=cifar_rows(2, 0).view(np.int8)), "there is none"),
    "flat data": (batch_with(data=cifar_rows(1, 0)[0]), r"there is \(3072,\)"),
    "other images": (batch_with(data=cifar_rows(2, 0)[:, :1024].copy()), r"there is \(2, 1024\)"),
    "no images": (batch_with(data=cifar_rows(0, 0), labels=[]), r"there is \(0, 3072\)"),
    "more rows than bytes": (
        batch_with().replace(b"J\x02\0\0\0J\0\x0c\0\0", b"J\x03\0\0\0J\0\x0c\0\0"),
        "there is none",
    ),
    "no labels": (batch_with(labels=None), "no list"),
    "too few labels": (batch_with(labels=[1]), "list of 2, but there is 1"),
    "a label too large": (batch_with(labels=[1, 10]), "from 0 to 9"),
    "a label below zero": (batch_with(labels=[1, -1]), "from 0 to 9"),
    "labels that are no numbers": (batch_with(labels=[1, "cat"]), "from 0 to 9"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_holds_something_else_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    content, message = WRONG[what]
    monkeypatch.setattr(CIFAR10, "test_list", [("test_batch", md5_of(content))])
    write_files(root / "cifar-10-batches-py", {"test_batch": content})
    with pytest.raises(RuntimeError, match=rf"test_batch is damaged: .*{message}.* Delete it, and download=True"):
        CIFAR10(root, train=False)


def test_a_file_of_names_that_holds_none_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = python2_pickle({"label_names": ["cat", 2]})
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": md5_of(content)})
    write_files(root / "cifar-10-batches-py", {"batches.meta": content})
    with pytest.raises(RuntimeError, match=r"batches.meta is damaged: its 'label_names' should be a list of names"):
        CIFAR10(root)


def test_no_damage_makes_any_other_error(tmp_path: Path) -> None:
    path = tmp_path / "batch"
    rng = np.random.default_rng(0)
    head = len(ORIGINAL) - CIFAR_ROW_BYTES
    refused = 0
    for _ in range(1500):
        content = bytearray(ORIGINAL)
        content[rng.integers(head if rng.random() < 0.9 else len(content))] = rng.integers(256)
        path.write_bytes(content[: rng.integers(len(content))] if rng.random() < 0.1 else content)
        try:
            read_batch(str(path), 10)
        except RuntimeError:
            refused += 1
    assert refused > 700

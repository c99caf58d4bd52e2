"""ImageFolder finds torchvision's files, in torchvision's order."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fastload import DataLoader
from fastload.datasets import ImageFolder
from fastload.transforms import (
    CenterCrop,
    Compose,
    InterpolationMode,
    Normalize,
    Resize,
    ToImage,
    ToMemoryFormat,
    ToTensor,
)


def save(path: Path, size: tuple[int, int] = (9, 7), color: Any = (10, 20, 30), **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path, **options)
    return path


def names(folder: ImageFolder) -> list[str]:
    return [os.path.relpath(path, folder.root) for path, _ in folder.samples]


def in_python(image: Image.Image) -> torch.Tensor:
    """What is no transform of fastload's."""
    return ToTensor()(image)


def test_classes_are_sorted_and_files_go_by_folder(tmp_path: Path) -> None:
    # A folder is listed with its own files before those of its subfolders, and "b/a" comes after "b" itself.
    for name in ("cat/2.png", "cat/10.png", "cat/sub/0.png", "cat/a/9.png", "Bee/1.jpg", "ant/1.bmp", "ant/0.webp"):
        save(tmp_path / name)
    folder = ImageFolder(tmp_path)
    assert folder.classes == ["Bee", "ant", "cat"]
    assert folder.class_to_idx == {"Bee": 0, "ant": 1, "cat": 2}
    assert names(folder) == [
        "Bee/1.jpg",
        "ant/0.webp",
        "ant/1.bmp",
        "cat/10.png",
        "cat/2.png",
        "cat/a/9.png",
        "cat/sub/0.png",
    ]
    assert folder.targets == [0, 1, 1, 2, 2, 2, 2]
    assert folder.imgs == folder.samples
    assert len(folder) == 7


def test_only_image_files_count(tmp_path: Path) -> None:
    save(tmp_path / "ant" / "1.JPG")
    for name in ("ant/notes.txt", "ant/1.jpg.bak", "ant/noextension", "stray.jpg"):
        (tmp_path / name).write_text("no image")
    folder = ImageFolder(tmp_path)
    assert names(folder) == ["ant/1.JPG"]
    assert folder.classes == ["ant"]


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    save(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "root" / "ant").mkdir(parents=True)
    (tmp_path / "root" / "ant" / "more").symlink_to(tmp_path / "elsewhere")
    assert names(ImageFolder(tmp_path / "root")) == ["ant/more/1.png"]


def test_is_valid_file_takes_the_place_of_extensions(tmp_path: Path) -> None:
    save(tmp_path / "ant" / "1.png")
    save(tmp_path / "ant" / "2.dat", format="PNG")
    folder = ImageFolder(tmp_path, is_valid_file=lambda path: path.endswith(".dat"))
    assert names(folder) == ["ant/2.dat"]
    assert folder.extensions is None
    assert folder[0][0].size == (9, 7)


def test_a_folder_without_classes_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"Couldn't find any class folder in {tmp_path}"):
        ImageFolder(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ImageFolder(tmp_path / "nowhere")


def test_a_class_without_images_is_an_error_unless_allowed(tmp_path: Path) -> None:
    save(tmp_path / "bee" / "1.png")
    (tmp_path / "ant").mkdir()
    (tmp_path / "cat").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no valid file for the classes ant, cat.*extensions are: \.jpg"):
        ImageFolder(tmp_path)
    folder = ImageFolder(tmp_path, allow_empty=True)
    assert folder.classes == ["ant", "bee", "cat"]
    assert folder.targets == [1]


def test_a_sample_is_a_pil_image_in_rgb_and_its_class(tmp_path: Path) -> None:
    path = tmp_path / "ant" / "1.png"
    path.parent.mkdir()
    Image.new("P", (4, 3)).save(path)
    image, target = ImageFolder(tmp_path, target_transform=lambda number: number + 7)[0]
    assert (image.mode, image.size, target) == ("RGB", (4, 3), 7)


def test_a_loader_of_ones_own_is_what_makes_images(tmp_path: Path) -> None:
    save(tmp_path / "ant" / "1.png")
    folder = ImageFolder(tmp_path, loader=lambda path: Image.new("RGB", (5, 5), (255, 0, 0)), transform=ToTensor())
    assert folder[0][0][:, 0, 0].tolist() == [1.0, 0.0, 0.0]
    folder.loader = None
    assert folder[0][0].shape == (3, 7, 9)
    folder.loader = lambda path: Image.new("RGB", (2, 2))
    batch, _ = next(iter(DataLoader(folder)))
    assert batch.shape == (1, 3, 2, 2)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("native", [False, True])
def test_exif_turns_images_only_if_asked_for(tmp_path: Path, turned: bool, native: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "ant" / "1.jpg", size=(16, 8), exif=exif)
    transform = ToTensor() if native else in_python
    folder = ImageFolder(tmp_path, transform=transform, apply_exif_orientation=turned)
    assert folder[0][0].shape == ((3, 16, 8) if turned else (3, 8, 16))


def test_indices_are_those_of_a_list(tmp_path: Path) -> None:
    save(tmp_path / "ant" / "1.png", color=(1, 0, 0))
    save(tmp_path / "ant" / "2.png", color=(2, 0, 0))
    folder = ImageFolder(tmp_path)
    assert folder[-1][0].getpixel((0, 0)) == (2, 0, 0)
    assert folder[np.int64(0)][0].getpixel((0, 0)) == (1, 0, 0)
    with pytest.raises(IndexError, match="index 2 is out of bounds for 2 images"):
        folder[2]


def test_a_pickled_folder_is_the_same_folder(tmp_path: Path) -> None:
    save(tmp_path / "ant" / "1.png")
    folder = ImageFolder(tmp_path, Compose([Resize(4), CenterCrop(4), ToTensor()]))
    before = folder[0][0]
    again = pickle.loads(pickle.dumps(folder))
    assert again.samples == folder.samples
    assert again[0][0].equal(before)


@pytest.mark.parametrize("transform", [None, ToTensor()])
def test_other_samples_can_be_assigned(tmp_path: Path, transform: Any) -> None:
    for number in range(3):
        save(tmp_path / "ant" / f"{number}.png", size=(9 + number, 7))
    folder = ImageFolder(tmp_path, transform)
    width = (lambda image: image.width) if transform is None else (lambda image: image.shape[2])
    assert width(folder[0][0]) == 9
    folder.samples = [(path, 5) for path, _ in folder.samples[1:]]
    assert len(folder) == 2
    assert [(width(image), target) for image, target in folder] == [(10, 5), (11, 5)]


def test_a_root_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "data" / "a" / "1.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert names(ImageFolder("~/data")) == ["a/1.png"]


def test_a_subclass_may_find_other_classes_and_files(tmp_path: Path) -> None:
    class Picked(ImageFolder):
        def find_classes(self, directory: Any) -> tuple[list[str], dict[str, int]]:
            return ["b"], {"b": 7}

        @staticmethod
        def make_dataset(directory: Any, class_to_idx: Any, *arguments: Any, **options: Any) -> list[tuple[str, int]]:
            return ImageFolder.make_dataset(directory, class_to_idx, *arguments, **options)[1:]

    for name in ("a/1.png", "b/1.png", "b/2.png"):
        save(tmp_path / name)
    folder = Picked(tmp_path)
    assert folder.classes == ["b"]
    assert folder.targets == [7]
    assert names(folder) == ["b/2.png"]
    assert ImageFolder.make_dataset(tmp_path, {"a": 0}, ".png") == [(str(tmp_path / "a/1.png"), 0)]
    with pytest.raises(ValueError, match="either extensions or is_valid_file"):
        ImageFolder.make_dataset(tmp_path, {"a": 0})


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("tail", [[], [in_python]], ids=["native", "python"])
def test_batches_are_channels_last_where_that_is_asked_for(tmp_path: Path, workers: int, tail: list[Any]) -> None:
    for number in range(5):
        save(tmp_path / "a" / f"{number}.png", (12, 9), (number, 2, 200))
    plain = [Resize((6, 8)), *tail, *([] if tail else [ToTensor()]), Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])]
    expected = DataLoader(ImageFolder(tmp_path, Compose(plain)), batch_size=5)
    chain = Compose([*plain, ToMemoryFormat(torch.channels_last)])
    ((images, labels),) = DataLoader(ImageFolder(tmp_path, chain), batch_size=5, num_workers=workers)
    assert torch.equal(images, next(iter(expected))[0])
    assert labels.tolist() == [0] * 5
    assert images.shape == (5, 3, 6, 8)
    sample, _ = ImageFolder(tmp_path, chain)[0]
    assert sample.shape == (3, 6, 8)
    assert sample.stride() == (1, 24, 3)
    if not tail:
        assert images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("mode", [InterpolationMode.BILINEAR, InterpolationMode.NEAREST])
def test_what_is_not_antialiased_sees_the_pixels_of_the_whole_image(tmp_path: Path, mode: InterpolationMode) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    path = tmp_path / "a" / "0.jpg"
    path.parent.mkdir()
    Image.fromarray(noise).resize((400, 300)).save(path)
    chain = Compose([ToImage(), Resize((37, 41), mode, antialias=False)])
    ((images, _),) = DataLoader(ImageFolder(tmp_path, chain), batch_size=1)
    with Image.open(path) as image:
        assert torch.equal(images[0], chain(image))

"""Lists of image files and of their targets, in Python and in CSV files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils import data as torch_data

from fastload import DataLoader
from fastload.datasets import ImageList
from fastload.io import DecodeError
from fastload.transforms import Compose, ToTensor

SIZE = (4, 3)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        Image.new("RGB", SIZE, (number, 0, 0)).save(path)
    return paths


def level(image: Image.Image) -> int:
    pixel = image.getpixel((0, 0))
    return pixel[0] if isinstance(pixel, tuple) else pixel


def in_python(image: Image.Image) -> torch.Tensor:
    """What is no transform of fastload's."""
    return ToTensor()(image)


def written(folder: Path, text: str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_and_targets_come_in_their_order(files: list[Path]) -> None:
    images = ImageList([files[3], str(files[1])], ["three", "one"])
    assert [(level(image), target) for image, target in images] == [(3, "three"), (1, "one")]
    assert len(images) == 2


def test_without_targets_the_number_of_the_image_is_the_target(files: list[Path]) -> None:
    assert [target for _, target in ImageList(files)] == [0, 1, 2, 3, 4]


def test_paths_are_relative_to_root(files: list[Path]) -> None:
    images = ImageList((path.name for path in files), root=files[0].parent)
    assert list(images.paths) == [str(path) for path in files]
    assert level(images[4][0]) == 4


@pytest.mark.parametrize("targets", [[5, 6, 7, 8, 9], np.arange(5.0), torch.arange(15).view(5, 3)])
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_those_of_torchs_loader(files: list[Path], targets: object, workers: int) -> None:
    native = ImageList(files, targets, Compose([ToTensor()]))
    plain = ImageList(files, targets, in_python)
    for mine, other in zip(DataLoader(native, 2, num_workers=workers), torch_data.DataLoader(plain, 2), strict=True):
        assert mine[0].equal(other[0])
        assert mine[1].equal(other[1])
        assert mine[1].dtype == other[1].dtype


@pytest.mark.parametrize("transform", [None, ToTensor()])
def test_grey_images(files: list[Path], transform: ToTensor | None) -> None:
    image = ImageList(files, transform=transform, mode="L")[2][0]
    if transform is None:
        assert (image.mode, image.size) == ("L", SIZE)
    else:
        assert image.shape == (1, 3, 4)


def test_a_single_path_is_no_list(files: list[Path]) -> None:
    for path in (files[0], str(files[0])):
        with pytest.raises(TypeError, match=r"must be a list of paths, got the single path .*pass \[path\]"):
            ImageList(path)


def test_each_path_needs_a_target(files: list[Path]) -> None:
    with pytest.raises(ValueError, match="there are 5 paths and 2 targets"):
        ImageList(files, [1, 2])


def test_a_mode_that_is_none_is_an_error(files: list[Path]) -> None:
    with pytest.raises(ValueError, match='mode must be "RGB" or "L", got \'RGBA\''):
        ImageList(files, mode="RGBA")


def test_a_file_that_is_not_there_is_an_error_when_it_is_asked_for(files: list[Path]) -> None:
    images = ImageList([files[0], "nowhere.jpg"], transform=ToTensor())
    assert images[0][0].shape == (3, 3, 4)
    with pytest.raises(DecodeError, match=r"nowhere\.jpg"):
        images[1]


def test_a_csv_file_with_classes(files: list[Path]) -> None:
    file = written(files[0].parent, 'path,label\n1.png,wasp\n"3.png","ant, red"\n2.png,wasp\n')
    images = ImageList.from_csv(file)
    assert images.classes == ["ant, red", "wasp"]
    assert images.class_to_idx == {"ant, red": 0, "wasp": 1}
    assert [(level(image), target) for image, target in images] == [(1, 1), (3, 0), (2, 1)]


@pytest.mark.parametrize(("fields", "targets"), [(("7", "-3"), [7, -3]), (("7", "0.5"), [7.0, 0.5])])
def test_numbers_in_a_csv_file_are_numbers(files: list[Path], fields: tuple[str, ...], targets: list[float]) -> None:
    lines = "".join(f"{path.name},{field}\n" for path, field in zip(files, fields, strict=False))
    images = ImageList.from_csv(written(files[0].parent, lines), header=False)
    assert images.targets == targets
    assert [type(target) for target in images.targets] == [type(target) for target in targets]
    assert images.classes is None


def test_classes_can_be_those_of_another_list(files: list[Path]) -> None:
    file = written(files[0].parent, "path,label\n1.png,3\n2.png,1\n")
    images = ImageList.from_csv(file, classes=["1", "2", "3"])
    assert images.targets == [2, 0]
    with pytest.raises(ValueError, match=r"list\.csv has targets that are not in classes: '3'"):
        ImageList.from_csv(file, classes=["1", "2"])


def test_columns_go_by_name_or_by_number(files: list[Path], tmp_path: Path) -> None:
    file = written(tmp_path, "split;name;file\na;bee;1.png\n\nb;ant;2.png\n")
    by_name = ImageList.from_csv(file, path_column="file", target_column="name", delimiter=";")
    by_number = ImageList.from_csv(file, path_column=2, target_column=1, delimiter=";")
    unlabelled = ImageList.from_csv(file, path_column=2, target_column=None, delimiter=";")
    assert list(by_name.paths) == list(by_number.paths) == list(unlabelled.paths)
    assert by_name.targets == by_number.targets == [1, 0]
    assert [target for _, target in unlabelled] == [0, 1]


def test_the_rest_of_the_arguments_are_the_lists(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    file = written(tmp_path / "lists", "path,label\n1.png,5\n")
    images = ImageList.from_csv(file, ToTensor(), lambda target: target * 2, root=tmp_path, mode="L")
    image, target = images[0]
    assert (image.shape, target) == ((1, 3, 4), 10)


def test_a_byte_order_mark_is_no_part_of_the_first_column(files: list[Path]) -> None:
    file = written(files[0].parent, "\ufeffpath,label\n1.png,5\n")
    assert ImageList.from_csv(file, path_column="path", target_column="label").targets == [5]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("path,label\n1.png,5\n", {"path_column": "file"}, r"no column 'file': it has the columns 'path', 'label'"),
        ("1.png,5\n", {"path_column": "file", "header": False}, "no column 'file': it has no header"),
        ("path,label\n1.png,5\n2.png\n", {}, r"list\.csv, line 3: column 1 is wanted, and there are 1"),
        ("path,label\n1.png,5\n", {"path_column": -1}, "columns are counted from 0, got -1"),
    ],
)
def test_what_a_csv_file_lacks_is_an_error(tmp_path: Path, text: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageList.from_csv(written(tmp_path, text), **options)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["0", "", "10"], "line 3: the target is empty"),
        (["0", "1O", "2"], "line 3: the target '1O' is no finite number"),
        (["0", "nan", "2"], "line 3: the target 'nan' is no finite number"),
        (["cat", " ", "dog"], "line 3: the target is empty"),
    ],
)
def test_targets_that_do_not_fit_the_others_are_refused(
    files: list[Path], tmp_path: Path, targets: list[str], message: str
) -> None:
    lines = "".join(f"{path},{target}\n" for path, target in zip(files, targets, strict=False))
    with pytest.raises(ValueError, match=message):
        ImageList.from_csv(written(tmp_path, "path,target\n" + lines))


def test_names_that_python_would_take_for_numbers_stay_apart(files: list[Path], tmp_path: Path) -> None:
    lines = "path,target\n" + "".join(
        f"{path},{name}\n" for path, name in zip(files, ("1_0", "0_1", "1_0"), strict=False)
    )
    images = ImageList.from_csv(written(tmp_path, lines))
    assert images.classes == ["0_1", "1_0"]
    assert images.targets == [1, 0, 1]


def test_arguments_are_checked_before_any_file_is_opened() -> None:
    with pytest.raises(ValueError, match="max_pixels must be at least 1, or None"):
        ImageList([], max_pixels=0)
    with pytest.raises(ValueError, match=r"the path 'a\\x00b.jpg' has a null byte"):
        ImageList(["a\0b.jpg"], transform=ToTensor())[0]


def test_names_that_look_like_numbers_are_taken_if_classes_say_so(files: list[Path], tmp_path: Path) -> None:
    lines = f"path,target\n{files[0]},2\n{files[1]},3d\n"
    assert ImageList.from_csv(written(tmp_path, lines), classes=["2", "3d"]).targets == [0, 1]


@pytest.mark.parametrize(
    ("name", "what"),
    [("\ud800.jpg", "has characters that no name of a file can have"), ("a\0.jpg", "has a null byte in it")],
)
def test_a_name_that_no_file_can_have_is_named(name: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"the path .* {what}"):
        ImageList([name], transform=ToTensor())[0]

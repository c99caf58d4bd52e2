"""The data.yaml of YOLO's tools: what it may say, and errors that name the file and the key for all that is wrong.

The files are written as JSON, which is YAML: so they are read here without PyYAML too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.detection_files import SIZES, boxes_of, pixels_of, yolo

from fastload.datasets import YOLODetection


@pytest.fixture(autouse=True)
def _reads_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]  # noqa: F401
    except ImportError:
        monkeypatch.setitem(sys.modules, "yaml", SimpleNamespace(safe_load=json.loads, YAMLError=json.JSONDecodeError))


def dataset_of(folder: Path, content: Any, split: str = "train") -> YOLODetection:
    """The data set that a data.yaml with that content in it describes; text and bytes are written as they are."""
    file = folder / "data.yaml"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    return YOLODetection(file, split)


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["cat", "dog"], ["cat", "dog"]),
        ({"1": "dog", "0": "cat"}, ["cat", "dog"]),
        ([7, "8"], ["7", "8"]),
        ({str(number): f"n{number}" for number in reversed(range(12))}, [f"n{number}" for number in range(12)]),
        ([], []),
        (None, []),
    ],
)
def test_names_are_a_list_or_by_number(tmp_path: Path, names: Any, classes: list[str]) -> None:
    yolo(tmp_path)
    assert dataset_of(tmp_path, {"train": "images/train", "names": names}).classes == classes


def test_names_may_be_left_out_and_counted(tmp_path: Path) -> None:
    yolo(tmp_path)
    assert dataset_of(tmp_path, {"train": "images/train"}).classes == []
    assert dataset_of(tmp_path, {"train": "images/train", "nc": 3}).classes == []
    assert dataset_of(tmp_path, {"train": "images/train", "nc": 1, "names": ["cat"]}).classes == ["cat"]


@pytest.mark.parametrize("path", ["data", "./data/", "{}/data", None, ""])
def test_the_path_is_relative_to_the_file_or_absolute_or_the_files_own_folder(tmp_path: Path, path: Any) -> None:
    yolo(tmp_path / "data")
    content = {"path": path and path.format(tmp_path), "train": "images/train"}
    assert len(dataset_of(tmp_path if path else tmp_path / "data", content)) == len(SIZES)


def test_a_part_may_be_named_from_a_folder_beside_the_file(tmp_path: Path) -> None:
    """Roboflow writes ../train/images for a folder that is beside data.yaml; YOLO's tools take that as it is meant."""
    yolo(tmp_path)
    assert len(dataset_of(tmp_path, {"train": "../images/train"})) == len(SIZES)
    (tmp_path / "inner").mkdir()
    assert len(dataset_of(tmp_path / "inner", {"train": "../images/train"})) == len(SIZES)


def numbers_of(data: YOLODetection) -> list[int]:
    """Of the images, known by their pixels and by how many objects they have."""
    numbers = []
    for place in range(len(data)):
        image, target = data[place]
        number = next(number for number in range(len(SIZES)) if np.array_equal(np.asarray(image), pixels_of(number)))
        assert len(target["boxes"]) == len(boxes_of(number))
        numbers.append(number)
    return numbers


@pytest.mark.parametrize("start", ["./", "", "{}/"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_part_may_be_a_list_of_images(tmp_path: Path, start: str, end: str) -> None:
    """As train2017.txt of the coco.yaml of YOLO's tools: lines such as ./images/train2017/000000109622.jpg."""
    yolo(tmp_path / "coco")
    lines = [f"{start.format(tmp_path / 'coco')}images/train/image{number}.png" for number in (3, 0, 2)]
    (tmp_path / "coco/train2017.txt").write_text(end.join([*lines, "", "not/an/image.xml", ""]), newline="")
    data = dataset_of(tmp_path, {"path": "coco", "train": "train2017.txt", "names": [*"abcdef"]})
    assert numbers_of(data) == [0, 2, 3]
    assert data.classes == [*"abcdef"]


def test_a_list_in_a_folder_of_its_own(tmp_path: Path) -> None:
    """Lines with a dot are relative to the list, as YOLO's tools take them, and others to the data."""
    yolo(tmp_path / "lists")
    (tmp_path / "lists/train.txt").write_text("./images/train/image1.png\n")
    assert numbers_of(dataset_of(tmp_path, {"train": "lists/train.txt"})) == [1]
    (tmp_path / "lists/train.txt").write_text("lists/images/train/image1.png\n")
    assert numbers_of(dataset_of(tmp_path, {"train": "lists/train.txt"})) == [1]


def test_a_part_may_be_several_folders_and_lists(tmp_path: Path) -> None:
    yolo(tmp_path)
    for name, number in (("more", 3), ("others", 1)):
        (tmp_path / "images" / name).mkdir()
        (tmp_path / "labels" / name).mkdir()
        for kind, suffix in (("images", ".png"), ("labels", ".txt")):
            source = tmp_path / kind / "train" / f"image{number}{suffix}"
            source.rename(tmp_path / kind / name / source.name)
    (tmp_path / "list.txt").write_text("./images/others/image1.png")
    assert numbers_of(dataset_of(tmp_path, {"train": ["images/train", "images/more"]})) == [3, 0, 2]
    assert numbers_of(dataset_of(tmp_path, {"train": ["list.txt", "../images/more"]})) == [3, 1]


def test_a_list_that_is_no_text_is_named(tmp_path: Path) -> None:
    yolo(tmp_path)
    (tmp_path / "list.txt").write_bytes(b"images/train/\xff\xfe.png")
    with pytest.raises(ValueError, match=r"list\.txt is not text"):
        dataset_of(tmp_path, {"train": "list.txt"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{train: [", r"is not YAML: .+"),
        (b"\xff\xfe\x00", r"is not text: .+"),
        ("", r"is not YAML: |must be a mapping .*got None"),
        ([1, 2], r"must be a mapping with the keys path, train, val and names, got \[1, 2\]"),
        ("7", r"must be a mapping .*got 7"),
        ({"val": "images/val", "names": []}, r"has no key 'train', only 'val', 'names'"),
        ({}, r"has no key 'train'"),
        ({"train": None}, r"'train' must be the name of a folder .*, got None"),
        ({"train": 3}, r"'train' must be the name of a folder .*, got 3"),
        ({"train": []}, r"'train' must be the name of a folder .*, got \[\]"),
        ({"train": ["images/train", 3]}, r"'train' must be the name of a folder .*, got \['images/train', 3\]"),
        ({"train": "images/train", "path": 3}, r"'path' must be the name of a folder, or left out, got 3"),
        ({"train": "images/train", "path": ["a"]}, r"'path' must be the name of a folder, or left out, got \['a'\]"),
        ({"train": "images/train", "names": 3}, r"'names' must be a list of texts, or .*got 3"),
        ({"train": "images/train", "names": "cat"}, r"'names' must be a list of texts, or .*got 'cat'"),
        ({"train": "images/train", "names": ["cat", True]}, r"'names': class 1 must be a text.*got True.*quotes"),
        ({"train": "images/train", "names": ["cat", None]}, r"'names': class 1 must be a text.*got None"),
        ({"train": "images/train", "names": [["cat"]]}, r"'names': class 0 must be a text.*got \['cat'\]"),
        ({"train": "images/train", "names": {"0": "a", "2": "b"}}, r"'names' must have the numbers 0 to 1, got 0, 2"),
        ({"train": "images/train", "names": {"1": "a", "2": "b"}}, r"'names' must have the numbers 0 to 1, got 1, 2"),
        ({"train": "images/train", "names": {"cat": 0}}, r"'names' must have the numbers 0 to 0, got 'cat'"),
        ({"train": "images/train", "names": ["cat"], "nc": 2}, r"'nc' is 2, and 'names' has 1"),
        ({"train": "images/train", "nc": "two"}, r"'nc' must be a whole number, got 'two'"),
        ({"train": "images/train", "kpt_shape": [2, 2]}, r"'kpt_shape' says that its lines have key points"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: Any, message: str) -> None:
    yolo(tmp_path)
    with pytest.raises(ValueError, match=rf"data\.yaml:? .*(?:{message})"):
        dataset_of(tmp_path, content)


@pytest.mark.parametrize("said", [{"names": ["cat", "dog"]}, {"nc": 2}, {"names": {"0": "cat", "1": "dog"}, "nc": 2}])
def test_a_class_that_is_not_there_is_named(tmp_path: Path, said: Any) -> None:
    labels = yolo(tmp_path) / "labels/train/image0.txt"
    data = dataset_of(tmp_path, {"train": "images/train", **said})
    labels.write_text("1 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1 0.1\n")
    assert data.target(0)["labels"].tolist() == [1, 0]
    labels.write_text("1 0.5 0.5 0.1 0.1\n2 0.5 0.5 0.1 0.1\n")
    with pytest.raises(ValueError, match=r"image0\.txt, line 2: there are 2 classes, and '2 0\.5.*' is of 2"):
        data.target(0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"train": "images/other"}, r"'train' is 'images/other', and there is no folder or file .*/images/other"),
        ({"train": ["images/train", "more"]}, r"'train' is 'more', and there is no folder or file .*/more"),
        ({"train": ["images/train", "empty"]}, r"'train' is 'empty', and there is no image in .*/empty"),
        ({"train": "list.txt"}, r"'train' is 'list.txt', and there is no image in .*/list.txt"),
        (
            {"train": "images/train", "path": "nowhere"},
            r"'train' is 'images/train', and there is no folder or file .*/nowhere/images/train",
        ),
        ({"train": "empty"}, r"'train' is 'empty', and there is no image in .*/empty"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, content: Any, message: str) -> None:
    yolo(tmp_path)
    (tmp_path / "list.txt").write_text("# images\n\n")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"data\.yaml: {message}"):
        dataset_of(tmp_path, content)


def test_a_yaml_file_that_is_not_there_is_no_folder_either(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*other\.yaml"):
        YOLODetection(tmp_path / "other.yaml")

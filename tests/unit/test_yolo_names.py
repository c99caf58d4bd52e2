"""YOLO's images by their names, in folders of folders and in lists, and text files that begin with a mark."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from support.detection_files import boxes_of, yolo

from fastload.datasets import YOLODetection


@pytest.fixture(autouse=True)
def _reads_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON is YAML: so it is read here without PyYAML, too."""
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]  # noqa: F401
    except ImportError:
        monkeypatch.setitem(sys.modules, "yaml", SimpleNamespace(safe_load=json.loads, YAMLError=json.JSONDecodeError))


def images(root: Path, *names: str) -> Path:
    for name in names:
        path = root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    return root


def ids_of(data: YOLODetection) -> list[str]:
    return [data.target(number)["image_id"] for number in range(len(data))]


def test_an_image_is_called_by_its_path_below_the_folder_of_its_part(tmp_path: Path) -> None:
    root = images(tmp_path, "train/a/0001.jpg", "train/b/0001.jpg", "train/b/c/v.1.png", "train/0001.jpg")
    assert ids_of(YOLODetection(root)) == ["0001", "a/0001", "b/0001", "b/c/v.1"]
    assert ids_of(YOLODetection(root, "train/b")) == ["0001", "c/v.1"]
    assert ids_of(YOLODetection(root, ""))[1] == "train/a/0001"


@pytest.mark.parametrize("path", ["", "{}"])
def test_images_of_several_folders_or_a_list_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(images(tmp_path, "a/1.jpg", "a/2.jpg", "b/1.jpg").parent)
    content: dict[str, Any] = {
        "path": path.format(tmp_path),
        "one": "images/a",
        "several": ["images/a", "images/b"],
        "list": "list.txt",
        "both": ["images/b", "list.txt"],
    }
    root = Path(tmp_path.name)
    (root / "data.yaml").write_text(json.dumps(content))
    (root / "list.txt").write_text(f"{tmp_path}/images/a/2.jpg\n./images/b/1.jpg\n")
    found = {name: sorted(ids_of(YOLODetection(root / "data.yaml", name))) for name in content if name != "path"}
    assert found == {
        "one": ["1", "2"],
        "several": ["a/1", "a/2", "b/1"],
        "list": ["a/2", "b/1"],
        "both": ["a/2", "b/1", "b/1"],
    }


def test_text_files_may_begin_with_a_mark(tmp_path: Path) -> None:
    """Editors of Windows put a byte order mark before UTF-8."""
    root = yolo(tmp_path)
    files = [*(root / "labels/train").glob("*.txt"), root / "list.txt", root / "data.yaml"]
    (root / "list.txt").write_text("./images/train/image0.png\n./images/train/image1.png\n")
    (root / "data.yaml").write_text(json.dumps({"train": "list.txt"}))
    for file in files:
        file.write_text(file.read_text(), encoding="utf-8-sig")
    data = YOLODetection(root / "data.yaml")
    assert [len(target["boxes"]) for _, target in data] == [len(boxes_of(0)), len(boxes_of(1))]


@pytest.mark.parametrize("split", [None, 1, ["train"]])
def test_a_split_has_a_name(tmp_path: Path, split: Any) -> None:
    root = yolo(tmp_path)
    (root / "data.yaml").write_text(json.dumps({"train": "images/train"}))
    for place in (root, root / "data.yaml"):
        with pytest.raises(TypeError, match="split must be the name of a part, such as 'train', got "):
            YOLODetection(place, split)


def test_images_without_parts_are_an_empty_split(tmp_path: Path) -> None:
    root = yolo(tmp_path)
    for kind in ("images", "labels"):
        for file in (root / kind / "train").iterdir():
            file.rename(root / kind / file.name)
        (root / kind / "train").rmdir()
    with pytest.raises(FileNotFoundError, match=r"neither .*; an empty split reads all of .*/images"):
        YOLODetection(root)
    data = YOLODetection(root, "")
    assert [len(target["boxes"]) for _, target in data] == [len(boxes_of(number)) for number in range(4)]
    with pytest.raises(FileNotFoundError, match=r"images$"):
        YOLODetection(tmp_path / "labels")

"""What torchvision's data sets of objects say of themselves, these say, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.detection_files import coco, voc, yolo
from torchvision_without_kernels import tv_datasets, v2

from fastload import transforms as T
from fastload.datasets import CocoDetection, VOCDetection, YOLODetection

OPTIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "transform": {"transform": v2.RandomHorizontalFlip(0.2)},
    "several lines": {"transform": v2.Compose([v2.ToImage(), v2.RandomHorizontalFlip(0.2)])},
    "target_transform": {"target_transform": len},
    "both": {"transform": T.ToTensor(), "target_transform": len},
    "transforms": {"transforms": v2.Compose([v2.ToImage(), v2.RandomHorizontalFlip(0.2)])},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_representation_is_torchvisions(tmp_path: Path, name: str) -> None:
    files, options = coco(tmp_path), OPTIONS[name]
    assert repr(CocoDetection(*files, **options)) == repr(tv_datasets.CocoDetection(*files, **options))
    root = voc(tmp_path)
    assert repr(VOCDetection(root, **options)) == repr(tv_datasets.VOCDetection(root, **options))
    text = repr(YOLODetection(yolo(root), **options))
    others = repr(VOCDetection(root, **options)).replace("VOC", "YOLO").replace("points: 3", "points: 4")
    assert text == others


def test_lists_of_paths_are_torchvisions(tmp_path: Path) -> None:
    root = voc(tmp_path)
    mine, theirs = VOCDetection(root), tv_datasets.VOCDetection(root)
    for name in ("images", "targets", "annotations"):
        assert getattr(mine, name) == getattr(theirs, name)
    for data in (mine, theirs):
        data.images, data.targets = data.images[1:], data.targets[1:]
    assert len(mine) == len(theirs) == 2
    assert mine[0][1] == theirs[0][1]


def test_folders_may_be_in_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _, file = coco(tmp_path / "coco")
    for kind in (CocoDetection, tv_datasets.CocoDetection):
        assert kind("~/coco/images", file)[0][0].size == (130, 90)
    voc(tmp_path / "voc")
    for kind in (VOCDetection, tv_datasets.VOCDetection):
        assert len(kind("~/voc")) == 3
    yolo(tmp_path / "yolo")
    assert len(YOLODetection("~/yolo")) == 4

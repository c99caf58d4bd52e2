"""Key points of COCO's files: as many for each object of the whole file, so that all samples go into one batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.detection_files import changed_coco

from fastload import DataLoader
from fastload import transforms as T
from fastload.collate import DetectionCollate
from fastload.datasets import CocoDetection


def without_points(content: dict[str, Any]) -> None:
    """Of the image 39 no object has key points, of the image 40 one has; the image 38 has no objects."""
    for entry in content["annotations"]:
        if entry["image_id"] == 39 or entry["id"] == 2:
            del entry["keypoints"]


def named_points(*counts: Any) -> Any:
    """Let the first categories have so many names of key points."""

    def change(content: dict[str, Any]) -> None:
        without_points(content)
        for category, count in zip(content["categories"], counts, strict=False):
            category["keypoints"] = [f"point {number}" for number in range(count)]

    return change


@pytest.mark.parametrize(
    ("change", "count"), [(without_points, 2), (named_points(2), 2), (named_points(4, 3), 4), (named_points(0, 5), 5)]
)
def test_all_samples_have_as_many_key_points_as_a_category_names(tmp_path: Path, change: Any, count: int) -> None:
    images, file = changed_coco(tmp_path, change)
    data = CocoDetection(images, file, tensors=True, keypoints=True, transforms=T.Compose([T.Resize((9, 9))]))
    targets = {number: data.target(place) for place, number in enumerate(data.ids)}
    for target in targets.values():
        assert target["keypoints"].shape == (len(target["boxes"]), count, 3)
        assert target["keypoints"].dtype == torch.float32
    assert not targets[39]["keypoints"].any()
    for points, number in zip(targets[40]["keypoints"], targets[40]["ids"].tolist(), strict=True):
        assert points[:2, 2].tolist() == ([0, 0] if number == 2 else [2, 1])
        assert not points[2:].any()
    for mode in ("list", "padded", "packed"):
        loader = DataLoader(data, batch_size=4, collate_fn=DetectionCollate(mode))
        assert len(list(loader)) == 1


def test_more_key_points_than_a_category_names_are_refused(tmp_path: Path) -> None:
    images, file = changed_coco(tmp_path, named_points(1))
    data = CocoDetection(images, file, tensors=True, keypoints=True)
    message = r'image 37, annotation 0 .*"keypoints" must be .* of at most 1 key points, got'
    with pytest.raises(ValueError, match=message):
        data.target(0)


@pytest.mark.parametrize("names", [5, "nose", {"nose": 1}])
def test_names_of_key_points_that_are_no_list_are_refused(tmp_path: Path, names: Any) -> None:
    images, file = changed_coco(tmp_path, lambda content: content["categories"][1].update(keypoints=names))
    assert len(CocoDetection(images, file, tensors=True)) == 4
    with pytest.raises(ValueError, match=r'json: category 2: "keypoints" must be a list of names, or left out, got'):
        CocoDetection(images, file, tensors=True, keypoints=True)
    images, file = changed_coco(tmp_path, lambda content: content["categories"][1].update(keypoints=None))
    assert CocoDetection(images, file, tensors=True, keypoints=True).target(1)["keypoints"].shape == (0, 2, 3)

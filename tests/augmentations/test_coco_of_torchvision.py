"""`CocoDetection` in the place of torchvision's, whose wrapper for its transforms takes torchvision's classes alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.detection_files import coco
from torchvision_without_kernels import tv_datasets, tv_tensors, v2

from fastload import transforms as T
from fastload.datasets import CocoDetection

FLIP = v2.RandomHorizontalFlip(1.0)


def for_torchvision(image: Any, target: dict[str, Any]) -> Any:
    """As docs/datasets.md says."""
    boxes = tv_tensors.BoundingBoxes(target["boxes"], format="XYXY", canvas_size=(image.height, image.width))
    return FLIP(image, {**target, "boxes": boxes})


@pytest.mark.parametrize("number", [0, 2, 3])
def test_samples_are_those_of_torchvisions_wrapper(tmp_path: Path, number: int) -> None:
    files = coco(tmp_path)
    wrapped = tv_datasets.wrap_dataset_for_transforms_v2(tv_datasets.CocoDetection(*files, transforms=FLIP))
    image, target = CocoDetection(*files, transforms=for_torchvision, tensors=True)[number]
    expected_image, expected = wrapped[number]
    assert np.array_equal(np.asarray(image), np.asarray(expected_image))
    assert type(target["boxes"]) is type(expected["boxes"])
    assert torch.equal(target["boxes"], expected["boxes"])
    assert torch.equal(target["labels"], expected["labels"])
    assert target["image_id"] == expected["image_id"]


def test_the_object_of_cocos_tools_is_that_of_torchvision(tmp_path: Path) -> None:
    files = coco(tmp_path)
    mine, theirs = CocoDetection(*files), tv_datasets.CocoDetection(*files)
    assert type(mine.coco) is type(theirs.coco)
    assert mine.coco.dataset == theirs.coco.dataset
    assert mine.ids == theirs.ids


def test_what_another_librarys_transforms_do_with_boxes_is_theirs(tmp_path: Path) -> None:
    files = coco(tmp_path)
    for transform in (FLIP, T.Compose([FLIP]), T.RandomApply([FLIP], p=1.0)):
        plain, tensors = CocoDetection(*files, transform=transform), CocoDetection(*files, transform, tensors=True)
        assert np.array_equal(np.asarray(plain[0][0]), np.asarray(tensors[0][0]))
        assert tensors[0][1]["boxes"].shape[1] == 4
        CocoDetection(*files, transforms=T.Compose([transform], boxes="xyxy"))

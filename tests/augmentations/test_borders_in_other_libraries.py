"""What lies at the border and beyond it: with the transforms of other libraries as with fastload's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import albumentations as A
import imgaug.augmenters as iaa
import numpy as np
import pytest
from torchvision_without_kernels import v2

from fastload import transforms as T

IMAGE = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
# All cut to the middle, 50 x 50, first: cut at two sides, at one, at none, at four, and gone.
BOXES = np.array([[10, 10, 60, 60], [30, 30, 95, 60], [30, 35, 60, 70], [5, 0, 90, 95], [2, 2, 20, 20]], np.float64)
IN_MIDDLE = BOXES - 25

Step = Callable[[], Any]
CROPS: dict[str, Step] = {
    "fastload": lambda: T.CenterCrop(50),
    "imgaug": lambda: iaa.Crop(px=25, keep_size=False),
    "Albumentations": lambda: A.CenterCrop(50, 50),
    "torchvision": lambda: v2.CenterCrop(50),
}
PADS: dict[str, Step] = {
    "fastload": lambda: T.Pad(30),
    "imgaug": lambda: iaa.Pad(px=30, keep_size=False),
    "Albumentations": lambda: A.Pad(30),
    "torchvision": lambda: v2.Pad(30),
}
FLIPS: dict[str, Step] = {
    "fastload": lambda: T.RandomHorizontalFlip(1.0),
    "imgaug": lambda: iaa.Fliplr(1.0),
    "Albumentations": lambda: A.HorizontalFlip(p=1.0),
    "torchvision": lambda: v2.RandomHorizontalFlip(1.0),
}
TWICE: dict[str, Step] = {
    "fastload": lambda: T.Resize((100, 100)),
    "imgaug": lambda: iaa.Resize(100),
    "Albumentations": lambda: A.Resize(100, 100),
    "torchvision": lambda: v2.Resize((100, 100)),
}
TURNS: dict[str, Step] = {
    "fastload": lambda: T.RandomRotation((90, 90)),
    "imgaug": lambda: iaa.Rot90(3),
    "Albumentations": lambda: A.Compose([A.Transpose(p=1.0), A.VerticalFlip(p=1.0)]),
    "torchvision": lambda: v2.RandomRotation((90, 90)),
}


def mirrored(boxes: Any) -> Any:
    return np.stack([50 - boxes[:, 2], boxes[:, 1], 50 - boxes[:, 0], boxes[:, 3]], axis=1)


def turned(boxes: Any) -> Any:
    """By a quarter, anticlockwise."""
    return np.stack([boxes[:, 1], 50 - boxes[:, 2], boxes[:, 3], 50 - boxes[:, 0]], axis=1)


AFTER: dict[str, tuple[dict[str, Step], Callable[[Any], Any], int]] = {
    "nothing": ({}, lambda boxes: boxes, 50),
    "border": (PADS, lambda boxes: boxes + 30, 110),
    "mirror": (FLIPS, mirrored, 50),
    "larger": (TWICE, lambda boxes: boxes * 2, 100),
    "quarter turn": (TURNS, turned, 50),
}


# Boxes of both sides of which nothing is in the image are where corners, as points, are: others mirror those about the
# centres of pixels.
@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("second", FLIPS)
@pytest.mark.parametrize("first", CROPS)
def test_boxes_go_beyond_the_border_where_they_are_not_clipped(first: str, second: str, after: str) -> None:
    steps, moved, size = AFTER[after]
    chain = [CROPS[first](), *([steps[second]()] if steps else [])]
    target = {"boxes": BOXES, "labels": np.arange(5)}
    image, made = T.Compose(chain, boxes=T.BoxParams(clip=False))(IMAGE, target)
    assert image.shape[:2] == (size, size)
    assert made["labels"].tolist() == [0, 1, 2, 3]
    expected = moved(IN_MIDDLE)[:4]
    apart = np.abs(made["boxes"] - expected).max(axis=1)
    turns = after in ("mirror", "quarter turn")
    assert apart[:3].max() <= 1e-3
    assert apart[3] <= (1 if turns else 0) + 1e-3
    _, made = T.Compose(chain)(IMAGE, target)
    assert made["labels"].tolist() == [0, 1, 2, 3]
    expected = np.clip(moved(np.clip(IN_MIDDLE, 0, 50)), 0, size)[:4]
    assert np.abs(made["boxes"] - expected).max() <= 1e-3


# (10, 10, 60, 60) shows 35 x 35 of 50 x 50 in the middle; (30, 30, 95, 60) shows 45 x 30 of 65 x 30.
@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("name", CROPS)
def test_what_is_left_of_boxes_counts_for_their_visibility(name: str, clip: bool) -> None:
    shown = {0: 0.49, 1: 45 / 65, 2: 1.0, 3: 2500 / (85 * 95)}
    for least in (0.0, 0.3, 0.4, 0.48, 0.5, 0.6, 0.7, 0.99):
        params = T.BoxParams(min_visibility=least, clip=clip)
        _, made = T.Compose([CROPS[name]()], boxes=params)(IMAGE, {"boxes": BOXES, "labels": np.arange(5)})
        assert made["labels"].tolist() == [label for label, part in shown.items() if part >= least]


def test_the_visibility_in_other_libraries_is_of_boxes_as_they_are_turned() -> None:
    for step in (iaa.Affine(rotate=45), A.Affine(rotate=45, p=1.0), v2.RandomRotation((45, 45))):
        params = T.BoxParams(min_visibility=0.95)
        target = {"boxes": np.array([[40.0, 40, 60, 60], [0, 0, 40, 40]]), "labels": [0, 1]}
        _, made = T.Compose([step], boxes=params)(IMAGE, target)
        assert made["labels"] == [0]


@pytest.mark.parametrize("name", FLIPS)
def test_key_points_on_the_border_are_seen(name: str) -> None:
    edges = {"left": [0.0, 50, 2], "top": [50.0, 0, 2], "bottom": [50.0, 100, 2], "beyond": [50.0, 100.5, 2]}
    points = np.array([list(edges.values())])
    _, made = T.Compose([FLIPS[name]()])(IMAGE, {"keypoints": points})
    assert made["keypoints"][0, :, 2].tolist() == [2, 2, 2, 0]
    steps = {"fastload": T.Pad(0), "imgaug": iaa.Identity(), "Albumentations": A.NoOp(p=1.0), "torchvision": v2.Pad(0)}
    points = np.array([[[100.0, 50, 2], [100, 100, 2], [0, 0, 2], [100.1, 50, 2], [-0.1, 50, 2]]])
    _, made = T.Compose([steps[name]])(IMAGE, {"keypoints": points})
    assert made["keypoints"][0, :, 2].tolist() == [2, 2, 2, 0, 0]


@pytest.mark.parametrize("name", FLIPS)
def test_key_points_that_came_from_beyond_stay_unseen(name: str) -> None:
    _, made = T.Compose([CROPS[name](), PADS[name]()])(IMAGE, {"keypoints": np.array([[[10.0, 50, 2], [50, 50, 2]]])})
    assert made["keypoints"].tolist() == [[[15, 55, 0], [55, 55, 2]]]


def test_sanitizing_keeps_what_is_partly_beyond() -> None:
    chain = [T.CenterCrop(50), v2.SanitizeBoundingBoxes()]
    _, made = T.Compose(chain, boxes=T.BoxParams(clip=False))(IMAGE, {"boxes": BOXES, "labels": np.arange(5)})
    assert made["labels"].tolist() == [0, 1, 2, 3]
    assert np.abs(made["boxes"] - IN_MIDDLE[:4]).max() <= 1e-3

"""A part of a box that has been cut off counts in all that follows, whoever cut it off, and whoever calls it next."""

from __future__ import annotations

from typing import Any

import albumentations as A
import imgaug.augmenters as iaa
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision_without_kernels import tv_tensors, v2

from fastload import transforms as T

IMAGE = torch.zeros(3, 100, 100, dtype=torch.uint8)
IMAGES: dict[str, Any] = {
    "tensor": IMAGE,
    "array": np.zeros((100, 100, 3), np.uint8),
    "PIL image": Image.new("RGB", (100, 100)),
}
BOX = [20.0, 20, 40, 40]
# Each leaves half of the box: the right one of it, and then the lower one.
LEFT = {
    "own": lambda: T.Pad((-30, 0, 0, 0)),
    "Albumentations": lambda: A.Crop(30, 0, 100, 100, p=1.0),
    "imgaug": lambda: iaa.Crop(px=(0, 0, 0, 30), keep_size=False),
    "torchvision": lambda: v2.Pad((-30, 0, 0, 0)),
}
TOP = {
    "own": lambda: T.Pad((0, -30, 0, 0)),
    "Albumentations": lambda: A.Crop(0, 30, 70, 100, p=1.0),
    "imgaug": lambda: iaa.Crop(px=(30, 0, 0, 0), keep_size=False),
    "torchvision": lambda: v2.Pad((0, -30, 0, 0)),
}
# What cuts nothing off.
STILL = {
    "nothing": [],
    "a colour of Albumentations": [A.GaussNoise(p=1.0)],
    "a colour of imgaug": [iaa.Add(5)],
    "a colour of torchvision": [v2.RandomInvert(1.0)],
    "mirrors": [A.HorizontalFlip(p=1.0), v2.RandomHorizontalFlip(1.0)],
    "one that is not drawn": [A.HorizontalFlip(p=0.0)],
    "one of several": [T.OneOf([A.GaussNoise(p=1.0)], p=1.0), T.Compose([T.RandomInvert(1.0), iaa.Add(5)])],
    "larger and smaller": [A.Resize(140, 140), v2.Resize((100, 70))],
}


def left(steps: Any, least: float, boxes: Any = None, **options: Any) -> Any:
    params = T.BoxParams(**{"min_visibility": least, **options})
    target = {"boxes": torch.tensor([BOX]) if boxes is None else boxes, "names": ["it"]}
    return T.Compose(steps, boxes=params)(IMAGE, target)[1]["names"]


@pytest.mark.parametrize("last", TOP)
@pytest.mark.parametrize("first", LEFT)
@pytest.mark.parametrize("between", STILL)
def test_parts_that_are_cut_off_in_several_steps_count_together(first: str, between: str, last: str) -> None:
    steps = [LEFT[first](), *STILL[between], TOP[last]()]
    if between == "larger and smaller":
        steps[1:1] = [T.CenterCrop((100, 70))]
    assert left(steps, 0.3) == []
    assert left(steps, 0.2) == ["it"]


@pytest.mark.parametrize("still", [A.HorizontalFlip(p=0.0), A.GaussNoise(p=1.0)])
@pytest.mark.parametrize("first", LEFT)
def test_parts_count_once_however_often_boxes_are_handed_out(first: str, still: Any) -> None:
    own = T.RandomInvert(1.0)
    steps = [LEFT[first](), still, own, still, T.Pad((5, 5, 5, 5)), still, own, still]
    assert left(steps, 0.45) == ["it"]
    assert left(steps, 0.55) == []
    assert left([*steps, T.Pad((0, -35, 0, 0)), still, own], 0.2) == ["it"]
    assert left([*steps, T.Pad((0, -35, 0, 0)), still, own], 0.3) == []


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("first", LEFT)
def test_boxes_that_come_back_as_they_were_have_the_part_from_the_start(first: str, kind: str) -> None:
    def unchanged(image: Any, target: Any) -> Any:
        return image, target

    own, target = T.RandomInvert(1.0), {"boxes": torch.tensor([BOX]), "names": ["it"]}
    for still in (unchanged, v2.RandomHorizontalFlip(0.0), A.HorizontalFlip(p=0.0), iaa.Identity()):
        half, quarter = [LEFT[first](), own, still], [TOP["own"](), still, own, still]
        eighth = [T.Pad((0, 0, 0, -65))]  # whose last row is the fifth of the ten that were left
        for part, steps in ((0.5, half), (0.25, half + quarter), (0.125, half + quarter + eighth)):
            for least, names in ((part - 0.01, ["it"]), (part + 0.01, [])):
                chain = T.Compose([*steps, own], boxes=T.BoxParams(min_visibility=least))
                assert chain(IMAGES[kind], target)[1]["names"] == names


@pytest.mark.parametrize("first", LEFT)
def test_each_box_has_its_own_part(first: str) -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [60, 60, 80, 80], BOX, [0, 25, 10, 80], [50, 50, 60, 60]])
    target = {"boxes": boxes, "names": list("abcde")}
    chain = T.Compose([LEFT[first](), A.GaussNoise(p=1.0), TOP["own"]()], boxes=T.BoxParams(min_visibility=0.3))
    assert chain(IMAGE, target)[1]["names"] == ["b", "e"]


@pytest.mark.parametrize("first", LEFT)
def test_whole_boxes_tell_by_themselves_what_is_in_sight(first: str) -> None:
    turned = np.array([[30.0, 30, 20, 20, 0]])
    for options in ({"format": "cxcywhr", "boxes": turned}, {"clip": False}):
        steps = [LEFT[first](), A.GaussNoise(p=1.0), T.RandomInvert(1.0), v2.RandomInvert(1.0)]
        assert left(steps, 0.45, **options) == ["it"]
        assert left(steps, 0.55, **options) == []
        padded = [*steps, T.Pad((30, 0, 0, 0))]  # what was cut off does not come back
        assert left(padded, 0.55, **options) == []


def test_a_function_of_ones_own_begins_anew() -> None:
    def unchanged(image: Any, target: Any) -> Any:
        return image.clone(), target

    assert left([LEFT["own"](), unchanged, TOP["own"]()], 0.3) == ["it"]


def test_tv_tensors_are_counted_too() -> None:
    boxes = tv_tensors.BoundingBoxes([BOX], format="XYXY", canvas_size=(100, 100))
    assert left([LEFT["torchvision"](), v2.RandomInvert(1.0), TOP["torchvision"]()], 0.3, boxes) == []

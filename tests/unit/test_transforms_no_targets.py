"""What has the name of a target and cannot be one is refused: the image would move, and it would stay behind."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T
from fastload.collate import DetectionCollate

IMAGE = np.zeros((40, 60, 3), np.uint8)
FLIP = T.RandomHorizontalFlip(1.0)
ROWS = torch.tensor([[10.0, 5, 20, 15]])
NONE_AT_ALL: list[tuple[str, Any, str]] = [
    ("boxes", {"a": [1, 2, 3, 4]}, "dict {'a': [1, 2, 3, 4]}"),
    ("boxes", {"a": ROWS}, "dict {'a': tensor([["),
    ("bboxes", "[10, 5, 20, 15]", "str '[10, 5, 20, 15]'"),
    ("boxes", ["10 5 20 15"], "list ['10 5 20 15']"),
    ("masks", {"road": np.zeros((40, 60))}, "dict {'road': array("),
    ("keypoints", {"nose": (3, 4)}, "dict {'nose': (3, 4)}"),
]


@pytest.mark.parametrize(("name", "value", "shown"), NONE_AT_ALL)
@pytest.mark.parametrize("nested", [False, True])
def test_a_target_that_is_none_is_refused(name: str, value: Any, shown: str, nested: bool) -> None:
    target = {name: value, "labels": [1]}
    sample = {"image": IMAGE, "meta": {"target": target}} if nested else (IMAGE, target)
    for chain in (T.Compose([FLIP]), T.Compose([FLIP, T.ToTensor()]), T.RandomApply([FLIP], 1.0), FLIP):
        with pytest.raises(TypeError, match=rf"{name!r} must be numbers.*got {re.escape(shown)}"):
            chain(sample)


def test_beside_a_target_that_is_one_too() -> None:
    with pytest.raises(TypeError, match="'masks' must be numbers"):
        FLIP(IMAGE, {"boxes": ROWS, "masks": {"road": np.zeros((40, 60))}})


@pytest.mark.parametrize(
    "beside",
    [{"boxes": None}, {"masks": None, "keypoints": None}, {"boxes": {}}, {"mask": True}, {"keypoints": ["nose"]}],
)
def test_nothing_and_names_are_left_alone(beside: dict[str, Any]) -> None:
    made, target = FLIP(IMAGE, beside)
    assert made.shape == IMAGE.shape
    assert target == beside


def test_a_dict_of_targets_may_have_any_name() -> None:
    _, target = FLIP(IMAGE, {"boxes": {"boxes": ROWS, "labels": [1]}})
    assert target["boxes"]["boxes"].tolist() == [[40, 5, 50, 15]]


@pytest.mark.parametrize(
    ("box_format", "box", "in_pixels"),
    [
        ("yolo", (10, 10, 4, 4), "cxcywh"),
        ("albumentations", (1, 1, 50, 30), "xyxy"),
        ("xywh_normalized", (0.5, 0.5, 0.25, 12), "xywh"),
        ("cxcywh_normalized", (-7, 0, 1, 1), "cxcywh"),
    ],
)
def test_boxes_of_pixels_are_no_parts_of_the_sides(box_format: str, box: Any, in_pixels: str) -> None:
    boxes = torch.tensor([[0.5, 0.5, 0.75, 0.75], box], dtype=torch.float64)
    wanted = rf"box 1 of 2 is \(.*look like pixels, .*boxes={in_pixels!r}"
    flip = T.Compose([FLIP], boxes=box_format)
    for chain in (flip, T.Compose([FLIP, T.ToTensor()], boxes=box_format), T.Compose([Own()], boxes=box_format)):
        with pytest.raises(ValueError, match=wanted):
            chain(IMAGE, {"boxes": boxes})
    data = [(IMAGE, {"boxes": boxes, "labels": torch.tensor([1, 2])})] * 4
    for joined in (T.Mosaic(data, (40, 60), p=1.0, boxes=box_format), T.CopyPaste(data, p=1.0, boxes=box_format)):
        with pytest.raises(ValueError, match=wanted):
            joined[0]
    batch = DetectionCollate("list")([(torch.zeros(3, 8, 8), target) for _, target in data])
    for mix in (T.MixUp(boxes=box_format), T.CutMix(boxes=box_format)):
        with pytest.raises(ValueError, match="image 0 of the batch: " + wanted):
            mix(*batch)


class Own(T.Transform):
    """What looks at boxes without a program."""

    def forward(self, *inputs: Any) -> Any:
        return T.ClampBoundingBoxes()(FLIP(*inputs))


@pytest.mark.parametrize("clip", [True, False])
def test_boxes_may_reach_beyond_the_image(clip: bool) -> None:
    chain = T.Compose([FLIP], boxes=T.BoxParams("xyxy_normalized", clip=clip))
    boxes = torch.tensor([[-2.5, 0.25, 0.5, 3.5]], dtype=torch.float64)
    expected = [[0.5, 0.25, 1, 1]] if clip else [[0.5, 0.25, 3.5, 3.5]]
    assert chain(IMAGE, {"boxes": boxes})[1]["boxes"].tolist() == expected


def test_boxes_that_nothing_ends_may_be_any_parts_of_a_small_crop() -> None:
    params = T.BoxParams("xyxy_normalized", clip=False)
    chain = T.Compose([T.CenterCrop((4, 6)), lambda image, target: (image.copy(), target), FLIP], boxes=params)
    _, target = chain(IMAGE, {"boxes": torch.tensor([[0.0, 0, 1, 1]], dtype=torch.float64)})
    assert torch.allclose(target["boxes"], torch.tensor([[-4.5, -4.5, 5.5, 5.5]], dtype=torch.float64))

"""Boxes of which next to nothing is left: they go, and what comes out has a width in every format and type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T

FORMATS = ["xyxy", "xywh", "cxcywh", "xyxy_normalized", "yolo", "cxcywhr", "xyxyxyxy"]
HEIGHT, WIDTH = 60, 80
FLIP = T.RandomHorizontalFlip(1.0)


def boxes_in(box_format: str, corners: Any, size: tuple[int, int] = (HEIGHT, WIDTH)) -> torch.Tensor:
    """(N, columns) float64 of (N, 4) left, top, right, bottom."""
    left, top, right, bottom = torch.as_tensor(corners, dtype=torch.float64).T
    across, down = right - left, bottom - top
    sides = torch.tensor([size[1], size[0], size[1], size[0]], dtype=torch.float64)
    middle = torch.stack([left + across / 2, top + down / 2, across, down], dim=1)
    match box_format:
        case "xywh":
            return torch.stack([left, top, across, down], dim=1)
        case "cxcywh":
            return middle
        case "yolo":
            return middle / sides
        case "cxcywhr":
            return torch.cat([middle, torch.zeros(len(left), 1, dtype=torch.float64)], dim=1)
        case "xyxyxyxy":
            return torch.stack([left, top, right, top, right, bottom, left, bottom], dim=1)
    plain = torch.stack([left, top, right, bottom], dim=1)
    return plain / sides if box_format == "xyxy_normalized" else plain


def is_wide(boxes: torch.Tensor, box_format: str) -> torch.Tensor:
    """Which boxes have a width and a height, as they are written."""
    if box_format == "xyxyxyxy":
        corners = boxes.reshape(-1, 4, 2)
        return (corners.amin(dim=1) < corners.amax(dim=1)).all(dim=1)
    first, second = boxes[:, :2], boxes[:, 2:4]
    return (first < second if box_format.startswith("xyxy") else second > 0).all(dim=1)


def left_of(
    chain: list[Any], box_format: str, corners: Any, image: Any = None, dtype: Any = torch.float64, **more: Any
) -> Any:
    """The labels of the boxes that a chain has left."""
    image = np.zeros((HEIGHT, WIDTH), np.uint8) if image is None else image
    count = len(corners)
    boxes = boxes_in(box_format, corners, image.shape[:2]).to(dtype)
    target = {
        "boxes": boxes,
        "labels": list(range(count)),
        "masks": torch.zeros(count, *image.shape[:2], dtype=torch.bool),
    }
    made = T.Compose(chain, boxes=T.BoxParams(box_format, **more))(image, target)[1]
    assert len(made["boxes"]) == len(made["labels"]) == len(made["masks"])
    assert made["boxes"].dtype == dtype
    assert is_wide(made["boxes"], box_format).all()
    return made["labels"]


@pytest.mark.parametrize("box_format", FORMATS)
def test_what_a_crop_of_a_resized_image_leaves_nothing_of_is_gone(box_format: str) -> None:
    turned = T.RandomRotation((30, 30))
    for width, made, box, crop in (
        (284, 62, [142, 0, 284, 10], [0, 0, -31, 0]),
        (600, 350, [0, 0, 108, 4], [-63, 0, 0, 0]),
        (299, 13, [0, 0, 23, 10], [-1, 0, 0, 0]),
    ):
        image = np.zeros((20, width), np.uint8)
        for more in ([], [turned], [T.ElasticTransform(1.0)], [turned, T.Resize((400, 400))]):
            chain = [T.Resize((20, made)), T.Pad(crop), *more]
            assert left_of(chain, box_format, [box], image) == []
    a_third = [T.Resize((20, 383)), T.Pad([0, 0, 128 - 383, 0])]  # of a pixel
    assert left_of(a_third, box_format, [[63, 0, 189, 10]], np.zeros((20, 189), np.uint8)) == [0]


def test_no_rounding_of_whole_edges_leaves_a_box() -> None:
    rng = np.random.default_rng(0)
    count = 0
    for _ in range(500):
        width, made = int(rng.integers(20, 300)), int(rng.integers(10, 400))
        edges = [x for x in range(1, width) if x * made % width == 0 and 1 <= x * made // width < made]
        if not edges:
            continue
        edge = int(rng.choice(edges))
        at = edge * made // width
        image = np.zeros((5, width), np.uint8)
        resize = T.Resize((5, made))
        assert left_of([resize, T.Pad([-at, 0, 0, 0])], "xyxy", [[0, 0, edge, 4]], image) == []
        assert left_of([resize, T.Pad([0, 0, at - made, 0])], "xyxy", [[edge, 0, width, 4]], image) == []
        count += 1
    assert count > 80


@pytest.mark.parametrize("box_format", FORMATS)
@pytest.mark.parametrize("step", [FLIP, T.ColorJitter(0.1), T.RandomRotation((20, 20)), T.Resize((30, 40))])
def test_what_is_thinner_than_a_thousandth_of_a_pixel_is_gone(box_format: str, step: Any) -> None:
    by = 2 if isinstance(step, T.Resize) else 1
    corners = [[40, 20, 40 + side, 30] for side in (0, 1e-9, 1e-5, 0.0008 * by, 0.0015 * by, 0.1, 5)]
    corners += [[top, left, bottom, right] for left, top, right, bottom in corners]
    assert left_of([step], box_format, corners) == [4, 5, 6, 11, 12, 13]
    assert left_of([step], box_format, corners, min_visibility=1e-9) == [4, 5, 6, 11, 12, 13]


@pytest.mark.parametrize("box_format", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_boxes_that_numbers_cannot_tell_from_lines_are_gone(box_format: str, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    image = np.zeros((60, 9000), np.uint8)
    start = rng.uniform(0, 50, (60, 2)) * [170, 1]
    corners = np.concatenate([start, start + 10 ** rng.uniform(-6, 2, (60, 2))], axis=1)
    for step in (FLIP, T.RandomVerticalFlip(1.0), T.RandomCrop((50, 8800))):
        torch.manual_seed(0)
        is_box = is_wide(boxes_in(box_format, corners, (60, 9000)).to(dtype), box_format).numpy()
        assert len(left_of([step], box_format, corners[is_box], image, dtype)) > 1


@pytest.mark.parametrize("clip", [True, False])
def test_every_format_keeps_the_same_boxes_of_a_wide_image(clip: bool) -> None:
    rng = np.random.default_rng(1)
    image = np.zeros((60, 40000), np.uint8)
    start = rng.uniform(0, 50, (300, 2)) * [780, 1]
    corners = np.concatenate([start, start + 10 ** rng.uniform(-4, 1, (300, 2))], axis=1)
    left = []
    for box_format in FORMATS[:5]:
        boxes = boxes_in(box_format, corners, (60, 40000))
        made = T.Compose([FLIP], boxes=T.BoxParams(box_format, clip=clip))(
            image, {"boxes": boxes.tolist(), "labels": list(range(300))}
        )[1]
        assert is_wide(torch.tensor(made["boxes"]), box_format).all()
        left.append(made["labels"])
    assert 100 < len(left[0]) < 280
    assert all(labels == left[0] for labels in left)

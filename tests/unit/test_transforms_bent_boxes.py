"""Boxes in images that are bent: rotated ones keep four corners, the others enclose what is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.painted import found, painted

from fastload import transforms as T

NEAREST = T.InterpolationMode.NEAREST
HEIGHT, WIDTH = 120, 160
QUAD = [[40.0, 40, 80, 60, 75, 70, 35, 50]]  # clockwise from its top left corner
BENT = {
    "elastic": lambda: T.ElasticTransform(40.0, 6.0, interpolation=NEAREST),
    "grid": lambda: T.GridDistortion(4, 0.4, interpolation=NEAREST, p=1.0),
}
HARDLY_BENT = (T.ElasticTransform(0.001, 6.0), T.GridDistortion(4, 1e-6, p=1.0))
DTYPES = [np.uint8, np.float32]


def black(dtype: Any = np.uint8) -> Any:
    return np.zeros((HEIGHT, WIDTH, 3), dtype)


def turned_clockwise(corners: torch.Tensor) -> bool:
    x, y = corners.reshape(4, 2).T
    return bool((x * y.roll(-1) - y * x.roll(-1)).sum() > 0)


@pytest.mark.parametrize("bent", HARDLY_BENT)
@pytest.mark.parametrize("dtype", DTYPES)
def test_rotated_boxes_stay_where_hardly_anything_moves(bent: Any, dtype: Any) -> None:
    middle = torch.tensor([[57.5, 55.0, 44.7, 11.2, 26.57], [-4.0, 60.0, 30.0, 10.0, -50.0]])
    for box_format, boxes in (("cxcywhr", middle), ("xyxyxyxy", torch.tensor(QUAD))):
        made = T.Compose([bent], boxes=box_format)(black(dtype), {"boxes": boxes})[1]["boxes"]
        assert torch.allclose(made, boxes, atol=0.02)


@pytest.mark.parametrize("name", BENT)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mirrored", [False, True])
def test_corners_go_where_points_go(name: str, dtype: Any, mirrored: bool) -> None:
    chain = T.Compose([*[T.RandomHorizontalFlip(1.0)][: int(mirrored)], BENT[name]()], boxes="xyxyxyxy")
    for seed in range(5):
        torch.manual_seed(seed)
        target = {"boxes": torch.tensor(QUAD), "keypoints": torch.tensor(QUAD).reshape(1, 4, 2)}
        made = chain(black(dtype), target)[1]
        points = made["keypoints"][0]
        assert torch.allclose(made["boxes"].reshape(4, 2), points[[1, 0, 3, 2]] if mirrored else points, atol=1e-4)
        assert turned_clockwise(made["boxes"])


def test_a_rotated_box_is_cut_by_a_crop_and_then_bent() -> None:
    chain = T.Compose([T.CenterCrop((20, 40)), T.ElasticTransform(0.001, 6.0)], boxes=T.BoxParams("xyxyxyxy"))
    made = chain(black(), {"boxes": torch.tensor(QUAD)})[1]["boxes"]
    assert torch.allclose(made, torch.tensor(QUAD) - torch.tensor([60.0, 50.0] * 4), atol=0.02)
    left = T.Compose([*chain.transforms], boxes=T.BoxParams("xyxyxyxy", min_visibility=0.9))
    assert len(left(black(), {"boxes": torch.tensor(QUAD)})[1]["boxes"]) == 0


@pytest.mark.parametrize("name", BENT)
def test_boxes_end_with_the_pixels_that_show_their_objects(name: str) -> None:
    boxes = [(0, 0, WIDTH, HEIGHT), (20, 30, 90, 100), (100, 5, 101, 110), (110, 40, 150, 42), (120, 60, 160, 120)]
    for seed in range(10):
        torch.manual_seed(seed)
        bent = BENT[name]()
        for number, box in enumerate(boxes):
            image = painted(HEIGHT, WIDTH, [box] * (number + 1))
            shown, target = bent(image, {"boxes": torch.tensor([box], dtype=torch.float32)})
            place = found(shown, number)
            if place is not None:
                assert tuple(target["boxes"][0].tolist()) == place


@pytest.mark.parametrize("name", BENT)
def test_what_is_thinner_than_a_pixel_goes_where_its_corners_do(name: str) -> None:
    boxes = [[50.1, 40, 50.3, 60], [20, 70.6, 60, 71.2], [100.2, 80.2, 100.4, 80.4], [130.55, 30, 130.9, 50]]
    corners = [[[x, y, 2] for x, y in ((b[0], b[1]), (b[2], b[1]), (b[2], b[3]), (b[0], b[3]))] for b in boxes]
    came_without_pixels = 0
    for seed in range(12):
        torch.manual_seed(seed)
        target = {"boxes": torch.tensor(boxes), "keypoints": torch.tensor(corners)}
        made = BENT[name]()(black(), target)[1]
        assert len(made["boxes"]) == len(boxes)
        places = made["keypoints"][..., :2]
        around = torch.cat([places.amin(dim=1), places.amax(dim=1)], dim=1)
        has_pixels = (made["boxes"] == made["boxes"].round()).all(dim=1)
        assert torch.allclose(made["boxes"][~has_pixels], around[~has_pixels], atol=1e-4)
        came_without_pixels += int((~has_pixels).sum())
    assert came_without_pixels > 10


def test_where_a_grid_leaves_the_image_masks_and_boxes_end() -> None:
    for dtype in DTYPES:
        image = painted(HEIGHT, WIDTH, [(40, 0, WIDTH, HEIGHT)]).astype(dtype)
        target = {"boxes": torch.tensor([[40.0, 0, WIDTH, HEIGHT]]), "masks": torch.ones(1, HEIGHT, WIDTH)}
        bent = T.GridDistortion(4, (0.25, 0.25), NEAREST, normalized=False, p=1.0, fill=1)
        shown, made = bent(image, target)
        assert tuple(made["boxes"][0].tolist()) == found(shown, 0) == (32, 0, 128, 96)
        assert torch.equal(made["masks"][0] == 0, torch.from_numpy((shown == 1).all(axis=2)))

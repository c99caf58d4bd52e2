"""What Albumentations' own filters drop is dropped in a chain, and corners that it loses are found again."""

from __future__ import annotations

from typing import Any

import albumentations as A
import numpy as np
import pytest

from fastload import transforms as T

HEIGHT, WIDTH = 120, 160
BOXES = [(10, 12, 40, 50), (60, 20, 100, 44), (20, 70, 52, 110), (110, 60, 150, 104)]
IMAGE = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
FILTERS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "area": ({"min_area": 1200}, []),
    "visibility": ({"min_visibility": 0.9}, [A.Crop(0, 0, 80, 60)]),
    "width": ({"min_width": 35}, []),
    "height": ({"min_height": 39}, []),
    "ratio": ({"max_accept_ratio": 1.3}, []),
    "after each": ({"min_area": 400}, [A.Resize(HEIGHT // 2, WIDTH // 2), A.Resize(HEIGHT, WIDTH)]),
    "at the end": (
        {"min_area": 400, "check_each_transform": False},
        [A.Resize(HEIGHT // 2, WIDTH // 2), A.Resize(HEIGHT, WIDTH)],
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_of_albumentations_drops_what_it_drops_there(name: str) -> None:
    filters, steps = FILTERS[name]
    steps = steps or [A.HorizontalFlip(p=1.0)]
    theirs = A.Compose(steps, bbox_params=A.BboxParams("pascal_voc", label_fields=["x"], **filters))
    expected = theirs(image=IMAGE, bboxes=np.array(BOXES), x=list(range(4)))["x"]
    assert len(expected) < 4 or name == "at the end"
    _, moved = T.Albumentations(theirs)(IMAGE, {"boxes": np.array(BOXES, dtype=np.float64), "labels": list(range(4))})
    assert moved["labels"] == [int(label) for label in expected]


@pytest.mark.parametrize("angle", [25.0, -35.0, 70.0])
def test_a_corner_that_is_lost_lies_opposite_the_others(angle: float) -> None:
    """A rotated box of which one corner leaves the image, where Albumentations' bending transforms lose it."""
    turn = np.deg2rad(angle)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    bend = A.ElasticTransform(alpha=1e-6, sigma=50, p=1.0)
    chain = A.Compose([A.Affine(rotate=(angle, angle), p=1.0), bend])
    seen = 0
    for x in range(30, 140, 12):
        for y in range(20, 110, 12):
            corners = np.add([[-20, -8], [20, -8], [20, 8], [-20, 8]], [x, y])
            middle = np.array([WIDTH - 1, HEIGHT - 1]) / 2
            moved = (corners - middle) @ matrix.T + middle
            lost = ((moved < 1) | (moved > [WIDTH - 2, HEIGHT - 2])).any(axis=1)
            if lost.sum() != 1:
                continue
            seen += 1
            target = {"boxes": np.array([[x, y, 40, 16, 0]], dtype=np.float64)}
            _, made = T.Compose([T.Albumentations(chain)], boxes="cxcywhr")(IMAGE, target)
            assert made["boxes"][0, :2] == pytest.approx(moved.mean(axis=0), abs=2)
            assert made["boxes"][0, 2:4] == pytest.approx([40, 16], abs=3)
    assert seen > 3

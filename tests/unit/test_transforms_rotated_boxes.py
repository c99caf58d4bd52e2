"""Rotated boxes: which of them are too small, and what a sheared one becomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastload import transforms as T

FLIP = T.RandomHorizontalFlip(1.0)
IMAGE = np.zeros((40, 60, 3), dtype=np.uint8)


def boxes_after(transform: Any, box: Any, box_format: str, **params: Any) -> list[list[float]]:
    chain = T.Compose([transform], boxes=T.BoxParams(box_format, **params))
    _, target = chain(IMAGE, {"boxes": np.array([box], dtype=np.float64)})
    return target["boxes"].tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("angle", [0, 30, 45, 90, -75, 179])
@pytest.mark.parametrize("step", [T.ColorJitter(0.1), FLIP, T.RandomRotation((33, 33)), T.Resize((80, 120))], ids=repr)
@pytest.mark.parametrize("corners", [False, True])
def test_rotated_boxes_are_filtered_by_their_own_sides(step: Any, angle: float, corners: bool) -> None:
    width, height = 24, 5
    scale = 2 if isinstance(step, T.Resize) else 1
    box = [30, 20, width, height, angle]
    if corners:
        box = corners_of(30, 20, width, height, angle).ravel().tolist()
    box_format = "xyxyxyxy" if corners else "cxcywhr"
    sides = {"min_width": width * scale, "min_height": height * scale, "min_area": width * height * scale**2}
    for name, side in sides.items():
        assert len(boxes_after(step, box, box_format, **{name: side})) == 1
        assert boxes_after(step, box, box_format, **{name: side * 1.001}) == []


def test_a_sheared_rotated_box_is_filtered_as_it_is_written() -> None:
    shear = T.RandomAffine(0, shear=(40, 40))
    ((_, _, width, height, _),) = boxes_after(shear, [30, 20, 16, 8, 25], "cxcywhr")
    for name, side in (("min_width", width), ("min_height", height), ("min_area", width * height)):
        for part, left in ((0.999, 1), (1.001, 0)):
            params = {name: side * part}
            assert len(boxes_after(shear, [30, 20, 16, 8, 25], "cxcywhr", **params)) == left


@pytest.mark.parametrize("box", [[30, 20, 16, 8, 25], [30, 20, 8, 16, 25], [30, 20, 10, 10, 0], [30, 20, 12, 9, -60]])
@pytest.mark.parametrize("shear", [-40, -15, 20, 45])
@pytest.mark.parametrize("step", [None, FLIP, T.Resize((80, 60))], ids=repr)
def test_a_sheared_box_is_the_smaller_of_the_two_around_it(box: Any, shear: float, step: Any) -> None:
    corners = corners_of(*box)
    chain = T.Compose([T.RandomAffine(0, shear=(shear, shear)), *[step][: step is not None]], boxes="cxcywhr")
    _, target = chain(IMAGE, {"boxes": np.array([box], dtype=np.float64), "keypoints": corners[None]})
    (made,), (sheared,) = target["boxes"], target["keypoints"]
    areas = []
    for one, other in ((0, 1), (1, 2)):  # around all four along each of the sides
        along = sheared[other] - sheared[one]
        along /= np.linalg.norm(along)
        areas.append(np.ptp(sheared @ along) * np.ptp(sheared @ [-along[1], along[0]]))
    assert made[2] * made[3] == pytest.approx(min(areas))
    turn = np.deg2rad(-made[4])
    within = (sheared - made[:2]) @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    assert np.abs(within).max(axis=0) == pytest.approx(made[2:4] / 2), "it encloses the corners, and touches them"


def corners_of(x: float, y: float, width: float, height: float, angle: float) -> Any:
    """(4, 2), clockwise from the top left one of a box that is not turned."""
    turn = np.exp(1j * np.deg2rad(angle))
    ends = [turn * (a * width + 1j * b * height) / 2 for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return np.array([(x + end.real, y + end.imag) for end in ends])

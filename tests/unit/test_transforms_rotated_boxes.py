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
        turn = np.exp(1j * np.deg2rad(angle))
        ends = [turn * (x * width + 1j * y * height) / 2 for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        box = [number for end in ends for number in (30 + end.real, 20 + end.imag)]
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

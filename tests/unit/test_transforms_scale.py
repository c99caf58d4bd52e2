"""Images scaled to a side or into a frame: their sizes, what averages them, and where a border's odd pixel is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.images import CONTAINERS, array_of, image_of, pixels

from fastload import transforms as T
from fastload.transforms import functional as F

KINDS = [*CONTAINERS, "floats"]


def image_in(kind: str, height: int, width: int) -> Any:
    array = pixels(height, width)
    return array.astype(np.float32) if kind == "floats" else image_of(array, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("side", "longest", "size"),
    [(30, None, (30, 90)), (30, 200, (30, 90)), (30, 90, (30, 90)), (30, 60, (20, 60)), (10, 12, (4, 12))],
)
@pytest.mark.parametrize("is_tall", [False, True])
def test_the_longer_side_is_limited_in_wide_and_tall_images(
    kind: str, side: int, longest: int | None, size: tuple[int, int], is_tall: bool
) -> None:
    image = image_in(kind, 60, 20) if is_tall else image_in(kind, 20, 60)
    made = T.RandomShortestSize(side, longest)(image)
    assert tuple(F.get_size(made)) == (size[::-1] if is_tall else size)


@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize("interpolation", [T.InterpolationMode.NEAREST, T.InterpolationMode.BICUBIC])
def test_images_that_shrink_are_averaged_by_area_where_that_is_asked_for(kind: str, interpolation: Any) -> None:
    image = image_in(kind, 24, 36)
    means = pixels(24, 36).reshape(8, 3, 12, 3, 3).mean(axis=(1, 3))
    for limit in ({"max_size": 12}, {"max_size_hw": (8, None)}):
        plain, by_area = (
            T.LongestMaxSize(**limit, interpolation=interpolation, area_for_downscale=area) for area in (None, "image")
        )
        assert np.abs(array_of(by_area(image)) - means).max() <= 1, "rounded twice"
        assert np.abs(array_of(plain(image)) - means).max() > 2
    grown = [T.LongestMaxSize(72, None, interpolation, area_for_downscale=area)(image) for area in (None, "image")]
    assert np.array_equal(*map(array_of, grown)), "what grows is interpolated"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("more_rows", "more_columns"), [(1, 0), (0, 1), (3, 0), (0, 5), (2, 0)])
def test_the_odd_pixel_of_a_border_is_below_or_right(kind: str, more_rows: int, more_columns: int) -> None:
    """As in the letter boxes of YOLO: round(half - 0.1) above and left, round(half + 0.1) below and right."""
    image = image_in(kind, 20, 30)
    above, below, left, right = (round(more / 2 + tenth) for more in (more_rows, more_columns) for tenth in (-0.1, 0.1))
    made, target = T.LetterBox((20 + more_rows, 30 + more_columns), fill=7)(
        image, {"boxes": torch.tensor([[0.0, 0, 30, 20]])}
    )
    framed = np.pad(pixels(20, 30), ((above, below), (left, right), (0, 0)), constant_values=7)
    assert np.array_equal(array_of(made), framed)
    assert target["boxes"].tolist() == [[left, above, left + 30, above + 20]]

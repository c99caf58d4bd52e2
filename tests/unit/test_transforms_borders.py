"""What a transform uncovers has the colour of its fill, however its pixels are moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.images import CONTAINERS, array_of, image_of

from fastload import transforms as T

FLAT = np.full((8, 12, 3), 100, dtype=np.uint8)


def levels(image: Any) -> list[int]:
    return sorted({int(level) for level in np.unique(array_of(image))})


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    "step",
    [
        T.RandomAffine(0, translate=(0.5, 0.5), fill=9),
        T.RandomRotation((90, 90), fill=9),
        T.RandomRotation((-90, -90), fill=9),
        T.RandomRotation((180, 180), center=(3, 3), fill=9),
        T.RandomRotation((30, 30), fill=9, interpolation=T.InterpolationMode.NEAREST),
    ],
    ids=repr,
)
def test_whole_pixels_leave_a_border_of_the_fill(step: Any, container: str, fuse: bool) -> None:
    for _ in range(3):
        assert levels(T.Compose([step], fuse=fuse)(image_of(FLAT, container))) == [9, 100]


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (T.RandomRotation((30, 30), fill=5), T.RandomRotation((90, 90), fill=9)),
        (T.RandomRotation((90, 90), fill=5), T.RandomRotation((30, 30), fill=9)),
        (T.Pad(2, fill=5), T.RandomAffine(0, translate=(0.5, 0.5), fill=9)),
        (T.RandomAffine(0, translate=(0.5, 0.5), fill=5), T.Pad(2, fill=9)),
        (T.RandomRotation((90, 90), fill=5), T.RandomAffine((180, 180), translate=(0.4, 0.4), fill=9)),
        (T.Resize((16, 24)), T.RandomRotation((90, 90), fill=9)),
    ],
    ids=repr,
)
def test_borders_of_two_colours_stay_apart(first: Any, second: Any, grey: bool) -> None:
    steps = [T.Grayscale(3), first, second] if grey else [first, second]
    made = []
    for fuse in (True, False):
        torch.manual_seed(3)
        made.append(T.Compose(steps, fuse=fuse)(FLAT))
    assert np.array_equal(*made)
    assert 9 in levels(made[0])


@pytest.mark.parametrize("step", [T.RandomRotate90(p=1.0), T.Transpose(p=1.0), T.RandomRotation((180, 180))], ids=repr)
def test_turns_that_uncover_nothing_join_a_border_of_any_colour(step: Any) -> None:
    chain = T.Compose([T.Pad(2, fill=5), step])
    assert levels(chain(FLAT)) == [5, 100]


def test_a_coloured_border_of_a_grey_image_is_coloured() -> None:
    chain = T.Compose([T.Grayscale(3), T.RandomRotation((90, 90), fill=(1, 2, 3))])
    made = chain(FLAT)
    assert made[0, 0].tolist() == [1, 2, 3]
    assert made[4, 6].tolist() == [100, 100, 100]

"""The least and the most that the other libraries' arguments may be: nothing, one pixel, cells that vanish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from support.images import CONTAINERS, image_of, pixels

from fastload import transforms as T

HEIGHT, WIDTH, SEEDS = 40, 50, 200
WHITE = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
BOXES = np.array([[2.0, 3, 20, 30], [25, 5, 49, 38]])
LEAST: dict[str, Callable[[], Any]] = {
    "nothing erased": lambda: T.RandomErasing(1.0, scale=(0, 0)),
    "little erased": lambda: T.RandomErasing(1.0, scale=(0, 0.33)),
    "all erased": lambda: T.RandomErasing(1.0, scale=(0, 1)),
    "holes of no rows": lambda: T.CoarseDropout((1, 9), (0.0, 0.1), p=1.0),
    "noise in holes of no pixels": lambda: T.CoarseDropout((1, 9), (0, 3), (0, 0), fill="random", p=1.0),
    "holes of pixels and parts": lambda: T.CoarseDropout((1, 9), (3, 5), p=1.0),
    "windows of all sizes": lambda: T.RandomIoUCrop(min_scale=0),
    "windows of few pixels": lambda: T.RandomIoUCrop(0, 0.1, sampler_options=[0.0]),
    "cells that vanish": lambda: T.GridDistortion(distort_limit=1, p=1.0),
    "small cells that vanish": lambda: T.GridDistortion(200, distort_limit=1.0, p=1.0),
    "cells that nearly vanish, all of them": lambda: T.GridDistortion(distort_limit=(-1, -0.999), p=1.0),
    "cells that vanish beside a border": lambda: T.GridDistortion(distort_limit=(-1, 1), normalized=False, p=1.0),
    "one strength, trivially": lambda: T.TrivialAugmentWide(num_magnitude_bins=1),
    "one strength, at random": lambda: T.RandAugment(magnitude=0, num_magnitude_bins=1),
}
KEEPS_SIZE = [name for name in LEAST if not name.startswith("windows")]


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("as_floats", [False, True])
@pytest.mark.parametrize("name", LEAST)
def test_what_comes_out_is_an_image_with_its_boxes(name: str, container: str, as_floats: bool) -> None:
    image, step = image_of(pixels(HEIGHT, WIDTH), container), LEAST[name]()
    if as_floats and container != "pil":
        image = T.ToDtype(torch.float32, scale=True)(image)
    for seed in range(SEEDS // 8 if as_floats else SEEDS):
        torch.manual_seed(seed)
        targets = {"boxes": BOXES, "masks": np.ones((2, HEIGHT, WIDTH), np.uint8), "keypoints": BOXES.reshape(2, 2, 2)}
        made, target = step(image, targets)
        height, width = T.functional.get_size(made)
        assert (height, width) == (HEIGHT, WIDTH) or name not in KEEPS_SIZE
        assert 1 <= height <= HEIGHT
        assert 1 <= width <= WIDTH
        assert target["masks"].shape == (len(target["boxes"]), height, width)
        x1, y1, x2, y2 = target["boxes"].T
        assert ((x1 >= 0) & (x1 < x2) & (x2 <= width) & (y1 >= 0) & (y1 < y2) & (y2 <= height)).all()
        assert np.isfinite(target["keypoints"]).all()
        assert np.isfinite(np.asarray(made, dtype=np.float64)).all()


def holes_of(step: Any, seeds: int = SEEDS) -> list[tuple[int, int]]:
    """(rows, columns) of what is black in white images."""
    found = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        black = (np.asarray(step(WHITE)) == 0).all(axis=2)
        found.append((int(black.any(axis=1).sum()), int(black.any(axis=0).sum())))
    return found


def test_a_hole_of_no_rows_takes_nothing() -> None:
    rows = [height for height, _ in holes_of(T.CoarseDropout((1, 1), (0.0, 0.1), p=1.0))]
    assert set(rows) == {0, 1, 2, 3}  # of parts of 40 rows below 4, whole rows are taken
    assert set(holes_of(T.CoarseDropout((1, 1), (0.0, 0.02), p=1.0))) == {(0, 0)}
    assert set(holes_of(T.RandomErasing(1.0, scale=(0, 0)))) == {(0, 0)}


def test_each_side_of_a_hole_has_its_own_unit() -> None:
    holes = holes_of(T.CoarseDropout((1, 1), (3, 5), (0.5, 0.75), p=1.0))
    assert {height for height, _ in holes} == {3, 4, 5}
    assert {width for _, width in holes} == set(range(25, 37 + 1))
    holes = holes_of(T.CoarseDropout((1, 1), (0.25, 0.25), (0, 2), p=1.0))
    assert set(holes) == {(0, 0), (10, 1), (10, 2)}


def test_pixels_of_a_hole_are_drawn_evenly() -> None:
    rows = [height for height, _ in holes_of(T.CoarseDropout((1, 1), (1, 3), (5, 5), p=1.0), 1000)]
    assert max(rows.count(length) for length in (1, 2, 3)) < 420


def test_pixels_of_a_hole_are_drawn_of_those_that_the_image_has() -> None:
    holes = holes_of(T.CoarseDropout((1, 1), (31, 1000), (200, 1000), p=1.0), 1000)
    rows = [height for height, _ in holes]
    assert {width for _, width in holes} == {WIDTH}
    assert set(rows) == set(range(31, HEIGHT + 1))
    assert max(rows.count(length) for length in range(31, HEIGHT + 1)) < 160


@pytest.mark.parametrize("normalized", [False, True])
def test_grids_of_the_widest_steps_show_what_they_should(normalized: bool) -> None:
    """Cells of twice their size, all of them, are the whole image again, or its first quarter and nothing behind it."""
    made = np.asarray(T.GridDistortion(4, (1, 1), normalized=normalized, p=1.0)(WHITE))
    assert made[:20, :25].min() == 255
    assert made.min() == (255 if normalized else 0)


def test_the_only_strength_is_none() -> None:
    image = pixels(HEIGHT, WIDTH)
    made = []
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        made.append(T.TrivialAugmentWide(num_magnitude_bins=1)(image))
    same = [np.array_equal(one, image) for one in made]
    assert sum(same) > 0.7 * SEEDS  # all but autocontrast, equalizing, and solarizing of the lightest level

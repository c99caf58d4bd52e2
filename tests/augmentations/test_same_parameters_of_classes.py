"""Classes whose ranges hold one value do what the other library's class does; where they draw, they draw alike.

Draws are compared over many calls: the means of what was drawn lie within four standard errors of each other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import albumentations as A
import cv2
import numpy as np
import pytest
import torch
from skimage import data
from torchvision_without_kernels import v2

from fastload import transforms as T

PHOTO = np.ascontiguousarray(data.astronaut()[40:280, 60:380])
HEIGHT, WIDTH = PHOTO.shape[:2]
# Levels tell the place, and stay what they are where fastload, as torchvision does not, averages what shrinks.
RAMPS = (np.stack([*np.indices((HEIGHT, WIDTH)), np.zeros((HEIGHT, WIDTH))], axis=-1) * 0.75).round().astype(np.uint8)
CORNERS = np.array([[0.0, 0.0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]])
NEAREST, BILINEAR = (T.InterpolationMode(name) for name in ("nearest", "bilinear"))
TV_NEAREST, TV_BILINEAR = (v2.InterpolationMode(mode.value) for mode in (NEAREST, BILINEAR))
CALLS = 400


def as_tensor(image: Any) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)


def photo(height: int, width: int) -> Any:
    return cv2.resize(data.astronaut(), (width, height), interpolation=cv2.INTER_AREA)


def apart(one: Any, other: Any) -> tuple[float, float]:
    """The most and the mean by which levels differ."""
    one, other = np.asarray(one), np.asarray(other)
    assert one.shape == other.shape
    levels = np.abs(one.astype(int) - other)
    return float(levels.max()), float(levels.mean())


def assert_drawn_alike(ours: Any, theirs: Any) -> None:
    """Both are (calls, numbers)."""
    one, other = np.array(ours, dtype=np.float64), np.array(theirs, dtype=np.float64)
    error = np.sqrt(one.var(axis=0) / len(one) + other.var(axis=0) / len(other)) + 1e-9
    distance = np.abs(one.mean(axis=0) - other.mean(axis=0))
    assert (distance <= 4 * error).all(), (one.mean(axis=0), other.mean(axis=0), error)
    spread, spread_of_other = one.std(axis=0), other.std(axis=0)
    assert np.allclose(spread, spread_of_other, rtol=0.25, atol=1e-9), (spread, spread_of_other)


# ours, theirs, most, mean, border (pixels that are left out)
PAIRS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], float, float, int]] = {
    "rotation, nearest": (T.RandomRotation((33, 33), NEAREST), v2.RandomRotation((33, 33), TV_NEAREST), 255, 0.005, 0),
    "rotation, bilinear": (
        T.RandomRotation((33, 33), BILINEAR),
        v2.RandomRotation((33, 33), TV_BILINEAR),
        1,
        0.1,
        70,
    ),
    "rotation, expanded": (
        T.RandomRotation((-50, -50), NEAREST, expand=True),
        v2.RandomRotation((-50, -50), TV_NEAREST, expand=True),
        255,
        0.005,
        0,
    ),
    "rotation about a corner": (
        T.RandomRotation((12, 12), BILINEAR, center=(0, 0)),
        v2.RandomRotation((12, 12), TV_BILINEAR, center=(0, 0)),
        1,
        0.1,
        70,
    ),
    "affine, nearest": (
        T.RandomAffine((20, 20), None, (1.1, 1.1), (3, 3, 2, 2), NEAREST),
        v2.RandomAffine((20, 20), None, (1.1, 1.1), (3, 3, 2, 2), TV_NEAREST),
        255,
        0.005,
        0,
    ),
    "affine, bilinear": (
        T.RandomAffine((20, 20), None, (1.1, 1.1), (3, 3, 2, 2), BILINEAR),
        v2.RandomAffine((20, 20), None, (1.1, 1.1), (3, 3, 2, 2), TV_BILINEAR),
        1,
        0.1,
        60,
    ),
    "random resized crop": (
        T.RandomResizedCrop((100, 150), (1, 1), (4 / 3, 4 / 3)),
        v2.RandomResizedCrop((100, 150), (1, 1), (4 / 3, 4 / 3)),
        1,
        0.1,
        0,
    ),
    "shortest size": (T.RandomShortestSize(150, 190), v2.RandomShortestSize(150, 190), 1, 0.1, 0),
    "scale jitter": (T.ScaleJitter((200, 200), (1, 1)), v2.ScaleJitter((200, 200), (1, 1)), 1, 0.1, 0),
    "centre crop": (T.CenterCrop((101, 350)), v2.CenterCrop((101, 350)), 0, 0, 0),
    "pad": (T.Pad((3, 4, 5, 6), 7, "reflect"), v2.Pad((3, 4, 5, 6), 7, "reflect"), 0, 0, 0),
    "flips": (
        T.Compose([T.RandomHorizontalFlip(1.0), T.RandomVerticalFlip(1.0)]),
        v2.Compose([v2.RandomHorizontalFlip(1.0), v2.RandomVerticalFlip(1.0)]),
        0,
        0,
        0,
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_ranges_of_one_value_give_the_same_image(name: str) -> None:
    ours, theirs, most, mean, border = PAIRS[name]
    one, other = ours(as_tensor(PHOTO)), theirs(as_tensor(PHOTO))
    assert one.shape == other.shape
    inner = (slice(None), *[slice(border, -border or None)] * 2)
    found = apart(one[inner], other[inner])
    assert (found[0] <= most, found[1] <= mean) == (True, True), found


@pytest.mark.parametrize("seed", range(5))
def test_perspectives_show_what_torchvision_shows_between_the_same_corners(seed: int) -> None:
    torch.manual_seed(seed)
    image, moved = T.RandomPerspective(0.4, p=1.0)(as_tensor(RAMPS), {"keypoints": CORNERS})
    ends = CORNERS.tolist(), moved["keypoints"].tolist()
    expected = v2.functional.perspective(as_tensor(RAMPS), *ends, interpolation=TV_BILINEAR, fill=0)
    inner = torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8)
    inner[:, 4:-4, 4:-4] = 255
    is_inner = v2.functional.perspective(inner, *ends, interpolation=TV_NEAREST, fill=0) == 255
    assert is_inner.float().mean() > 0.3
    most, mean = apart(image[is_inner], expected[is_inner])
    assert (most <= 1, mean < 0.3) == (True, True), (most, mean)


def test_perspectives_draw_their_corners_as_torchvision_does() -> None:
    torch.manual_seed(0)
    ours, theirs = T.RandomPerspective(0.4, p=1.0), v2.RandomPerspective(0.4, p=1.0)
    image, drawn, expected = as_tensor(PHOTO), [], []
    for _ in range(CALLS):
        drawn.append(ours(image, {"keypoints": CORNERS})[1]["keypoints"].ravel())
        expected.append(np.ravel(theirs.make_params([image])["coefficients"]))
    ends = [[places(coefficients, corner) for corner in CORNERS] for coefficients in expected]
    assert_drawn_alike(drawn, np.reshape(ends, (CALLS, 8)))


def places(coefficients: Any, corner: Any) -> Any:
    """Where torchvision's coefficients, which lead from the result to the image, have a point of the image."""
    matrix = np.append(coefficients, 1.0).reshape(3, 3)
    x, y, w = np.linalg.solve(matrix, np.append(corner, 1.0))
    return x / w, y / w


# How far apart the means may be: where images shrink, the one averages areas and the other weighs by distance.
@pytest.mark.parametrize(
    ("height", "width", "longest", "mean"),
    [(333, 500, 600, 0.5), (500, 333, 600, 0.5), (427, 640, 100, 4), (240, 320, 200, 4), (5, 640, 100, 12)],
)
def test_longest_sides_are_albumentations(height: int, width: int, longest: int, mean: float) -> None:
    image = photo(height, width)
    way = cv2.INTER_LINEAR if longest > max(height, width) else cv2.INTER_AREA
    expected = A.LongestMaxSize(longest, interpolation=way, p=1.0)(image=image)["image"]
    found = T.LongestMaxSize(longest)(image)
    assert found.shape == expected.shape
    assert apart(found, expected)[1] < mean


@pytest.mark.parametrize("tiles", [(8, 8), (3, 5), (5, 3), (1, 9)])
@pytest.mark.parametrize(("height", "width"), [(240, 320), (427, 640), (241, 320), (150, 200)])
def test_clahe_of_grey_images_is_opencvs(height: int, width: int, tiles: tuple[int, int]) -> None:
    grey = cv2.cvtColor(photo(height, width), cv2.COLOR_RGB2GRAY)
    found = T.CLAHE((2.0, 2.0), tiles, p=1.0)(grey)
    theirs = A.CLAHE((2.0, 2.0), tiles, p=1.0)(image=grey)["image"]
    for expected in (cv2.createCLAHE(2.0, tiles).apply(grey), theirs):
        most, mean = apart(found, expected)
        assert (most <= 1, mean <= 0.1) == (True, True), (most, mean)


def hole(image: Any) -> list[int]:
    """Top, left, height and width of what is black."""
    rows, columns = (np.flatnonzero((image == 0).any(axis=axis)) for axis in (1, 0))
    assert (image == 0).sum() == len(rows) * len(columns)
    return [rows[0], columns[0], len(rows), len(columns)]


@pytest.mark.parametrize(
    ("tall", "wide"),
    [
        ((30, 30), (40, 40)),
        ((0.25, 0.25), (0.125, 0.125)),
        ((5, 25), (10, 60)),
        ((1, 2), (1, 3)),
        ((0.01, 0.02), (0.01, 0.015)),
    ],
)
def test_holes_are_as_large_and_lie_as_albumentations_do(tall: Any, wide: Any) -> None:
    white = np.full((HEIGHT, WIDTH), 255, dtype=np.uint8)
    torch.manual_seed(0)
    ours = T.CoarseDropout((1, 1), tall, wide, p=1.0)
    theirs = A.CoarseDropout((1, 1), tall, wide, p=1.0)
    theirs.set_random_seed(0)
    assert_drawn_alike(
        [hole(ours(white)) for _ in range(CALLS)], [hole(theirs(image=white)["image"]) for _ in range(CALLS)]
    )


@pytest.mark.parametrize("erosion", [0.0, 0.3, 0.75, 1.0])
@pytest.mark.parametrize(
    "boxes", [[], [[60, 40, 120, 90]], [[60, 40, 120, 90], [150, 30, 200, 160]], [[0, 0, 50, 60], [4, 9, 30, 40]]]
)
def test_crops_around_boxes_are_drawn_as_albumentations_does(boxes: Any, erosion: float) -> None:
    torch.manual_seed(0)
    # Levels tell which row and which column of the image a pixel is.
    image = np.stack([*np.indices((HEIGHT, WIDTH // 2)), np.zeros((HEIGHT, WIDTH // 2))], axis=-1).astype(np.uint8)
    boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4) * [0.5, 1, 0.5, 1]
    theirs = A.Compose([A.BBoxSafeRandomCrop(erosion)], bbox_params=A.BboxParams("pascal_voc"), seed=0)
    ours = T.BBoxSafeRandomCrop(erosion)
    drawn, expected = [], []
    for _ in range(CALLS):
        drawn.append(window(ours(image, {"boxes": boxes})[0]))
        with contextlib.suppress(ValueError):  # a window of no pixels, which fastload does not draw
            expected.append(window(theirs(image=image, bboxes=boxes)["image"]))
    assert len(expected) > 0.97 * CALLS
    assert_drawn_alike(with_sides(drawn), with_sides(expected))


def with_sides(windows: Any) -> Any:
    first_row, first_column, last_row, last_column = np.array(windows).T
    return np.stack([*np.array(windows).T, last_row - first_row, last_column - first_column], axis=1)


def test_crops_without_boxes_are_every_window_that_albumentations_makes() -> None:
    torch.manual_seed(0)
    image = np.stack([*np.indices((7, 11)), np.zeros((7, 11))], axis=-1).astype(np.uint8)
    theirs = A.Compose([A.BBoxSafeRandomCrop(0.3)], bbox_params=A.BboxParams("pascal_voc"), seed=0)
    ours, none = T.BBoxSafeRandomCrop(0.3), np.zeros((0, 4))
    drawn = {tuple(window(ours(image, {"boxes": none})[0])) for _ in range(5 * CALLS)}
    assert {tuple(window(ours(image))) for _ in range(5 * CALLS)} == drawn
    assert {tuple(window(theirs(image=image, bboxes=none)["image"])) for _ in range(5 * CALLS)} == drawn


def window(image: Any) -> list[int]:
    return [*image[0, 0, :2].tolist(), *image[-1, -1, :2].tolist()]


def test_grids_are_distorted_as_albumentations_does() -> None:
    torch.manual_seed(0)
    # Levels tell which row and which column of the image a pixel is.
    image = np.stack([*np.indices((200, 240)), np.zeros((200, 240))], axis=-1).astype(np.uint8)
    ours = T.GridDistortion(4, 0.3, p=1.0)
    theirs = A.GridDistortion(4, (-0.3, 0.3), p=1.0)
    theirs.set_random_seed(0)
    drawn, expected = [], []
    for _ in range(CALLS):
        drawn.append(nodes(ours(image)))
        expected.append(nodes(theirs(image=image)["image"]))
    assert_drawn_alike(drawn, expected)


def nodes(image: Any) -> list[int]:
    """The rows and columns that are shown at the inner nodes of the grid."""
    return [*image[50:200:50, 20, 0].tolist(), *image[20, 60:240:60, 1].tolist()]


@pytest.mark.parametrize("limit", [0.0, 0.2])
def test_grids_of_equal_steps_are_left_as_they_are(limit: float) -> None:
    image = np.stack([*np.indices((200, 240)), np.zeros((200, 240))], axis=-1).astype(np.uint8)
    ours = T.GridDistortion(4, (limit, limit), p=1.0)(image)
    theirs = A.GridDistortion(4, (limit, limit), p=1.0)(image=image)["image"]
    assert np.array_equal(ours, image)
    assert apart(theirs[1:-1, 1:-1], image[1:-1, 1:-1])[0] <= 1  # theirs reaches the next node a pixel too early

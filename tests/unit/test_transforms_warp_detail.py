"""How much detail a warp keeps: what shrinks is antialiased, and nothing more is blurred away.

The truth is each output pixel's area, looked at in 36 places of the image.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T
from fastload.transforms import functional as F

HEIGHT, WIDTH = 240, 320
BILINEAR = T.InterpolationMode.BILINEAR
Array = np.ndarray[Any, Any]


def squares(side: int) -> Array:
    draws = np.random.default_rng(0)
    colours = draws.integers(0, 256, (HEIGHT // side, WIDTH // side, 3))
    return np.kron(colours, np.ones((side, side, 1))).astype(np.uint8)


def truth(image: Array, back: Array) -> tuple[Array, Array]:
    """What is seen through the map from output to input, and where all of a pixel's area shows the image."""
    fine = 6
    x, y = np.meshgrid((np.arange(WIDTH * fine) + 0.5) / fine, (np.arange(HEIGHT * fine) + 0.5) / fine)
    u, v, weight = (back[row, 0] * x + back[row, 1] * y + back[row, 2] for row in range(3))
    weight = np.where(weight > 0, weight, np.nan)
    u, v = u / weight, v / weight
    inside = (u >= 0.5) & (v >= 0.5) & (u < WIDTH - 0.5) & (v < HEIGHT - 0.5)
    levels = np.zeros((*inside.shape, 3))
    levels[inside] = image[v[inside].astype(int), u[inside].astype(int)]
    pixels = levels.reshape(HEIGHT, fine, WIDTH, fine, 3).mean(axis=(1, 3))
    return pixels, inside.reshape(HEIGHT, fine, WIDTH, fine).all(axis=(1, 3))


def perspective_back(end: list[list[int]]) -> Array:
    """From the output to the image whose corners went there."""
    start = [(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)]
    rows, values = [], []
    for (x, y), (u, v) in zip(end, start, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    back = np.array([*np.linalg.solve(np.array(rows, dtype=float), np.array(values, dtype=float)), 1]).reshape(3, 3)
    middle = np.mean(end, axis=0)
    facing: Array = back * np.sign(back[2] @ [*middle, 1])
    return facing


@pytest.mark.parametrize("scale", [1.0, 1 / 255])
@pytest.mark.parametrize(
    "end",
    [
        [[10, 10], [110, 35], [110, 85], [10, 120]],  # far from the middle of the canvas, where all would be tiny
        [[200, 20], [310, 10], [310, 230], [200, 90]],
        [[40, 30], [300, 5], [280, 200], [20, 230]],
    ],
)
def test_a_perspective_shows_what_its_pixels_cover(end: list[list[int]], scale: float) -> None:
    image = squares(20)
    given = image if scale == 1 else (image * scale).astype(np.float32)
    made = F.perspective(given, [[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], end) / scale
    expected, inside = truth(image, perspective_back(end))
    assert inside.sum() > 2000
    assert np.abs(made - expected)[inside].mean() < 4
    assert made[inside].std() > 0.97 * expected[inside].std()


@pytest.mark.parametrize("then", [T.Pad((0, 0, 500, 400)), T.RandomZoomOut(p=1.0)], ids=["pad", "zoom out"])
def test_a_perspective_keeps_its_contrast_in_a_larger_canvas(then: Any) -> None:
    image = squares(20)
    for seed in range(40):
        made = []
        for fuse in (True, False):
            torch.manual_seed(seed)
            chain = T.Compose([T.RandomPerspective(0.5, 1.0), then], fuse=fuse)
            made.append(chain(image, {"masks": np.ones((1, HEIGHT, WIDTH), dtype=bool)}))
        (fused, target), (apart, _) = made
        seen = target["masks"][0]
        if seen.sum() > 2000:
            assert fused[seen].std() > 0.9 * apart[seen].std()


@pytest.mark.parametrize(
    ("times", "most"), [(0.85, 4.5), (0.7, 8.0), (0.6, 8.0), (0.5, 8.5), (0.35, 11.0), (0.25, 10.0)]
)
@pytest.mark.parametrize("angle", [7.0, 20.0, 45.0])
def test_what_shrinks_is_neither_grainy_nor_blurred(times: float, most: float, angle: float) -> None:
    image = squares(2)  # bilinear samples are off by up to 38 levels; what is first shrunk in full, by 13 to 19
    made = F.affine(image, angle, scale=times, interpolation=BILINEAR)
    cosine, sine = (function(math.radians(angle)) / times for function in (math.cos, math.sin))
    turn = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    to_middle, from_middle = np.eye(3), np.eye(3)
    to_middle[:2, 2] = -WIDTH / 2, -HEIGHT / 2
    from_middle[:2, 2] = WIDTH / 2, HEIGHT / 2
    expected, inside = truth(image, from_middle @ turn @ to_middle)
    assert np.abs(made - expected)[inside].mean() < most

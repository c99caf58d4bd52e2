"""Images of every small width, where rows end in the middle of what processors do at once: against NumPy's indexing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from fastload import transforms as T

Pixels = NDArray[np.uint8]

CASES: dict[str, tuple[Any, Callable[[Pixels], Pixels]]] = {
    "mirror": (T.RandomHorizontalFlip(1.0), lambda i: i[:, ::-1]),
    "upside down": (T.RandomVerticalFlip(1.0), lambda i: i[::-1]),
    "transpose": (T.Transpose(1.0), lambda i: np.swapaxes(i, 0, 1)),
    "invert": (T.RandomInvert(1.0), lambda i: 255 - i),
    "posterize, mirror": (
        T.Compose([T.RandomPosterize(3, 1.0), T.RandomHorizontalFlip(1.0)]),
        lambda i: i[:, ::-1] & 0xE0,
    ),
    "pad": (T.Pad([2, 1, 3, 0], fill=7), lambda i: np.pad(i, ((1, 0), (2, 3), (0, 0)), constant_values=7)),
    "invert, pad, mirror": (
        T.Compose([T.RandomInvert(1.0), T.Pad(1, fill=9), T.RandomHorizontalFlip(1.0)]),
        lambda i: np.pad(255 - i, ((1, 1), (1, 1), (0, 0)), constant_values=9)[:, ::-1],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_pixel_is_where_it_belongs(name: str) -> None:
    transform, expected = CASES[name]
    draws = np.random.default_rng(0)
    for width in (*range(1, 40), 63, 64, 65):
        image = draws.integers(0, 256, (3, width, 3), dtype=np.uint8)
        wanted = expected(image)
        assert np.array_equal(transform(image), wanted), width
        assert np.array_equal(np.asarray(transform(Image.fromarray(image))), wanted), width
        tensor = torch.from_numpy(image).permute(2, 0, 1).contiguous()
        assert np.array_equal(transform(tensor).permute(1, 2, 0).numpy(), wanted), width
        planes = T.Compose([transform, T.ToImage()])(image)
        assert np.array_equal(planes.permute(1, 2, 0).numpy(), wanted), width


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.7])
def test_colours_of_every_width_are_those_of_single_pixels(factor: float) -> None:
    draws = np.random.default_rng(1)
    for width in range(1, 40):
        image = draws.integers(0, 256, (1, width, 3), dtype=np.uint8)
        for function in (
            lambda i: T.functional.adjust_saturation(i, factor),
            lambda i: T.functional.adjust_hue(i, factor / 4),
            lambda i: T.functional.adjust_brightness(i, factor),
        ):
            alone = np.concatenate([function(np.ascontiguousarray(image[:, x : x + 1])) for x in range(width)], axis=1)
            assert np.array_equal(function(image), alone), width

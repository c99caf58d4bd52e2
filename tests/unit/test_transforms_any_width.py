"""Images of every small width, where rows end in the middle of what processors do at once: against NumPy's indexing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from fastload import transforms as T

Pixels = NDArray[np.uint8]


def grey(image: Pixels) -> Pixels:
    """Three times Pillow's luminance."""
    return np.repeat(np.asarray(Image.fromarray(np.ascontiguousarray(image)).convert("L"))[:, :, None], 3, axis=2)


CASES: dict[str, tuple[Any, Callable[[Pixels], Pixels]]] = {
    "mirror": (T.RandomHorizontalFlip(1.0), lambda i: i[:, ::-1]),
    "upside down": (T.RandomVerticalFlip(1.0), lambda i: i[::-1]),
    "transpose": (T.Transpose(1.0), lambda i: np.swapaxes(i, 0, 1)),
    "invert": (T.RandomInvert(1.0), lambda i: 255 - i),
    "grey": (T.RandomGrayscale(1.0), grey),
    "grey, three channels, mirror": (
        T.Compose([T.Grayscale(3), T.RandomHorizontalFlip(1.0)]),
        lambda i: grey(i)[:, ::-1],
    ),
    "grey, pad": (
        T.Compose([T.Grayscale(3), T.Pad(1, fill=9)]),
        lambda i: np.pad(grey(i), ((1, 1), (1, 1), (0, 0)), constant_values=9),
    ),
    "crop, invert, grey": (
        T.Compose([T.CenterCrop((2, 1)), T.RandomInvert(1.0), T.Grayscale(3)]),
        lambda i: grey(255 - i[:2, round((i.shape[1] - 1) / 2)][:, None]),
    ),
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


DIRECT = {
    "blur": T.GaussianBlur(5, (0.5, 2.0)),
    "motion": T.MotionBlur((3, 9), p=1.0),
    "sharpness": T.RandomAdjustSharpness(1.8, 1.0),
    "CLAHE": T.CLAHE(tile_grid_size=(2, 3), p=1.0),
    "JPEG": T.JPEG((30, 90)),
    "grey": T.RandomGrayscale(1.0),
    "hue": T.HueSaturationValue(p=1.0),
    "gamma and saturation": T.Compose([T.RandomGamma(p=1.0), T.ColorJitter(saturation=0.5)]),
    "contrast": T.ColorJitter(contrast=0.5),
    "brightness and contrast": T.RandomBrightnessContrast(p=1.0),
    "autocontrast": T.RandomAutocontrast(1.0),
    "equalize": T.RandomEqualize(1.0),
    "dropout": T.CoarseDropout(hole_width_range=(1, 2), p=1.0),
}


@pytest.mark.parametrize("before", [None, T.RandomCrop(7), T.RandomHorizontalFlip(1.0)], ids=str)
@pytest.mark.parametrize("name", DIRECT)
def test_arrays_get_the_pixels_that_tensors_get(name: str, before: Any) -> None:
    # Alone, a transform of an array takes a way of its own, with three bytes a pixel.
    steps = [step for step in (before, DIRECT[name]) if step is not None]
    draws = np.random.default_rng(2)
    for width in (7, 8, 15, 16, 17, 31, 32, 33, 64, 65, 131):
        image = draws.integers(20, 200, (40, width, 3), dtype=np.uint8)
        torch.manual_seed(width)
        array = T.Compose(steps)(image)
        torch.manual_seed(width)
        planes = T.Compose([*steps, T.ToImage()])(image)
        assert np.array_equal(planes.permute(1, 2, 0).numpy(), array), width
        if before is None:
            assert not np.array_equal(array, image), width


def correlated(image: Pixels, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest levels to the sums of neighbours by their weights, (size, size); the border reflected."""
    reach = len(weights) // 2
    padded = np.pad(image.astype(np.float64), ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    height, width = image.shape[:2]
    return np.rint(
        sum(
            weights[j, i] * padded[j : j + height, i : i + width]
            for j in range(len(weights))
            for i in range(len(weights))
        )
    )


def test_blurs_of_every_width_are_sums_by_their_weights() -> None:
    draws = np.random.default_rng(3)
    x = np.arange(-2, 3)
    bell = np.exp(-(x**2) / (2 * 1.3**2))
    bell /= bell.sum()
    line = np.zeros((5, 5))
    line[2] = 0.2
    for width in (*range(3, 40), 63, 64, 65, 130):
        image = draws.integers(0, 256, (6, width, 3), dtype=np.uint8)
        blurred = T.functional.gaussian_blur(image, [5, 5], [1.3, 1.3])
        assert np.abs(blurred - correlated(image, np.outer(bell, bell))).max() <= 1, width
        moved = T.MotionBlur((5, 5), allow_shifted=False, angle_range=(0, 0), direction_range=(0, 0), p=1.0)(image)
        assert np.abs(moved - correlated(image, line)).max() <= 1, width


@pytest.mark.parametrize("factor", [0.0, 0.6, 1.8, 5.0])
def test_sharpness_of_every_width_is_that_of_pillow(factor: float) -> None:
    draws = np.random.default_rng(4)
    for width in (*range(3, 40), 63, 64, 65, 130):
        image = draws.integers(0, 256, (6, width, 3), dtype=np.uint8)
        expected = np.asarray(ImageEnhance.Sharpness(Image.fromarray(image)).enhance(factor))
        sharp = T.functional.adjust_sharpness(image, factor)
        assert np.abs(sharp.astype(int) - expected).max() <= (0 if factor <= 1 else 1), width

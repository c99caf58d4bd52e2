"""Colours beside a fourth channel: it stays as it is, in images of every type of number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.images import pixels

from fastload import transforms as T
from fastload.transforms import functional as F
from fastload.transforms._erase import _Erasing
from fastload.transforms._tone import ColourTransform
from fastload.transforms.functional import _tone

RGBA = 30 + pixels(20, 30, 4) // 2
# Each is made for images whose greatest value is `whole`: one number counts as the values do, a threshold.
CHANGES: dict[str, Callable[[float], Callable[[Any], Any]]] = {
    "ColorJitter brightness": lambda whole: T.ColorJitter(brightness=(0.5, 0.5)),
    "ColorJitter contrast": lambda whole: T.ColorJitter(contrast=(0.5, 0.5)),
    "ColorJitter saturation": lambda whole: T.ColorJitter(saturation=(0.5, 0.5)),
    "ColorJitter hue": lambda whole: T.ColorJitter(hue=(0.2, 0.2)),
    "ColorJitter": lambda whole: T.ColorJitter(0.5, 0.5, 0.5, 0.2),
    "RandomBrightnessContrast": lambda whole: T.RandomBrightnessContrast((0.2, 0.2), (0.1, 0.1), p=1.0),
    "RandomBrightnessContrast mean": lambda whole: T.RandomBrightnessContrast((0.3, 0.3), (0.1, 0.1), False, p=1.0),
    "RandomBrightnessContrast safe": lambda whole: T.RandomBrightnessContrast(
        (0.3, 0.3), (0.1, 0.1), ensure_safe_range=True, p=1.0
    ),
    "HueSaturationValue": lambda whole: T.HueSaturationValue((9, 9), (20, 20), (50, 50), p=1.0),
    "HueSaturationValue value": lambda whole: T.HueSaturationValue((0, 0), (0, 0), (50, 50), p=1.0),
    "RandomPhotometricDistort": lambda whole: T.RandomPhotometricDistort(p=1.0),
    "RandomGamma": lambda whole: T.RandomGamma((150, 150), p=1.0),
    "RandomGrayscale": lambda whole: T.RandomGrayscale(1.0),
    "RandomInvert": lambda whole: T.RandomInvert(1.0),
    "RandomPosterize": lambda whole: T.RandomPosterize(3, 1.0),
    "RandomSolarize": lambda whole: T.RandomSolarize(0.4 * whole, 1.0),
    "RandomAdjustSharpness": lambda whole: T.RandomAdjustSharpness(3.0, 1.0),
    "RandomAutocontrast": lambda whole: T.RandomAutocontrast(1.0),
    "RandomEqualize": lambda whole: T.RandomEqualize(1.0),
    "CLAHE": lambda whole: T.CLAHE((2, 2), (2, 2), p=1.0),
    "GaussianBlur": lambda whole: T.GaussianBlur(5, 1.5),
    "MotionBlur": lambda whole: T.MotionBlur((7, 7), p=1.0),
    "GaussianNoise": lambda whole: T.GaussianNoise(0.1, 0.2),
    "GaussianNoise unclipped": lambda whole: T.GaussianNoise(0.1, 0.2, clip=False),
    "adjust_brightness": lambda whole: lambda image: F.adjust_brightness(image, 0.5),
    "adjust_contrast": lambda whole: lambda image: F.adjust_contrast(image, 0.5),
    "adjust_saturation": lambda whole: lambda image: F.adjust_saturation(image, 0.5),
    "adjust_hue": lambda whole: lambda image: F.adjust_hue(image, 0.2),
    "adjust_gamma": lambda whole: lambda image: F.adjust_gamma(image, 1.5, 0.9),
    "adjust_sharpness": lambda whole: lambda image: F.adjust_sharpness(image, 3.0),
    "invert": lambda whole: F.invert,
    "posterize": lambda whole: lambda image: F.posterize(image, 3),
    "solarize": lambda whole: lambda image: F.solarize(image, 0.4 * whole),
    "autocontrast": lambda whole: F.autocontrast,
    "equalize": lambda whole: F.equalize,
    "gaussian_blur": lambda whole: lambda image: F.gaussian_blur(image, [5, 3], [1.5, 0.7]),
    "gaussian_noise": lambda whole: lambda image: F.gaussian_noise(image, 0.1, 0.2),
}
OF_LEVELS: dict[str, Callable[[float], Callable[[Any], Any]]] = {
    "JPEG": lambda whole: T.JPEG(30),
    "jpeg": lambda whole: lambda image: F.jpeg(image, 30),
}
TYPES = {"float16": 1.0, "float32": 1.0, "float64": 1.0, "uint16": 65535.0, "int32": 2.0**31 - 1, "uint8": 255.0}


def values_of(kind: str) -> Any:
    """The (H, W, 4) picture in that type of number; bits that 8-bit images have not are any."""
    if kind == "uint8":
        return RGBA
    dtype = np.dtype(kind)
    if dtype.kind == "f":
        return (RGBA / 255).astype(dtype)
    steps = np.iinfo(dtype).max // 256
    return (RGBA.astype(np.int64) * steps + np.random.default_rng(1).integers(0, steps, RGBA.shape)).astype(dtype)


def drawn(change: Any, image: Any) -> Any:
    torch.manual_seed(3)
    return change(image)


def assert_alike(made: Any, expected: Any, whole: float) -> None:
    """The same values, but for the last rounding: sums of so many numbers are taken in any order."""
    assert made.dtype == expected.dtype
    assert made.shape == expected.shape
    off = np.abs(np.asarray(made, np.float64) - np.asarray(expected, np.float64)).max(initial=0)
    assert off <= max(1e-6 * whole, float(np.finfo(np.float16).eps) if made.dtype == np.float16 else 1.0 * (whole > 1))


def test_every_change_of_colours_is_tried() -> None:
    classes = {name: getattr(T, name) for name in T.__all__ if isinstance(getattr(T, name), type)}
    transforms = {
        name for name, one in classes.items() if issubclass(one, ColourTransform) and not issubclass(one, _Erasing)
    }
    functions = {name for name in F.__all__ if getattr(F, name).__module__ == _tone.__name__}
    assert transforms | functions == {name.split()[0] for name in [*CHANGES, *OF_LEVELS]}


@pytest.mark.parametrize("name", [*CHANGES, *OF_LEVELS])
def test_the_fourth_channel_of_levels_stays(name: str) -> None:
    change = {**CHANGES, **OF_LEVELS}[name](255.0)
    colours = drawn(change, RGBA[:, :, :3].copy())
    assert not np.array_equal(colours, RGBA[:, :, :3])
    planes = torch.from_numpy(RGBA).permute(2, 0, 1)
    made = (
        drawn(change, RGBA),
        np.asarray(drawn(change, Image.fromarray(RGBA, "RGBA"))),
        drawn(change, planes).permute(1, 2, 0).numpy(),
    )
    for one in made:
        assert np.array_equal(one[:, :, 3], RGBA[:, :, 3])
        assert np.array_equal(one[:, :, :3], colours)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", CHANGES)
def test_the_fourth_channel_of_every_type_stays_beside_the_colours_of_three(name: str, kind: str) -> None:
    array, whole = values_of(kind), TYPES[kind]
    change = CHANGES[name](whole)
    colours, before = drawn(change, array[:, :, :3].copy()), array.copy()
    made = drawn(change, array)
    assert np.array_equal(made[:, :, 3], array[:, :, 3])
    assert_alike(made[:, :, :3], colours, whole)
    planes = drawn(change, torch.from_numpy(array).permute(2, 0, 1))
    assert np.array_equal(planes.permute(1, 2, 0).numpy(), made)
    assert np.array_equal(array, before)


@pytest.mark.parametrize("kind", ["uint8", "float32", "uint16"])
@pytest.mark.parametrize("name", CHANGES)
def test_the_fourth_channel_of_a_batch_stays(name: str, kind: str) -> None:
    array, whole = values_of(kind), TYPES[kind]
    batch = torch.from_numpy(np.stack([array, array[::-1]])).permute(0, 3, 1, 2)
    change = CHANGES[name](whole)
    for images in (batch, batch.contiguous(), batch[:0], batch[None]):
        made = drawn(change, images)
        assert made.shape == images.shape
        assert torch.equal(made[..., 3, :, :], images[..., 3, :, :])
        assert_alike(made[..., :3, :, :].numpy(), drawn(change, images[..., :3, :, :].contiguous()).numpy(), whole)


def test_colours_after_a_conversion_are_beside_the_fourth_channel_too() -> None:
    to_floats = T.ToDtype(torch.float32, scale=True)
    for step in (T.RandomInvert(1.0), T.ColorJitter((0.5, 0.5))):
        assert np.array_equal(T.Compose([to_floats, step])(RGBA)[:, :, 3], to_floats(RGBA)[:, :, 3])


def test_noise_beyond_the_range_is_kept_where_it_is_not_clipped() -> None:
    floats = values_of("float32")
    for change in (lambda image: F.gaussian_noise(image, 2.0, 0.1, clip=False), T.GaussianNoise(2.0, 0.1, clip=False)):
        assert change(floats[:, :, :3]).min() > 1
        made = change(floats)
        assert made[:, :, :3].min() > 1
        assert np.array_equal(made[:, :, 3], floats[:, :, 3])


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("policy", [T.AutoAugment, T.RandAugment, T.TrivialAugmentWide, T.AugMix])
def test_policies_take_no_fourth_channel_of_any_type(policy: Any, kind: str) -> None:
    array = values_of(kind)
    for image in (array, torch.from_numpy(array).permute(2, 0, 1)):
        with pytest.raises(ValueError, match=r"is for images of 1 or 3 channels, got shape \("):
            policy()(image)

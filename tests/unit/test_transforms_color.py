"""Colours against Pillow's ImageEnhance and ImageOps, and against formulas spelt out."""

from __future__ import annotations

import colorsys
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from fastload import transforms as T
from fastload.transforms import functional as F

few = settings(max_examples=40, deadline=None)
RNG = np.random.default_rng(5)


def picture(height: int = 37, width: int = 53, channels: int = 3) -> Any:
    y, x = np.mgrid[:height, :width]
    waves = [110 + 90 * np.sin(x / (5 + k) + k) * np.cos(y / 6) for k in range(3)]
    noisy = np.stack(waves, axis=-1) + RNG.integers(-30, 30, (height, width, 3))
    image = noisy.clip(0, 255).astype(np.uint8)
    return image if channels == 3 else image[:, :, 0]


IMAGE, GREY = picture(), picture(channels=1)

PILLOW: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], int]] = {
    "brighter": (lambda i: F.adjust_brightness(i, 1.4), lambda i: ImageEnhance.Brightness(i).enhance(1.4), 0),
    "darker": (lambda i: F.adjust_brightness(i, 0.3), lambda i: ImageEnhance.Brightness(i).enhance(0.3), 0),
    "contrast": (lambda i: F.adjust_contrast(i, 1.7), lambda i: ImageEnhance.Contrast(i).enhance(1.7), 1),
    "less contrast": (lambda i: F.adjust_contrast(i, 0.2), lambda i: ImageEnhance.Contrast(i).enhance(0.2), 1),
    "saturation": (lambda i: F.adjust_saturation(i, 1.8), lambda i: ImageEnhance.Color(i).enhance(1.8), 1),
    "less saturation": (lambda i: F.adjust_saturation(i, 0.4), lambda i: ImageEnhance.Color(i).enhance(0.4), 1),
    "sharper": (lambda i: F.adjust_sharpness(i, 2.0), lambda i: ImageEnhance.Sharpness(i).enhance(2.0), 1),
    "smoother": (lambda i: F.adjust_sharpness(i, 0.0), lambda i: ImageEnhance.Sharpness(i).enhance(0.0), 1),
    "invert": (F.invert, ImageOps.invert, 0),
    "posterize": (lambda i: F.posterize(i, 3), lambda i: ImageOps.posterize(i, 3), 0),
    "solarize": (lambda i: F.solarize(i, 100), lambda i: ImageOps.solarize(i, 100), 0),
    "autocontrast": (F.autocontrast, ImageOps.autocontrast, 0),
    "equalize": (F.equalize, ImageOps.equalize, 0),
}


@pytest.mark.parametrize("pixels", [IMAGE, GREY, IMAGE[:1, :1], IMAGE[:, :1], IMAGE[:2, :40], np.zeros_like(IMAGE)])
@pytest.mark.parametrize("name", PILLOW)
def test_explicit_numbers_give_what_pillow_gives(name: str, pixels: Any) -> None:
    ours, pillow, tolerance = PILLOW[name]
    image = Image.fromarray(pixels)
    expected = np.asarray(pillow(image)).astype(int)
    for made in (ours(image), ours(pixels)):
        assert abs(np.asarray(made).astype(int) - expected).max() <= tolerance
    planes = torch.from_numpy(pixels).permute(2, 0, 1) if pixels.ndim == 3 else torch.from_numpy(pixels)[None]
    made = ours(planes).permute(1, 2, 0).numpy()
    assert abs(made.reshape(pixels.shape).astype(int) - expected).max() <= tolerance


@few
@given(st.floats(-0.5, 0.5))
def test_hue_turns_the_circle_of_colours(shift: float) -> None:
    pixels = RNG.integers(0, 256, (6, 7, 3), dtype=np.uint8)
    made = F.adjust_hue(pixels, shift).astype(int)
    for row in range(6):
        for column in range(7):
            hue, saturation, value = colorsys.rgb_to_hsv(*(pixels[row, column] / 255))
            expected = np.array(colorsys.hsv_to_rgb((hue + shift) % 1, saturation, value)) * 255
            assert abs(made[row, column] - expected).max() <= 0.51 + 1e-3


@few
@given(st.floats(-0.1, 0.1), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_hue_saturation_and_value_move_together(hue: float, saturation: float, value: float) -> None:
    pixels = RNG.integers(0, 256, (6, 7, 3), dtype=np.uint8)
    transform = T.HueSaturationValue((180 * hue,) * 2, (255 * saturation,) * 2, (255 * value,) * 2, p=1.0)
    made = transform(pixels).astype(int)
    for row in range(6):
        for column in range(7):
            h, s, v = colorsys.rgb_to_hsv(*(pixels[row, column] / 255))
            moved = (h + hue) % 1, min(max(s + saturation, 0), 1), min(max(v + value, 0), 1)
            assert abs(made[row, column] - np.array(colorsys.hsv_to_rgb(*moved)) * 255).max() <= 0.6


@few
@given(st.floats(0.2, 3.0), st.floats(0.5, 1.5))
def test_gamma(gamma: float, gain: float) -> None:
    expected = [min(255, int((256 - 1e-3) * gain * (level / 255) ** gamma)) for level in range(256)]
    levels = np.arange(256, dtype=np.uint8)[None].repeat(3, axis=0)
    assert abs(F.adjust_gamma(levels, gamma, gain)[0].astype(int) - expected).max() <= 1


# slope = 1 + contrast, offset = 255 * brightness; nearer to 0 where black or white would be out of range.
@pytest.mark.parametrize(
    ("brightness", "contrast", "black", "white"),
    [
        (0.4, -1.2, 102, 51),  # fits
        (0.4, -1.9, 102, 0),  # -0.9 becomes -0.4
        (1.0, -1.9, 255, 25.5),
        (1.4, -1.9, 255, 25.5),  # from 255, not from 357
        (1.4, -3.0, 255, 0),
        (0.4, 0.9, 102, 255),  # 1.9 becomes 0.6
        (-0.4, 0.9, 0, 255),
        (1.4, 0.9, 255, 255),
    ],
)
def test_a_safe_range_is_not_left_on_lines_up_or_down(
    brightness: float, contrast: float, black: float, white: float
) -> None:
    levels = np.arange(256, dtype=np.uint8)[None]
    change = T.RandomBrightnessContrast((brightness,) * 2, (contrast,) * 2, ensure_safe_range=True, p=1.0)
    assert abs(change(levels) - np.linspace(black, white, 256)).max() <= 0.51


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 9), (23, 23)])
@pytest.mark.parametrize("sigma", [0.3, 1.5, 6.0])
@pytest.mark.parametrize("pixels", [IMAGE, GREY, IMAGE[:3, :2]])
def test_a_gaussian_blur_is_a_weighted_mean_of_the_reflected_image(size: Any, sigma: float, pixels: Any) -> None:
    expected = pixels.astype(float)
    for axis, taps in ((1, size[0]), (0, size[1])):
        weights = np.exp(-0.5 * (np.arange(-(taps // 2), taps // 2 + 1) / sigma) ** 2)
        length = expected.shape[axis]
        places = np.abs(np.arange(-(taps // 2), length + taps // 2)) % max(2 * (length - 1), 1)
        places = np.where(places >= length, 2 * (length - 1) - places, places)
        wide = np.take(expected, places, axis=axis)
        expected = sum(
            weight * np.take(wide, range(k, k + length), axis=axis) for k, weight in enumerate(weights / weights.sum())
        )
    for made in (F.gaussian_blur(pixels, list(size), sigma), T.GaussianBlur(size, sigma)(pixels)):
        assert abs(made - expected).max() <= 1.6


def test_motion_blur_smears_along_its_line() -> None:
    dot = np.zeros((31, 31), dtype=np.uint8)
    dot[15, 15] = 255
    along = T.MotionBlur((7, 7), False, (0, 0), (0, 0), p=1.0)(dot)
    assert (along[15, 12:19] > 20).all()
    assert along.sum() == pytest.approx(255, abs=7)
    assert along[13, 15] == 0
    assert along[17, 15] == 0
    down = T.MotionBlur((7, 7), False, (90, 90), (0, 0), p=1.0)(dot)
    assert np.array_equal(along, down.T)
    ahead = T.MotionBlur((7, 7), False, (0, 0), (1, 1), p=1.0)(dot)
    assert ahead[15].nonzero()[0].tolist() == [12, 13, 14, 15]  # what lies ahead of a pixel, it shows
    assert np.ptp(ahead[15, 12:16]) <= 1


@pytest.mark.parametrize("shifted", [False, True])
def test_motion_blur_of_other_types_is_that_of_levels(shifted: bool) -> None:
    planes = torch.from_numpy(IMAGE.copy()).permute(2, 0, 1)
    for seed in range(6):
        made = {}
        for name, image in {"levels": planes, "parts": planes / 255, "wide": planes.to(torch.int32) << 23}.items():
            torch.manual_seed(seed)
            made[name] = T.MotionBlur((3, 21), shifted, p=1.0)(image)
        assert made["parts"].dtype == torch.float32
        assert made["wide"].dtype == torch.int32
        assert (made["parts"] * 255 - made["levels"]).abs().max() <= 1
        assert (made["wide"].double() / (1 << 23) - made["levels"]).abs().max() <= 1


def test_a_shifted_motion_blur_moves_the_image_by_up_to_half_of_the_lines_reach() -> None:
    dot = np.zeros((31, 31), dtype=np.uint8)
    dot[15, 15] = 255
    torch.manual_seed(0)
    middles = []
    for _ in range(60):
        made = T.MotionBlur((9, 9), True, (0, 0), (0, 0), p=1.0)(dot)
        middles.append([float(np.average(np.arange(31), weights=made.sum(axis=axis))) for axis in (0, 1)])
    across, down = np.array(middles).T - 15
    assert 1 < np.abs(down).max() <= 2
    assert 0.4 < np.abs(across).max() <= 2


def test_noise_has_the_mean_and_deviation_asked_for_and_is_the_samples_own() -> None:
    flat = np.full((200, 300, 3), 128, dtype=np.uint8)
    torch.manual_seed(1)
    made = T.GaussianNoise(0.05, 0.1)(flat).astype(float) - 128
    assert made.mean() == pytest.approx(0.05 * 255, abs=0.3)
    assert made.std() == pytest.approx(25.5, rel=0.02)
    skew = ((made - made.mean()) ** 4).mean() / made.std() ** 4
    assert 2.6 < skew < 3.1, "nearly normal"
    assert abs(np.corrcoef(made[:, 1:].ravel(), made[:, :-1].ravel())[0, 1]) < 0.02
    torch.manual_seed(1)
    assert np.array_equal(T.GaussianNoise(0.05, 0.1)(flat).astype(float) - 128, made)
    assert not np.array_equal(T.GaussianNoise(0.05, 0.1)(flat).astype(float) - 128, made)


@pytest.mark.parametrize("quality", [1, 30, 75, 95, 100])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(1, 1), (7, 9), (16, 16), (33, 17), (40, 50)])
def test_jpeg_is_what_pillow_writes_and_reads(quality: int, mode: str, size: tuple[int, int]) -> None:
    image = Image.fromarray(IMAGE if mode == "RGB" else GREY).crop((0, 0, *size))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    assert np.array_equal(np.asarray(F.jpeg(image, quality)), np.asarray(Image.open(file)))


def test_clahe_raises_local_contrast_and_keeps_hue() -> None:
    dull = (picture(160, 200) // 6 + 100).astype(np.uint8)
    made = T.CLAHE((4, 4), (4, 4), p=1.0)(dull)
    assert made.std() > 1.7 * dull.std()
    grey = np.repeat(dull[:, :, :1], 3, axis=2)
    even = T.CLAHE((3, 3), p=1.0)(grey).astype(int)
    assert (even.max(axis=-1) - even.min(axis=-1)).max() <= 2, "grey stays grey"
    assert np.array_equal(T.CLAHE((3, 3), p=0.0)(dull), dull)


def test_erased_rectangles_are_where_the_numbers_say() -> None:
    for seed in range(20):
        torch.manual_seed(seed)
        made = T.RandomErasing(1.0, (0.1, 0.2), (0.5, 2.0), value=[1, 2, 3])(np.full((60, 80, 3), 9, dtype=np.uint8))
        hole = (made == (1, 2, 3)).all(axis=-1)
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        assert hole.sum() == height * width
        assert 0.08 < height * width / 4800 < 0.22
        assert 0.45 < height / width < 2.2
        assert ((made == 9).all(axis=-1) | hole).all()
    torch.manual_seed(0)
    noisy = T.CoarseDropout((3, 3), (10, 10), (6, 6), fill="random", p=1.0)(np.full((60, 80), 9, dtype=np.uint8))
    assert 60 < (noisy != 9).sum() <= 180
    floats = T.RandomErasing(1.0, value=-3.5)(torch.zeros(3, 30, 30))
    assert set(floats.unique().tolist()) == {-3.5, 0.0}


@pytest.mark.parametrize(
    ("size", "area", "ratio", "hole"),
    [
        ((10, 10), 0.82, 1.0, (9, 9)),
        ((10, 10), 0.95, 1.0, None),  # 10 x 10
        ((10, 40), 0.5, 0.5, None),  # 10 x 20
        ((11, 40), 5 / 11, 0.5, (10, 20)),
        ((40, 10), 0.5, 2.0, None),
        ((40, 11), 5 / 11, 2.0, (20, 10)),
    ],
)
def test_a_hole_takes_no_whole_side(size: Any, area: float, ratio: float, hole: Any) -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        made = T.RandomErasing(1.0, (area, area), (ratio, ratio))(np.full(size, 9, dtype=np.uint8))
        rows, columns = (np.flatnonzero((made == 0).any(axis=axis)) for axis in (1, 0))
        assert (len(rows), len(columns)) == (hole or (0, 0))


EVERYTHING: dict[str, Callable[[], Any]] = {
    "jitter": lambda: T.ColorJitter(0.4, 0.4, 0.4, 0.1),
    "photometric": T.RandomPhotometricDistort,
    "brightness and contrast": lambda: T.RandomBrightnessContrast(p=1.0),
    "by the mean": lambda: T.RandomBrightnessContrast(brightness_by_max=False, p=1.0),
    "hsv": lambda: T.HueSaturationValue(p=1.0),
    "gamma": lambda: T.RandomGamma(p=1.0),
    "grey": lambda: T.RandomGrayscale(0.5),
    "invert": lambda: T.RandomInvert(0.5),
    "posterize": lambda: T.RandomPosterize(4),
    "sharpness": lambda: T.RandomAdjustSharpness(1.5, 1.0),
    "autocontrast": lambda: T.RandomAutocontrast(1.0),
    "blur": lambda: T.GaussianBlur(5),
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_floats_are_changed_alike(name: str) -> None:
    planes = torch.from_numpy(IMAGE).permute(2, 0, 1)
    for seed in range(6):
        torch.manual_seed(seed)
        levels = EVERYTHING[name]()(planes)
        torch.manual_seed(seed)
        floats = EVERYTHING[name]()(planes / 255)
        assert abs(floats * 255 - levels).max() < 6, "levels are rounded after each step"
        torch.manual_seed(seed)
        wide = EVERYTHING[name]()(torch.cat([planes, planes[:1]]))  # with an alpha channel
        assert torch.equal(wide[:3], levels)
        assert torch.equal(wide[3], planes[0])


@pytest.mark.parametrize("name", [*EVERYTHING, "erase", "dropout", "noise", "jpeg", "motion", "clahe", "equalize"])
def test_a_chain_is_one_program_and_the_same_step_by_step(name: str) -> None:
    more: dict[str, Any] = {
        "erase": lambda: T.RandomErasing(1.0, value=7),
        "dropout": lambda: T.CoarseDropout(fill=[1, 2, 3], p=1.0),
        "noise": T.GaussianNoise,
        "jpeg": lambda: T.JPEG((20, 90)),
        "motion": lambda: T.MotionBlur(p=1.0),
        "clahe": lambda: T.CLAHE(p=1.0),
        "equalize": lambda: T.RandomEqualize(1.0),
    }
    colours = {**EVERYTHING, **more}[name]()
    steps = [T.RandomHorizontalFlip(1.0), T.CenterCrop(30), colours, T.RandomVerticalFlip(1.0), T.Pad(3, fill=9)]
    for seed in range(5):
        results = []
        for fuse in (True, False):
            torch.manual_seed(seed)
            results.append(T.Compose(steps, fuse=fuse)(IMAGE))
        torch.manual_seed(seed)
        image = IMAGE
        apart = abs(results[0].astype(int) - results[1]).max()
        assert apart <= (4 if name == "jitter" else 0), "a level for each of the changes that are one matrix"
    assert "native, one pass" in repr(T.Compose(steps))
    assert "Python" not in repr(T.Compose(steps))
    assert image is IMAGE


LINES: dict[str, tuple[Callable[[float], Any], Callable[[Any, float], Any]]] = {
    "brightness": (lambda f: T.ColorJitter(brightness=(f, f)), F.adjust_brightness),
    "saturation": (lambda f: T.ColorJitter(saturation=(f, f)), F.adjust_saturation),
    "grey": (lambda _: T.ColorJitter(saturation=(0, 0)), lambda i, _: F.adjust_saturation(i, 0)),
    "invert": (lambda _: T.RandomInvert(1.0), lambda i, _: F.invert(i)),
}


@few
@given(st.lists(st.tuples(st.sampled_from(sorted(LINES)), st.floats(0, 1)), min_size=1, max_size=6))
def test_lines_in_one_chain_are_at_most_a_level_for_each_from_one_by_one(lines: list[tuple[str, float]]) -> None:
    pixels = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    steps = [LINES[name][0](factor) for name, factor in lines]
    expected = pixels
    for name, factor in lines:
        expected = LINES[name][1](expected, factor)
    assert np.array_equal(T.Compose(steps, fuse=False)(pixels), expected)
    apart = abs(T.Compose(steps)(pixels).astype(int) - expected).max()
    assert apart <= (0 if len(lines) == 1 else len(lines))


def test_a_filter_of_pillows_after_ours_is_still_pillows() -> None:
    chain = T.Compose([T.ColorJitter(0.5), lambda image: image.filter(ImageFilter.BLUR), T.RandomInvert(1.0)])
    torch.manual_seed(3)
    made = chain(Image.fromarray(IMAGE))
    torch.manual_seed(3)
    first = T.ColorJitter(0.5)(Image.fromarray(IMAGE))
    assert np.array_equal(np.asarray(made), np.asarray(ImageOps.invert(first.filter(ImageFilter.BLUR))))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: T.ColorJitter(-0.1), "brightness must not be negative"),
        (lambda: T.ColorJitter(hue=0.6), r"hue must be within \[-0.5, 0.5\]"),
        (lambda: T.ColorJitter(contrast=(2, 1)), "low <= high"),
        (lambda: T.ColorJitter(saturation="a"), "saturation must be a number"),
        (lambda: T.RandomPosterize(9), "bits"),
        (lambda: T.GaussianBlur(4), "odd"),
        (lambda: T.GaussianBlur(3, 0), "sigma"),
        (lambda: T.JPEG(0), "quality"),
        (lambda: T.JPEG((90, 10)), "quality"),
        (lambda: T.MotionBlur(1), "blur_limit|low <= high"),
        (lambda: T.GaussianNoise(sigma=-1), "low <= high|sigma"),
        (lambda: T.CLAHE(tile_grid_size=(0, 8)), "tile_grid_size"),
        (lambda: T.RandomErasing(scale=(0.5, 1.5)), "scale"),
        (lambda: T.RandomErasing(value="noise"), "value must be a number, .*noise"),
        (lambda: T.RandomErasing(value=np.zeros(3)), "value must be a number"),
        (lambda: T.CoarseDropout(fill="random_uniform"), "fill must be a number"),
        (lambda: T.CoarseDropout(fill_mask=0), "fill_mask must be None"),
        (lambda: T.CoarseDropout((3, 1)), "num_holes_range"),
        (lambda: T.CoarseDropout(hole_height_range=(0.1, 5)), "must be ints, which are pixels, or parts"),
        (lambda: T.RandomGamma((0, 5)), "gamma_limit"),
        (lambda: T.RandomAdjustSharpness(-1), "sharpness_factor"),
        (lambda: F.adjust_hue(IMAGE, 0.7), "hue_factor"),
        (lambda: F.jpeg(torch.zeros(3, 4, 4), 50), "8-bit"),
        (lambda: F.invert("image"), "must be a PIL image"),
    ],
)
def test_bad_arguments_are_refused(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()

"""What `Compose` makes of several transforms at once is what they make one by one, with `fuse=False`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from fastload import transforms as T

BILINEAR = T.InterpolationMode.BILINEAR


def photograph(height: int = 96, width: int = 120) -> np.ndarray[Any, Any]:
    """Waves with noise and hard edges, from black to white."""
    draws = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([127 + 150 * np.sin(x / (4 + k)) * np.cos(y / 5) for k in range(3)], axis=-1)
    waves[20:50, 30:70:2] = 255
    waves[60:80:2, 10:110] = 0
    return (waves + draws.integers(-30, 30, waves.shape)).clip(0, 255).astype(np.uint8)


def both(steps: list[Any], image: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    made = []
    for fuse in (True, False):
        torch.manual_seed(5)
        made.append(T.Compose(steps, fuse=fuse)(image).astype(float))
    return made[0], made[1]


COLOURS = [
    *(T.ColorJitter(brightness=(factor, factor)) for factor in (0.4, 1.0, 1.5, 2.0)),
    *(T.ColorJitter(saturation=(factor, factor)) for factor in (0.3, 1.0, 2.0)),
    *(T.RandomBrightnessContrast((by, by), (0.0, 0.0), p=1.0) for by in (-0.2, 0.2)),
    *(T.RandomBrightnessContrast((0.0, 0.0), (by, by), p=1.0) for by in (-0.3, 0.3)),
    T.RandomBrightnessContrast((0.2, 0.2), (-0.3, -0.3), ensure_safe_range=True, p=1.0),
    T.RandomGamma((180, 180), p=1.0),
    T.RandomInvert(1.0),
    T.RandomSolarize(100, 1.0),
    T.RandomPosterize(2, 1.0),
    T.RandomEqualize(1.0),
    T.RandomAutocontrast(1.0),
    T.ColorJitter(hue=(0.3, 0.3)),
    T.ColorJitter(contrast=(1.7, 1.7)),
    T.RandomAdjustSharpness(2.0, 1.0),
    T.RandomPhotometricDistort(p=1.0),
    T.JPEG((30, 30)),
]


@pytest.mark.parametrize("colour", COLOURS, ids=str)
@pytest.mark.parametrize("resize", [T.Resize((31, 44)), T.Resize((150, 90)), T.Resize((24, 30))], ids=str)
def test_colours_before_a_resize_are_changed_before_it(colour: Any, resize: Any) -> None:
    fused, apart = both([colour, resize], photograph())
    assert np.abs(fused - apart).max() <= 2  # both round twice


def test_what_brightness_cuts_off_is_gone_before_a_resize() -> None:
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[::2] = 255
    made = T.Compose([T.ColorJitter(brightness=(1.5, 1.5)), T.Resize((32, 32))])(stripes)
    brighter = ImageEnhance.Brightness(Image.fromarray(stripes)).enhance(1.5)
    expected = np.asarray(brighter.resize((32, 32), Image.Resampling.BILINEAR))
    assert np.abs(made.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("times", [2, 4, 8])
def test_a_turn_and_an_unequal_shrink_keep_what_they_keep_one_by_one(times: int) -> None:
    y, x = np.mgrid[:480, :480]
    stripes = np.where((x + y) % 10 < 5, 255, 0).astype(np.uint8)[..., None].repeat(3, axis=2)
    steps = [T.RandomRotation((45, 45), BILINEAR), T.CenterCrop(320), T.Resize((320, 320 // times))]
    fused, apart = both(steps, stripes)
    assert np.abs(fused - apart).mean() < 2
    assert abs(fused.std() - apart.std()) < 2


@pytest.mark.parametrize("turn", [0, 30])
def test_what_shrinking_has_taken_away_does_not_come_back(turn: float) -> None:
    larger = T.RandomAffine((turn, turn), scale=(4.0, 4.0), interpolation=BILINEAR)
    for smaller in (T.Resize((24, 30)), T.RandomAffine(0, scale=(0.25, 0.25), interpolation=BILINEAR)):
        fused, apart = both([smaller, larger, T.CenterCrop(16)], photograph())
        assert np.abs(fused - apart).mean() < 3
        assert np.abs(fused.std() - apart.std()) < 3


TAILS = [
    [T.Resize((64, 64))],
    [T.CenterCrop(70), T.Resize((150, 40))],
    [T.Resize(50), T.CenterCrop(40)],
]


@pytest.mark.parametrize("colour", COLOURS, ids=str)
@pytest.mark.parametrize("tail", TAILS, ids=str)
def test_a_warp_is_coloured_before_it_is_resized(colour: Any, tail: list[Any]) -> None:
    turn = T.RandomAffine((9, 9), (0.1, 0.1), (0.9, 1.1), interpolation=BILINEAR)
    fused, apart = both([T.RandomHorizontalFlip(1.0), turn, colour, *tail], photograph())
    off = np.abs(fused - apart)
    assert np.median(off) <= 3
    assert off.mean() < 8  # the border of one warp is hard, that of a warp and a resize is not


@pytest.mark.parametrize("tail", [*TAILS, [T.Resize((500, 700))]], ids=str)
def test_where_colours_are_cut_off_nothing_is_joined(tail: list[Any]) -> None:
    turn = T.RandomAffine((9, 9), (0.1, 0.1), (0.9, 1.1), interpolation=BILINEAR)
    for colour in (T.ColorJitter(brightness=(1.8, 1.8)), T.RandomGamma((180, 180), p=1.0), T.RandomEqualize(1.0)):
        for image in (photograph(), photograph(480, 640)):  # the second in several bands
            fused, apart = both([turn, colour, *tail], image)
            assert np.abs(fused - apart).max() <= 2


def grey_of_pillow(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The luminance three times over."""
    return np.asarray(Image.fromarray(image).convert("L").convert("RGB"))


@pytest.mark.parametrize("value", ["random", [255, 0, 9]], ids=str)
@pytest.mark.parametrize("hole", [T.RandomErasing, T.CoarseDropout], ids=lambda hole: hole.__name__)
def test_a_hole_in_a_grey_image_of_three_channels_has_colours(hole: Any, value: Any) -> None:
    name = "value" if hole is T.RandomErasing else "fill"
    erase, grey = hole(p=1.0, **{name: value}), grey_of_pillow(photograph())
    fused, apart = both([T.Grayscale(3), erase], photograph())
    one_by_one = both([T.Identity(), erase], grey)[0]  # as the second step, whose draws are others than a first one's
    assert np.array_equal(fused, apart)
    assert np.array_equal(fused, one_by_one)
    erased = (fused != grey).any(axis=-1)
    assert 20 < erased.sum() < grey[..., 0].size / 2
    if value == "random":
        assert (fused[erased].std(axis=-1) > 5).mean() > 0.9  # each channel has noise of its own
    else:
        assert set(map(tuple, fused[erased])) == {(255, 0, 9)}


@pytest.mark.parametrize("interpolation", [T.InterpolationMode.NEAREST, BILINEAR])
def test_what_bends_a_grey_image_of_three_channels_uncovers_the_colour_of_the_fill(interpolation: Any) -> None:
    fill = [255, 0, 9]
    bend, grey = T.ElasticTransform(200.0, 4.0, interpolation, fill), grey_of_pillow(photograph())
    fused, apart = both([T.Grayscale(3), bend], photograph())
    assert np.array_equal(fused, apart)
    assert np.array_equal(fused, both([T.Identity(), bend], grey)[0])
    colourful = fused.max(axis=-1) > fused.min(axis=-1)
    border = np.ones_like(colourful)
    border[20:-20, 20:-20] = False  # pixels move by less
    assert (fused[border] == fill).all(axis=-1).sum() > 20
    assert not colourful[~border].any()
    if interpolation == T.InterpolationMode.NEAREST:  # nothing between grey and the fill
        assert set(map(tuple, fused[colourful])) == {tuple(fill)}

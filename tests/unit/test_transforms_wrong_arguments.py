"""Arguments that mean nothing are refused when they are given, in the words that they came in."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T
from fastload.collate import DetectionCollate
from fastload.transforms import functional as F

IMAGE = np.zeros((20, 30, 3), np.uint8)
PLANES = torch.zeros(3, 20, 30)
TRUTH_VALUES: dict[str, Callable[[Any], Any]] = {
    "expand": lambda value: T.RandomRotation(10, expand=value),
    "scale_up": lambda value: T.LetterBox(3, scale_up=value),
    "normalized": lambda value: T.GridDistortion(normalized=value),
    "allow_shifted": lambda value: T.MotionBlur(allow_shifted=value),
    "brightness_by_max": lambda value: T.RandomBrightnessContrast(brightness_by_max=value),
    "ensure_safe_range": lambda value: T.RandomBrightnessContrast(ensure_safe_range=value),
    "all_ops": lambda value: T.AugMix(all_ops=value),
    "replace": lambda value: T.SomeOf([T.Identity()], replace=value),
    "fuse": lambda value: T.Compose([T.Identity()], fuse=value),
    "pad_images": lambda value: DetectionCollate(pad_images=value),
}
SEVERAL: list[tuple[str, Callable[[Any], Any]]] = [
    *TRUTH_VALUES.items(),
    ("clip", lambda value: T.BoxParams(clip=value)),
    ("clip", lambda value: T.GaussianNoise(clip=value)),
    ("clip", lambda value: F.gaussian_noise(PLANES, clip=value)),
    ("expand", lambda value: F.rotate(IMAGE, 10, expand=value)),
    ("scale", lambda value: T.ToDtype(torch.float32, value)),
    ("scale", lambda value: F.to_dtype(IMAGE, torch.float32, value)),
    ("inplace", lambda value: T.RandomErasing(inplace=value)),
    ("inplace", lambda value: F.erase(PLANES.clone(), 0, 0, 2, 2, 0, value)),
    ("inplace", lambda value: T.Normalize([0.5], [0.5], value)),
    ("inplace", lambda value: F.normalize(PLANES.clone(), [0.5], [0.5], value)),
    ("pad_if_needed", lambda value: T.RandomCrop(3, pad_if_needed=value)),
]
RESIZES: list[Callable[..., Any]] = [
    partial(T.LetterBox, 3),
    partial(T.ScaleJitter, (3, 3)),
    partial(T.RandomShortestSize, 3),
    partial(T.LongestMaxSize, 3),
    partial(T.Resize, 3),
    partial(T.RandomResizedCrop, 3),
]


@pytest.mark.parametrize(("name", "make"), SEVERAL)
@pytest.mark.parametrize("value", ["no", 1, None, 0.0, torch.tensor(True), np.array([1, 2]), torch.tensor([1, 2])])
def test_a_truth_value_is_one(name: str, make: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(TypeError, match=re.escape(f"{name} must be True or False, got {value!r}")):
        make(value)


@pytest.mark.parametrize(("name", "make"), SEVERAL)
@pytest.mark.parametrize("value", [True, False])
def test_numpys_truth_values_are_some(name: str, make: Callable[[Any], Any], value: bool) -> None:
    shown = []
    for one in (np.bool_(value), value):
        torch.manual_seed(0)
        shown.append(repr(make(one)))
    assert shown[0] == shown[1]


@pytest.mark.parametrize("make", RESIZES)
def test_antialias_may_be_none_too(make: Callable[..., Any]) -> None:
    for value in (True, False, None, np.True_):
        assert make(antialias=value).antialias is (value if value is None else bool(value))
    for wrong in ("x", 1):
        with pytest.raises(TypeError, match=rf"antialias must be True, False or None; got {wrong!r}"):
            make(antialias=wrong)


ARGUMENTS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: T.RandomAffine(10, shear=90), ValueError, r"shear must be within \(-90, 90\) degrees, .* got 90$"),
    (lambda: T.RandomAffine(0, shear=(0, 90)), ValueError, r"shear must be within .* got \(0, 90\)"),
    (lambda: T.RandomAffine(0, shear=(0, 1, -95, 5)), ValueError, r"shear must be within .* got \(0, 1, -95, 5\)"),
    (lambda: T.CLAHE(0), ValueError, r"clip_limit must be .* got 0$"),
    (lambda: T.CLAHE(-3.5), ValueError, r"clip_limit must be .* got -3\.5$"),
    (lambda: T.CLAHE(float("nan")), ValueError, r"clip_limit must be .* got nan$"),
    (lambda: T.MotionBlur(2), ValueError, r"blur_limit must be .* got 2$"),
    (lambda: T.MotionBlur(float("nan")), ValueError, r"blur_limit must be .* got nan$"),
    (lambda: T.ScaleJitter("x"), TypeError, r"target_size must be an int or a sequence of one or two ints, got 'x'"),
    (lambda: T.ScaleJitter((3, 0)), ValueError, r"target_size must be .* \(width, height\).* got \(3, 0\)"),
    (lambda: T.BoxParams(fields=(1, 2)), TypeError, r"fields must be a sequence of names or None, got \(1, 2\)"),  # type: ignore[arg-type]
    (lambda: T.BoxParams(keypoint_swaps=4), TypeError, r"keypoint_swaps must be pairs .* got 4"),  # type: ignore[arg-type]
    (lambda: T.BoxParams(keypoint_swaps=(0, 1)), TypeError, r"keypoint_swaps must be pairs .* got \(0, 1\)"),  # type: ignore[arg-type]
    (lambda: T.BoxParams(keypoint_swaps=(("a", "b"),)), TypeError, r"keypoint_swaps must be pairs .* got \(\('a'"),  # type: ignore[arg-type]
    (lambda: T.BoxParams(keypoint_swaps=((0.5, 1.5),)), TypeError, r"keypoint_swaps must be pairs .* got \(\(0\.5"),  # type: ignore[arg-type]
    (lambda: T.BoxParams(keypoint_swaps=((0, True),)), TypeError, r"keypoint_swaps must be pairs"),
    (lambda: T.BoxParams(keypoint_swaps=((0, 1, 2),)), ValueError, r"keypoint_swaps must be pairs"),  # type: ignore[arg-type]
    (lambda: T.BoxParams(keypoint_swaps=((0, -1),)), ValueError, r"keypoint_swaps must be pairs"),
]


@pytest.mark.parametrize(("make", "error", "text"), ARGUMENTS)
def test_a_wrong_argument_is_shown_as_it_came(make: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


INTERPOLATED: list[Callable[[Any], Any]] = [
    *(lambda mode, make=make: make(interpolation=mode) for make in RESIZES),
    lambda mode: T.LongestMaxSize(20, mask_interpolation=mode),
    lambda mode: T.RandomRotation(20, interpolation=mode),
    lambda mode: F.resize(IMAGE, [20, 20], mode),
]
NAMES: dict[str, Callable[[Any], Any]] = {
    "padding_mode": lambda name: T.Pad(1, padding_mode=name),
    "format": lambda name: T.BoxParams(format=name),
    "outline": lambda name: T.BoxParams(outline=name),
    "mask_interpolation": lambda name: T.GridDistortion(mask_interpolation=name),
    "keypoint_remapping_method": lambda name: T.GridDistortion(keypoint_remapping_method=name),
    "area_for_downscale": lambda name: T.LongestMaxSize(20, area_for_downscale=name),
    "clamping_mode": lambda name: T.ClampBoundingBoxes(clamping_mode=name),
    "memory_format": lambda name: T.ToMemoryFormat(memory_format=name),
}


@pytest.mark.parametrize("make", INTERPOLATED)
@pytest.mark.parametrize("value", [True, False, np.True_])
def test_truth_values_are_no_numbers_of_pillows(make: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(f"got {value!r}")):
        make(value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [np.array(["a", "b"]), torch.tensor([1, 2]), ["a"], 3, np.array("a")])
def test_what_is_no_name_is_shown_beside_those_that_are(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(name) + r" must be [\s\S]*" + re.escape(f"got {value!r}")):
        NAMES[name](value)


@pytest.mark.parametrize("values", [(0.5, 1), np.array([0.5, 1]), torch.tensor([0.5, 1]), (one for one in (0.5, 1))])
def test_means_may_be_any_row_of_numbers(values: Any) -> None:
    assert T.Normalize(values, 2).mean == [0.5, 1]
    assert T.Normalize(0.5, np.float32(2)).std == T.Normalize(torch.tensor(0.5), torch.tensor(2)).std == [2]


@pytest.mark.parametrize("getter", ["default", len])
def test_labels_getters_of_torchvision_are_taken(getter: Any) -> None:
    assert T.SanitizeBoundingBoxes(labels_getter=getter).min_size == 1


@pytest.mark.parametrize("swaps", [[[0, 1]], np.array([[0, 1]]), torch.tensor([[0, 1]]), zip([0], [1], strict=True)])
def test_swaps_may_be_any_pairs_of_numbers(swaps: Any) -> None:
    assert T.BoxParams(keypoint_swaps=swaps) == T.BoxParams(keypoint_swaps=((0, 1),))


def test_one_number_is_a_square_to_scale_into() -> None:
    assert T.ScaleJitter(30).target_size == T.ScaleJitter((30, 30)).target_size == (30, 30)


@pytest.mark.parametrize("channels_last", [False, True])
def test_areas_of_floats_are_refused_by_the_name_of_the_argument(channels_last: bool) -> None:
    image = PLANES.permute(1, 2, 0).numpy() if channels_last else PLANES
    scale = T.LongestMaxSize(10, area_for_downscale="image")
    for chain in (scale, T.Compose([scale])):
        with pytest.raises(ValueError, match=r"area_for_downscale='image' is for 8-bit images, got .*float32"):
            chain(image)
    assert F.get_size(T.LongestMaxSize(60, area_for_downscale="image")(image)) == [40, 60]


def test_a_key_point_is_named_with_its_object() -> None:
    points = torch.zeros(2, 3, 3)
    points[1, 2, 0] = float("nan")
    flip = T.RandomHorizontalFlip(1.0)
    with pytest.raises(ValueError, match=r"^object 1 of 2: key point 2 of 3 is \(nan, 0\): its numbers must be finite"):
        flip(IMAGE, {"keypoints": points})
    with pytest.raises(ValueError, match=r"^key point 2 of 3 is \(nan, 0\)"):
        flip(IMAGE, {"keypoints": points[1]})


def test_functions_that_resize_refuse_what_is_no_truth_value() -> None:
    with pytest.raises(TypeError, match="antialias must be True, False or None; got 'x'"):
        F.resize(np.zeros((4, 4, 3), np.uint8), [2, 2], antialias="x")  # type: ignore[arg-type]

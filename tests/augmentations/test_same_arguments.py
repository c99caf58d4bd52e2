"""Arguments of Albumentations' transforms: in its order, and with its meaning or an error that says what to do."""

from __future__ import annotations

import inspect
import warnings
from collections import Counter
from typing import Any

import albumentations as A
import cv2
import numpy as np
import pytest
import torch
from skimage import data

from fastload import transforms as T

PHOTO = np.ascontiguousarray(data.astronaut()[40:280, 60:380])
FLOATS = (PHOTO / 255).astype(np.float32)
NAMES = ["RandomBrightnessContrast", "HueSaturationValue", "RandomGamma", "CLAHE", "MotionBlur", "CoarseDropout"]
NAMES += ["GridDistortion", "LongestMaxSize"]


@pytest.mark.parametrize("name", NAMES)
def test_arguments_stand_in_the_same_order(name: str) -> None:
    theirs = [one for one in inspect.signature(getattr(A, name).__init__).parameters if one != "self"]
    ours = [
        one.name
        for one in inspect.signature(getattr(T, name)).parameters.values()
        if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    assert ours == theirs


@pytest.mark.parametrize("by_max", [False, True])
@pytest.mark.parametrize(("brightness", "contrast"), [(0.3, 0.4), (-0.3, 0.4), (0.3, -1.9), (0.1, -0.5)])
def test_floats_stay_in_a_safe_range(brightness: float, contrast: float, by_max: bool) -> None:
    arguments = (brightness, brightness), (contrast, contrast), by_max, True, 1.0
    ours, theirs = T.RandomBrightnessContrast(*arguments), A.RandomBrightnessContrast(*arguments)
    assert np.abs(ours(FLOATS) - theirs(image=FLOATS)["image"]).max() < 1e-5
    batch = torch.from_numpy(np.stack([FLOATS, FLOATS / 3])).permute(0, 3, 1, 2).contiguous()
    for one, made in zip(batch, ours(batch), strict=True):
        assert torch.allclose(ours(one), made, atol=1e-6)


@pytest.mark.parametrize("limit", [0.3, -0.3, 0.0])
def test_grids_that_leave_their_border_are_albumentations(limit: float) -> None:
    # Levels tell which row and which column of the image a pixel is.
    image = np.stack([*np.indices((200, 240)), np.full((200, 240), 255)], axis=-1).astype(np.uint8)
    arguments = 4, (limit, limit), 0, False, cv2.INTER_NEAREST, "direct", 1.0, cv2.BORDER_CONSTANT, [0, 0, 7]
    ours = T.GridDistortion(*arguments)(image).astype(int)
    theirs = A.GridDistortion(*arguments)(image=image)["image"].astype(int)
    shown = (ours[:, :, 2] == 255) & (theirs[:, :, 2] == 255)
    assert ((ours[:, :, 2] == 255) != (theirs[:, :, 2] == 255)).mean() < 0.02
    assert np.abs(ours - theirs)[shown].max() <= 2  # theirs reaches the next node a pixel too early
    assert set(np.unique(ours[:, :, 2])) == ({7, 255} if limit > 0 else {255})


@pytest.mark.parametrize("mode", [cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT, cv2.BORDER_WRAP, cv2.BORDER_REFLECT_101])
def test_no_mode_of_a_border_is_seen_in_grids_that_keep_it(mode: int) -> None:
    torch.manual_seed(0)
    made = T.GridDistortion(p=1.0, border_mode=mode)(PHOTO)
    torch.manual_seed(0)
    assert np.array_equal(made, T.GridDistortion(p=1.0)(PHOTO))


# Where a side is not divided evenly, the one weighs pixels by what is covered and the other takes or leaves them.
@pytest.mark.parametrize(("longest", "mean"), [(160, 0.4), (80, 0.4), (100, 2.0), (200, 2.5), (640, 0.6)])
@pytest.mark.parametrize("container", ["array", "channels first"])
def test_images_shrink_by_areas_where_asked_to(longest: int, mean: float, container: str) -> None:
    arguments = longest, None, 2, cv2.INTER_NEAREST, "image"
    image = PHOTO if container == "array" else torch.from_numpy(PHOTO).permute(2, 0, 1)[:2].contiguous()
    made = T.LongestMaxSize(*arguments)(image)
    ours = made if container == "array" else made.permute(1, 2, 0).numpy()
    theirs = A.LongestMaxSize(longest, None, cv2.INTER_LINEAR, *arguments[3:])(image=PHOTO)["image"]
    assert ours.shape[:2] == theirs.shape[:2]
    assert np.abs(ours.astype(int) - theirs[:, :, : ours.shape[2]]).mean() < mean


def smeared(image: np.ndarray[Any, Any]) -> int:
    return int((image > 0).sum())


@pytest.mark.parametrize("limit", [(4, 4), (3, 6), (3, 7), (7, 7), 5])
def test_lines_are_as_long_as_albumentations(limit: Any) -> None:
    dot = np.zeros((21, 21), np.uint8)
    dot[10, 10] = 255
    line: dict[str, Any] = {"allow_shifted": False, "angle_range": (0, 0), "direction_range": (0, 0), "p": 1.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that even lengths become odd
        theirs = A.MotionBlur(limit, **line)
    ours = T.MotionBlur(limit, **line)
    theirs.set_random_seed(0)
    torch.manual_seed(0)
    calls = 400
    drawn = Counter(smeared(ours(dot)) for _ in range(calls))
    expected = Counter(smeared(theirs(image=dot)["image"]) for _ in range(calls))
    assert drawn.keys() == expected.keys()
    for length, times in expected.items():
        assert abs(times - drawn[length]) <= 4 * (2 * calls / 4) ** 0.5
        assert abs(drawn[length] - calls / len(expected)) <= 4 * (calls / 4) ** 0.5


@pytest.mark.parametrize("limit", [3.5, (3, 6.5), (7, 3), (1, 3), 2])
def test_lengths_of_lines_that_are_none_are_refused(limit: Any) -> None:
    with pytest.raises(ValueError, match="blur_limit"):
        T.MotionBlur(limit)

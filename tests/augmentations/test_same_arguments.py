"""Arguments of Albumentations' transforms: in its order, and with its meaning or an error that says what to do."""

from __future__ import annotations

import inspect

import albumentations as A
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

"""What comes out of Albumentations: floats of PIL images, and numbers of all types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import albumentations as A
import imgaug.augmenters as iaa
import numpy as np
import pytest
import torch
from PIL import Image

from fastload import transforms as T

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
FLOATS: dict[str, Callable[[], Any]] = {
    "Normalize": A.Normalize,
    "ToFloat": lambda: A.Compose([A.HorizontalFlip(p=1.0), A.ToFloat(max_value=255)]),
}


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_floats_of_pil_images_are_arrays(name: str, mode: str) -> None:
    if (name, mode) == ("Normalize", "RGBA"):
        pytest.skip("Normalize has three means")
    image = Image.fromarray(PIXELS).convert(mode)
    expected = FLOATS[name]()(image=np.asarray(image))["image"]
    made, target = T.Compose([FLOATS[name]()])(image, {"boxes": np.array([[1.0, 2, 3, 4]])})
    assert made.dtype == np.float32
    assert np.array_equal(made, expected)
    assert target["boxes"].shape == (1, 4)
    tensor = T.Compose([FLOATS[name](), T.ToTensor()])(image)
    assert np.array_equal(tensor.permute(1, 2, 0), expected)


def test_floats_of_grey_pil_images_are_such_images() -> None:
    image = Image.fromarray(PIXELS).convert("L")
    made = T.Compose([A.ToFloat(255)])(image)
    assert made.mode == "F"
    assert np.array_equal(made, np.asarray(image, dtype=np.float32) / 255)


MIRRORS: dict[str, Callable[[], Any]] = {
    "Albumentations": lambda: T.Albumentations(A.HorizontalFlip(p=1.0)),
    "imgaug": lambda: T.ImgAug(iaa.Fliplr(1.0)),
}


@pytest.mark.parametrize("name", MIRRORS)
@pytest.mark.parametrize("dtype", [">u2", ">i2", ">f4", ">f8"])
def test_numbers_of_other_machines_keep_their_values(name: str, dtype: str) -> None:
    array = RNG.integers(0, 30000, (40, 50, 3)).astype(dtype)
    if (name, dtype) == ("imgaug", ">f8"):
        array = array / 30000
    made = MIRRORS[name]()(array)
    assert made.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.array_equal(made, array[:, ::-1])


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint64])
def test_whole_numbers_of_64_bits_stay_such(dtype: torch.dtype) -> None:
    tensor = torch.tensor(RNG.integers(0, 1 << 31, (3, 40, 50))).to(dtype)
    made = MIRRORS["Albumentations"]()(tensor)
    assert made.dtype == dtype
    assert torch.equal(made.long(), tensor.long().flip(-1))


def test_whole_numbers_that_would_be_cut_off_are_refused() -> None:
    for number in (1 << 31, -(1 << 31) - 1):
        array = np.full((40, 50, 3), number, dtype=np.int64)
        with pytest.raises(
            ValueError, match=rf"takes whole numbers of 32 bits, this image of int64 has {number}: convert"
        ):
            MIRRORS["Albumentations"]()(array)

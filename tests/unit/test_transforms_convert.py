"""Conversions: kinds of image and types of number, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.images import CONTAINERS, array_of, image_of, pixels

from fastload import transforms as T
from fastload.transforms import functional as F

LEVELS = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize("container", ["pil", "array"])
def test_to_tensor_is_levels_over_255(container: str) -> None:
    wanted = torch.from_numpy(LEVELS).permute(2, 0, 1).float().div(255)
    image = image_of(LEVELS, container)
    assert torch.equal(F.to_tensor(image), wanted)
    assert torch.equal(T.ToTensor()(image), wanted)


def test_to_tensor_lets_tensors_pass() -> None:
    image = torch.arange(12, dtype=torch.uint8).reshape(3, 2, 2)
    assert T.ToTensor()(image) is image


@pytest.mark.parametrize(
    ("mode", "dtype"), [("I", torch.int32), ("F", torch.float32), ("I;16", torch.int16), ("1", torch.float32)]
)
def test_to_tensor_keeps_values_that_are_no_bytes(mode: str, dtype: torch.dtype) -> None:
    image = Image.new(mode, (3, 2), 1)
    found = T.ToTensor()(image)
    assert found.dtype == dtype
    assert found.shape == (1, 2, 3)
    assert (found == 1).all()


@pytest.mark.parametrize("container", CONTAINERS)
def test_to_image_is_the_same_levels_by_channel(container: str) -> None:
    found = T.ToImage()(image_of(LEVELS, container))
    assert found.dtype == torch.uint8
    assert torch.equal(found, torch.from_numpy(LEVELS).permute(2, 0, 1))
    assert found.is_contiguous()


def test_pil_to_tensor_takes_pil_images_only() -> None:
    assert torch.equal(T.PILToTensor()(image_of(LEVELS, "pil")), torch.from_numpy(LEVELS).permute(2, 0, 1))
    with pytest.raises(TypeError, match="takes a PIL image, got Tensor"):
        F.pil_to_tensor(torch.zeros(3, 2, 2))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("container", ["array", "tensor"])
def test_to_pil_image_and_back(channels: int, container: str) -> None:
    array = pixels(5, 6, channels)
    found = T.ToPILImage()(image_of(array, container))
    assert found.mode == {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    assert np.array_equal(array_of(found), array)


def test_to_pil_image_takes_floats_times_255() -> None:
    image = torch.rand(3, 4, 5)
    assert np.array_equal(array_of(F.to_pil_image(image)), array_of(image.mul(255).byte()))
    grey = np.random.default_rng(0).random((4, 5)).astype(np.float32)
    assert F.to_pil_image(grey).mode == "F"
    assert np.array_equal(np.asarray(F.to_pil_image(grey)), grey)


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "RGB"])
def test_to_pil_image_reads_channels_as_it_is_told(mode: str) -> None:
    found = T.ToPILImage(mode)(image_of(LEVELS, "tensor"))
    assert found.mode == mode
    assert found.tobytes() == LEVELS.tobytes()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_to_float_is_one_multiplication(dtype: torch.dtype) -> None:
    image = image_of(LEVELS, "tensor")
    assert torch.equal(F.to_dtype(image, dtype, scale=True), image.to(dtype).mul_(1.0 / 255))
    assert torch.equal(T.ToDtype(dtype, scale=True)(image), image.to(dtype).mul_(1.0 / 255))
    assert torch.equal(T.ToDtype(dtype)(image), image.to(dtype))
    assert torch.equal(T.ConvertImageDtype(dtype)(image), image.to(dtype).mul_(1.0 / 255))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.uint16])
def test_floats_to_integers_give_each_value_an_equal_share(dtype: torch.dtype) -> None:
    image = torch.linspace(0, 1, 1001, dtype=torch.float64).reshape(1, 7, 143)
    wanted = image.mul(torch.iinfo(dtype).max + 1 - 1e-3).to(dtype)
    assert torch.equal(F.to_dtype(image, dtype, scale=True), wanted)


@pytest.mark.parametrize(
    ("before", "value", "after", "wanted"),
    [
        (torch.uint8, 200, torch.int16, 200 << 7),
        (torch.uint8, 200, torch.int64, 200 << 55),
        (torch.int16, 32767, torch.uint8, 255),
        (torch.uint16, 65535, torch.uint8, 255),
        (torch.uint8, 255, torch.uint16, 255 << 8),
    ],
)
def test_integers_to_integers_are_shifted(before: torch.dtype, value: int, after: torch.dtype, wanted: int) -> None:
    image = torch.full((1, 2, 2), value, dtype=before)
    found = F.to_dtype(image, after, scale=True)
    assert found.dtype == after
    assert set(found.flatten().tolist()) == {wanted}


def test_arrays_change_type_as_tensors_do() -> None:
    found = T.ToDtype(torch.float32, scale=True)(LEVELS)
    assert isinstance(found, np.ndarray)
    assert np.array_equal(found, torch.from_numpy(LEVELS).float().mul(1 / 255).numpy())


def test_pil_images_have_no_other_type() -> None:
    image = image_of(LEVELS, "pil")
    assert T.ToDtype(torch.float32, scale=True)(image) is image or array_of(image).tolist() == LEVELS.tolist()


def test_a_dict_of_types_is_read_by_type_of_image() -> None:
    by_type: dict[Any, Any] = {torch.Tensor: torch.float32, "others": None}
    image = image_of(LEVELS, "tensor")
    assert T.ToDtype(by_type, scale=True)(image).dtype == torch.float32
    assert T.ToDtype(by_type)(LEVELS).dtype == np.uint8
    with pytest.raises(ValueError, match="no entry for ndarray"):
        T.ToDtype({torch.Tensor: torch.float32})(LEVELS)


def test_normalize_is_torchs_arithmetic() -> None:
    image = torch.rand(2, 3, 4, 5)
    mean, std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]
    wanted = image.sub(mean).div(std)
    assert torch.equal(T.Normalize(MEAN, STD)(image), wanted)
    array = image[0].permute(1, 2, 0).numpy()
    assert np.array_equal(array_of(T.Normalize(MEAN, STD)(array)), array_of(wanted[0]))


@pytest.mark.parametrize("container", ["tensor", "array"])
def test_normalize_in_place_changes_the_image(container: str) -> None:
    image = torch.rand(3, 4, 5)
    wanted = F.normalize(image, MEAN, STD)
    target = image if container == "tensor" else image.permute(1, 2, 0).numpy().copy()
    assert T.Normalize(MEAN, STD, inplace=True)(target) is target
    assert np.array_equal(array_of(target), array_of(wanted))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("container", CONTAINERS)
def test_the_native_pass_gives_torchs_bits_for_every_level(dtype: torch.dtype, container: str) -> None:
    wanted = F.normalize(F.to_dtype(image_of(LEVELS, "tensor"), dtype, scale=True), MEAN, STD)
    chain = T.Compose([T.ToImage(), T.ToDtype(dtype, scale=True), T.Normalize(MEAN, STD)])
    found = chain(image_of(LEVELS, container))
    assert found.dtype == dtype
    assert torch.equal(found, wanted)


def test_grey_images_normalised_by_three_means_become_three_channels() -> None:
    grey = image_of(LEVELS[:, :, :1], "pil")
    found = T.Compose([T.ToTensor(), T.Normalize(MEAN, STD)])(grey)
    assert torch.equal(found, F.normalize(F.to_tensor(grey), MEAN, STD))
    assert found.shape == (3, 16, 16)

"""Functions of explicit parameters against NumPy, torch and Pillow: the same for every kind of image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.images import CONTAINERS, array_of, image_of, is_of, pixels
from support.resized import NUMPY_MODES, pillow_resized

from fastload import transforms as T
from fastload.transforms import InterpolationMode
from fastload.transforms import functional as F

few = settings(max_examples=60, deadline=None)
sides = st.integers(1, 9)
containers = st.sampled_from(CONTAINERS)


@pytest.mark.parametrize("container", CONTAINERS)
def test_flips_are_reversed_axes(container: str) -> None:
    array = pixels(4, 5)
    image = image_of(array, container)
    assert np.array_equal(array_of(F.horizontal_flip(image)), array[:, ::-1])
    assert np.array_equal(array_of(F.vertical_flip(image)), array[::-1])
    assert is_of(F.hflip(image), container)
    assert is_of(F.vflip(image), container)


@few
@given(sides, sides, st.integers(-4, 10), st.integers(-4, 10), sides, sides, containers)
def test_a_crop_is_a_slice_and_zero_outside(
    rows: int, columns: int, top: int, left: int, height: int, width: int, container: str
) -> None:
    array = pixels(rows, columns)
    wide = np.pad(array, ((20, 20), (20, 20), (0, 0)))
    wanted = wide[20 + top : 20 + top + height, 20 + left : 20 + left + width]
    found = F.crop(image_of(array, container), top, left, height, width)
    assert np.array_equal(array_of(found), wanted)


@few
@given(
    st.integers(4, 9),
    st.integers(4, 9),
    st.tuples(*[st.integers(0, 3)] * 4),
    st.sampled_from(tuple(NUMPY_MODES)),
    containers,
)
def test_a_border_is_numpys(
    rows: int, columns: int, margins: tuple[int, int, int, int], mode: str, container: str
) -> None:
    array = pixels(rows, columns)
    left, top, right, bottom = margins
    wanted = np.pad(array, ((top, bottom), (left, right), (0, 0)), mode=NUMPY_MODES[mode])  # type: ignore[call-overload]
    found = F.pad(image_of(array, container), list(margins), padding_mode=mode)
    assert is_of(found, container)
    assert np.array_equal(array_of(found), wanted)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("fill", "colour"), [(7, (7, 7, 7)), ((1, 2, 3), (1, 2, 3)), (None, (0, 0, 0)), (9.7, (9, 9, 9))]
)
def test_a_border_has_the_colour_of_fill(container: str, fill: Any, colour: tuple[int, int, int]) -> None:
    found = array_of(F.pad(image_of(pixels(3, 4), container), [1, 2], fill))
    assert found.shape == (7, 6, 3)
    assert np.array_equal(found[2:5, 1:5], pixels(3, 4))
    assert (found[:2] == colour).all()
    assert (found[:, -1] == colour).all()


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("mode", ["constant", "edge"])
def test_negative_margins_take_pixels_away(container: str, mode: str) -> None:
    array = pixels(5, 6)
    found = array_of(F.pad(image_of(array, container), [-1, 2, -2, -1], padding_mode=mode))
    assert found.shape == (6, 3, 3)
    assert np.array_equal(found[2:], array[:4, 1:4])


@few
@given(sides, sides, sides, sides, containers)
def test_center_crop_is_the_middle_of_the_image_padded_with_zero(
    rows: int, columns: int, height: int, width: int, container: str
) -> None:
    array = pixels(rows, columns)
    more_rows, more_columns = max(0, height - rows), max(0, width - columns)
    padded = np.pad(
        array, ((more_rows // 2, (more_rows + 1) // 2), (more_columns // 2, (more_columns + 1) // 2), (0, 0))
    )
    top, left = round((padded.shape[0] - height) / 2), round((padded.shape[1] - width) / 2)
    found = F.center_crop(image_of(array, container), [height, width])
    assert np.array_equal(array_of(found), padded[top : top + height, left : left + width])


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric"])
@pytest.mark.parametrize("pil_mode", ["L", "RGBA", "I", "F", "1", "LA"])
def test_other_modes_of_pil_are_padded_too(mode: str, pil_mode: str) -> None:
    image = Image.fromarray(pixels(6, 7)).convert(pil_mode)
    array = np.asarray(image)
    wanted = np.pad(array, ((1, 2), (3, 1), (0, 0))[: array.ndim], mode=mode)  # type: ignore[call-overload]
    found = F.pad(image, [3, 1, 1, 2], padding_mode=mode)
    assert found.mode == pil_mode
    assert np.array_equal(np.asarray(found), wanted)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("interpolation", [mode for mode in InterpolationMode if mode.value != "nearest-exact"])
@pytest.mark.parametrize("size", [(11, 40), (50, 9), (64, 64)])
def test_resizing_8_bit_images_is_within_a_level_of_pillow(
    container: str, interpolation: InterpolationMode, size: tuple[int, int]
) -> None:
    array = pixels(37, 29)
    wanted = pillow_resized(array, *size, interpolation.value)
    found = F.resize(image_of(array, container), list(size), interpolation)
    assert is_of(found, container)
    assert np.abs(array_of(found).astype(int) - wanted).max() <= (interpolation.value != "nearest")


@pytest.mark.parametrize("interpolation", [InterpolationMode.BILINEAR, InterpolationMode.BICUBIC])
@pytest.mark.parametrize("antialias", [True, False])
def test_resizing_floats_is_torchs_interpolation(interpolation: InterpolationMode, antialias: bool) -> None:
    image = torch.rand(2, 3, 17, 23)
    wanted = torch.nn.functional.interpolate(
        image, size=(9, 31), mode=interpolation.value, antialias=antialias, align_corners=False
    )
    assert torch.equal(F.resize(image, [9, 31], interpolation, antialias=antialias), wanted)
    array = image[0].permute(1, 2, 0).numpy()
    assert np.array_equal(array_of(F.resize(array, [9, 31], interpolation, antialias=antialias)), array_of(wanted[0]))


@few
@given(*[st.integers(1, 40)] * 4)
def test_8_bit_images_without_antialias_are_torchs_interpolation_to_a_level(
    height: int, width: int, new_height: int, new_width: int
) -> None:
    array = pixels(height, width)
    planes = image_of(array, "tensor")
    size = new_height, new_width
    exact = torch.nn.functional.interpolate(planes[None].float(), size=size, mode="bilinear")[0]
    made = F.resize(planes, list(size), antialias=False)
    # Rows are rounded to levels before columns are made of them.
    assert (made.float() - exact).abs().max() <= 1.01
    for image in (array, planes):
        chain = T.Compose([T.Resize(size, antialias=False), T.Identity()])
        assert np.array_equal(array_of(chain(image)), array_of(made))
    cubic = torch.nn.functional.interpolate(planes[None].float(), size=size, mode="bicubic")[0]
    made = F.resize(planes, list(size), InterpolationMode.BICUBIC, antialias=False)
    assert torch.equal(made, cubic.round().clamp(0, 255).byte())


@few
@given(sides, sides, sides, sides)
def test_nearest_takes_the_pixel_that_pillow_takes_in_every_type(
    rows: int, columns: int, height: int, width: int
) -> None:
    array = pixels(rows, columns)
    wanted = np.asarray(Image.fromarray(array).resize((width, height), Image.Resampling.NEAREST))
    for dtype in (torch.uint8, torch.float32, torch.int64, torch.bool):
        image = image_of(array, "tensor").to(dtype)
        found = F.resize(image, [height, width], InterpolationMode.NEAREST)
        assert found.dtype == dtype
        assert torch.equal(found, image_of(wanted, "tensor").to(dtype))


@pytest.mark.parametrize(
    ("before", "size", "max_size", "after"),
    [
        ((40, 30), 15, None, (20, 15)),
        ((30, 40), 15, None, (15, 20)),
        ((40, 31), 15, None, (19, 15)),  # 15 * 40 / 31 = 19.35, cut
        ((100, 20), 10, 25, (25, 5)),
        ((100, 20), None, 25, (25, 5)),
        ((30, 30), [7], None, (7, 7)),
        ((30, 20), [7, 8], None, (7, 8)),
    ],
)
@pytest.mark.parametrize("container", CONTAINERS)
def test_one_length_is_that_of_the_shorter_side(
    before: tuple[int, int], size: Any, max_size: int | None, after: tuple[int, int], container: str
) -> None:
    found = F.resize(image_of(pixels(*before), container), size, max_size=max_size)
    assert F.get_size(found) == list(after)
    assert F.get_dimensions(found) == [3, *after]


def test_channels_that_are_no_image_are_resized_one_by_one() -> None:
    array = pixels(20, 30, 5)
    found = F.resize(image_of(array, "tensor"), [10, 9])
    for channel in range(5):
        wanted = np.asarray(Image.fromarray(array[:, :, channel]).resize((9, 10), Image.Resampling.BILINEAR))
        assert np.abs(found[channel].numpy().astype(int) - wanted).max() <= 1


def test_a_batch_is_resized_image_by_image() -> None:
    batch = torch.stack([image_of(pixels(seed=seed), "tensor") for seed in range(3)])
    found = F.resize(batch, [12, 13])
    assert found.shape == (3, 3, 12, 13)
    assert all(torch.equal(image, F.resize(one, [12, 13])) for image, one in zip(found, batch, strict=True))


def test_a_resize_to_the_same_size_is_the_image_itself() -> None:
    image = torch.rand(3, 4, 5)
    assert F.resize(image, [4, 5]) is image


def test_resized_crop_is_a_crop_and_a_resize() -> None:
    array = pixels()
    wanted = Image.fromarray(array).crop((5, 3, 25, 19)).resize((8, 9), Image.Resampling.BILINEAR)
    found = F.resized_crop(Image.fromarray(array), 3, 5, 16, 20, [9, 8])
    assert np.abs(np.asarray(found).astype(int) - np.asarray(wanted)).max() <= 1


@pytest.mark.parametrize("container", CONTAINERS)
def test_grey_is_pillows_luminance(container: str) -> None:
    array = pixels()
    wanted = np.asarray(Image.fromarray(array).convert("L"))
    assert np.array_equal(array_of(F.rgb_to_grayscale(image_of(array, container)))[:, :, 0], wanted)
    three = F.to_grayscale(image_of(array, container), 3)
    assert np.array_equal(array_of(three), np.dstack([wanted] * 3))


def test_grey_floats_are_torchvisions_sum() -> None:
    image = torch.rand(2, 3, 4, 5)
    wanted = 0.2989 * image[:, 0] + 0.587 * image[:, 1] + 0.114 * image[:, 2]
    assert torch.allclose(F.rgb_to_grayscale(image)[:, 0], wanted)


def test_a_mask_without_channels_keeps_its_shape() -> None:
    mask = torch.arange(12).reshape(3, 4)
    assert torch.equal(F.horizontal_flip(mask), mask.flip(1))
    assert F.resize(mask, [6, 8], InterpolationMode.NEAREST).shape == (6, 8)
    assert F.pad(mask.numpy(), 1).shape == (5, 6)


def test_read_only_and_reversed_arrays_are_taken() -> None:
    array = pixels()
    frozen = array.copy()
    frozen.flags.writeable = False
    assert np.array_equal(F.crop(frozen, 1, 2, 3, 4), array[1:4, 2:6])
    assert np.array_equal(F.crop(array[::-1, ::-1], 1, 2, 3, 4), array[::-1, ::-1][1:4, 2:6])

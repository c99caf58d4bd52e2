"""Crops of lone arrays stay where they are, and parts of arrays are taken as they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from fastload import transforms as T

Pixels = NDArray[np.uint8]
SHAPES = [(40, 50, 3), (40, 50, 1), (40, 50, 4)]

# Of every way in which pixels are read: row by row, through windows, as tables, as filters.
READERS: dict[str, Any] = {
    "mirror": T.RandomHorizontalFlip(1.0),
    "pad": T.Pad(3, fill=9),
    "quarter": T.RandomRotate90(1.0),
    "resize": T.Resize((17, 90)),
    "resize of few taps": T.Resize((30, 24), antialias=False),
    "nearest": T.Resize((17, 90), interpolation=T.InterpolationMode.NEAREST),
    "resized crop": T.RandomResizedCrop(16),
    "rotation": T.RandomRotation((10, 10), T.InterpolationMode.BILINEAR),
    "steep rotation": T.RandomRotation((80, 80), T.InterpolationMode.BILINEAR),
    "cubic": T.RandomRotation((20, 20), T.InterpolationMode.BICUBIC),
    "perspective": T.RandomPerspective(0.5, 1.0),
    "elastic": T.ElasticTransform(40.0, 4.0),
    "invert": T.RandomInvert(1.0),
    "brightness and contrast": T.RandomBrightnessContrast(p=1.0),
    "grey": T.RandomGrayscale(1.0),
    "hue": T.ColorJitter(hue=0.3),
    "blur": T.GaussianBlur(5),
    "equalize": T.RandomEqualize(1.0),
    "erasing": T.RandomErasing(1.0),
    "floats": T.Compose([T.ToImage(), T.ToDtype(torch.float32, scale=True), T.Normalize([0.5], [0.2])]),
    "crop, invert": T.Compose([T.RandomCrop(9), T.RandomInvert(1.0)]),
}


def whole(shape: tuple[int, ...]) -> Pixels:
    return np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_crop_is_the_part_of_the_array_itself(shape: tuple[int, ...]) -> None:
    image = whole(shape)
    crop = T.CenterCrop((20, 30))(image)
    assert np.array_equal(crop, image[10:30, 10:40])
    assert np.shares_memory(crop, image)
    assert crop.shape == (20, 30, *shape[2:])
    crop[...] = 7
    assert (image[10:30, 10:40] == 7).all()


def test_it_outlives_what_it_was_cut_from() -> None:
    image = whole((400, 500, 3))
    expected = image[100:300, 100:400].copy()
    crop = T.CenterCrop((200, 300))(image)
    del image
    whole((400, 500, 3)).fill(1)
    assert np.array_equal(crop, expected)


def test_it_may_be_written_to_only_where_the_array_may() -> None:
    image = whole((40, 50, 3))
    image.flags.writeable = False
    assert not T.CenterCrop(20)(image).flags.writeable


@pytest.mark.parametrize("shape", [*SHAPES, (40, 50)], ids=str)
def test_beside_targets_in_chains_and_where_nothing_is_cut_off_it_is_a_copy(shape: tuple[int, ...]) -> None:
    image = whole(shape)
    target = {"boxes": np.array([[12.0, 15, 22, 29]], dtype=np.float32)}
    crop, moved = T.CenterCrop((20, 30))(image, target)
    assert moved["boxes"].tolist() == [[2, 5, 12, 19]]
    seen: list[Pixels] = []
    made = [crop, T.CenterCrop((40, 50))(image), T.RandomHorizontalFlip(0.0)(image)]
    made.append(T.Compose([T.CenterCrop((20, 30)), lambda crop: seen.append(crop) or crop])(image))  # type: ignore[func-returns-value]
    for one in (*made, *seen):
        assert not np.shares_memory(one, image)
    assert np.array_equal(crop, image[10:30, 10:40])


def test_tensors_of_four_channels_are_copies_of_the_array() -> None:
    image = whole((40, 50, 4))
    image.flags.writeable = False
    before = image.copy()
    for steps in ([], [T.CenterCrop(20)]):
        tensor = T.Compose([*steps, T.ToImage(), T.ToMemoryFormat(torch.channels_last)])(image)
        tensor.add_(1)
        assert T.Compose([*steps, T.ToImage()])(image).shape[0] == 4
    assert np.array_equal(image, before)


@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 1)], ids=str)
@pytest.mark.parametrize("before", [[], [T.CenterCrop(20)], [T.RandomHorizontalFlip(0.5)]], ids=str)
@pytest.mark.parametrize("after", [[], [T.RandomHorizontalFlip(0.5)]], ids=str)
def test_grey_becomes_three_channels_whatever_else_is_drawn(
    shape: tuple[int, ...], before: list[Any], after: list[Any]
) -> None:
    image = whole(shape)
    chain = T.Compose([*before, T.Grayscale(3), *after])
    for _ in range(8):
        made = chain(image)
        assert made.shape[2:] == (3,)
        assert (made == made[:, :, :1]).all()
        assert chain(Image.fromarray(image.reshape(40, 50))).mode == "RGB"


@pytest.mark.parametrize(
    "transform",
    [
        T.RandomCrop(20, padding=15, fill=3),
        T.CenterCrop((60, 20)),
        T.Compose([T.CenterCrop(20), T.RandomHorizontalFlip(1.0)]),
        T.Compose([T.CenterCrop(20), T.RandomVerticalFlip(1.0)]),
        T.Compose([T.CenterCrop(20), T.Grayscale()]),
        T.Compose([T.Grayscale(3), T.Pad(2)]),
        T.Compose([T.CenterCrop(20), T.RandomInvert(1.0)]),
        T.Compose([T.CenterCrop(20), T.Resize(19)]),
        T.Compose([T.CenterCrop(20), T.ToImage()]),
        T.RandomRotation(5),
    ],
    ids=str,
)
def test_whatever_else_is_done_is_done_to_a_copy(transform: Any) -> None:
    image = whole((40, 50, 3))
    before = image.copy()
    made = transform(image)
    made[...] = 5
    assert np.array_equal(image, before)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("size", [(20, 30), (20, 50), (40, 50)], ids=str)
def test_crops_of_pil_images_are_images_of_their_own(mode: str, size: tuple[int, int]) -> None:
    image = Image.fromarray(whole((40, 50, 3))).convert(mode)
    before = np.array(image)
    crop = T.CenterCrop(size)(image)
    crop.putpixel((0, 0), 99 if mode == "L" else (1, 2, 3))
    assert np.array_equal(np.asarray(image), before)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", READERS)
def test_an_array_with_gaps_between_its_rows_is_read_as_one_without(name: str, channels: int) -> None:
    transform = READERS[name]
    for height, width in ((33, 41), (1, 41), (33, 1), (20, 32)):
        part = whole((60, 70, channels))[5 : 5 + height, 7 : 7 + width]
        if name == "crop, invert" and min(height, width) < 9:
            continue
        made = []
        for image in (part, part.copy()):
            torch.manual_seed(height)
            made.append(np.asarray(transform(image)))
        assert np.array_equal(*made), (height, width)


def test_rows_that_overlap_or_run_backwards_are_read_as_they_say() -> None:
    image = whole((40, 50, 3))
    mirror = T.RandomHorizontalFlip(1.0)
    for part in (
        image[::-1],
        image[:, ::-1],
        image[::2, 3:40],
        image[:, ::2],
        image[:, :, ::-1],
        np.broadcast_to(image[:1], image.shape),
        np.lib.stride_tricks.as_strided(image, (30, 20, 3), (30, 3, 1)),
        image.transpose(1, 0, 2),
    ):
        assert np.array_equal(mirror(part), part[:, ::-1])
        crop = T.CenterCrop(10)(part)
        top, left = (round((side - 10) / 2) for side in part.shape[:2])
        assert np.array_equal(crop, part[top : top + 10, left : left + 10])

"""Where a transform uncovers a border it shows `fill`: in every container, fused or not, of whole pixels or not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from support.images import CONTAINERS, array_of, image_of, is_of, pixels

from fastload import transforms as T
from fastload.transforms import functional as F

NEAREST, BILINEAR, BICUBIC = T.InterpolationMode.NEAREST, T.InterpolationMode.BILINEAR, T.InterpolationMode.BICUBIC
FILL = (9, 200, 30)
HEIGHT, WIDTH = 40, 60
PIXELS = pixels(HEIGHT, WIDTH)

# One colour: what is neither it, nor the fill, nor between the two is a border of another colour. It is black nowhere.
COLOUR = (200, 90, 120)
FLAT = np.full((HEIGHT, WIDTH, 3), COLOUR, dtype=np.uint8)

WAYS = [(container, fuse) for container in CONTAINERS for fuse in (True, False)]

BORDERS: list[tuple[str, Any]] = [
    ("Pad", T.Pad((3, 5), fill=FILL)),
    ("RandomCrop padding", T.RandomCrop((42, 42), padding=8, fill=FILL)),
    ("RandomCrop pad_if_needed", T.RandomCrop((50, 70), pad_if_needed=True, fill=FILL)),
    ("RandomZoomOut", T.RandomZoomOut(FILL, (1.3, 2.0), p=1.0)),
    ("LetterBox", T.LetterBox((50, 50), FILL)),
    ("RandomRotation", T.RandomRotation((20, 40), NEAREST, fill=FILL)),
    ("RandomRotation bilinear", T.RandomRotation((20, 40), BILINEAR, fill=FILL)),
    ("RandomRotation expand", T.RandomRotation((20, 40), NEAREST, expand=True, fill=FILL)),
    ("RandomRotation quarter", T.RandomRotation((90, 90), NEAREST, fill=FILL)),
    ("RandomRotation quarter bilinear", T.RandomRotation((270, 270), BILINEAR, fill=FILL)),
    ("RandomRotation half off the middle", T.RandomRotation((180, 180), NEAREST, center=(20, 15), fill=FILL)),
    ("RandomAffine turned", T.RandomAffine((20, 40), interpolation=BILINEAR, fill=FILL)),
    ("RandomAffine quarter", T.RandomAffine((90, 90), fill=FILL)),
    ("RandomAffine moved", T.RandomAffine(0, (0.4, 0.4), fill=FILL)),
    ("RandomAffine moved bilinear", T.RandomAffine(0, (0.4, 0.4), interpolation=BILINEAR, fill=FILL)),
    ("RandomAffine smaller", T.RandomAffine(0, scale=(0.5, 0.8), fill=FILL)),
    ("RandomAffine half", T.RandomAffine(0, scale=(0.5, 0.5), interpolation=BILINEAR, fill=FILL)),
    ("RandomAffine sheared", T.RandomAffine(0, shear=(20, 30), interpolation=BICUBIC, fill=FILL)),
    ("RandomPerspective", T.RandomPerspective(0.6, 1.0, fill=FILL)),
    ("RandomPerspective nearest", T.RandomPerspective(0.6, 1.0, NEAREST, FILL)),
    ("ElasticTransform", T.ElasticTransform(200.0, fill=FILL)),
    ("ElasticTransform nearest", T.ElasticTransform(200.0, interpolation=NEAREST, fill=FILL)),
]
NEIGHBOURS: list[tuple[str, Any, Any]] = [
    ("alone", [], []),
    ("between flips", [T.RandomHorizontalFlip(1.0)], [T.RandomVerticalFlip(1.0)]),
    ("after a quarter", [T.Transpose(1.0)], []),
    ("in a chain of warps", [T.RandomAffine(0, (0.2, 0.2), fill=FILL)], [T.RandomRotation((90, 90), fill=FILL)]),
]


def is_colour(array: Any, colour: Any) -> Any:
    return (abs(array.astype(int) - colour) <= 1).all(axis=-1)


def beside_the_line(array: Any) -> Any:
    """How far each pixel is from all mixtures of the colour and the fill, which end at black and white."""
    parts = np.linspace(-0.2, 1.2, 421)[:, None]  # bicubic weights overshoot
    mixtures = (np.array(COLOUR) + parts * (np.array(FILL) - np.array(COLOUR))).clip(0, 255)
    colours, numbers = np.unique(array.reshape(-1, array.shape[-1]), axis=0, return_inverse=True)
    far = abs(colours[:, None].astype(float) - mixtures).max(axis=-1).min(axis=1)
    return far[numbers].reshape(array.shape[:-1])


@pytest.mark.parametrize("neighbours", NEIGHBOURS, ids=lambda case: case[0])
@pytest.mark.parametrize("case", BORDERS, ids=lambda case: case[0])
def test_a_border_is_of_the_fill_and_of_nothing_else(case: Any, neighbours: Any) -> None:
    steps = [*neighbours[1], case[1], *neighbours[2]]
    for container, fuse in WAYS:
        chain = T.Compose(steps, fuse=fuse)
        for seed in range(3):
            torch.manual_seed(seed)
            made = chain(image_of(FLAT, container))
            assert is_of(made, container)
            array = array_of(made)
            assert is_colour(array, FILL).any()
            assert is_colour(array, COLOUR).any()
            strange = beside_the_line(array) > 3
            assert not strange.any(), (container, fuse, seed, np.unique(array[strange], axis=0)[:3])


POLICIES = [
    T.AutoAugment("cifar10", fill=FILL),
    T.RandAugment(2, 25, fill=FILL),
    T.TrivialAugmentWide(fill=FILL),
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_policies_show_no_border_but_the_fill(policy: Any) -> None:
    """Of an image of the fill's one colour, two steps make two colours at most: the fill's and another."""
    flat = np.full((HEIGHT, WIDTH, 3), FILL, dtype=np.uint8)
    for container in CONTAINERS:
        for seed in range(80):
            torch.manual_seed(seed)
            array = array_of(policy(image_of(flat, container)))
            alike = is_colour(array, array[HEIGHT // 2, WIDTH // 2]) | is_colour(array, FILL)
            assert alike.all(), (container, seed, np.unique(array[~alike], axis=0)[:3])


# Whole pixels: what is to be seen is known to the last one.


def seen_through(back: Any, size: tuple[int, int]) -> Any:
    """The pixels from where ``back`` says that (x, y) come from, and the fill where that is outside."""
    made = np.empty((*size, 3), dtype=np.uint8)
    made[:] = FILL
    for y, x in np.ndindex(*size):
        column, row = back(x, y)
        if 0 <= column < WIDTH and 0 <= row < HEIGHT:
            made[y, x] = PIXELS[row, column]
    return made


def quarters_about(x: int, y: int, quarters: int) -> Any:
    """Where a pixel comes from in an image turned counter-clockwise about the corner (x, y) of a pixel."""
    sine, cosine = round(math.sin(quarters * math.pi / 2)), round(math.cos(quarters * math.pi / 2))

    def back(column: int, row: int) -> tuple[int, int]:
        right, down = column + 0.5 - x, row + 0.5 - y
        return math.floor(x + cosine * right - sine * down), math.floor(y + sine * right + cosine * down)

    return back


MODES = NEAREST, BILINEAR, BICUBIC


@pytest.mark.parametrize(("right", "down"), [(7, 0), (0, -4), (-11, 9), (59, 39), (60, 0), (0, 200)])
def test_a_translation_by_whole_pixels_uncovers_the_fill(right: int, down: int) -> None:
    expected = seen_through(lambda x, y: (x - right, y - down), (HEIGHT, WIDTH))
    for container in CONTAINERS:
        for mode in MODES:
            made = F.affine(image_of(PIXELS, container), 0, (right, down), interpolation=mode, fill=FILL)
            assert np.array_equal(array_of(made), expected), (container, mode)


@pytest.mark.parametrize("quarters", [-1, 1, 2, 3])
@pytest.mark.parametrize("center", [None, (20, 15), (0, 0)])
def test_quarters_of_a_turn_uncover_the_fill(center: Any, quarters: int) -> None:
    x, y = center or (WIDTH // 2, HEIGHT // 2)
    expected = seen_through(quarters_about(x, y, quarters), (HEIGHT, WIDTH))
    for mode in MODES:
        turn = T.RandomRotation((90 * quarters,) * 2, mode, center=center, fill=FILL)
        for container, fuse in WAYS:
            image = image_of(PIXELS, container)
            assert np.array_equal(array_of(T.Compose([turn], fuse=fuse)(image)), expected), (mode, container, fuse)
            mirrored = T.Compose([turn, T.RandomHorizontalFlip(1.0)], fuse=fuse)(image)
            assert np.array_equal(array_of(mirrored), expected[:, ::-1]), (mode, container, fuse)
            made = F.rotate(image, 90 * quarters, mode, center=center, fill=FILL)
            assert np.array_equal(array_of(made), expected), (mode, container)


def in_the_middle_of(fill: Any, image: Any, height: int, width: int) -> Any:
    """A canvas of that colour, with as much of the image in its middle as there is room for."""
    canvas = np.empty((height, width, 3), dtype=np.uint8)
    canvas[:] = fill
    rows, columns = min(height, image.shape[0]), min(width, image.shape[1])
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
    y, x = (height - rows) // 2, (width - columns) // 2
    canvas[y : y + rows, x : x + columns] = image[top : top + rows, left : left + columns]
    return canvas


@pytest.mark.parametrize("fuse", [True, False])
def test_each_border_of_a_chain_keeps_its_own_fill(fuse: bool) -> None:
    other = (250, 10, 99)
    pad, turn = T.Pad(5, fill=other), T.RandomRotation((90, 90), fill=FILL)
    padded = in_the_middle_of(other, PIXELS, 50, 70)
    pad_first = in_the_middle_of(FILL, np.rot90(padded), 50, 70)
    turned = in_the_middle_of(FILL, np.rot90(PIXELS), 40, 60)
    turn_first = in_the_middle_of(other, turned, 50, 70)
    for container in CONTAINERS:
        for steps, expected in (([pad, turn], pad_first), ([turn, pad], turn_first)):
            made = T.Compose(steps, fuse=fuse)(image_of(PIXELS, container))
            assert np.array_equal(array_of(made), expected), (container, steps)


def test_random_translations_uncover_the_fill() -> None:
    chain = [T.RandomAffine(0, (0.5, 0.5), fill=FILL), T.RandomVerticalFlip(1.0)]
    for container, fuse in WAYS:
        for seed in range(10):
            torch.manual_seed(seed)
            array = array_of(T.Compose(chain, fuse=fuse)(image_of(FLAT, container)))
            inside = is_colour(array, COLOUR)
            rows, columns = inside.any(axis=1), inside.any(axis=0)
            assert np.array_equal(inside, rows[:, None] & columns), "a rectangle"
            assert np.array_equal(~inside, is_colour(array, FILL)), (container, fuse, seed)


@pytest.mark.parametrize("container", CONTAINERS)
def test_one_number_fills_every_channel(container: str) -> None:
    for transform in (T.Pad(4, fill=77), T.RandomRotation((30, 30), fill=77), T.RandomAffine((90, 90), fill=77)):
        array = array_of(transform(image_of(FLAT, container)))
        assert is_colour(array, 77)[0, 0]
        assert (is_colour(array, 77) | is_colour(array, COLOUR)).all()


@pytest.mark.parametrize("fill", [0.25, (0.25, 0.5, 1.5)])
def test_floats_are_filled_with_what_is_no_level(fill: Any) -> None:
    planes = torch.full((3, HEIGHT, WIDTH), 0.75)
    turns = T.RandomRotation((90, 90), fill=fill), T.RandomRotation((30, 30), fill=fill)
    moves = T.RandomAffine((180, 180), center=(0, 0), fill=fill), T.RandomPerspective(0.6, 1.0, NEAREST, fill)
    wanted = np.broadcast_to(np.float32(fill), 3)
    for transform in (*turns, *moves):
        array = array_of(transform(planes))
        filled = np.isclose(array, wanted).all(axis=-1)
        assert filled.any()
        assert (filled | np.isclose(array, 0.75).all(axis=-1)).all()

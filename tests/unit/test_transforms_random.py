"""Random transforms: what is drawn, how often, and that it depends on the key alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.images import CONTAINERS, array_of, image_of, is_of, pixels

from fastload import _core
from fastload import transforms as T
from fastload._stream import sample_key
from fastload.transforms import functional as F

few = settings(max_examples=50, deadline=None)
sides = st.integers(1, 12)
# Where each pixel came from can be read off its colour.
PLACES = np.stack(np.meshgrid(np.arange(200), np.arange(150), indexing="xy"), axis=-1).astype(np.uint8)
PLACES = np.concatenate([PLACES, np.zeros_like(PLACES[:, :, :1])], axis=2)

RANDOM: list[T.Transform] = [
    T.RandomResizedCrop(9),
    T.RandomResizedCrop((8, 12), scale=(0.3, 0.5), interpolation=T.InterpolationMode.BICUBIC),
    T.RandomCrop(11),
    T.RandomCrop((30, 20), padding=(3, 4), padding_mode="reflect"),
    T.RandomCrop(40, pad_if_needed=True, fill=(1, 2, 3)),
    T.RandomHorizontalFlip(),
    T.RandomVerticalFlip(0.3),
]
FIXED: list[T.Transform] = [
    T.Resize(12),
    T.Resize((9, 30)),
    T.Resize(None, max_size=17),
    T.Resize(20, max_size=22),
    T.CenterCrop((40, 10)),
    T.Pad((1, 2, 3, 4), fill=9),
    T.Pad(3, padding_mode="symmetric"),
    T.Grayscale(),
    T.Grayscale(3),
    T.Identity(),
]


def draws(transform: T.Transform, height: int, width: int, times: int) -> list[tuple[Any, ...]]:
    """What is done to an image of that size under many keys."""
    program = _core.ImageProgram([transform.native_op(0)])
    return [program.draw(key * 0x9E3779B97F4A7C15 % 2**64, height, width)[0] for key in range(times)]


@pytest.mark.parametrize("transform", RANDOM + FIXED, ids=repr)
def test_every_kind_of_image_gets_the_same(transform: T.Transform) -> None:
    array = pixels(23, 31)
    found = {}
    for container in CONTAINERS:
        torch.manual_seed(7)
        image = transform(image_of(array, container))
        assert is_of(image, container)
        found[container] = array_of(image)
    assert np.array_equal(found["pil"], found["array"])
    assert np.array_equal(found["pil"], found["tensor"])


@pytest.mark.parametrize("transform", RANDOM + [one for one in FIXED if not isinstance(one, T.Grayscale)], ids=repr)
def test_floats_get_the_same_geometry(transform: T.Transform) -> None:
    array = pixels(23, 31)
    torch.manual_seed(3)
    levels = array_of(transform(array)).astype(np.float32)
    torch.manual_seed(3)
    floats = transform(image_of(array, "tensor").float())
    smooth = "bicubic" not in repr(transform)
    assert np.abs(array_of(floats) - levels).max() <= (1.5 if smooth else 40)  # bicubic floats are not clipped


@pytest.mark.parametrize("container", ["array", "tensor"])
def test_a_chain_of_floats_draws_what_a_native_pass_draws(container: str) -> None:
    chain = T.Compose([T.Identity(), T.RandomCrop(40, padding=3), T.RandomHorizontalFlip(), T.RandomVerticalFlip()])
    for seed in range(10):
        torch.manual_seed(seed)
        wanted = chain(image_of(PLACES, "pil"))
        torch.manual_seed(seed)
        floats = chain(T.ToDtype(torch.float64)(image_of(PLACES, container)))
        assert np.array_equal(array_of(floats), array_of(wanted))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I", "F", "CMYK"])
def test_other_modes_of_pil_get_the_same_geometry(mode: str) -> None:
    image = Image.fromarray(pixels()).convert(mode)
    chain = T.Compose([T.RandomCrop(11, padding=2), T.RandomHorizontalFlip(), T.RandomVerticalFlip()])
    for seed in range(8):
        torch.manual_seed(seed)
        found = chain(image)
        assert found.mode == mode
        torch.manual_seed(seed)
        # Each channel by itself, as a grey image or as numbers, sees the same moves.
        wanted = chain(np.asarray(image).astype(np.float64))
        assert np.array_equal(np.asarray(found), wanted)


@few
@given(sides, sides, sides, sides, st.integers(0, 2**64 - 1))
def test_windows_of_random_crops_lie_inside(rows: int, columns: int, height: int, width: int, key: int) -> None:
    op = T.RandomCrop((height, width), pad_if_needed=True).native_op(0)
    _, left, up, right, down, top, first, *size = _core.ImageProgram([op]).draw(key, rows, columns)[0]
    assert size == [height, width]
    assert (left, up) == (right, down) == (max(0, width - columns), max(0, height - rows))
    assert 0 <= top <= rows + up + down - height
    assert 0 <= first <= columns + left + right - width


def test_random_crops_reach_every_place_equally() -> None:
    found = np.zeros((4, 3))
    for _, *_, top, left, _, _ in draws(T.RandomCrop((3, 4)), 6, 6, 6000):
        found[top, left] += 1
    # 12 places, 500 each: 5 deviations are 107.
    assert np.abs(found - 500).max() < 107


@pytest.mark.parametrize(("scale", "ratio"), [((0.08, 1.0), (0.75, 4 / 3)), ((0.2, 0.4), (0.5, 2.0))])
def test_random_resized_crops_have_the_area_and_the_shape(
    scale: tuple[float, float], ratio: tuple[float, float]
) -> None:
    height, width = 1000, 1400
    found = np.array([d[1:5] for d in draws(T.RandomResizedCrop(8, scale, ratio), height, width, 4000)])
    top, left, rows, columns = found.T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + rows <= height).all()
    assert (left + columns <= width).all()
    area, shape = rows * columns / (height * width), columns / rows
    assert scale[0] - 0.002 <= area.min()
    assert area.max() <= scale[1] + 0.002
    assert ratio[0] - 0.01 <= shape.min()
    assert shape.max() <= ratio[1] + 0.02
    if scale[1] < 0.5:  # everything fits at the first try: uniform area, uniform logarithm of the shape
        for values, (low, high) in ((area, scale), (np.log(shape), np.log(ratio))):
            quarters = np.quantile((values - low) / (high - low), [0.25, 0.5, 0.75])
            assert np.abs(quarters - [0.25, 0.5, 0.75]).max() < 0.04


@pytest.mark.parametrize("ratio", [(0.3, 3.3), (0.1, 2.0)])
def test_holes_have_the_area_and_the_shape(ratio: tuple[float, float]) -> None:
    """As torchvision draws them: an even area, an even logarithm of the height over the width."""
    scale = (0.01, 0.05)
    drawn = draws(T.RandomErasing(1.0, scale, ratio), 2000, 3000, 4000)
    found = np.array([hole[2:] for _, ((_, (hole,), _),) in drawn])
    area, shape = found.prod(axis=1) / 6e6, found[:, 0] / found[:, 1]
    for values, (low, high) in ((area, scale), (np.log(shape), np.log(ratio))):
        quarters = np.quantile((values - low) / (high - low), [0.25, 0.5, 0.75])
        assert np.abs(quarters - [0.25, 0.5, 0.75]).max() < 0.04


def test_a_window_that_never_fits_is_the_middle() -> None:
    found = draws(T.RandomResizedCrop(8, scale=(2.0, 3.0)), 100, 400, 3)
    assert found == [("resized_window", 0, 133, 100, 133, 8, 8)] * 3  # 100 * 4 / 3, at (400 - 133) // 2


def test_a_window_of_less_than_a_pixel_is_the_middle_too() -> None:
    found = draws(T.RandomResizedCrop(8, scale=(1e-14, 1e-13)), 100, 400, 3)
    assert found == [("resized_window", 0, 133, 100, 133, 8, 8)] * 3


@pytest.mark.parametrize(("flip", "axis"), [(T.RandomHorizontalFlip, 1), (T.RandomVerticalFlip, 0)])
@pytest.mark.parametrize("container", CONTAINERS)
def test_flips_at_the_ends_of_probability(flip: Any, axis: int, container: str) -> None:
    array = pixels(5, 6)
    for _ in range(20):
        assert np.array_equal(array_of(flip(p=1)(image_of(array, container))), np.flip(array, axis))
        assert np.array_equal(array_of(flip(p=0)(image_of(array, container))), array)


def test_flips_happen_as_often_as_they_should() -> None:
    share = np.mean([flipped for _, flipped in draws(T.RandomHorizontalFlip(0.3), 4, 4, 10_000)])
    assert abs(share - 0.3) < 0.023  # five deviations


def test_transforms_of_one_chain_draw_from_streams_of_their_own() -> None:
    chain = T.Compose([T.RandomHorizontalFlip(), T.RandomHorizontalFlip(), T.RandomVerticalFlip()])
    seen = set()
    for _ in range(100):
        image = chain(PLACES)
        seen.add((int(image[0, 0, 0]), int(image[0, 0, 1])))
    assert len(seen) == 4  # flipped twice is not flipped: both axes come in both ways


def test_draws_do_not_depend_on_how_the_chain_is_cut() -> None:
    crop, flip = T.RandomCrop(20), T.RandomHorizontalFlip()
    fused = T.Compose([T.Identity(), crop, T.Identity(), flip])
    cut = T.Compose([T.Identity(), crop, lambda image: image, flip])
    for seed in range(10):
        torch.manual_seed(seed)
        wanted = fused(PLACES)
        torch.manual_seed(seed)
        assert np.array_equal(cut(PLACES), wanted)


def test_calls_differ_and_follow_the_seed() -> None:
    transform = T.RandomCrop(4)
    torch.manual_seed(1)
    first = [transform(PLACES).tolist() for _ in range(5)]
    torch.manual_seed(1)
    assert [transform(PLACES).tolist() for _ in range(5)] == first
    assert first[0] != first[1]


def test_what_draws_nothing_leaves_the_generator_alone() -> None:
    before = torch.get_rng_state()
    T.Compose([T.Resize(8), T.ToTensor()])(image_of(pixels(), "pil"))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("transform", RANDOM, ids=repr)
def test_a_batch_shares_one_draw(transform: T.Transform) -> None:
    one = image_of(pixels(), "tensor")
    torch.manual_seed(5)
    wanted = transform(one)
    torch.manual_seed(5)
    batch = transform(torch.stack([one, 255 - one, one])[None])
    assert batch.shape == (1, 3, *wanted.shape)
    assert torch.equal(batch[0, 0], wanted)
    assert torch.equal(batch[0, 2], wanted)


@few
@given(st.integers(4, 40), st.integers(4, 40), st.integers(0, 2**31), st.booleans())
def test_one_native_pass_is_the_chain_step_by_step(height: int, width: int, seed: int, grey: bool) -> None:
    steps: list[Any] = [
        T.RandomCrop((16, 20), padding=2, pad_if_needed=True, fill=(10, 20, 30)),
        T.RandomResizedCrop(12, scale=(0.4, 1.0)),
        T.RandomHorizontalFlip(),
        T.Pad(2, padding_mode="edge"),
        T.Grayscale(3) if grey else T.Identity(),
        T.CenterCrop(10),
        T.ToTensor(),
        T.RandomVerticalFlip(),
    ]
    image = image_of(pixels(height, width), "pil")
    fused = T.Compose(steps)
    assert "Python" not in repr(fused)
    torch.manual_seed(seed)
    found = fused(image)
    torch.manual_seed(seed)
    key = sample_key()
    wanted: Any = image
    for stream, step in enumerate(steps):
        wanted = step.transformed(wanted, key, stream)
    assert (found - wanted).abs().max() <= 1.01 / 255


def test_a_chain_in_pillow_gives_the_same_within_a_level() -> None:
    array = pixels(60, 80)
    chain = T.Compose([T.Resize(40), T.CenterCrop(32), T.Pad(2), T.ToTensor()])
    resized = Image.fromarray(array).resize((53, 40), Image.Resampling.BILINEAR)
    wanted = np.pad(np.asarray(resized)[4:36, round(21 / 2) : round(21 / 2) + 32], ((2, 2), (2, 2), (0, 0)))
    found = chain(Image.fromarray(array))
    assert (found - F.to_tensor(wanted)).abs().max() <= 1.01 / 255


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("as_floats", [False, True])
def test_the_longest_side_is_one_of_several_or_fits_a_frame(container: str, as_floats: bool) -> None:
    image = image_of(pixels(24, 31), container)
    if as_floats and container != "pil":
        image = T.ToDtype(torch.float32, scale=True)(image)
    for transform, sizes in (
        (T.LongestMaxSize(62), {(48, 62)}),
        (T.LongestMaxSize([62, 15]), {(48, 62), (12, 15)}),
        (T.LongestMaxSize(62, p=0.5), {(24, 31), (48, 62)}),
        (T.LongestMaxSize([62, 15], p=0.5), {(24, 31), (48, 62), (12, 15)}),
        (T.LongestMaxSize(max_size_hw=(12, 31)), {(12, 16)}),
        (T.LongestMaxSize(max_size_hw=(48, None)), {(48, 62)}),
        (T.LongestMaxSize(max_size_hw=(None, 15)), {(12, 15)}),
        (T.LongestMaxSize(62, p=0.0), {(24, 31)}),
    ):
        seen = set()
        for seed in range(40):
            torch.manual_seed(seed)
            target = {"boxes": torch.tensor([[0.0, 0.0, 31.0, 24.0]])}
            made, target = transform(image, target)
            height, width = F.get_size(made)
            assert target["boxes"].tolist() == [[0, 0, width, height]]
            seen.add((height, width))
        assert seen == sizes


@few
@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 400))
def test_what_fits_a_frame_has_its_very_side(height: int, width: int, limit: int) -> None:
    image = np.zeros((height, width), np.uint8)
    fitting = (limit, max(1, round(width * (limit / height))))
    assert T.LongestMaxSize(max_size_hw=(limit, None))(image).shape == fitting


def test_a_safe_crop_is_made_as_often_as_asked_for() -> None:
    image, boxes = pixels(40, 50), torch.tensor([[20.0, 15.0, 30.0, 25.0]])
    for as_floats in (False, True):
        start = T.ToDtype(torch.float32)(image) if as_floats else image
        kept = 0
        for seed in range(60):
            torch.manual_seed(seed)
            made, target = T.BBoxSafeRandomCrop(p=0.5)(start, {"boxes": boxes})
            kept += made.shape[:2] == (40, 50)
            left, top, right, bottom = (round(value) for value in target["boxes"][0].tolist())
            assert np.array_equal(made[top:bottom, left:right], start[15:25, 20:30])
        assert 15 < kept < 45


@pytest.mark.parametrize("container", ["array", "tensor"])
def test_scaling_without_antialiasing_is_a_plain_resize_without_it(container: str) -> None:
    image = image_of(pixels(24, 31), container)
    for transform in (T.LongestMaxSize(10, antialias=False), T.RandomShortestSize(7, antialias=False)):
        made = transform(image)
        expected = F.resize(image, list(F.get_size(made)), antialias=False)
        assert np.array_equal(array_of(made), array_of(expected))


def test_quarters_are_turned_always_by_default() -> None:
    assert T.RandomRotate90().p == 1

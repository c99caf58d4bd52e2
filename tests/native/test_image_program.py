"""Native programs give what the same chain of Pillow's and NumPy's operations gives."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from support.resized import FILTERS, NUMPY_MODES, painted, pillow_resized

from fastload import _core, _seeding

Pixels = NDArray[np.uint8]


def run(ops: list[tuple[Any, ...]], image: Pixels, key: int = 1) -> Pixels:
    return _core.ImageProgram([(stream, *op) for stream, op in enumerate(ops)]).run(image, key)


def levels_apart(one: Pixels, other: Pixels) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_program_without_steps_changes_nothing(channels: int) -> None:
    image = painted(7, 5, channels)
    assert np.array_equal(run([], image), image)


def test_a_grey_image_of_two_dimensions_comes_out_with_one_channel() -> None:
    image = painted(7, 5, 1)
    assert np.array_equal(run([], image[:, :, 0]), image)


@given(st.data())
def test_crops_are_slices(data: st.DataObject) -> None:
    image = painted(data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40)), data.draw(st.sampled_from([1, 3])))
    height, width = (data.draw(st.integers(1, size)) for size in image.shape[:2])
    top = data.draw(st.integers(0, image.shape[0] - height))
    left = data.draw(st.integers(0, image.shape[1] - width))
    cropped = run([("crop", top, left, height, width)], image)
    assert np.array_equal(cropped, image[top : top + height, left : left + width])


def test_a_crop_beyond_the_image_shows_black_there() -> None:
    image = painted(4, 4, 3)
    expected = np.pad(image, ((1, 2), (2, 1), (0, 0)))
    assert np.array_equal(run([("crop", -1, -2, 7, 7)], image), expected)


@pytest.mark.parametrize("mode", NUMPY_MODES)
@given(st.data())
@settings(max_examples=30)
def test_borders_are_numpys(mode: str, data: st.DataObject) -> None:
    image = painted(data.draw(st.integers(3, 12)), data.draw(st.integers(3, 12)), data.draw(st.sampled_from([1, 3])))
    left, top, right, bottom = (data.draw(st.integers(0, 2)) for _ in range(4))
    fill = {"constant_values": 9} if mode == "constant" else {}
    expected = np.pad(image, ((top, bottom), (left, right), (0, 0)), mode=NUMPY_MODES[mode], **fill)
    assert np.array_equal(run([("pad", left, top, right, bottom, (9,), mode)], image), expected)


def test_a_negative_margin_takes_away() -> None:
    image = painted(6, 6, 3)
    expected = np.pad(image[1:, :-2], ((0, 1), (2, 0), (0, 0)))
    assert np.array_equal(run([("pad", 2, -1, -2, 1, (0,), "constant")], image), expected)


def test_flips_are_reversals() -> None:
    image = painted(5, 4, 3)
    assert np.array_equal(run([("flip_x", 1.0)], image), image[:, ::-1])
    assert np.array_equal(run([("flip_y", 1.0)], image), image[::-1])
    assert np.array_equal(run([("flip_x", 0.0), ("flip_y", 0.0)], image), image)


@pytest.mark.parametrize("name", FILTERS)
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_resize_is_pillows_to_one_level(name: str, data: st.DataObject) -> None:
    sizes = st.integers(1, 70)
    image = painted(data.draw(sizes), data.draw(sizes), data.draw(st.sampled_from([1, 3])))
    height, width = data.draw(sizes), data.draw(sizes)
    made = run([("resize", height, width, name)], image)
    apart = np.abs(made.astype(int) - pillow_resized(image, height, width, name).astype(int))
    assert apart.max() <= 2
    assert (apart > 1).mean() < 0.01 or apart.size < 100, "two passes that both round a tie the other way are rare"


def test_two_ties_in_a_pixel_are_all_that_is_two_levels_apart() -> None:
    image = painted(16, 16, 1)
    apart = np.abs(run([("resize", 56, 49, "bilinear")], image).astype(int) - pillow_resized(image, 56, 49, "bilinear"))
    assert np.bincount(apart.ravel(), minlength=3)[2:].sum() <= 2


def step_by_step(image: Pixels, moves: list[tuple[Any, ...]]) -> Pixels:
    """The moves on Pillow and NumPy, one after the other."""
    for name, *arguments in moves:
        if name == "crop":
            top, left, height, width = arguments
            image = image[top : top + height, left : left + width]
        elif name == "resize":
            image = pillow_resized(image, *arguments)
        elif name == "flip_x":
            image = image[:, ::-1]
        elif name == "flip_y":
            image = image[::-1]
        elif name == "pad":
            left, top, right, bottom, fill, mode = arguments
            border = {"constant_values": fill[0]} if mode == "constant" else {}
            image = np.pad(image, ((top, bottom), (left, right), (0, 0)), mode=NUMPY_MODES[mode], **border)
        elif name == "grayscale":
            grey = image if image.shape[2] == 1 else np.asarray(Image.fromarray(image).convert("L"))[:, :, None]
            image = np.repeat(grey, arguments[0], axis=2)
        image = np.ascontiguousarray(image)
    return image


@st.composite
def chains(draw: st.DrawFn, height: int, width: int) -> list[tuple[Any, ...]]:
    """Moves that fit an image of that size, in any order."""
    moves: list[tuple[Any, ...]] = []
    for name in draw(st.lists(st.sampled_from(["crop", "resize", "flip_x", "flip_y", "pad", "grayscale"]), max_size=6)):
        if name == "crop":
            rows, columns = draw(st.integers(1, height)), draw(st.integers(1, width))
            top, left = draw(st.integers(0, height - rows)), draw(st.integers(0, width - columns))
            moves.append((name, top, left, rows, columns))
            height, width = rows, columns
        elif name == "resize":
            height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
            moves.append((name, height, width, draw(st.sampled_from(["bilinear", "nearest", "box"]))))
        elif name == "pad":
            mode = draw(st.sampled_from(list(NUMPY_MODES)))
            most = {"reflect": min(height, width) - 1, "symmetric": min(height, width)}.get(mode, 5)
            margins = [draw(st.integers(0, min(5, most))) for _ in range(4)]
            moves.append((name, *margins, (draw(st.sampled_from([0, 200])),), mode))
            height, width = height + margins[1] + margins[3], width + margins[0] + margins[2]
        elif name == "grayscale":
            moves.append((name, draw(st.sampled_from([1, 3]))))
        else:
            moves.append((name,))
    return moves


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_chain_gives_what_it_gives_step_by_step(data: st.DataObject) -> None:
    image = painted(data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40)), 3)
    moves = data.draw(chains(*image.shape[:2]))
    ops = [(name, 1.0) if name.startswith("flip") else (name, *rest) for name, *rest in moves]
    # Each resize may round one level away, and the next one may carry that on.
    resizes = sum(name == "resize" for name, *_ in moves)
    assert levels_apart(run(ops, image), step_by_step(image, moves)) <= max(resizes, 0) * 1.5


def test_a_border_after_greying_keeps_its_colour() -> None:
    image = painted(3, 3, 3)
    grey = step_by_step(image, [("grayscale", 3)])
    expected = np.empty((5, 5, 3), np.uint8)
    expected[:] = (200, 10, 30)
    expected[1:4, 1:4] = grey
    assert np.array_equal(run([("grayscale", 3), ("pad", 1, 1, 1, 1, (200, 10, 30), "constant")], image), expected)


def test_borders_of_two_colours_do_not_mix() -> None:
    image = painted(2, 2, 3)
    made = run([("pad", 1, 1, 1, 1, (200,), "constant"), ("pad", 1, 1, 1, 1, (7,), "constant")], image)
    expected = np.pad(image, ((1, 1), (1, 1), (0, 0)), constant_values=200)
    assert np.array_equal(made, np.pad(expected, ((1, 1), (1, 1), (0, 0)), constant_values=7))


def test_a_border_is_greyed_with_the_image() -> None:
    image = painted(2, 3, 3)
    moves: list[tuple[Any, ...]] = [("pad", 1, 1, 1, 1, (200, 10, 30), "constant"), ("grayscale", 1)]
    bordered = np.empty((4, 5, 3), np.uint8)
    bordered[:] = (200, 10, 30)
    bordered[1:3, 1:4] = image
    assert np.array_equal(run(moves, image), step_by_step(bordered, [("grayscale", 1)]))


def shorter(height: int, width: int, size: int, longest: int = 0) -> tuple[int, int] | None:
    return _core.ImageProgram([(0, "resize_shorter", size, longest, "bilinear")]).out_size(height, width)


def test_sizes_are_torchvisions() -> None:
    assert shorter(375, 500, 256) == (256, 341)
    assert shorter(500, 375, 256) == (341, 256)
    assert shorter(333, 333, 100) == (100, 100)
    assert shorter(100, 1000, 50, 200) == (20, 200)
    longer = _core.ImageProgram([(0, "resize_longer", 64, "bilinear")])
    assert longer.out_size(100, 200) == (32, 64)
    assert longer.out_size() is None
    assert _core.ImageProgram([(0, "center_crop", 3, 4), (1, "pad", 1, 1, 1, 1, (0,), "edge")]).out_size() == (5, 6)


@pytest.mark.parametrize(("size", "crop", "top", "left"), [((9, 9), (4, 4), 2, 2), ((10, 7), (3, 4), 4, 2)])
def test_the_middle_is_torchvisions(size: tuple[int, int], crop: tuple[int, int], top: int, left: int) -> None:
    image = painted(*size, 1)  # 2.5 goes to 2, 3.5 to 4, 1.5 to 2: the even neighbour
    assert np.array_equal(run([("center_crop", *crop)], image), image[top : top + crop[0], left : left + crop[1]])


def test_the_middle_of_a_small_image_has_a_black_border() -> None:
    image = painted(2, 3, 3)
    assert np.array_equal(run([("center_crop", 5, 4)], image), np.pad(image, ((1, 2), (0, 1), (0, 0))))


def test_values_and_layout_are_as_the_output_says() -> None:
    image = painted(4, 5, 3)
    table = torch.arange(256).div(255).expand(3, 256).sub(0.25).contiguous()
    made = _core.ImageProgram([], ("chw", "float32", 3, table)).run(image, 0)
    expected = torch.from_numpy(image).permute(2, 0, 1).float().div(255).sub(0.25)
    assert np.array_equal(made, expected.numpy())
    assert np.array_equal(_core.ImageProgram([], ("chw", "uint8", 3, None)).run(image, 0), image.transpose(2, 0, 1))


def test_a_key_decides_what_is_drawn() -> None:
    program = _core.ImageProgram(
        [(0, "random_resized_crop", 8, 8, (0.1, 1.0), (0.75, 4 / 3), "bilinear"), (1, "flip_x", 0.5)]
    )
    drawn = [program.draw(key, 100, 80) for key in range(50)]
    assert drawn == [program.draw(key, 100, 80) for key in range(50)]
    assert len({repr(one) for one in drawn}) == 50
    assert {one[1] for one in drawn} == {("flip", True), ("flip", False)}


def test_each_step_draws_from_its_own_stream() -> None:
    crop = ("random_crop", 3, 3, (0, 0, 0, 0), False, (0,), "constant")
    alone = _core.ImageProgram([(5, *crop)])
    after_others = _core.ImageProgram([(0, "flip_x", 0.5), (5, *crop)])
    elsewhere = _core.ImageProgram([(6, *crop)])
    keys = range(20)
    assert [alone.draw(key, 50, 50)[0] for key in keys] == [after_others.draw(key, 50, 50)[1] for key in keys]
    assert [alone.draw(key, 50, 50) for key in keys] != [elsewhere.draw(key, 50, 50) for key in keys]


@given(st.integers(0, 2**63), st.integers(0, 2**31), st.integers(0, 2**63))
def test_the_key_of_a_sample_is_a_hash_of_its_numbers(seed: int, epoch: int, index: int) -> None:
    assert _core.sample_key(seed, epoch, index) == _seeding.mix64(seed, epoch, index)


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (("crop", 0, 0, 3), "argument is missing"),
        (("crop", 0, 0, 3, 3, 3), "too many arguments"),
        (("crop", 0, 0, 0, 3), "height must be 1 or more"),
        (("resize", 3, 3, "cubic"), "filter must be one of nearest, .* got 'cubic'"),
        (("pad", 1, 1, 1, 1, (1, 2), "constant"), "fill must have 1, 3 or 4 levels"),
        (("pad", 1, 1, 1, 1, (256,), "constant"), r"levels of fill must be in \[0, 255\]"),
        (("flip_x", 1.5), r"a probability must be in \[0, 1\]"),
        (("random_resized_crop", 3, 3, (0.0, 1.0), (1.0, 1.0), "box"), "scale must be"),
        (("twirl",), "an op must be one of crop, .* got 'twirl'"),
    ],
)
def test_a_wrong_op_is_an_error(op: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _core.ImageProgram([(0, *op)])


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (("random_crop", 9, 9, (1, 1, 1, 1), False, (0,), "constant"), "9 x 9 .* does not fit into 6 x 7"),
        (("pad", 5, 0, 0, 0, (0,), "reflect"), "cannot be reflected from 4 x 5"),
        (("pad", -3, 0, 3, 0, (0,), "reflect"), "cannot be reflected from 4 x 2"),
        (("pad", -3, 0, -3, 0, (0,), "constant"), "leave nothing of 4 x 5"),
        (("pad", -6, 0, 9, 0, (0,), "edge"), "leave nothing of 4 x 5"),
        (("resize_shorter", 100, 1, "box"), "would be resized to 0"),
    ],
)
def test_what_an_image_is_too_small_for_is_an_error(op: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run([op], painted(4, 5, 3))


def types_of_one_byte() -> dict[str, np.dtype[Any]]:
    """Types that are uint8, and not the very object that NumPy has for it."""
    return {
        "pickled": pickle.loads(pickle.dumps(np.dtype(np.uint8))),
        "with metadata": np.dtype(np.uint8, metadata={"unit": "level"}),
        "reordered": np.dtype(np.uint8).newbyteorder(">"),
    }


@pytest.mark.parametrize("name", types_of_one_byte())
def test_any_type_that_is_uint8_is_one_of_an_image(name: str) -> None:
    image = painted(7, 5, 3)
    other = image.astype(types_of_one_byte()[name])
    assert np.array_equal(run([], other), image)
    program = _core.ImageProgram([])
    assert np.array_equal(program.run_sample(_core.ImageArrays(other[None]), 0, 1), image)


@pytest.mark.parametrize("kind", ["i1", "?", ">u2", "<u2", "S1", [("level", "u1")]])
def test_other_types_are_no_image(kind: Any) -> None:
    image = np.zeros((7, 5, 3), kind)
    with pytest.raises(ValueError, match="an image must be uint8, got "):
        run([], image)
    with pytest.raises(ValueError, match="images must be a uint8 array"):
        _core.ImageArrays(image[None])


def test_what_is_no_image_is_an_error() -> None:
    program = _core.ImageProgram([])
    for wrong in (np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2), np.float32), np.zeros((0, 2, 3), np.uint8)):
        with pytest.raises(ValueError, match="an image must"):
            program.run(wrong, 0)
    with pytest.raises(ValueError, match="3 channels at the end of the transforms, and 1 are expected"):
        _core.ImageProgram([], ("hwc", "uint8", 1, None)).run(painted(2, 2, 3), 0)


@pytest.mark.parametrize("sampling", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize(
    "forward",
    [(0.9, 0.2, 10, -0.2, 1.1, 30, 0, 0, 1), (1, 0.1, 5, 0, 1, 9, 2e-4, 1e-4, 1), (0, -1, 500, 1, 0, 0, 0, 0, 1)],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_warp_that_is_finished_some_rows_at_a_time_is_the_whole_warp(
    channels: int, forward: Any, sampling: str
) -> None:
    image = painted(500, 700, channels)
    warp = ("warp", forward, 640, 512, sampling, (9, 8, 7))
    negative = ("invert", 1.0)
    as_a_whole = ("sharpness", 1.0, (1.0, 1.0))  # changes nothing, and must see all rows
    assert np.array_equal(run([warp], image), run([warp, as_a_whole], image))
    assert np.array_equal(run([warp, negative], image), 255 - run([warp], image))

"""Warps against Pillow's, their inverses, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.images import CONTAINERS, array_of, image_of, is_of

from fastload import _core
from fastload import transforms as T
from fastload.transforms import functional as F

NEAREST, BILINEAR, BICUBIC = T.InterpolationMode.NEAREST, T.InterpolationMode.BILINEAR, T.InterpolationMode.BICUBIC
few = settings(max_examples=80, deadline=None)


def photo(height: int, width: int) -> np.ndarray[Any, Any]:
    """Smooth colours with an edge or two."""
    y, x = np.mgrid[:height, :width]
    waves = [127 + 120 * np.sin(x / 9 + k) * np.cos(y / 7 - k) for k in range(3)]
    image = np.stack(waves, axis=-1).astype(np.uint8)
    image[height // 3 : height // 2, width // 4 : width // 2] = (250, 5, 120)
    return image


IMAGE = photo(60, 84)


def pillow(back: Any, size: tuple[int, int], mode: int, fill: tuple[int, int, int]) -> Any:
    coefficients = (back / back[2, 2]).ravel()[:8].tolist()
    method = Image.Transform.PERSPECTIVE
    made = Image.fromarray(IMAGE).transform((size[1], size[0]), method, coefficients, mode, fillcolor=fill)
    return np.asarray(made).astype(int)


@few
@given(
    st.floats(-180, 180),
    st.floats(1.0, 2.0),
    st.floats(-20, 20),
    st.floats(-20, 20),
    st.tuples(st.integers(-20, 20), st.integers(-20, 20)),
)
def test_an_affine_map_is_pillows(angle: float, scale: float, shear_x: float, shear_y: float, move: Any) -> None:
    arguments = {
        "angle": angle,
        "translate": move,
        "scale": scale * 1.5,
        "shear": (shear_x, shear_y),
        "fill": (9, 200, 30),
    }
    # torchvision's formula, of its own paper: T C R(a) Sh(x, y) s C^-1.
    a, x, y = (math.radians(value) for value in (angle, shear_x, shear_y))
    c, s = math.cos(a - y) / math.cos(y), math.sin(a - y) / math.cos(y)
    linear = scale * 1.5 * np.array([[c, -c * math.tan(x) - math.sin(a)], [s, -s * math.tan(x) + math.cos(a)]])
    centre = np.array([42.0, 30.0])
    forward = np.eye(3)
    forward[:2, :2], forward[:2, 2] = linear, centre + move - linear @ centre
    back = np.linalg.inv(forward)
    nearest = F.affine(IMAGE, interpolation=NEAREST, **arguments)  # type: ignore[arg-type]
    different = (nearest != pillow(back, (60, 84), 0, (9, 200, 30))).any(axis=-1)
    y, x = np.mgrid[:60, :84] + 0.5
    places = np.stack([back[r, 0] * x + back[r, 1] * y + back[r, 2] for r in range(2)])
    between = (abs(places - places.round()) < 1e-3).any(axis=0)  # two pixels: floats may round either way
    assert not (different & ~between).any()
    bilinear = F.affine(IMAGE, interpolation=BILINEAR, **arguments)  # type: ignore[arg-type]
    difference = abs(bilinear.astype(int) - pillow(back, (60, 84), 2, (9, 200, 30))).max(axis=-1)
    assert np.mean((difference > 3) & ~between) < 0.002


@few
@given(st.lists(st.tuples(st.integers(-14, 4), st.integers(-14, 4)), min_size=4, max_size=4))
def test_a_perspective_is_pillows(moves: list[tuple[int, int]]) -> None:
    start = [(0, 0), (83, 0), (83, 59), (0, 59)]
    outward = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    end = [(x + a * dx, y + b * dy) for (x, y), (a, b), (dx, dy) in zip(start, outward, moves, strict=True)]
    end = [(1.4 * x - 16, 1.4 * y - 12) for x, y in end]  # enlarged: where nothing is antialiased
    made = F.perspective(IMAGE, start, end, interpolation=BILINEAR, fill=[1, 2, 3])
    rows = []
    for (x, y), (u, v) in zip(end, start, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
    back = np.linalg.svd(np.array(rows, dtype=float))[2][-1].reshape(3, 3)
    expected = pillow(back, (60, 84), 2, (1, 2, 3))
    assert np.mean(abs(made.astype(int) - expected).max(axis=-1) > 3) < 0.01


@pytest.mark.parametrize("mode", [NEAREST, BILINEAR, BICUBIC])
@pytest.mark.parametrize("container", CONTAINERS)
def test_whole_quarters_of_a_turn_move_whole_pixels(mode: Any, container: str) -> None:
    for height, width in (IMAGE.shape[:2], (20, 23), (21, 30), (21, 33), (1, 2)):
        image = IMAGE[:height, :width]
        for quarters in range(-3, 5):
            turned = F.rotate(image_of(image, container), 90 * quarters, mode, expand=True)
            assert is_of(turned, container)
            assert np.array_equal(array_of(turned), np.rot90(image, quarters))


def test_boxes_stay_whole_numbers_in_quarters_of_a_turn() -> None:
    turn = T.RandomRotation((90, 90), expand=True)
    image, target = turn(IMAGE[:20, :23], {"boxes": np.array([[0, 0, 23, 20], [1, 2, 5, 9]])})
    assert image.shape[:2] == (23, 20)
    assert target["boxes"].tolist() == [[0, 0, 20, 23], [2, 18, 9, 22]]


@pytest.mark.parametrize("mode", [NEAREST, BILINEAR, BICUBIC])
def test_perspectives_of_floats_are_those_of_bytes_even_beyond_the_viewer(mode: Any) -> None:
    perspective = T.RandomPerspective(1.0, 1.0, mode)
    for seed in range(120):
        results = []
        for image in (IMAGE, IMAGE.astype(np.float32), IMAGE[None].repeat(2, axis=0).transpose(0, 3, 1, 2)):
            torch.manual_seed(seed)
            made = perspective(image if image.ndim == 3 else torch.from_numpy(image))
            results.append(np.asarray(made, dtype=np.float64))
        assert np.mean(abs(results[0] - results[1]).max(axis=-1) > 4) < 0.01, "but for places on the border"
        assert np.mean(abs(results[0] - results[2][1].transpose(1, 2, 0)).max(axis=-1) > 4) < 0.01


def test_an_image_of_colours_by_number_goes_beyond_the_viewer_too() -> None:
    palette = Image.fromarray(IMAGE).quantize(16)
    for seed in range(60):
        torch.manual_seed(seed)
        made = T.RandomPerspective(1.0, 1.0)(palette)
        assert made.mode == "P"
        torch.manual_seed(seed)
        expected = T.RandomPerspective(1.0, 1.0, NEAREST)(np.asarray(palette))
        assert np.mean(np.asarray(made) != expected) < 0.01


def test_an_expanded_canvas_is_pillows() -> None:
    for angle in (0, 10, 33.3, 45, 90, 120, 180, 271):
        expected = Image.fromarray(IMAGE).rotate(angle, expand=True).size
        made = F.rotate(IMAGE, angle, expand=True)
        assert abs(made.shape[1] - expected[0]) <= 1
        assert abs(made.shape[0] - expected[1]) <= 1


@few
@given(st.floats(-60, 60), st.floats(1.0, 1.6), st.floats(-15, 15))
def test_the_opposite_map_brings_the_image_back(angle: float, scale: float, shear: float) -> None:
    forward = np.array([[1, 0, 80], [0, 1, 60], [0, 0, 1.0]])
    turn = math.radians(angle)
    forward = forward @ np.array(
        [
            [scale * math.cos(turn), -math.sin(turn) + shear / 50, 0],
            [math.sin(turn), scale * math.cos(turn), 0],
            [0, 0, 1],
        ]
    )
    if abs(np.linalg.det(forward)) < 0.9:
        return
    there = F.warp(IMAGE, forward, (300, 300), BILINEAR)
    shift = np.array([[1, 0, 100], [0, 1, 60], [0, 0, 1.0]])
    wide = F.warp(IMAGE, shift @ forward, (320, 360), BILINEAR)
    back = F.warp(wide, np.linalg.inv(shift @ forward), (60, 84), BILINEAR)
    assert there.shape == (300, 300, 3)
    assert np.mean(abs(back[3:-3, 3:-3].astype(int) - IMAGE[3:-3, 3:-3]).max(axis=-1) > 40) < 0.1
    assert np.mean(abs(back[3:-3, 3:-3].astype(int) - IMAGE[3:-3, 3:-3])) < 6


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((200, 200), dtype=np.uint8)
    stripes[:, ::2] = 255
    small = F.affine(stripes, 10, scale=0.25, interpolation=BILINEAR)
    inside = small[85:115, 85:115].astype(int)
    assert inside.min() > 100, "the stripes are grey from afar"
    assert inside.max() < 155


def test_a_chain_of_maps_is_one_pass_and_as_sharp_as_one() -> None:
    torch.manual_seed(0)
    there, back = T.RandomRotation((30, 30), BILINEAR), T.RandomRotation((-30, -30), BILINEAR)
    once = T.Compose([there, back])(IMAGE)
    twice = T.Compose([there, back], fuse=False)(IMAGE)
    middle = np.s_[15:45, 20:60]
    assert np.array_equal(once[middle], IMAGE[middle])
    assert not np.array_equal(twice[middle], IMAGE[middle])
    assert np.mean(abs(twice[middle].astype(int) - IMAGE[middle])) < 8
    corner = once[:3, :3].astype(int)
    assert (corner == 0).all(), "what the first turn has pushed out of the image does not come back"


@pytest.mark.parametrize(
    "chain",
    [
        [
            T.RandomHorizontalFlip(1.0),
            T.RandomAffine(15, (0.1, 0.1), (0.9, 1.2), interpolation=BILINEAR),
            T.Resize((64, 72)),
        ],
        [T.Resize((90, 80)), T.RandomRotation(30, BILINEAR), T.CenterCrop(50), T.RandomPerspective(0.2, 1.0)],
        [
            T.Pad(9, fill=7),
            T.RandomAffine(25, interpolation=BILINEAR, fill=7),
            T.RandomVerticalFlip(1.0),
            T.Pad(3, fill=7),
        ],
        [T.RandomRotate90(1.0), T.RandomRotation(20, BILINEAR), T.Transpose(1.0), T.RandomResizedCrop(40)],
        [T.Grayscale(3), T.RandomRotation(20, BILINEAR, fill=[200, 10, 10]), T.GridDistortion(p=1.0), T.Grayscale(1)],
        [T.Pad(5, padding_mode="reflect"), T.RandomRotation(20, BILINEAR), T.Pad(5, padding_mode="edge"), T.Resize(50)],
        [
            T.ElasticTransform(30.0),
            T.RandomRotation(10, BILINEAR, expand=True),
            T.CenterCrop(55),
            T.ElasticTransform(30.0),
        ],
    ],
)
def test_fused_and_step_by_step_agree(chain: list[Any]) -> None:
    for seed in range(8):
        results = []
        for fuse in (True, False):
            torch.manual_seed(seed)
            results.append(T.Compose(chain, fuse=fuse)(IMAGE).astype(int))
        fused, stepwise = results
        assert fused.shape == stepwise.shape
        assert np.mean(abs(fused - stepwise)) < 6, "interpolated once or several times"
        assert np.mean(abs(fused - stepwise).max(axis=-1) > 60) < 0.03


def test_a_program_for_files_gives_what_the_pixels_give(tmp_path: Any) -> None:
    from fastload.datasets import ImageList

    Image.fromarray(photo(120, 160)).save(tmp_path / "a.png")
    Image.fromarray(photo(120, 160)).save(tmp_path / "b.jpg", quality=95)
    chain = T.Compose(
        [T.RandomAffine(30, (0.1, 0.1), (0.8, 1.2), interpolation=BILINEAR), T.CenterCrop(100), T.ToTensor()]
    )
    data = ImageList([str(tmp_path / "a.png"), str(tmp_path / "b.jpg")], [0, 1], transform=chain)
    for index, name in enumerate(("a.png", "b.jpg")):
        torch.manual_seed(index)
        made, _ = data[index]
        torch.manual_seed(index)
        expected = chain(Image.open(tmp_path / name))
        assert torch.equal(made, expected)


def test_an_op_refuses_a_range_of_infinite_width() -> None:
    still = (0.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0), (0.0, 0.0)
    with pytest.raises(ValueError, match="finite"):
        _core.ImageProgram([(0, "affine", 1.0, (-1e308, 1e308), *still, None, False, "nearest", [0])])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: T.RandomRotation(-5), "must not be negative"),
        (lambda: T.RandomRotation((5, -5)), "low <= high"),
        (lambda: T.RandomRotation("a"), "degrees must be a number or two"),
        (lambda: T.RandomRotation(1e308), "degrees must be a range of finite width"),
        (lambda: T.RandomAffine((-1e308, 1e308)), "degrees must be a range of finite width"),
        (lambda: T.RandomAffine(0, shear=1e308), "shear must be a range of finite width"),
        (lambda: T.RandomAffine(0, translate=(2, 0)), r"in \[0, 1\]"),
        (lambda: T.RandomAffine(0, scale=(0, 1)), "0 < low"),
        (lambda: T.RandomAffine(0, interpolation=T.InterpolationMode.LANCZOS), "nearest, bilinear or bicubic"),
        (lambda: T.RandomPerspective(1.5), "distortion_scale"),
        (lambda: T.ElasticTransform(-1.0), "alpha must be"),
        (lambda: T.GridDistortion(0), "num_steps"),
        (lambda: T.GridDistortion(5, 1.01), r"within \[-1, 1\]"),
        (lambda: T.RandomZoomOut(side_range=(0.5, 2)), "side_range"),
        (lambda: T.ScaleJitter((10, 10), (0, 1)), "scale_range"),
        (lambda: T.RandomShortestSize([]), "min_size"),
        (lambda: T.GridDistortion(5, 0.3, "bilinear", 0), "normalized must be True or False"),
        (lambda: T.GridDistortion(mask_interpolation="bilinear"), "mask_interpolation must be nearest"),
        (lambda: T.GridDistortion(keypoint_remapping_method="quick"), "'mask' or 'direct'"),
        (lambda: T.GridDistortion(fill_mask=255), "mask_fill"),
        (lambda: T.GridDistortion(border_mode=16), "border_mode must be one of"),
        (lambda: T.GridDistortion(normalized=False, border_mode=4), "border_mode must be cv2.BORDER_CONSTANT"),
        (lambda: T.LongestMaxSize(0), "max_size"),
        (T.LongestMaxSize, "either max_size or max_size_hw"),
        (lambda: T.LongestMaxSize(9, max_size_hw=(9, 9)), "either max_size or max_size_hw"),
        (lambda: T.LongestMaxSize([]), "max_size must be"),
        (lambda: T.LongestMaxSize(max_size_hw=(None, None)), "max_size_hw must be"),
        (lambda: T.LongestMaxSize(max_size_hw=9), "max_size_hw must be"),
        (lambda: T.LongestMaxSize(9, p=2), "p must be"),
        (lambda: T.LongestMaxSize(9, area_for_downscale="image_mask"), "area_for_downscale must be"),
        (lambda: T.LongestMaxSize(9, mask_interpolation=2), "mask_interpolation must be nearest"),
        (lambda: T.LongestMaxSize(9, mask_interpolation="linear"), "mask_interpolation must be an InterpolationMode"),
        (lambda: T.BBoxSafeRandomCrop(p=-1), "p must be"),
        (lambda: T.LetterBox((0, 5)), "size"),
        (lambda: T.RandomIoUCrop(max_scale=1.2), "max_scale"),
        (lambda: T.RandomIoUCrop(sampler_options=[]), "sampler_options"),
        (lambda: T.BBoxSafeRandomCrop(-0.1), "erosion_rate"),
        (lambda: F.warp(IMAGE, np.zeros((3, 3)), (5, 5)), "behind the viewer|line or a point"),
        (lambda: F.warp(IMAGE, [[1, 0, 0], [0, 1, 0], [-1, 0, 1]], (5, 5)), "behind the viewer"),
        (lambda: F.warp(IMAGE, np.eye(2), (5, 5)), r"\(3, 3\)"),
        (lambda: F.perspective(IMAGE, [(0, 0)] * 4, [(0, 0)] * 4), "do not span"),
        (lambda: F.elastic(IMAGE, torch.zeros(1, 3, 3, 2)), r"\(1, 60, 84, 2\)"),
        (lambda: F.affine(np.zeros((0, 5, 3), dtype=np.uint8), 10), "at least one pixel"),
    ],
)
def test_bad_arguments_are_refused(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_corners_drawn_into_a_line_are_drawn_again() -> None:
    image = np.full((32, 32, 3), 100, dtype=np.uint8)
    transform = T.RandomPerspective(1.0, 1.0)
    for seed in range(2000):
        torch.manual_seed(seed)
        assert transform(image).shape == image.shape

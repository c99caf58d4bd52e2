"""What other libraries would lose, refuse or misread in samples: points, empty boxes, wide masks, palettes."""

from __future__ import annotations

from typing import Any

import albumentations as A
import imgaug.augmenters as iaa
import numpy as np
import pytest
import torch
from PIL import Image
from support.painted import extent

from fastload import transforms as T

HEIGHT, WIDTH = 120, 160
BOXES = [(0, 0, 40, 50), (60, 20, 100, 44), (20, 70, 52, 120), (110, 60, 160, 104), (96, 2, 104, 10)]
COLOURS = [(230, 30, 30), (30, 220, 40), (40, 40, 240), (220, 210, 20), (20, 210, 220)]
IMAGE = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
for (left, top, right, bottom), colour in zip(BOXES, COLOURS, strict=True):
    IMAGE[top:bottom, left:right] = colour
BENDING = {
    "piecewise affine": lambda: A.PiecewiseAffine(p=1.0, interpolation=0),
    "thin plates": lambda: A.ThinPlateSpline(p=1.0, interpolation=0),
    "grid": lambda: A.GridDistortion(p=1.0, interpolation=0),
    "lens": lambda: A.OpticalDistortion(p=1.0, interpolation=0),
    "elastic": lambda: A.ElasticTransform(alpha=60, sigma=8, p=1.0, interpolation=0),
    "lens, mirrored": lambda: A.Compose([A.HorizontalFlip(p=1.0), A.OpticalDistortion(p=1.0, interpolation=0)]),
}
ROUGH = ("piecewise affine", "thin plates")  # by themselves, Albumentations' boxes of these are larger than the objects
LIBRARIES = {
    "albumentations": lambda: T.Albumentations(A.HorizontalFlip(p=1.0)),
    "imgaug": lambda: T.ImgAug(iaa.Fliplr(1.0)),
}
AS_THEY_ARE = ["uint8", "int8", "int16", "uint16", "int32", "int64", "uint64", "float16", "float32", "float64", "bool"]


@pytest.mark.filterwarnings("ignore:This augmenter is very slow")
@pytest.mark.parametrize("name", BENDING)
def test_boxes_go_with_what_is_bent(name: str) -> None:
    chain = T.Albumentations(BENDING[name]())
    seen = 0
    for seed in range(12):
        torch.manual_seed(seed)
        image, moved = chain(IMAGE, {"boxes": np.array(BOXES, dtype=np.float64), "labels": list(range(5))})
        for label, box in zip(moved["labels"], moved["boxes"], strict=True):
            place = extent(image, COLOURS[label])
            if place is None and name in ROUGH:
                continue  # Albumentations leaves boxes where they were if all in them is gone
            beyond = np.subtract(place, box) * [-1, -1, 1, 1]
            assert beyond.max() <= 2.01, (label, place, box)
            assert beyond.min() >= -2.01 or name in ROUGH, (label, place, box)
        gone = [extent(image, COLOURS[label]) for label in set(range(5)) - set(moved["labels"])]
        assert all(place is None or min(place[2] - place[0], place[3] - place[1]) < 2 for place in gone)
        seen += len(moved["labels"])
    assert seen > 40


def test_turned_boxes_at_the_border_stay_where_they_are_as_nothing_bends() -> None:
    still = A.ElasticTransform(alpha=1e-6, sigma=50, p=1.0)
    boxes = np.array([[20.0, 20, 40, 10, 30], [2, 60, 30, 8, 40], [158, 118, 30, 12, 20]])
    _, moved = T.Compose([T.Albumentations(still)], boxes="cxcywhr")(IMAGE, {"boxes": boxes})
    assert np.abs(moved["boxes"][:, :2] - boxes[:, :2]).max() < 2.5
    assert np.abs(moved["boxes"][:, 2:] - boxes[:, 2:]).max() < 6


@pytest.mark.parametrize("params", [T.BoxParams(), T.BoxParams(min_visibility=0.8), T.BoxParams(clip=False)])
def test_a_box_holds_all_parts_that_its_object_is_cut_into(params: T.BoxParams) -> None:
    masks = np.stack([(colour == IMAGE).all(axis=-1) for colour in COLOURS])
    cut = 0
    for seed in range(12):
        torch.manual_seed(seed)
        target = {"boxes": np.array(BOXES, dtype=np.float64), "masks": masks, "labels": np.arange(5)}
        shuffled, moved = T.Compose([A.RandomGridShuffle((3, 3), p=1.0)], boxes=params)(IMAGE, target)
        assert moved["labels"].tolist() == list(range(5))
        for label, box, mask in zip(moved["labels"], moved["boxes"], moved["masks"], strict=True):
            rows, columns = np.nonzero(mask)
            seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert extent(shuffled, COLOURS[label]) == pytest.approx(seen)
            assert box == pytest.approx(seen, abs=1.01)  # Albumentations loses a pixel of some
            cut += (seen[2] - seen[0]) * (seen[3] - seen[1]) > mask.sum()
    assert cut > 20


def test_a_turned_box_holds_all_parts_that_its_object_is_cut_into() -> None:
    edges = np.array([(60, 20, 100, 44), (12, 70, 50, 110), (110, 60, 150, 104)], dtype=np.float64)
    image = np.zeros_like(IMAGE)
    for (left, top, right, bottom), colour in zip(edges.astype(int).tolist(), COLOURS, strict=False):
        image[top:bottom, left:right] = colour
    level = np.column_stack([(edges[:, :2] + edges[:, 2:]) / 2, edges[:, 2:] - edges[:, :2], np.zeros(3)])
    for seed in range(12):
        torch.manual_seed(seed)
        chain = T.Compose([A.RandomGridShuffle((3, 3), p=1.0)], boxes="cxcywhr")
        shuffled, moved = chain(image, {"boxes": level, "labels": [0, 1, 2]})
        assert moved["labels"] == [0, 1, 2]
        for label, box in zip(moved["labels"], moved["boxes"], strict=True):
            seen = np.array(extent(shuffled, COLOURS[label]))
            assert box[:2] == pytest.approx((seen[:2] + seen[2:]) / 2, abs=1.01)
            assert box[2:4] == pytest.approx(seen[2:] - seen[:2], abs=1.51)
            assert box[4] % 180 == 0


def test_turned_boxes_follow_where_all_points_that_are_left_lie_on_a_line() -> None:
    def on_the_line(points: Any, *_: Any) -> Any:
        for one in points:
            one.keypoints = [point for point in one.keypoints if abs(point.x - (WIDTH / 2 + 30)) < 1e-3]
        return points

    def as_is(boxes: Any, *_: Any) -> Any:
        return boxes

    chain = iaa.Sequential(
        [iaa.Affine(translate_px={"x": 30}), iaa.Lambda(func_keypoints=on_the_line, func_bounding_boxes=as_is)]
    )
    target = {"boxes": np.array([[50.0, 60, 40, 20, 30]]), "keypoints": np.array([[[WIDTH / 2, 20.0]]])}
    _, moved = T.Compose([chain], boxes="cxcywhr")(IMAGE, target)
    assert moved["boxes"][0] == pytest.approx([80, 60, 40, 20, 30], abs=1e-3)
    assert moved["keypoints"][0, 0] == pytest.approx([WIDTH / 2 + 30, 20])


def test_points_that_come_back_at_the_other_border_are_no_mirror() -> None:
    shift = WIDTH // 10

    def rolled(images: Any, *_: Any) -> Any:
        return [np.roll(image, shift, axis=1) for image in images]

    def points_rolled(points: Any, *_: Any) -> Any:
        for one in points:
            for point in one.keypoints:
                point.x = (point.x + shift) % WIDTH
        return points

    chain = iaa.Lambda(func_images=rolled, func_keypoints=points_rolled)
    points = np.array([[[x, y] for x in (150.0, 152, 154, 156) for y in (30.0, 60)]])
    params = T.BoxParams(keypoint_swaps=((0, 1), (2, 3), (4, 5), (6, 7)))
    _, moved = T.Compose([chain], boxes=params)(IMAGE, {"keypoints": points})
    assert moved["keypoints"] == pytest.approx(points - [WIDTH - shift, 0])


def test_key_points_that_are_lost_are_not_seen() -> None:
    points = np.array([[[50.0, 60, 2], [50, 60, 2], [-5, 10, 2], [90, 30, 1]]])
    _, moved = T.Albumentations(A.ElasticTransform(alpha=1e-6, sigma=50, p=1.0))(IMAGE, {"keypoints": points})
    assert moved["keypoints"][0, [0, 2]].tolist() == [[-1, -1, 0], [-1, -1, 0]]
    assert np.abs(moved["keypoints"][0, [1, 3]] - points[0, [1, 3]]).max() <= 2


def test_corners_of_boxes_do_not_hide_key_points() -> None:
    corners = np.array(BOXES[1:2], dtype=np.float64)[:, [0, 1, 2, 3]].reshape(1, 2, 2)
    target = {"boxes": np.array(BOXES[1:2]), "keypoints": corners}
    _, moved = T.Albumentations(A.ElasticTransform(alpha=1e-6, sigma=50, p=1.0))(IMAGE, target)
    assert np.abs(moved["keypoints"] - corners).max() <= 2


def test_mirrors_that_bend_swap_key_points() -> None:
    chain = A.Compose([A.HorizontalFlip(p=1.0), A.ElasticTransform(alpha=1e-6, sigma=50, p=1.0)])
    params = T.BoxParams(keypoint_swaps=((0, 1),))
    _, moved = T.Compose([T.Albumentations(chain)], boxes=params)(
        IMAGE, {"keypoints": np.array([[30.0, 60], [90, 20]])}
    )
    assert np.abs(moved["keypoints"] - [[70, 20], [130, 60]]).max() <= 2


def test_pixels_are_dropped_without_masks() -> None:
    image = T.Albumentations(A.PixelDropout(dropout_prob=0.5, p=1.0))(IMAGE)
    assert 0.4 < (image == 0).all(axis=-1).mean() < 0.6


@pytest.mark.parametrize("name", LIBRARIES)
def test_boxes_of_which_nothing_can_be_seen_are_dropped(name: str) -> None:
    tiny = [50.0, 50, 50 + 1e-9, 60]
    boxes = np.array([BOXES[1], [20.0, 30, 20, 50], [200, 10, 220, 40], [-40, 10, 0, 40], tiny, [-9, -9, 20, 30]])
    _, moved = LIBRARIES[name]()(IMAGE, {"boxes": boxes, "labels": torch.arange(6), "names": list("abcdef")})
    assert moved["labels"].tolist() in ([0, 5], [0, 4, 5])  # in float32, the tiny one has no width
    assert np.abs(moved["boxes"][[0, -1]] - [[60, 20, 100, 44], [140, 0, 160, 30]]).max() < 1e-4
    assert len(moved["names"]) == len(moved["boxes"])
    _, moved = LIBRARIES[name]()(IMAGE, {"boxes": boxes[1:4], "labels": torch.arange(3)})
    assert moved["boxes"].shape == (0, 4)
    assert moved["labels"].tolist() == []


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("numbers", [(30, 30, 20, 40), (10, float("nan"), 20, 40)])
def test_boxes_that_are_none_are_refused_by_their_number(name: str, numbers: Any) -> None:
    with pytest.raises(ValueError, match="box 1 of 2 is"):
        LIBRARIES[name]()(IMAGE, {"boxes": np.array([BOXES[1], numbers], dtype=np.float64)})


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("dtype", AS_THEY_ARE)
def test_masks_of_all_types_keep_their_values(name: str, dtype: str) -> None:
    mask = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 120, (HEIGHT, WIDTH)).astype(dtype)
    if dtype in ("int32", "int64", "uint64", "float64"):
        mask[0, :3] = [(1 << 24) + 1, (1 << 30) + 1, (1 << 31) - 1]
    _, moved = LIBRARIES[name]()(IMAGE, {"masks": mask[None], "mask": mask})
    for plane in (moved["masks"][0], moved["mask"]):
        assert plane.dtype == dtype
        assert np.array_equal(plane, mask[:, ::-1])


def test_albumentations_moves_fractions_and_large_numbers() -> None:
    fractions = np.random.default_rng(0).random((HEIGHT, WIDTH))
    large = (1 << 53) - np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    masks = [fractions, fractions.astype(np.float32), fractions.astype(np.float16), large, -large]
    _, moved = LIBRARIES["albumentations"]()(IMAGE, {"masks": masks})
    assert all(np.array_equal(one, other[:, ::-1]) for one, other in zip(moved["masks"], masks, strict=True))


@pytest.mark.parametrize(
    ("name", "value", "dtype", "message"),
    [
        ("albumentations", (1 << 53) + 1, "int64", "a mask of int64 has a value of 9007199254740993"),
        ("albumentations", -(1 << 63), "int64", "a mask of int64 has a value of 9223372036854775808"),
        ("albumentations", 1j, "complex64", "cannot move masks of complex64: convert"),
        ("imgaug", 1j, "complex64", "cannot move masks of complex64: convert"),
        ("imgaug", 200.5, "float32", "from 0 to 2147483647, this one of float32 has 200.5"),
        ("imgaug", float("nan"), "float16", "this one of float16 has nan"),
        ("imgaug", float("inf"), "float16", "this one of float16 has inf"),
        ("imgaug", (1 << 40) + 1, "int64", "this one of int64 has 1099511627777"),
        ("imgaug", -1, "int8", "this one of int8 has -1"),
    ],
)
def test_masks_that_would_change_are_refused(name: str, value: Any, dtype: str, message: str) -> None:
    mask = np.zeros((HEIGHT, WIDTH), dtype=dtype)
    mask[3, 4] = value
    with pytest.raises((TypeError, ValueError), match=message):
        LIBRARIES[name]()(IMAGE, {"mask": mask})


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("mode", ["L", "P", "I", "F", "1"])
def test_pil_masks_stay_what_they_are(name: str, mode: str) -> None:
    mask = Image.fromarray(IMAGE).convert("L").point(lambda level: level > 100 and 255).convert(mode)
    _, moved = LIBRARIES[name]()(IMAGE, {"mask": mask})
    assert moved["mask"].mode == mode
    assert np.array_equal(moved["mask"], np.asarray(mask)[:, ::-1])


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I", "F"])
def test_pil_images_of_levels_stay_what_they_are(name: str, mode: str) -> None:
    image = Image.fromarray(IMAGE).convert("L" if mode in "IF" else "RGB").convert(mode)
    if (name, mode) == ("imgaug", "I"):
        pytest.skip("imgaug moves no images of int32")
    moved = LIBRARIES[name]()(image)
    assert moved.mode == mode
    assert np.array_equal(moved, np.asarray(image)[:, ::-1])


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("mode", ["P", "1", "CMYK", "YCbCr", "HSV", "LAB"])
def test_pil_images_of_other_numbers_are_refused(name: str, mode: str) -> None:
    image = Image.fromarray(IMAGE).convert(mode)
    with pytest.raises(ValueError, match=rf"got one of mode '{mode}'.*hand over image.convert\('RGB'\)"):
        LIBRARIES[name]()(image, {"boxes": np.array(BOXES)})


@pytest.mark.parametrize("name", LIBRARIES)
def test_pil_images_of_16_bits_are_arrays_first(name: str) -> None:
    image = Image.fromarray(np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH))
    with pytest.raises(ValueError, match=r"got one of mode 'I;16'.*hand over np.asarray\(image\)"):
        LIBRARIES[name]()(image)

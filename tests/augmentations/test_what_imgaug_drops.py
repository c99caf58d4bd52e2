"""imgaug's augmenters that drop boxes and points, or choose boxes by their labels: what plain imgaug says of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imgaug.augmenters as iaa
import numpy as np
import pytest
import torch
from imgaug.augmentables import BoundingBox, BoundingBoxesOnImage

from fastload import transforms as T

HEIGHT, WIDTH = 96, 128
IMAGE = np.random.default_rng(0).integers(40, 200, (HEIGHT, WIDTH, 3), dtype=np.uint8)
BOXES = [(40, 30, 90, 60), (4, 6, 30, 40), (80, 50, 120, 90), (4, 60, 24, 80)]
NAMES = ["cup", "dog", "cup", "cat"]
DROPPING: dict[str, Callable[[], Any]] = {
    "removed": lambda: iaa.RemoveCBAsByOutOfImageFraction(0.5),
    "clipped": iaa.ClipCBAsToImagePlanes,
    "removed, then bent": lambda: iaa.Sequential([iaa.RemoveCBAsByOutOfImageFraction(0.5), iaa.Rot90(2)]),
    "removed before polar": lambda: iaa.Sequential(
        [iaa.RemoveCBAsByOutOfImageFraction(0.5), iaa.WithPolarWarping(iaa.Identity())]
    ),
    "all": lambda: iaa.TotalDropout(1.0),
    "kept": iaa.Identity,
}


def plain(augmenter: Any, labels: Any = None) -> tuple[Any, dict[Any, list[float]]]:
    """imgaug's own image, and its boxes by their labels."""
    labels = list(range(len(BOXES))) if labels is None else labels
    boxes = [BoundingBox(*box, label=label) for box, label in zip(BOXES, labels, strict=True)]
    image, made = augmenter(image=IMAGE, bounding_boxes=BoundingBoxesOnImage(boxes, shape=IMAGE.shape))
    return image, {box.label: [box.x1, box.y1, box.x2, box.y2] for box in made.bounding_boxes}


def sample(**others: Any) -> dict[str, Any]:
    return {"boxes": np.array(BOXES, dtype=np.float64), "names": NAMES, "numbers": torch.arange(4), **others}


@pytest.mark.parametrize("shift", [0, 20, 60, 80, 100, 200])
@pytest.mark.parametrize("name", DROPPING)
def test_boxes_that_are_dropped_are_gone_with_their_fields(name: str, shift: int) -> None:
    if shift > 100 and "polar" in name:
        pytest.skip("imgaug warps no images without boxes")
    augmenter = iaa.Sequential([iaa.Affine(translate_px={"x": shift}), DROPPING[name]()])
    image, expected = plain(augmenter, list("0123"))
    result, moved = T.ImgAug(augmenter)(IMAGE, sample())
    assert np.array_equal(result, image)
    seen = {label: np.clip(box, 0, [WIDTH, HEIGHT] * 2) for label, box in expected.items()}
    seen = {label: box for label, box in seen.items() if (box[2:] > box[:2]).all()}
    assert moved["numbers"].tolist() == sorted(map(int, seen))
    assert moved["names"] == [NAMES[number] for number in moved["numbers"]]
    assert moved["boxes"] == pytest.approx(np.reshape([seen[label] for label in sorted(seen)], (-1, 4)), abs=1e-3)


def test_key_points_that_are_dropped_are_not_seen() -> None:
    augmenter = iaa.Sequential([iaa.Affine(translate_px={"x": 60}), iaa.ClipCBAsToImagePlanes()])
    points = np.array([[[45.0, 35, 2], [85, 55, 2]]])
    _, moved = T.ImgAug(augmenter)(IMAGE, {"boxes": np.array(BOXES[:1], dtype=np.float64), "keypoints": points})
    assert moved["keypoints"] == pytest.approx(np.array([[[105.0, 35, 2], [-1, -1, 0]]]))
    _, moved = T.ImgAug(iaa.TotalDropout(1.0))(IMAGE, {"keypoints": points})
    assert moved["keypoints"].tolist() == [[[-1, -1, 0], [-1, -1, 0]]]


@pytest.mark.parametrize("shift", [30, 60, 80])
def test_how_much_of_a_clipped_box_is_left_is_still_known(shift: int) -> None:
    augmenter = iaa.Sequential([iaa.Affine(translate_px={"x": shift}), iaa.ClipCBAsToImagePlanes()])
    left = (min(90 + shift, WIDTH) - (40 + shift)) / 50
    boxes = {"boxes": np.array(BOXES[:1], dtype=np.float64)}
    for threshold, count in ((left - 0.01, 1), (min(left + 0.01, 1), int(left == 1))):
        _, moved = T.Compose([augmenter], boxes=T.BoxParams(min_visibility=threshold))(IMAGE, boxes)
        assert len(moved["boxes"]) == count


@pytest.mark.parametrize("shift", [60, 90])
def test_turned_boxes_that_lose_corners_stay_what_they_are(shift: int) -> None:
    move = iaa.Affine(translate_px={"x": shift})
    turned = {"boxes": np.array([[30.0, 40, 50, 20, 30]])}
    _, expected = T.Compose([move], boxes="cxcywhr")(IMAGE, turned)
    _, moved = T.Compose([iaa.Sequential([move, iaa.ClipCBAsToImagePlanes()])], boxes="cxcywhr")(IMAGE, turned)
    assert moved["boxes"] == pytest.approx(np.array([[30.0 + shift, 40, 50, 20, 30]]), abs=1e-3)
    assert moved["boxes"] == pytest.approx(expected["boxes"], abs=1e-3)


@pytest.mark.parametrize("shift", [-100, -70, 70, 100])
def test_a_mirror_is_seen_where_most_points_are_dropped(shift: int) -> None:
    augmenter = iaa.Sequential([iaa.Fliplr(1.0), iaa.Affine(translate_px={"x": shift}), iaa.ClipCBAsToImagePlanes()])
    points = np.array([[[x, y] for x in (2.0, 20, 110, 125) for y in (10.0, 80)]])
    swaps = ((0, 1), (2, 3), (4, 5), (6, 7))
    _, moved = T.Compose([augmenter], boxes=T.BoxParams(keypoint_swaps=swaps))(IMAGE, {"keypoints": points})
    expected = points[0] * [-1, 1] + [WIDTH + shift, 0]
    expected[(expected[:, 0] < 0) | (expected[:, 0] >= WIDTH)] = -1
    assert (expected >= 0).any()
    assert moved["keypoints"][0] == pytest.approx(expected[[1, 0, 3, 2, 5, 4, 7, 6]], abs=1e-3)


@pytest.mark.parametrize("kind", ["list", "array", "tensor", "texts", "label"])
def test_boxes_have_the_labels_of_the_sample(kind: str) -> None:
    numbers = [7, 3, 7, 1]
    labels = {"list": numbers, "array": np.array(numbers), "tensor": torch.tensor(numbers), "label": tuple(numbers)}
    given: Any = labels.get(kind, NAMES)
    for chosen in ([7], [1, 3], [0], ["cup"], ["dog", "bird"], None):
        augmenter = iaa.BlendAlphaBoundingBoxes(chosen, foreground=iaa.Multiply(0.0))
        image, _ = plain(augmenter, NAMES if kind == "texts" else numbers)
        result, _ = T.ImgAug(augmenter)(IMAGE, sample(**{"label" if kind == "label" else "labels": given}))
        assert np.array_equal(result, image)


@pytest.mark.parametrize("labels", [None, torch.rand(4, 3), [1, 2]])
def test_boxes_without_a_label_for_each_have_none(labels: Any) -> None:
    seen: list[Any] = []

    def note(boxes: Any, *_: Any) -> Any:
        seen.extend(box.label for on_image in boxes for box in on_image.bounding_boxes)
        return boxes

    target = {"boxes": np.array(BOXES, dtype=np.float64), **({} if labels is None else {"label": labels})}
    T.ImgAug(iaa.Lambda(func_bounding_boxes=note))(IMAGE, target)
    assert seen == [None] * 4


@pytest.mark.parametrize("labels", [None, [7, 3, 7, 1], NAMES])
def test_images_are_warped_to_polar_coordinates_whatever_the_labels_are(labels: Any) -> None:
    chosen = iaa.BlendAlphaBoundingBoxes([7, "cup"], foreground=iaa.Multiply(0.0))
    augmenter = iaa.Sequential([iaa.WithPolarWarping(iaa.Fliplr(1.0)), chosen])
    image, expected = plain(augmenter, ["7", "3", "7", "1"] if labels is None else [f"{label}" for label in labels])
    result, moved = T.ImgAug(augmenter)(IMAGE, sample(**({} if labels is None else {"labels": labels})))
    assert len(moved["boxes"]) == 4
    if labels is NAMES:
        assert np.array_equal(result, image)
        boxes = dict(zip(moved["names"], moved["boxes"], strict=True))
        assert all(boxes[name] == pytest.approx(np.clip(box, 0, [WIDTH, HEIGHT] * 2)) for name, box in expected.items())
    if labels == [7, 3, 7, 1]:
        assert np.array_equal(result, T.ImgAug(augmenter)(IMAGE, sample(labels=NAMES))[0])


def test_points_made_anew_that_are_fewer_are_refused() -> None:
    def renewed(points: Any, *_: Any) -> Any:
        return [type(one).from_xy_array(one.to_xy_array()[1:], one.shape) for one in points]

    with pytest.raises(ValueError, match="20 points went into the augmenter, and 19 came out that it has made anew"):
        T.ImgAug(iaa.Lambda(func_keypoints=renewed))(IMAGE, {"keypoints": np.array([[3.0, 4]])})

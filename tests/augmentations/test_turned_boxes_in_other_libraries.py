"""Turned boxes go with the pixels through other libraries, wherever those move key points by the centres of pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import albumentations as A
import imgaug.augmenters as iaa
import numpy as np
import pytest
import torch
from torchvision_without_kernels import tv_tensors, v2

from fastload import transforms as T

HEIGHT, WIDTH, FINE = 120, 160, 8
BOX = [70.0, 55, 24, 14, 25]  # cxcywhr


def painted() -> np.ndarray[Any, Any]:
    """The box in white, with the parts of pixels that it covers."""
    rows, columns = (np.mgrid[: HEIGHT * FINE, : WIDTH * FINE] + 0.5) / FINE
    x, y, width, height, angle = BOX
    across, down = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    along = np.abs((columns - x) * across + (rows - y) * down) <= width / 2
    is_in = along & (np.abs((rows - y) * across - (columns - x) * down) <= height / 2)
    parts = is_in.reshape(HEIGHT, FINE, WIDTH, FINE).mean(axis=(1, 3))
    return np.repeat((parts * 255).round().astype(np.uint8)[:, :, None], 3, axis=2)


IMAGE = painted()
FILLED = {"p": 1.0, "border_mode": 0}
# What moves along the axes and what warps, in each library; how far a library itself is off in resizing is in brackets.
STEPS: dict[str, tuple[Callable[[], Any], float]] = {
    "A mirror": (lambda: A.HorizontalFlip(p=1.0), 0.0),
    "A upside down": (lambda: A.VerticalFlip(p=1.0), 0.0),
    "A quarter turns": (lambda: A.RandomRotate90(p=1.0), 0.0),
    "A transpose": (lambda: A.Transpose(p=1.0), 0.0),
    "A symmetries": (lambda: A.D4(p=1.0), 0.0),
    "A half a turn": (lambda: A.Affine(rotate=(180, 180), p=1.0), 0.0),
    "A affine": (lambda: A.Affine(scale=(0.7, 1.5), rotate=(-40, 40), shear=(-10, 10), **FILLED), 0.0),
    "A smaller": (lambda: A.Affine(scale=(0.5, 0.5), **FILLED), 0.0),
    "A turn": (lambda: A.Rotate((-60, 60), **FILLED), 0.0),
    "A safe turn": (lambda: A.SafeRotate((-60, 60), **FILLED), 0.0),
    "A turn, cut": (lambda: A.Rotate((-20, 20), crop_border=True, **FILLED), 0.0),
    "A perspective": (lambda: A.Perspective((0.02, 0.08), p=1.0), 0.0),
    "A crop": (lambda: A.RandomCrop(100, 130, p=1.0), 0.0),
    "A pad": (lambda: A.PadIfNeeded(201, 203, p=1.0), 0.0),
    "A resize": (lambda: A.Resize(77, 211, p=1.0), 0.0),
    "A random crop": (lambda: A.RandomResizedCrop((90, 91), scale=(0.7, 1), p=1.0), 0.0),
    "A scale": (lambda: A.RandomScale((-0.5, 0.9), p=1.0), 0.5),  # it cuts off parts of pixels
    "A crop and pad": (lambda: A.CropAndPad(percent=(-0.1, 0.1), p=1.0), 0.0),
    "A resize, then mirror": (lambda: A.Compose([A.Resize(240, 320), A.HorizontalFlip(p=1.0)]), 0.0),
    "A mirror, then resize": (lambda: A.Compose([A.OneOf([A.HorizontalFlip(p=1.0)], p=1.0), A.Resize(240, 320)]), 0.0),
    "A tiles": (lambda: A.RandomGridShuffle((1, 2), p=1.0), 0.0),
    "v2 mirror": (lambda: v2.RandomHorizontalFlip(1.0), 0.0),
    "v2 upside down": (lambda: v2.RandomVerticalFlip(1.0), 0.0),
    "v2 turn": (lambda: v2.RandomRotation(60, v2.InterpolationMode.BILINEAR), 0.0),
    "v2 larger turn": (
        lambda: v2.RandomRotation(60, v2.InterpolationMode.BILINEAR, expand=True),
        0.9,
    ),  # rounded
    "v2 affine": (
        lambda: v2.RandomAffine(40, (0.1, 0.1), (0.7, 1.5), 10, interpolation=v2.InterpolationMode.BILINEAR),
        0.0,
    ),
    "v2 perspective": (lambda: v2.RandomPerspective(0.3, 1.0), 0.0),
    "v2 still": (lambda: v2.ElasticTransform(1e-6), 0.0),
    "v2 crop": (lambda: v2.RandomCrop((100, 130)), 0.0),
    "v2 pad": (lambda: v2.Pad((3, 5, 7, 9)), 0.0),
    "v2 resize": (lambda: v2.Resize((77, 211)), 0.0),
    "v2 random crop": (lambda: v2.RandomResizedCrop((90, 91), scale=(0.7, 1)), 0.0),
    "v2 resize, then mirror": (lambda: v2.Compose([v2.Resize((240, 320)), v2.RandomHorizontalFlip(1.0)]), 0.0),
    "imgaug mirror": (lambda: iaa.Fliplr(1.0), 0.0),
    "imgaug quarter turns": (lambda: iaa.Rot90((0, 3), keep_size=False), 0.0),
    "imgaug affine": (lambda: iaa.Affine(scale=(0.7, 1.5), rotate=(-40, 40), shear=(-10, 10)), 0.0),
    "imgaug resize": (lambda: iaa.Resize({"height": 77, "width": 211}), 0.0),
}


def centroid_of(image: Any) -> Any:
    """Of what is painted; None if it may have been cut off."""
    levels = image[0].numpy().astype(float)
    if levels[[0, -1]].any() or levels[:, [0, -1]].any() or not levels.any():
        return None
    rows, columns = np.mgrid[: levels.shape[0], : levels.shape[1]] + 0.5
    return np.array([(levels * columns).sum(), (levels * rows).sum()]) / levels.sum()


def centroid_within(corners: Any) -> Any:
    x, y = corners.T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    parts = x * next_y - next_x * y
    return np.array([((x + next_x) * parts).sum(), ((y + next_y) * parts).sum()]) / (3 * parts.sum())


@pytest.mark.filterwarnings("ignore:This augmenter is very slow")
@pytest.mark.parametrize("name", STEPS)
def test_turned_boxes_are_where_they_are_painted(name: str) -> None:
    make, slack = STEPS[name]
    x, y, width, height, angle = BOX
    turn = np.array([[np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))]])
    turn = np.concatenate([turn, turn[:, ::-1] * [-1, 1]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2] @ turn + [x, y]
    chain = T.Compose([make()], boxes="xyxyxyxy")
    seen = 0
    for seed in range(8):
        torch.manual_seed(seed)
        image, target = chain(torch.from_numpy(IMAGE).permute(2, 0, 1), {"boxes": corners.reshape(1, 8)})
        found = centroid_of(image)
        if found is not None:
            assert centroid_within(target["boxes"].reshape(4, 2)) == pytest.approx(found, abs=slack + 0.1)
            seen += 1
    assert seen > 2


@pytest.mark.parametrize("box_format", ["xyxyxyxy", "cxcywhr"])
@pytest.mark.parametrize("step", [v2.RandomHorizontalFlip(1.0), A.HorizontalFlip(p=1.0), iaa.Fliplr(1.0)])
def test_mirrors_and_mirrors_back_leave_turned_boxes_where_they_are(step: Any, box_format: str) -> None:
    image = torch.from_numpy(IMAGE).permute(2, 0, 1)
    boxes = {"xyxyxyxy": [[10.0, 10, 20, 10, 20, 20, 10, 20]], "cxcywhr": [BOX]}[box_format]
    same, target = T.Compose([step, T.RandomHorizontalFlip(1.0)] * 5, boxes=box_format)(
        image, {"boxes": np.array(boxes)}
    )
    assert torch.equal(same, image)
    assert target["boxes"] == pytest.approx(np.array(boxes), abs=1e-3)


@pytest.mark.parametrize("own", ["XYXYXYXY", "CXCYWHR", "XYWHR"])
@pytest.mark.parametrize(
    "step", [v2.RandomHorizontalFlip(1.0), v2.RandomVerticalFlip(1.0), v2.Resize((240, 320)), v2.Pad((3, 5, 7, 9))]
)
def test_turned_boxes_are_torchvisions_own(step: Any, own: str) -> None:
    boxes = tv_tensors.BoundingBoxes([[70.0, 55, 24, 14, -25]], format="CXCYWHR", canvas_size=(HEIGHT, WIDTH))
    boxes = v2.functional.convert_bounding_box_format(boxes, new_format=own)
    image = torch.from_numpy(IMAGE).permute(2, 0, 1)
    made, expected = T.Compose([step])(image, boxes)[1], step(image, boxes)[1]
    corners = [
        v2.functional.convert_bounding_box_format(one, new_format="XYXYXYXY").as_subclass(torch.Tensor).reshape(4, 2)
        for one in (made, expected)
    ]
    ours, theirs = (sorted(one.tolist()) for one in corners)  # which is the first one is another matter
    assert np.array(ours) == pytest.approx(np.array(theirs), abs=1e-3)


@pytest.mark.parametrize("step", [v2.RandomHorizontalFlip(1.0), A.HorizontalFlip(p=1.0)])
def test_key_points_stay_in_the_convention_of_the_library(step: Any) -> None:
    target = {"boxes": np.array([BOX]), "keypoints": np.array([[[10.0, 20.0]]])}
    _, moved = T.Compose([step], boxes="cxcywhr")(torch.from_numpy(IMAGE).permute(2, 0, 1), target)
    assert moved["keypoints"][0, 0].tolist() == pytest.approx([WIDTH - 1 - 10, 20])


@pytest.mark.parametrize("step", [v2.RandomHorizontalFlip(1.0), A.HorizontalFlip(p=1.0), iaa.Fliplr(1.0)])
def test_boxes_beyond_both_borders_are_mirrored_as_they_are(step: Any) -> None:
    boxes = np.array([[-10.0, 20, WIDTH + 30, 60]])
    chain = T.Compose([step], boxes=T.BoxParams(clip=False))
    _, moved = chain(torch.from_numpy(IMAGE).permute(2, 0, 1), {"boxes": boxes})
    assert moved["boxes"][0] == pytest.approx([-30, 20, WIDTH + 10, 60], abs=1e-3)


def test_what_is_cut_and_enlarged_has_its_corners_where_it_is_seen() -> None:
    quad = np.array([[15.0, 15, 25, 15, 25, 25, 15, 25]])
    image = np.zeros((40, 40, 3), np.uint8)
    cut = T.Compose([A.CropAndPad(px=-10, keep_size=True, p=1.0)], boxes="xyxyxyxy")
    _, target = cut(image, {"boxes": quad})
    assert target["boxes"] == pytest.approx((quad - 10) * 2, abs=1e-3)


def test_corners_bend_with_the_pixel_that_they_are_in() -> None:
    from fastload.transforms._torchvision_corners import Corners

    height, width, first_moved = 8, 20, 10
    displacement = torch.zeros(1, height, width, 2)
    displacement[:, :, first_moved:, 0] = 3 * 2 / width  # of half the width
    places = torch.tensor([[first_moved - 0.3, 4.0], [first_moved + 0.2, 4.0]])
    moved = v2.functional.elastic(Corners(places, canvas_size=(height, width)), displacement).as_subclass(torch.Tensor)
    torch.testing.assert_close(moved[0], places[0])
    assert moved[1, 0] < places[1, 0] - 1

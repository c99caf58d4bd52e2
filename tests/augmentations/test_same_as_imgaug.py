"""With the same explicit parameters, imgaug gives the same image and the same boxes.

Each pair states how far apart single levels may be (of 255), and how far the mean of all; in the middle of the image
only, where borders are another matter in imgaug.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import imgaug.augmenters as iaa
import numpy as np
import pytest
from imgaug.augmentables import BoundingBox, BoundingBoxesOnImage, Keypoint, KeypointsOnImage
from skimage import data

from fastload import transforms as T

F = T.functional
PHOTO = np.ascontiguousarray(data.astronaut()[40:280, 60:380])
HEIGHT, WIDTH = PHOTO.shape[:2]
CORNERS = np.array([[0.0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]])
BOXES = np.array([[120.0, 90, 180, 140], [150.5, 100.25, 200, 170.75], [100, 80, 102, 150]])
BILINEAR = T.InterpolationMode.BILINEAR
Step = Callable[[Any], Any]


def affine(**arguments: Any) -> Any:
    return iaa.Affine(**arguments, order=1, backend="cv2")


def changed(brightness: float, contrast: float) -> Any:
    return T.RandomBrightnessContrast((brightness, brightness), (contrast, contrast), p=1.0)


# ours, imgaug's, most, mean, border (pixels that are left out). OpenCV places pixels to 1/32 of their distance.
MOVED: dict[str, tuple[Step, Any, float, float, int]] = {
    "crop": (T.CenterCrop((180, 240)), iaa.Crop(px=(30, 40, 30, 40), keep_size=False), 0, 0, 0),
    "border": (T.Pad([1, 2, 3, 4]), iaa.Pad(px=(2, 3, 4, 1), keep_size=False), 0, 0, 0),
    "mirrored border": (
        T.Pad([9, 8, 7, 6], padding_mode="reflect"),
        iaa.Pad(px=(8, 7, 6, 9), pad_mode="reflect", keep_size=False),
        0,
        0,
        0,
    ),
    "flip": (T.RandomHorizontalFlip(1.0), iaa.Fliplr(1.0), 0, 0, 0),
    "upside down": (T.RandomVerticalFlip(1.0), iaa.Flipud(1.0), 0, 0, 0),
    "quarter turn": (T.RandomRotation((90, 90), expand=True), iaa.Rot90(3, keep_size=False), 0, 0, 0),
    "half turn": (T.RandomRotation((180, 180)), iaa.Rot90(2), 0, 0, 0),
    "larger": (T.Resize((480, 640)), iaa.Resize({"height": 480, "width": 640}, "linear"), 1, 0.3, 0),
    "rotation": (T.RandomRotation((20, 20), BILINEAR), affine(rotate=-20), 4, 0.15, 70),
    "rotation the other way": (T.RandomRotation((-7.5, -7.5), BILINEAR), affine(rotate=7.5), 4, 0.15, 40),
    "scale": (T.RandomAffine(0, None, (1.3, 1.3), interpolation=BILINEAR), affine(scale=1.3), 4, 0.15, 4),
    # What shrinks is antialiased, as in no warp of imgaug's.
    "smaller": (T.RandomAffine(0, None, (0.9, 0.9), interpolation=BILINEAR), affine(scale=0.9), 24, 0.6, 24),
    "rotation and scale": (
        T.RandomAffine((-15, -15), None, (1.2, 1.2), interpolation=BILINEAR),
        affine(rotate=-15, scale=1.2),
        4,
        0.15,
        60,
    ),
}


@pytest.mark.parametrize("name", MOVED)
def test_what_moves_is_the_same_image_with_the_same_boxes(name: str) -> None:
    ours, theirs, most, mean, border = MOVED[name]
    image, target = ours(PHOTO, {"boxes": BOXES})  # type: ignore[call-arg]
    boxes = BoundingBoxesOnImage([BoundingBox(*box) for box in BOXES], shape=PHOTO.shape)
    expected, moved = theirs(image=PHOTO, bounding_boxes=boxes)
    assert_alike(image, expected, most, mean, border)
    assert target["boxes"] == pytest.approx(moved.to_xyxy_array(), abs=2e-3)
    image, target = T.Compose([theirs])(PHOTO, {"boxes": BOXES})
    assert np.array_equal(image, expected)
    assert target["boxes"] == pytest.approx(moved.to_xyxy_array(), abs=2e-3)


def assert_alike(one: Any, other: Any, most: float, mean: float, border: int = 0) -> None:
    assert one.shape == other.shape
    inner = slice(border, -border or None)
    apart = np.abs(one.astype(int) - other)[inner, inner]
    assert (apart.max() <= most, apart.mean() <= mean) == (True, True), (int(apart.max()), float(apart.mean()))


@pytest.mark.parametrize("seed", range(4))
def test_a_perspective_between_the_corners_that_imgaug_draws(seed: int) -> None:
    theirs = iaa.PerspectiveTransform(scale=0.08, keep_size=False, seed=seed)
    boxes = BoundingBoxesOnImage([BoundingBox(*box) for box in BOXES], shape=PHOTO.shape)
    corners = KeypointsOnImage([Keypoint(*corner) for corner in CORNERS], shape=PHOTO.shape)
    expected, moved, ends = theirs(image=PHOTO, bounding_boxes=boxes, keypoints=corners)
    # imgaug maps numbers of pixels, so centres; places of boxes lie half a pixel from there.
    to_places = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    matrix = cv2.getPerspectiveTransform(CORNERS.astype(np.float32), ends.to_xy_array().astype(np.float32))
    image = F.warp(PHOTO, to_places @ matrix @ np.linalg.inv(to_places), expected.shape[:2], BILINEAR)
    assert_alike(image, expected, 6, 0.4, 4)
    around = [np.array([[x, y] for x in box[::2] for y in box[1::2]]) for box in BOXES]
    placed = [cv2.perspectiveTransform(corners[None], matrix)[0] for corners in around]
    enclosing = np.array([[*points.min(axis=0), *points.max(axis=0)] for points in placed])
    assert moved.to_xyxy_array() == pytest.approx(enclosing, abs=2e-3)


DULL = PHOTO // 2 + 40  # no level is black or white, so that contrasts can grow
COLOURED: dict[str, tuple[Step, Any, float, float]] = {
    "blur": (lambda i: F.gaussian_blur(i, 5, 1.5), iaa.GaussianBlur(1.5), 1, 0.05),
    "wide blur": (lambda i: F.gaussian_blur(i, 9, 2.5), iaa.GaussianBlur(2.5), 1, 0.05),
    "multiplied": (lambda i: F.adjust_brightness(i, 1.3), iaa.Multiply(1.3), 1, 0.6),
    "darker": (lambda i: F.adjust_brightness(i, 0.55), iaa.Multiply(0.55), 1, 0.6),
    "added": (changed(25 / 255, 0.0), iaa.Add(25), 1, 0.1),
    "taken away": (changed(-40 / 255, 0.0), iaa.Add(-40), 1, 0.1),
    "contrast": (changed(-0.3 * 127 / 255, 0.3), iaa.LinearContrast(1.3), 1, 0.6),
    "less contrast": (changed(0.4 * 127 / 255, -0.4), iaa.LinearContrast(0.6), 1, 0.6),
    "gamma": (lambda i: F.adjust_gamma(i, 1.7), iaa.GammaContrast(1.7), 1, 0.6),
    "brighter gamma": (lambda i: F.adjust_gamma(i, 0.6), iaa.GammaContrast(0.6), 1, 0.65),
    "inverted": (F.invert, iaa.Invert(1.0), 0, 0),
    "solarized": (lambda i: F.solarize(i, 100), iaa.Solarize(1.0, threshold=100), 0, 0),
    "posterized": (lambda i: F.posterize(i, 3), iaa.pillike.Posterize(3), 0, 0),
    "autocontrast": (F.autocontrast, iaa.pillike.Autocontrast(0), 1, 0.1),
    "equalized": (F.equalize, iaa.pillike.Equalize(), 0, 0),
    "saturation": (lambda i: F.adjust_saturation(i, 1.6), iaa.pillike.EnhanceColor(1.6), 1, 0.5),
    "sharpness": (lambda i: F.adjust_sharpness(i, 1.8), iaa.pillike.EnhanceSharpness(1.8), 1, 0.1),
    "grey": (lambda i: F.to_grayscale(i, 3), iaa.Grayscale(1.0), 1, 0.5),
}


@pytest.mark.parametrize("name", COLOURED)
def test_colours_that_change_are_the_same(name: str) -> None:
    ours, theirs, most, mean = COLOURED[name]
    expected = theirs(image=DULL)
    assert not np.array_equal(expected, DULL)
    assert_alike(ours(DULL), expected, most, mean)
    image, target = T.Compose([theirs])(DULL, {"boxes": BOXES})
    assert np.array_equal(image, expected)
    assert np.array_equal(target["boxes"], BOXES)

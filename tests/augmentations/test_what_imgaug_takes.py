"""imgaug's augmenters that do not take everything, or not nothing: what plain imgaug runs on runs here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imgaug.augmenters as iaa
import numpy as np
import pytest
from imgaug.augmentables import Keypoint, KeypointsOnImage, SegmentationMapsOnImage
from PIL import Image

from fastload import transforms as T

HEIGHT, WIDTH = 60, 90
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
MASK = RNG.integers(0, 5, (HEIGHT, WIDTH), dtype=np.uint8)
POINTS = np.array([[3.0, 4], [70, 50], [30, 20]])
ONLY_IMAGES: dict[str, Callable[[], Any]] = {
    "RandAugment": lambda: iaa.RandAugment(n=5),
    "pillike.Affine": lambda: iaa.pillike.Affine(rotate=(20, 20)),
}
NO_BOXES: dict[str, Callable[[], Any]] = {"Jigsaw": lambda: iaa.Jigsaw(nb_rows=3, nb_cols=3)}
NO_EMPTY_BOXES: dict[str, Callable[[], Any]] = {
    "polar": lambda: iaa.WithPolarWarping(iaa.CropAndPad(percent=(-0.1, 0.1))),
    "polar, turned": lambda: iaa.WithPolarWarping(iaa.Affine(rotate=10)),
}
WITHOUT_BOXES = {**NO_BOXES, **NO_EMPTY_BOXES}


@pytest.mark.parametrize("name", [*ONLY_IMAGES, *WITHOUT_BOXES])
def test_images_alone_are_what_imgaug_makes_of_them(name: str) -> None:
    augmenter = {**ONLY_IMAGES, **WITHOUT_BOXES}[name]().to_deterministic()
    expected = augmenter(image=IMAGE)
    assert np.array_equal(T.ImgAug(augmenter)(IMAGE), expected)
    image, label = T.Compose([augmenter])((Image.fromarray(IMAGE), 3))
    assert np.array_equal(image, expected)
    assert label == 3
    image, target = T.ImgAug(augmenter)(IMAGE, {"boxes": np.zeros((0, 4)), "labels": []})
    assert np.array_equal(image, expected)
    assert target["boxes"].shape == (0, 4)


@pytest.mark.parametrize("name", WITHOUT_BOXES)
def test_masks_alone_go_along(name: str) -> None:
    augmenter = WITHOUT_BOXES[name]().to_deterministic()
    image, planes = augmenter(
        image=IMAGE, segmentation_maps=SegmentationMapsOnImage(MASK.astype(np.int32), shape=IMAGE.shape)
    )
    made, target = T.ImgAug(augmenter)(IMAGE, {"mask": MASK})
    assert np.array_equal(made, image)
    assert np.array_equal(target["mask"], planes.get_arr())
    assert target["mask"].dtype == np.uint8


@pytest.mark.parametrize("name", WITHOUT_BOXES)
def test_key_points_without_boxes_go_along(name: str) -> None:
    augmenter = WITHOUT_BOXES[name]().to_deterministic()
    image, points = augmenter(
        image=IMAGE, keypoints=KeypointsOnImage([Keypoint(*point) for point in POINTS.tolist()], shape=IMAGE.shape)
    )
    made, target = T.ImgAug(augmenter)(IMAGE, {"keypoints": POINTS, "boxes": np.zeros((0, 4))})
    assert np.array_equal(made, image)
    assert target["keypoints"] == pytest.approx(points.to_xy_array(), abs=1e-3)

"""Transforms of Albumentations that take parameters from other parts of a sample find them there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import albumentations as A
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision_without_kernels import tv_tensors

from fastload import transforms as T

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)
OTHER = RNG.integers(0, 100, (60, 80, 3), dtype=np.uint8)
MASK = np.zeros((60, 80), np.uint8)
MASK[10:20, 10:20] = MASK[30:50, 40:70] = 1
PATCH = {"image": OTHER[:12, :20], "bbox": [0.25, 0.5, 0.5, 0.7]}
# Levels tell which row and which column of the image a pixel is.
PLACES = np.stack([*np.indices((60, 80)), np.zeros((60, 80))], axis=-1).astype(np.uint8)

ASKING: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "MaskDropout": (lambda: A.MaskDropout((1, 1), p=1.0), {"mask": MASK}),
    "RandomCropNearBBox": (lambda: A.RandomCropNearBBox(0.3, "near", p=1.0), {"near": [20, 10, 50, 40]}),
    "FDA": (lambda: A.FDA(p=1.0), {"fda_metadata": [OTHER]}),
    "HistogramMatching": (lambda: A.HistogramMatching(p=1.0), {"hm_metadata": [OTHER]}),
    "PixelDistributionAdaptation": (lambda: A.PixelDistributionAdaptation(p=1.0), {"pda_metadata": [OTHER]}),
    "Mosaic": (lambda: A.Mosaic(target_size=(60, 80), p=1.0), {"mosaic_metadata": [{"image": OTHER}] * 3}),
    "OverlayElements": (lambda: A.OverlayElements(p=1.0), {"overlay_metadata": [PATCH]}),
    "Equalize": (
        lambda: A.Equalize(mask=lambda image, region, **_: region, mask_params=["region"], p=1.0),
        {"region": MASK},
    ),
    "several": (
        lambda: A.Compose([A.OneOf([A.HistogramMatching(p=1.0)], p=1.0), A.RandomCropNearBBox(0.3, "near")]),
        {"near": [20, 10, 50, 40], "hm_metadata": [OTHER]},
    ),
}


@pytest.mark.parametrize("name", ASKING)
def test_what_is_asked_for_comes_from_the_sample(name: str) -> None:
    make, asked = ASKING[name]
    step = make()
    chain = T.Compose([step])
    samples = [
        ((PIXELS, {**asked, "name": "a"}), lambda made: made[0]),
        ((PIXELS, 3, {**asked}), lambda made: made[0]),
        ({"image": PIXELS, **asked}, lambda made: made["image"]),
        ((Image.fromarray(PIXELS), dict(asked)), lambda made: np.asarray(made[0])),
    ]
    images = []
    for sample, image_in in samples:
        torch.manual_seed(1)
        images.append(image_in(chain(sample)))
    assert all(np.array_equal(images[0], image) for image in images)
    assert not np.array_equal(images[0], PIXELS)


@pytest.mark.parametrize("name", [name for name in ASKING if name not in ("Mosaic", "RandomCropNearBBox", "several")])
def test_it_does_with_it_what_it_does_by_itself(name: str) -> None:
    make, asked = ASKING[name]
    chain, theirs = T.Compose([make()]), A.Compose([make()], seed=0)
    drawn = [chain(PIXELS, asked)[0] for _ in range(6)]
    found = [theirs(image=PIXELS, **asked)["image"] for _ in range(60)]
    if name in ("Equalize", "OverlayElements", "MaskDropout"):
        assert {image.tobytes() for image in drawn} <= {image.tobytes() for image in found}
    else:  # blended by a number that is drawn
        low, high = np.min(found, axis=0).astype(int), np.max(found, axis=0).astype(int)
        for image in drawn:
            assert ((image >= low - 8) & (image <= high + 8)).mean() > 0.99


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor, lambda box: torch.tensor(box) + 0.2])
def test_a_crop_is_near_the_box_in_pixels(kind: Any) -> None:
    chain = T.Compose([A.RandomCropNearBBox((0.3, 0.3), "near")], boxes="yolo")
    windows = []
    for _ in range(60):
        made, target = chain(PLACES, {"near": kind([20, 10, 50, 40]), "boxes": np.array([[0.4375, 0.5, 0.375, 0.5]])})
        windows.append([*made[0, 0, :2], *made[-1, -1, :2]])
        left, top = int(made[0, 0, 1]), int(made[0, 0, 0])
        height, width = made.shape[:2]
        sides = np.array([width, height, width, height])
        expected = (np.clip(np.array([20, 15, 50, 45]) - [left, top, left, top], 0, sides)) / sides
        centre, lengths = (expected[:2] + expected[2:]) / 2, expected[2:] - expected[:2]
        assert target["boxes"][0] == pytest.approx([*centre, *lengths], abs=1e-4)
    assert (np.abs(np.array(windows, int) - [10, 20, 39, 49]) <= 10).all()
    assert np.ptp(windows, axis=0).min() > 5


def test_the_box_of_a_crop_is_rounded_to_pixels() -> None:
    chain = T.Compose([A.RandomCropNearBBox(0.0, "near")])
    made, _ = chain(PLACES, {"near": [19.6, 9.6, 49.6, 39.6]})
    assert (*made[0, 0, :2], *made.shape[:2]) == (10, 20, 30, 30)


def test_a_crop_near_the_samples_box_follows_it() -> None:
    chain = T.Compose([T.RandomHorizontalFlip(1.0), T.Resize((120, 160)), A.RandomCropNearBBox(0.0, "boxes")])
    painted = PIXELS.copy()
    painted[10:20, 5:25] = (255, 0, 255)
    made, target = chain(painted, {"boxes": [[5, 10, 25, 20]]})
    assert made.shape == (20, 40, 3)
    assert (made[2:-2, 2:-2] == (255, 0, 255)).all()
    assert target["boxes"] == [pytest.approx((0, 0, 40, 20), abs=1e-3)]
    with pytest.raises(ValueError, match="takes 'boxes' as one box"):
        chain(painted, {"boxes": [[5, 10, 25, 20], [0, 0, 5, 5]]})


def test_the_mask_is_that_of_the_image_by_then() -> None:
    chain = T.Compose([T.RandomHorizontalFlip(1.0), A.MaskDropout(5, p=1.0)])
    for sample in (
        (PIXELS, {"mask": torch.from_numpy(MASK)}),
        (PIXELS, {"mask": MASK > 0}),
        (PIXELS, {"masks": MASK[None]}),
        (torch.from_numpy(PIXELS).permute(2, 0, 1), tv_tensors.Mask(MASK)),
    ):
        made, target = chain(*sample)
        image = made.permute(1, 2, 0).numpy() if isinstance(made, torch.Tensor) else made
        changed = (image != PIXELS[:, ::-1]).any(axis=-1)
        assert changed.any()
        assert MASK[:, ::-1][changed].all(), "what is dropped lies in the mask as it is in the image"
        left = next(iter(target.values())) if isinstance(target, dict) else target
        assert not np.asarray(left).reshape(60, 80)[changed].any()


@pytest.mark.parametrize("dtype", [bool, np.int64, np.float16])
def test_the_mask_moves_with_the_image_in_albumentations_hands(dtype: Any) -> None:
    chain = T.Compose([A.Compose([A.Affine(rotate=(90, 90), p=1.0), A.MaskDropout(5, p=1.0)])])
    square = np.zeros((60, 60), dtype)
    square[5:25, 40:50] = 1
    made, target = chain(np.full((60, 60, 3), 9, np.uint8), {"mask": square})
    expected = np.zeros((60, 60), bool)
    expected[10:20, 5:25] = True
    assert np.array_equal(made[:, :, 0] == 0, expected)
    assert target["mask"].dtype == dtype
    assert not target["mask"].any()


def test_images_of_metadata_may_be_tensors_or_of_pillow() -> None:
    chain, images = T.Compose([A.HistogramMatching(p=1.0)]), []
    for other in (OTHER, torch.from_numpy(OTHER).permute(2, 0, 1), Image.fromarray(OTHER)):
        torch.manual_seed(0)
        images.append(chain(PIXELS, {"hm_metadata": [other]})[0])
    assert np.array_equal(images[0], images[1])
    assert np.array_equal(images[0], images[2])


@pytest.mark.parametrize("name", ASKING)
def test_what_a_sample_has_not_got_is_named(name: str) -> None:
    make, asked = ASKING[name]
    chain = T.Compose([make()])
    for key in asked:
        rest = {other: value for other, value in asked.items() if other != key}
        with pytest.raises(ValueError, match=f"asks for '{key}', which this sample has not got"):
            chain(PIXELS, {**rest, "labels": [1]})
    with pytest.raises(ValueError, match="which this sample has not got"):
        chain(PIXELS)


@pytest.mark.parametrize("near", [[1, 2, 3], "box", [[1, 2, 3, 4], [1, 2, 3, 4]], [1, 2, 3, float("nan")], None])
def test_a_box_that_is_none_is_refused(near: Any) -> None:
    with pytest.raises(ValueError, match=r"takes 'near' as one box, \(x1, y1, x2, y2\) in pixels"):
        T.Compose([A.RandomCropNearBBox(0.3, "near")])(PIXELS, {"near": near})


def test_objects_of_other_samples_are_for_fastloads_mosaic() -> None:
    chain = T.Compose([A.Mosaic(target_size=(60, 80), p=1.0)])
    with pytest.raises(ValueError, match="'bboxes' in 'mosaic_metadata'"):
        chain(PIXELS, {"mosaic_metadata": [{"image": OTHER, "bboxes": np.array([[1, 2, 3, 4]])}]})
    with pytest.raises(ValueError, match="the masks of the sample"):
        chain(PIXELS, {"mosaic_metadata": [{"image": OTHER}], "mask": MASK})


def test_what_belongs_to_the_image_stays_whole_where_boxes_go() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [30, 20, 40, 30], [31, 22, 45, 33], [60, 40, 80, 60]])
    _, target = T.CenterCrop(20)(PIXELS, {"boxes": boxes, "cropping_bbox": [1, 2, 3, 4]})
    assert len(target["boxes"]) == 2
    assert target["cropping_bbox"] == [1, 2, 3, 4]

"""Who takes random numbers: those whose results they change, and nobody else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fastload import transforms as T
from fastload.transforms._kinds import kind_of

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
IMAGES = [IMAGE, Image.fromarray(IMAGE), torch.from_numpy(IMAGE).permute(2, 0, 1), IMAGE.astype(np.float32) / 255]
FIXED: list[T.Transform] = [
    T.JPEG(50),
    T.JPEG((20, 80), p=0),
    T.GaussianBlur(3, 1.0),
    T.ColorJitter(),
    T.ColorJitter(brightness=(0.5, 0.5)),
    T.RandomBrightnessContrast((0.1, 0.1), (0.2, 0.2), p=1.0),
    T.RandomBrightnessContrast(p=0),
    T.HueSaturationValue((9, 9), (5, 5), (3, 3), p=1.0),
    T.RandomPhotometricDistort(p=0),
    T.RandomGamma(70, p=1.0),
    T.RandomInvert(1),
    T.RandomPosterize(3, 0),
    T.CLAHE((2, 2), p=1.0),
    T.CLAHE(p=0),
    T.MotionBlur(p=0),
    T.GaussianNoise(p=0),
    T.RandomErasing(p=0),
    T.CoarseDropout(p=0),
    T.GridDistortion(p=0),
    T.GridDistortion(distort_limit=(0.1, 0.1), p=1.0),
    T.RandomPerspective(p=0),
    T.ElasticTransform(p=0),
    T.RandomZoomOut(p=0),
    T.ScaleJitter((30, 30), (0.5, 0.5)),
    T.RandomShortestSize(20),
    T.RandomShortestSize([20, 20]),
    T.LongestMaxSize([20]),
    T.LongestMaxSize([20, 30], p=0),
    T.Transpose(1.0),
    T.Transpose(0),
    T.RandomRotate90(0),
    T.RandomRotation((20, 20)),
    T.RandomAffine((5, 5), scale=(1.1, 1.1), shear=(3, 3)),
    T.BBoxSafeRandomCrop(p=0),
    T.RandomHorizontalFlip(0),
    T.RandomHorizontalFlip(1),
    T.RandomApply([T.Grayscale(3), T.RandomInvert(1.0)], 1.0),
    T.RandomApply([T.RandomInvert(0.5)], 0),
    T.RandomChoice([T.RandomInvert(1.0)]),
    T.SomeOf([T.RandomInvert(1.0)]),
]
DRAWN: list[T.Transform] = [
    T.JPEG((20, 80)),
    T.JPEG(50, p=0.5),
    T.GaussianBlur(3),
    T.ColorJitter(hue=0.1),
    T.ColorJitter(brightness=(0.5, 0.5), contrast=(1.5, 1.5)),  # in either order
    T.RandomBrightnessContrast((0.1, 0.1), p=1.0),
    T.HueSaturationValue((9, 9), (5, 5), (3, 3)),
    T.RandomPhotometricDistort(p=1.0),
    T.RandomGamma(p=1.0),
    T.CLAHE((1, 40), (2, 2), p=1.0),
    T.MotionBlur((9, 9), angle_range=(0, 0), direction_range=(0, 0), p=1.0),
    T.RandomErasing(p=1),
    T.CoarseDropout(p=1),
    T.GridDistortion(p=1.0),
    T.GridDistortion(distort_limit=(0.1, 0.1), normalized=False),
    T.RandomPerspective(p=1),
    T.ElasticTransform(),
    T.RandomZoomOut(p=1.0),
    T.ScaleJitter((30, 30)),
    T.RandomShortestSize([20, 30]),
    T.LongestMaxSize([20, 30]),
    T.LongestMaxSize(20, p=0.5),
    T.Transpose(),
    T.RandomRotate90(1.0),
    T.RandomRotation(20),
    T.RandomAffine((5, 5), translate=(0.1, 0.1)),
    T.RandomAffine((5, 5), shear=(3, 3, -3, 3)),
    T.BBoxSafeRandomCrop(0.5),
    T.RandomCrop(8),
    T.RandomResizedCrop(8),
    T.RandomApply([T.RandomInvert(1.0)]),
    T.RandomApply([T.RandomInvert(0.5)], 1.0),
    T.RandomChoice([T.RandomInvert(1.0), T.Identity()]),
    T.RandomOrder([T.RandomSolarize(100, 1.0), T.RandomPosterize(2, 1.0)]),
    T.SomeOf([T.RandomInvert(1.0), T.RandomPosterize(2, 1.0)]),
    T.SomeOf([T.RandomInvert(1.0)], n=(0, 1)),
    T.SomeOf([T.RandomPosterize(2, 1.0), T.RandomInvert(1.0)], n=(1, 2)),
    T.RandomApply([T.SomeOf([T.RandomInvert(1.0)], n=(0, 1))], 1.0),
    T.TrivialAugmentWide(),
]


def results(transform: T.Transform) -> set[Any]:
    """What a native pass makes of the image under many keys."""
    program = T.Compose([transform]).chain().segment(0, kind_of(IMAGE)).program
    assert program is not None
    images = [program.run(IMAGE, key * 0x9E3779B97F4A7C15 % 2**64) for key in range(64)]
    return {(image.shape, image.tobytes()) for image in images}


@pytest.mark.parametrize("transform", FIXED, ids=repr)
def test_what_draws_nothing_leaves_torchs_generator_alone(transform: T.Transform) -> None:
    assert len(results(transform)) == 1
    before = torch.get_rng_state()
    for image in IMAGES:
        if isinstance(transform, T.JPEG) and getattr(image, "dtype", None) == np.float32:
            continue
        transform(image)
        transform(image, 7)
        T.Compose([transform, T.Identity()])(image, 7)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("transform", DRAWN, ids=repr)
def test_what_draws_takes_its_numbers(transform: T.Transform) -> None:
    assert len(results(transform)) > 1
    for image in IMAGES[:3]:
        before = torch.get_rng_state()
        transform(image)
        assert not torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("wrap", [lambda step: step, lambda step: T.Compose([step])])
def test_a_change_of_what_is_drawn_counts(wrap: Any) -> None:
    flip = T.RandomHorizontalFlip(1.0)
    step = wrap(flip)
    step(IMAGE)
    flip.p = 0.5
    assert len({step(IMAGE).tobytes() for _ in range(64)}) == 2

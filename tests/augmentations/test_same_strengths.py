"""What is drawn is as strong as in the library whose arguments it has."""

from __future__ import annotations

from typing import Any
from unittest import mock

import albumentations as A
import cv2
import numpy as np
import pytest
import torch
from torchvision_without_kernels import v2

from fastload import _core
from fastload import transforms as T

PHOTO = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8), (0, 0), 2) * 2


@pytest.mark.parametrize("length", [3, 7, 15])
@pytest.mark.parametrize("angle", [0, 30, 90, 135, 200])
@pytest.mark.parametrize("direction", [-1, -0.4, 0, 0.5, 1])
def test_motion_blur_along_the_same_lines(length: int, angle: float, direction: float) -> None:
    ranges: dict[str, Any] = {"angle_range": (angle, angle), "direction_range": (direction, direction)}
    ours = T.MotionBlur((length, length), False, **ranges, p=1.0)(PHOTO)
    theirs = A.MotionBlur((length, length), False, **ranges, p=1.0)(image=PHOTO)["image"]
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    parts = PHOTO.astype(np.float32) / 255
    ours = T.MotionBlur((length, length), False, **ranges, p=1.0)(parts)
    theirs = A.MotionBlur((length, length), False, **ranges, p=1.0)(image=parts)["image"]
    assert np.abs(ours - theirs).max() <= 1e-4


def displacements(bend: T.ElasticTransform, height: int, width: int) -> Any:
    """(H, W, 2): how far in x and in y each pixel comes from, always of the same draw."""
    (_, places), *_ = _core.ImageProgram([bend.op(0, (0,))]).draw(1, height, width)[0][1]
    rows, columns = np.mgrid[:height, :width] + 0.5
    return places - np.stack([columns, rows], axis=2)


@pytest.mark.parametrize(("height", "width"), [(300, 600), (500, 200)])
def test_elastic_displacements_of_the_same_size(height: int, width: int) -> None:
    alpha, sigma = [50.0, 90.0], [5.0, 3.0]
    ours = displacements(T.ElasticTransform(alpha, sigma), height, width).std(axis=(0, 1))
    torch.manual_seed(0)
    halves = v2.ElasticTransform(alpha, sigma).make_params([torch.zeros(3, height, width)])["displacement"][0]
    theirs = (halves.numpy() * [width / 2, height / 2]).std(axis=(0, 1))
    assert ours == pytest.approx(theirs, rel=0.15)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.2, 5.0, [5.0, 3.0], [1.0, 6.0]])
def test_elastic_displacements_are_blurred_in_the_same_window(sigma: Any) -> None:
    """torchvision's, of the noise that is drawn here."""
    height, width = 50, 70
    noise, ours = (displacements(T.ElasticTransform(2.0, each), height, width) for each in (0.0, sigma))
    drawn = iter(torch.from_numpy(noise / 2 + 0.5).movedim(2, 0)[:, None, None])
    with mock.patch("torch.rand", side_effect=drawn):
        halves = v2.ElasticTransform(2.0, sigma).make_params([torch.zeros(3, height, width)])["displacement"][0]
    assert np.abs(ours - halves.numpy() * [width / 2, height / 2]).max() < 2e-5


@pytest.mark.parametrize(("height", "width"), [(480, 640), (640, 480), (333, 500)])
@pytest.mark.parametrize("target", [(200, 301), (301, 200), (256, 256)])
def test_scale_jitter_to_the_same_size(height: int, width: int, target: tuple[int, int]) -> None:
    image = torch.zeros(3, height, width, dtype=torch.uint8)
    ours = T.ScaleJitter(target, (1.0, 1.0))(image)
    theirs = v2.ScaleJitter(target, (1.0, 1.0)).make_params([image])["size"]
    assert tuple(ours.shape[1:]) == tuple(theirs)


@pytest.mark.parametrize("size", [(10, 10), (10, 40), (11, 40), (40, 10), (40, 11)])
@pytest.mark.parametrize(("area", "ratio"), [(0.5, 0.5), (0.5, 2.0), (0.82, 1.0), (0.95, 1.0)])
def test_holes_of_the_same_size_or_none(size: tuple[int, int], area: float, ratio: float) -> None:
    """None that is as high or as wide as the image."""
    image, sizes = torch.ones(3, *size, dtype=torch.uint8), []
    for step in (T.RandomErasing, v2.RandomErasing):
        hole = step(1.0, (area, area), (ratio, ratio))(image)[0] == 0
        sizes.append((int(hole.any(dim=1).sum()), int(hole.any(dim=0).sum())))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("brightness", [-1.2, -0.3, 0.0, 0.3, 0.9, 1.2])
@pytest.mark.parametrize("contrast", [-2.5, -1.9, -1.2, -1.0, -0.5, 0.4, 3.0])
def test_safe_ranges_are_the_same(brightness: float, contrast: float) -> None:
    levels = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)[None]
    for by_max in (True, False):
        arguments = ((brightness,) * 2, (contrast,) * 2, by_max, True, 1.0)
        ours = T.RandomBrightnessContrast(*arguments)(levels)
        theirs = A.RandomBrightnessContrast(*arguments)(image=levels)["image"]
        assert np.abs(ours.astype(int) - theirs).max() <= 1

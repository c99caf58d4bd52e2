"""What is drawn is as strong as in the library whose arguments it has."""

from __future__ import annotations

from typing import Any

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


@pytest.mark.parametrize(("height", "width"), [(300, 600), (500, 200)])
def test_elastic_displacements_of_the_same_size(height: int, width: int) -> None:
    alpha, sigma = [50.0, 90.0], [5.0, 3.0]
    op = T.ElasticTransform(alpha, sigma).op(0, (0,))
    (_, places), *_ = _core.ImageProgram([op]).draw(1, height, width)[0][1]
    rows, columns = np.mgrid[:height, :width] + 0.5
    ours = (places - np.stack([columns, rows], axis=2)).std(axis=(0, 1))
    torch.manual_seed(0)
    halves = v2.ElasticTransform(alpha, sigma).make_params([torch.zeros(3, height, width)])["displacement"][0]
    theirs = (halves.numpy() * [width / 2, height / 2]).std(axis=(0, 1))
    assert ours == pytest.approx(theirs, rel=0.15)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (640, 480), (333, 500)])
@pytest.mark.parametrize("target", [(200, 301), (301, 200), (256, 256)])
def test_scale_jitter_to_the_same_size(height: int, width: int, target: tuple[int, int]) -> None:
    image = torch.zeros(3, height, width, dtype=torch.uint8)
    ours = T.ScaleJitter(target, (1.0, 1.0))(image)
    theirs = v2.ScaleJitter(target, (1.0, 1.0)).make_params([image])["size"]
    assert tuple(ours.shape[1:]) == tuple(theirs)

"""Crops that look at boxes: where their windows lie, and which boxes they keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload import transforms as T

HEIGHT, WIDTH = 90, 120
# Levels tell which row and which column of the image a pixel is.
IMAGE = np.stack([*np.indices((HEIGHT, WIDTH)), np.zeros((HEIGHT, WIDTH))], axis=-1).astype(np.uint8)
WHOLE = [0, 0, WIDTH, HEIGHT]


def crop_of(transform: Any, boxes: NDArray[np.float64], seed: int) -> tuple[list[int], list[int]]:
    """The window, left, top, right and bottom in the image, and the numbers of the boxes that are kept."""
    torch.manual_seed(seed)
    image, target = transform(IMAGE, {"boxes": boxes, "labels": np.arange(len(boxes))})
    (top, left, _), (bottom, right, _) = image[0, 0].tolist(), image[-1, -1].tolist()
    return [left, top, right + 1, bottom + 1], target["labels"].tolist()


def test_a_safe_crop_without_boxes_has_the_images_shape() -> None:
    none = np.zeros((0, 4))
    assert crop_of(T.BBoxSafeRandomCrop(0.0), none, 0)[0] == WHOLE
    windows = np.array([crop_of(T.BBoxSafeRandomCrop(0.3), none, seed)[0] for seed in range(300)])
    widths, heights = (windows[:, 2:] - windows[:, :2]).T
    assert (heights.min(), heights.max()) == (63, 90)
    assert widths.tolist() == [height * WIDTH // HEIGHT for height in heights.tolist()]
    assert windows.min(axis=0)[:2].tolist() == [0, 0]
    assert windows.max(axis=0)[2:].tolist() == [WIDTH, HEIGHT]
    assert abs(windows[:, :2] - (WIDTH, HEIGHT) + windows[:, 2:]).max() > 10, "not about the middle"


def test_a_safe_crop_spares_a_box_by_itself() -> None:
    (box,) = boxes = np.array([[40.0, 30, 80, 70]])
    for seed in range(100):
        window, _ = crop_of(T.BBoxSafeRandomCrop(0.9), boxes, seed)
        assert window[0] <= box[0]
        assert window[1] <= box[1]
        assert window[2] >= box[2]
        assert window[3] >= box[3]


def test_a_safe_crop_that_may_cut_off_all_is_one_without_boxes() -> None:
    # One row or column is the least that is left, whatever is asked for.
    boxes = np.array([[40.0, 30, 80, 70], [50, 40, 70, 60]])
    for few in (boxes, boxes[:1], boxes[:0]):
        windows = np.array([crop_of(T.BBoxSafeRandomCrop(1.0), few, seed)[0] for seed in range(300)])
        widths, heights = (windows[:, 2:] - windows[:, :2]).T
        assert widths.tolist() == [max(1, height * WIDTH // HEIGHT) for height in heights.tolist()]
        assert heights.min() < 5
        assert heights.max() > 85

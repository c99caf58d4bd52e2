"""Crops that look at boxes: where their windows lie, and which boxes they keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
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


def random_boxes(seed: int, most: int) -> NDArray[np.float64]:
    """Boxes in the image, from slivers to nearly all of it."""
    rng = np.random.default_rng(seed)
    ends = np.sort(rng.uniform(0, 1, (rng.integers(1, most + 1), 2, 2)), axis=1)
    boxes: NDArray[np.float64] = ends.reshape(-1, 4) * [WIDTH, HEIGHT, WIDTH, HEIGHT]
    return boxes


def overlaps(boxes: NDArray[np.float64], window: list[int]) -> Any:
    """Intersection over union."""
    sides = np.minimum(boxes[:, 2:], window[2:]) - np.maximum(boxes[:, :2], window[:2])
    common = np.prod(np.maximum(sides, 0), axis=1)
    own = (window[2] - window[0]) * (window[3] - window[1])
    return common / (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + own - common)


def centred(boxes: NDArray[np.float64], window: list[int]) -> list[int]:
    """The numbers of those boxes whose middle lies in the window."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.flatnonzero(((middles > window[:2]) & (middles < window[2:])).all(axis=1)).tolist()


@pytest.mark.parametrize("least", [0.1, 0.3, 0.6, 0.9])
def test_of_the_boxes_that_an_iou_crop_keeps_one_overlaps_as_much_as_asked_for(least: float) -> None:
    crop, cropped = T.RandomIoUCrop(sampler_options=[least]), 0
    for seed in range(150):
        boxes = random_boxes(seed, 6)
        window, kept = crop_of(crop, boxes, seed)
        if window == WHOLE:
            continue
        cropped += 1
        assert overlaps(boxes[kept], window).max() >= least
    assert cropped > 10


def test_an_iou_crop_keeps_the_boxes_whose_middles_it_shows() -> None:
    crop, one_axis = T.RandomIoUCrop(sampler_options=[0.0]), np.zeros(2, int)
    for seed in range(100):
        boxes = random_boxes(seed, 6)
        window, kept = crop_of(crop, boxes, seed)
        if window == WHOLE:
            continue
        assert kept, "a window without the middle of any box"
        assert kept == centred(boxes, window)
        # Boxes of which a part is seen, and whose middle is outside along that axis alone.
        part = boxes[overlaps(boxes, window) > 0]
        for axis, all_of_other in ((0, [0, -1e9, 0, 1e9]), (1, [-1e9, 0, 1e9, 0])):
            wide = [end if end else window[at] for at, end in enumerate(all_of_other)]
            one_axis[1 - axis] += len(set(centred(part, wide)) - set(centred(part, window)))
    assert one_axis.min() > 10


@pytest.mark.parametrize("fuse", [True, False])
def test_an_iou_crop_looks_at_what_borders_have_left_of_boxes(fuse: bool) -> None:
    """What overlaps it as much as is asked for, and what stays: the visible boxes, as if each crop were alone."""
    cut, least = 70, 0.3
    chain, cropped = T.Compose([T.Pad([-cut, 0, 0, 0]), T.RandomIoUCrop(sampler_options=[least])], fuse=fuse), 0
    for seed in range(150):
        boxes = random_boxes(seed, 3)
        boxes[:, 0] -= 60  # also where the sample's own border cuts them
        window, kept = crop_of(chain, boxes, seed)
        if window == [cut, 0, WIDTH, HEIGHT]:
            continue
        cropped += 1
        visible = boxes.clip([cut, 0, cut, 0], [WIDTH, HEIGHT] * 2)
        assert kept == [k for k in centred(visible, window) if visible[k, 0] < visible[k, 2]]
        assert overlaps(visible[kept], window).max() >= least
    assert cropped > 10


def test_an_iou_crop_does_not_keep_a_box_whose_middle_is_on_its_border() -> None:
    """Boxes about every second corner of the image's pixels, so that windows often end at the middles of some."""
    middles = np.stack(np.meshgrid(np.arange(4, WIDTH - 3, 2), np.arange(4, HEIGHT - 3, 2)), axis=-1).reshape(-1, 2)
    boxes = np.hstack([middles - 4, middles + 4]).astype(np.float64)
    crop, on_border = T.RandomIoUCrop(sampler_options=[0.0]), np.zeros(4, int)
    for seed in range(40):
        window, kept = crop_of(crop, boxes, seed)
        if window != WHOLE:
            assert kept == centred(boxes, window)
            on_border += (np.hstack([middles, middles]) == window).any(axis=0)
    assert on_border.min() > 5


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

"""torchvision's own tensors in samples of every form: they come out as such, and are taken for what they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torchvision_without_kernels import tv_tensors, v2

from fastload import transforms as T

FLIP = T.RandomHorizontalFlip(1.0)
PIXELS = torch.arange(3 * 40 * 60).reshape(3, 40, 60).to(torch.uint8)


def boxes_in(corners: Any) -> Any:
    return tv_tensors.BoundingBoxes(corners, format="XYXY", canvas_size=(40, 60), dtype=torch.float32)


BOXES = boxes_in([[10, 10, 20, 20], [22, 12, 38, 28], [40, 5, 58, 9]])


@pytest.mark.parametrize(
    "target", [BOXES, tv_tensors.Mask(PIXELS[:1] > 9), tv_tensors.KeyPoints([[5.0, 6.0]], canvas_size=(40, 60))]
)
@pytest.mark.parametrize("kind", [tv_tensors.Image, torch.Tensor])
def test_a_target_before_the_image(target: Any, kind: Any) -> None:
    image = PIXELS.as_subclass(kind)
    moved, flipped = FLIP(target, image)
    assert torch.equal(flipped, PIXELS.flip(-1))
    assert type(moved) is type(target)
    assert torch.equal(moved, FLIP(image, target)[1])
    if not isinstance(target, tv_tensors.KeyPoints):  # which torchvision mirrors about the centres of pixels
        assert torch.equal(moved, v2.RandomHorizontalFlip(1.0)(target, image)[0])


def test_targets_alone_have_no_image() -> None:
    mask = tv_tensors.Mask(PIXELS[:1])
    for chain in (FLIP, T.Compose([FLIP]), T.Compose([v2.RandomHorizontalFlip(1.0)])):
        for lone in (BOXES, mask):
            with pytest.raises(TypeError, match=f"got {type(lone).__name__}; pass its image with it"):
                chain(lone)
        with pytest.raises(TypeError, match=r"no PIL image, array or tensor .*BoundingBoxes.*Mask"):
            chain(BOXES, mask)
    with pytest.raises(TypeError, match="got BoundingBoxes"):
        T.functional.horizontal_flip(BOXES)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_video_comes_out_as_one(dtype: torch.dtype) -> None:
    video = tv_tensors.Video(torch.stack([PIXELS, PIXELS + 1]).to(dtype))
    for chain in (FLIP, T.Compose([T.CenterCrop((20, 30)), FLIP])):
        made = chain(video)
        assert type(made) is tv_tensors.Video
        assert torch.equal(made[0], chain(PIXELS.to(dtype)))


@pytest.mark.parametrize("fields", [None, ("names",)])
def test_values_beside_boxes_in_a_tuple_stay_in_step(fields: Any) -> None:
    image = tv_tensors.Image(PIXELS)
    labels, scores, names, other = torch.arange(3), np.ones((3, 2)) * [[1], [2], [3]], ["a", "b", "c"], PIXELS
    chain = T.Compose([T.CenterCrop(20)], boxes=T.BoxParams(fields=fields))
    sample = (image, BOXES, labels, scores, names, other, (7, 8, 9))
    _, boxes, labels, scores, names, other, three = chain(*sample)
    assert boxes.tolist() == [[2, 2, 18, 18]]
    assert type(boxes) is tv_tensors.BoundingBoxes
    assert labels.tolist() == [1]
    assert scores.tolist() == [[2, 2]]
    assert names == ["b"]
    assert torch.equal(other, PIXELS), "another image is no row for each box"
    assert three == (7, 8, 9)


def test_what_stays_in_step_depends_on_no_count_without_boxes() -> None:
    _, _, labels = T.CenterCrop(20)(tv_tensors.Image(PIXELS), tv_tensors.Mask(PIXELS > 9), torch.arange(3))
    assert labels.tolist() == [0, 1, 2]

"""A batch of painted objects, and the check that a target has those which are seen in its image."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fastload.collate import DetectionCollate
from fastload.transforms._boxes import edges_of, written
from support.painted import BACKGROUND, colour_of, found

MODES = ("list", "padded", "packed")

# Of each image; the last one has none.
BOXES = [
    [(4, 6, 24, 20), (30, 10, 60, 44), (5, 30, 25, 50)],
    [(10, 8, 46, 40), (50, 2, 62, 50)],
    [(2, 2, 12, 12), (20, 4, 50, 16), (16, 22, 60, 34), (8, 40, 30, 52)],
    [],
]

FIRST = [0, 3, 5, 9]  # object's number in all of the batch, which is its label and its colour

SIZES = [(54, 64), (60, 64), (54, 80), (54, 64)]


def batch(mode: str, sizes: Any = None, box_format: str = "xyxy", masks: bool = True) -> tuple[torch.Tensor, Any]:
    """Images as (N, 3, H, W) float32 levels; masks are of the objects, a map has the label + 1 of each pixel."""
    samples = []
    for number, (boxes, (height, width)) in enumerate(zip(BOXES, sizes or [(56, 66)] * 4, strict=True)):
        pixels = np.empty((height, width, 3), np.uint8)
        pixels[:] = BACKGROUND
        planes, labels = np.zeros((len(boxes), height, width), bool), FIRST[number] + np.arange(len(boxes))
        for label, plane, (left, top, right, bottom) in zip(labels, planes, boxes, strict=True):
            pixels[top:bottom, left:right] = colour_of(int(label))
            plane[top:bottom, left:right] = True
        edges = np.array(boxes, np.float64).reshape(-1, 4)
        target = {
            "image_id": 70 + number,
            "boxes": torch.from_numpy(written(edges, box_format, (height, width)).astype(np.float32)),
            "labels": torch.from_numpy(labels),
            "keypoints": torch.full((len(boxes), 2, 3), 2.0),
        }
        corners = np.concatenate([edges[:, :2] + 3, edges[:, 2:] - 3], axis=1)
        target["keypoints"][..., :2] = torch.from_numpy(corners.reshape(-1, 2, 2))
        if masks:
            target["masks"] = torch.from_numpy(planes)
            target["mask"] = torch.from_numpy((planes * (labels[:, None, None] + 1)).sum(axis=0))
        samples.append((torch.from_numpy(pixels).permute(2, 0, 1).float(), target))
    return DetectionCollate(mode, pad_images=True)(samples)


def pixels_of(image: torch.Tensor) -> Any:
    return image.permute(1, 2, 0).numpy()


def check_seen(image: Any, target: dict[str, Any], box_format: str = "xyxy") -> None:
    """The target has the objects of which there are pixels in the image, and each is where its pixels are."""
    height, width = target.get("size", torch.tensor(image.shape[:2])).tolist()
    labels = target["labels"].tolist()
    assert sorted(labels) == [n for n in range(9) if found(image, n) is not None]
    boxes = edges_of(target["boxes"].numpy().astype(np.float64), box_format.removesuffix("_normalized"))
    boxes = boxes * ([width, height] * 2 if box_format.endswith("_normalized") else 1)
    for place, label in enumerate(labels):
        assert np.allclose(boxes[place], found(image, label), atol=1e-4)
        is_there = (image == colour_of(label)).all(axis=-1)
        if "masks" in target:
            assert np.array_equal(target["masks"][place].numpy(), is_there)
            assert np.array_equal(target["mask"].numpy() == label + 1, is_there)
        for x, y, visibility in target["keypoints"][place].int().tolist():
            assert visibility == (2 if is_there[y, x] else 0)

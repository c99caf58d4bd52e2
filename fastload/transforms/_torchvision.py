"""torchvision's transforms (v2) in a chain, as they are."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import torch

from fastload.transforms._foreign import Foreign, Points
from fastload.transforms._kinds import size_of, tensor_of
from fastload.transforms._targets import InPixels

_PACKAGE = "torchvision.transforms.v2"
_seeding = threading.Lock()  # they draw from torch's default generator, of which a process has one


def is_torchvision(step: Any) -> bool:
    return type(step).__module__.startswith(_PACKAGE)


class TorchVision(Foreign):
    """What a v2 transform of torchvision makes of an image, and of the boxes, masks and key points with it.

    `Compose` wraps those that it is given. Arrays, which torchvision knows not, become tensors. torch's default
    generator is what it was before, afterwards; threads wait for each other.
    """

    def __init__(self, transform: Any) -> None:
        super().__init__()
        self.theirs = transform

    def __repr__(self) -> str:
        return repr(self.theirs)

    def apply_seeded(self, image: Any, targets: InPixels, seed: int) -> tuple[Any, InPixels]:
        from torchvision import tv_tensors  # type: ignore[import-not-found,import-untyped,unused-ignore]

        size = size_of(image)
        is_plain = isinstance(image, np.ndarray) or type(image) is torch.Tensor
        points = Points(targets, size)
        sent = {
            "image": tv_tensors.Image(tensor_image(image)) if is_plain else image,
            "boxes": tv_tensors.BoundingBoxes(torch.from_numpy(targets.edges), format="XYXY", canvas_size=size),
            "points": tv_tensors.KeyPoints(torch.from_numpy(points.sent), canvas_size=size),
            # One plane each, and no stack of as many as there are boxes: what drops boxes would drop rows of it.
            "masks": [tv_tensors.Mask(torch.from_numpy(np.ascontiguousarray(mask))[None]) for mask in targets.masks],
            "labels": torch.arange(len(targets.edges)),
        }
        made = self._seeded(sent, seed)
        result = made["image"]
        if is_plain and isinstance(result, torch.Tensor):
            result = result.as_subclass(torch.Tensor)
        edges, numbers = np.zeros_like(targets.edges), made["labels"].numpy()
        kept = np.zeros(len(edges), dtype=bool)
        edges[numbers], kept[numbers] = made["boxes"].as_subclass(torch.Tensor).numpy(), True
        places = made["points"].as_subclass(torch.Tensor).numpy()
        after = size_of(result)
        masks = [mask.as_subclass(torch.Tensor).numpy() for mask in made["masks"]]
        planes = [mask[0] if len(mask) else np.zeros(after, dtype=mask.dtype) for mask in masks]
        return result, points.returned(places, edges, kept, planes, after)

    def _seeded(self, sent: dict[str, Any], seed: int) -> Any:
        with _seeding:
            before = torch.default_generator.get_state()
            try:
                torch.default_generator.manual_seed(seed)
                return self.theirs(sent)
            finally:
                torch.default_generator.set_state(before)


def tensor_image(image: Any) -> torch.Tensor:
    """(C, H, W) of an array (H, W) or (H, W, C); tensors as they are."""
    if isinstance(image, torch.Tensor):
        return image
    return tensor_of(image if image.ndim == 3 else image[:, :, None]).permute(2, 0, 1).contiguous()

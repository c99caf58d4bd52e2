"""Corners of boxes in torchvision's hands: key points that go with the borders of pixels.

torchvision mirrors key points about the centres of pixels, and bends them from centre to centre. All else that it does
with them (resizing, turning, perspectives) goes with the borders of pixels, as do its boxes.
"""

from __future__ import annotations

from typing import Any

import torch
from torchvision import tv_tensors  # type: ignore[import-not-found,import-untyped,unused-ignore]
from torchvision.transforms.v2 import functional  # type: ignore[import-not-found,import-untyped,unused-ignore]


class Corners(tv_tensors.KeyPoints):  # type: ignore[misc,unused-ignore]
    """(N, 2) places between pixels; the first pixel is from 0 to 1."""


def _mirrored(corners: Any, *_: Any, **__: Any) -> Any:
    places, (_, width) = corners.as_subclass(torch.Tensor), corners.canvas_size
    return tv_tensors.wrap(torch.stack([width - places[:, 0], places[:, 1]], dim=1), like=corners)


def _upside_down(corners: Any, *_: Any, **__: Any) -> Any:
    places, (height, _) = corners.as_subclass(torch.Tensor), corners.canvas_size
    return tv_tensors.wrap(torch.stack([places[:, 0], height - places[:, 1]], dim=1), like=corners)


def _bent(corners: Any, displacement: torch.Tensor, *_: Any, **__: Any) -> Any:
    """Moved as the pixel that a place is in, or that is next to it outside."""
    places, (height, width) = corners.as_subclass(torch.Tensor), corners.canvas_size
    most = torch.tensor([width - 1, height - 1], dtype=places.dtype)
    pixels = places.floor().clamp(min=torch.zeros_like(most), max=most)
    moved = functional.elastic_keypoints(pixels, (height, width), displacement)
    return tv_tensors.wrap(places + moved - pixels, like=corners)


_KERNELS = (
    (functional.horizontal_flip, _mirrored),
    (functional.vertical_flip, _upside_down),
    (functional.elastic, _bent),
)
for _operation, _kernel in _KERNELS:
    functional.register_kernel(_operation, Corners)(_kernel)

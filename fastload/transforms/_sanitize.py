"""Boxes checked and cut off, and torchvision's tensors unwrapped: the last steps of its detection chains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from fastload._target_names import tv_name
from fastload.transforms._base import Transform, _sample_of
from fastload.transforms._boxes import sides_of
from fastload.transforms._checks import is_number, is_one_of
from fastload.transforms._convert import Lambda
from fastload.transforms._in_pixels import InPixels
from fastload.transforms._kinds import size_of
from fastload.transforms._masks import Size
from fastload.transforms._sample import Sample


class _OfBoxes(Transform):
    """What looks at the boxes of a sample as they are, and at nothing else. Samples without boxes stay as they are."""

    def forward(self, *inputs: Any) -> Any:
        """The sample with other boxes."""
        sample = Sample(_sample_of(inputs), self.chain().box_params)
        sample.open()
        if sample.moving is not None:
            size = size_of(sample.image)
            targets = sample.moving.in_pixels(size)
            if len(targets.edges):
                sample.moving.take_pixels(self.changed(targets, size), size)
        return sample.written()

    def changed(self, targets: InPixels, size: Size) -> InPixels:
        raise NotImplementedError


class SanitizeBoundingBoxes(_OfBoxes):
    """The sample without boxes that are smaller than ``min_size`` pixels a side or ``min_area`` pixels, or that reach
    beyond the image; all that belongs to their objects goes with them.

    labels_getter: torchvision's, which is not needed here, for labels, masks and whatever else has an entry for each
    box follow. Raises ValueError for None, and for sizes below 1.
    """

    def __init__(self, min_size: float = 1.0, min_area: float = 1.0, labels_getter: Any = "default") -> None:
        super().__init__()
        for name, value in (("min_size", min_size), ("min_area", min_area)):
            if not is_number(value) or not value >= 1:
                raise ValueError(f"{name} must be a number, 1 or more; got {value!r}")
        _check_getter(labels_getter)
        self.min_size = float(min_size)
        self.min_area = float(min_area)

    def changed(self, targets: InPixels, size: Size) -> InPixels:
        turned = targets.quads.size > 0
        corners = (targets.quads if turned else targets.edges[:, [0, 1, 2, 1, 2, 3, 0, 3]]).reshape(-1, 4, 2)
        widths, heights = sides_of(corners.reshape(-1, 8), "xyxyxyxy")
        inside = ((corners >= 0) & (corners <= [size[1], size[0]])).all(axis=(1, 2))
        large = (widths >= self.min_size) & (heights >= self.min_size) & (widths * heights >= self.min_area)
        return replace(targets, visible=(inside & large).astype(np.float64))


def _check_getter(labels_getter: Any) -> None:
    if labels_getter is None:
        raise ValueError("labels_getter must not be None, for labels go with their boxes")
    if labels_getter != "default" if isinstance(labels_getter, str) else not callable(labels_getter):
        error = ValueError if isinstance(labels_getter, str) else TypeError
        raise error(f"labels_getter must be 'default' or a function of a sample, got {labels_getter!r}")


class ClampBoundingBoxes(_OfBoxes):
    """The sample with boxes that end at the image's border; those that are outside of it go, with their objects.

    All other transforms do so too, unless ``BoxParams(clip=False)`` forbids it. clamping_mode: "auto", "soft", "hard",
    which differ in rotated boxes alone, or None for boxes as they are. Raises ValueError where boxes are rotated, for
    what a border leaves of those is no such box.
    """

    def __init__(self, clamping_mode: str | None = "auto") -> None:
        super().__init__()
        if not is_one_of(clamping_mode, ("auto", "soft", "hard", None)):
            raise ValueError(f"clamping_mode must be 'auto', 'soft', 'hard' or None, got {clamping_mode!r}")
        self.clamping_mode = clamping_mode

    def changed(self, targets: InPixels, size: Size) -> InPixels:
        if self.clamping_mode is None:
            return targets
        if targets.quads.size > 0:
            raise ValueError("rotated boxes cannot be clamped: leave ClampBoundingBoxes out of the chain")
        return replace(targets, edges=np.clip(targets.edges, 0, [size[1], size[0]] * 2))


class ToPureTensor(Lambda):
    """The sample with plain tensors where torchvision's own were; boxes lose their format, so this comes last."""

    def __init__(self) -> None:
        super().__init__(_pure, torch.Tensor)

    def extra_repr(self) -> str:
        return ""


def _pure(part: torch.Tensor) -> torch.Tensor:
    return part.as_subclass(torch.Tensor) if tv_name(part) else part

"""Crops that look at the boxes."""

from __future__ import annotations

from typing import Any

from fastload import _core
from fastload.transforms._base import SometimesDrawn
from fastload.transforms._checks import as_finite, as_probability, as_range, check_most, is_int, is_list, is_number
from fastload.transforms._containers import group_op
from fastload.transforms._geometry import BILINEAR, Geometric
from fastload.transforms.functional._warp import apply_moves

_MOST_TRIALS = 2**28  # as many as the native op counts


class _BoxCrop(Geometric):
    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return self.transformed_among(image, key, stream, None)

    def transformed_among(self, image: Any, key: int, stream: int, targets: _core.Targets | None) -> Any:
        return apply_moves(image, self.drawn(image, key, stream, targets)[0], BILINEAR, 0)


class RandomIoUCrop(_BoxCrop):
    """A window that overlaps at least one box as much as a drawn number says: the crop of SSD.

    min_scale, max_scale: parts of the image's sides. sampler_options: the overlaps (intersection over union) that may
    be drawn; 1 and more stand for no crop. trials: how many windows are tried for each. Boxes whose middle is outside
    go. Nothing is cropped where there are no boxes.
    """

    is_random = True

    def __init__(
        self,
        min_scale: float = 0.3,
        max_scale: float = 1.0,
        min_aspect_ratio: float = 0.5,
        max_aspect_ratio: float = 2.0,
        sampler_options: Any = None,
        trials: int = 40,
    ) -> None:
        super().__init__()
        self.min_scale, self.max_scale = as_range((min_scale, max_scale), "(min_scale, max_scale)", 0, True)
        if self.max_scale > 1:
            raise ValueError(f"max_scale must be at most 1, got {max_scale!r}")
        ratio = as_range((min_aspect_ratio, max_aspect_ratio), "(min_aspect_ratio, max_aspect_ratio)", 0, False)
        self.min_aspect_ratio, self.max_aspect_ratio = ratio
        options = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0] if sampler_options is None else sampler_options
        if not is_list(options) or not len(options) or not all(is_number(option) for option in options):
            raise ValueError(f"sampler_options must be a sequence of numbers, got {sampler_options!r}")
        self.sampler_options = [as_finite(option, "sampler_options") for option in options]
        if not is_int(trials) or trials < 1:
            raise ValueError(f"trials must be an int, 1 or more; got {trials!r}")
        check_most(trials, _MOST_TRIALS, "trials")
        self.trials = int(trials)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        scale, ratio = (self.min_scale, self.max_scale), (self.min_aspect_ratio, self.max_aspect_ratio)
        return stream, "iou_crop", scale, ratio, tuple(self.sampler_options), self.trials


class BBoxSafeRandomCrop(SometimesDrawn, _BoxCrop):
    """A random window that holds all boxes.

    erosion_rate: where there are several boxes, this part of the length of their common area may be cut off, half of
    it at each side; a box alone stays whole. Where there are no boxes, or this is 1, the window has the image's shape,
    and sides of at least ``1 - erosion_rate`` of the image's: at 0 that is the whole image. p: the probability.
    """

    def __init__(self, erosion_rate: float = 0.0, p: float = 1.0) -> None:
        super().__init__()
        if not is_number(erosion_rate) or not 0 <= erosion_rate <= 1:
            raise ValueError(f"erosion_rate must be in [0, 1], got {erosion_rate!r}")
        self.erosion_rate = float(erosion_rate)
        self.p = as_probability(p)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        crop = (stream if self.p == 1 else 0, "safe_crop", self.erosion_rate)
        return crop if self.p == 1 else group_op(stream, "all", self.p, [[crop]])

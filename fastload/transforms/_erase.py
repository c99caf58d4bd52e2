"""Rectangles of the image taken away."""

from __future__ import annotations

from typing import Any

from fastload.transforms._base import SometimesDrawn
from fastload.transforms._checks import (
    MOST_PIXELS_A_SIDE,
    as_bool,
    as_fill,
    as_probability,
    as_range,
    check_most,
    fill_levels,
    is_int,
    is_list,
    is_number,
)
from fastload.transforms._get_params import erasing_params
from fastload.transforms._segment import Segment
from fastload.transforms._tone import ColourTransform, Op
from fastload.transforms.functional._erase import apply_erasing

RANDOM = "random"


class _Erasing(SometimesDrawn, ColourTransform):
    @property
    def filling(self) -> Any:
        """What rectangles are filled with."""
        raise NotImplementedError

    def op(self, stream: int) -> Op:
        return self._op(stream, [0])

    def _op(self, stream: int, levels: list[int]) -> Op:
        raise NotImplementedError

    def native_op(self, stream: int, channels: int = 3) -> Op | None:
        if channels not in (1, 3):
            return None
        try:
            return self._op(stream, [0] if self.filling == RANDOM else fill_levels(self.filling, channels))
        except ValueError:
            return None

    def join(self, segment: Segment, stream: int) -> str | None:
        if segment.levels is None and self.native_op(stream, segment.channels) is None:
            return "its value is not for such images"
        return super().join(segment, stream)

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return apply_erasing(image, self.op(stream), key, self.filling)


class RandomErasing(_Erasing):
    """A rectangle filled with ``value``, with probability ``p``.

    scale: the range of its area, as a part of the image's. ratio: of its height / width. value: a number, one for each
    channel, or "random" for noise.
    """

    get_params = staticmethod(erasing_params)

    def __init__(
        self,
        p: float = 0.5,
        scale: Any = (0.02, 0.33),
        ratio: Any = (0.3, 3.3),
        value: Any = 0.0,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        self.p = as_probability(p)
        self.scale = as_range(scale, "scale", 0, lowest_counts=True, most=1)
        self.ratio = as_range(ratio, "ratio", 0, lowest_counts=False)
        self.value = _as_value(value, "value")
        self.inplace = as_bool(inplace, "inplace")

    @property
    def filling(self) -> Any:
        return self.value

    def _op(self, stream: int, levels: list[int]) -> Op:
        return stream, "erase", self.p, self.scale, self.ratio, levels, self.value == RANDOM


class CoarseDropout(_Erasing):
    """Several rectangles filled with ``fill``, with probability ``p``.

    num_holes_range: how many. hole_height_range, hole_width_range: their sides, each ints in pixels or floats in parts
    of the image's, of which whole pixels are taken; a side of 0 is no hole. fill: a number, one for each channel, or
    "random" for noise. Boxes, masks and key points stay.
    """

    def __init__(
        self,
        num_holes_range: Any = (1, 2),
        hole_height_range: Any = (0.1, 0.2),
        hole_width_range: Any = (0.1, 0.2),
        fill: Any = 0,
        fill_mask: None = None,
        p: float = 0.5,
    ) -> None:
        super().__init__()
        if not is_list(num_holes_range) or len(num_holes_range) != 2 or not all(is_int(n) for n in num_holes_range):
            raise TypeError(f"num_holes_range must be two ints (least, most), got {num_holes_range!r}")
        if not 0 <= num_holes_range[0] <= num_holes_range[1]:
            raise ValueError(f"num_holes_range must be (least, most), 0 <= least <= most; got {num_holes_range!r}")
        check_most(num_holes_range[1], 1_000_000, "num_holes_range")
        self.num_holes_range = (int(num_holes_range[0]), int(num_holes_range[1]))
        self.hole_height_range = _as_sides(hole_height_range, "hole_height_range")
        self.hole_width_range = _as_sides(hole_width_range, "hole_width_range")
        self.fill = _as_value(fill, "fill")
        if fill_mask is not None:
            raise ValueError(
                "fill_mask must be None, for masks stay as they are; Albumentations(A.CoarseDropout(...)) fills them; "
                f"got {fill_mask!r}"
            )
        self.p = as_probability(p)

    @property
    def filling(self) -> Any:
        return self.fill

    def _op(self, stream: int, levels: list[int]) -> Op:
        tall, wide = self.hole_height_range, self.hole_width_range
        holes = tall, _are_pixels(tall), wide, _are_pixels(wide)
        return (stream, "dropout", self.p, *self.num_holes_range, *holes, levels, self.fill == RANDOM)


def _as_value(value: Any, name: str) -> Any:
    if isinstance(value, str) and value == RANDOM:
        return RANDOM
    if value is None or is_number(value) or (is_list(value) and len(value) and all(is_number(one) for one in value)):
        return as_fill(value)
    raise TypeError(f'{name} must be a number, a sequence of one for each channel, or "random"; got {value!r}')


def _are_pixels(sides: Any) -> bool:
    return is_list(sides) and all(is_int(side) for side in sides)


def _as_sides(sides: Any, name: str) -> tuple[float, float]:
    """(low, high) of a hole's side: ints in pixels, or floats in parts of the image's."""
    if _are_pixels(sides):
        low, high = as_range(sides, name, 0, lowest_counts=True, most=MOST_PIXELS_A_SIDE)
        return int(low), int(high)
    if is_list(sides) and any(is_number(side) and side > 1 for side in sides):
        raise ValueError(
            f"{name} must be ints, which are pixels, or parts of the image's side, at most 1; got {sides!r}"
        )
    return as_range(sides, name, 0, lowest_counts=True, most=1)

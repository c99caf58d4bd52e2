"""Scaling and room around the image, by random or fitting factors."""

from __future__ import annotations

from typing import Any

from fastload.transforms._base import SometimesDrawn
from fastload.transforms._checks import (
    as_antialias,
    as_bool,
    as_fill,
    as_probability,
    as_range,
    as_size,
    check_side,
    is_drawn,
    is_int,
    is_list,
    is_one_of,
)
from fastload.transforms._containers import group_op
from fastload.transforms._geometry import BILINEAR, Resampling, _border_reason
from fastload.transforms._interpolation import (
    InterpolationMode,
    as_interpolation,
    check_mask_interpolation,
    native_filter,
)
from fastload.transforms._kinds import size_of
from fastload.transforms._segment import Segment
from fastload.transforms.functional._warp import apply_moves


class _Scaling(Resampling):
    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return self._after(image, self.drawn(image, key, stream)[0])

    def _after(self, image: Any, moves: list[tuple[Any, ...]]) -> Any:
        return apply_moves(image, moves, self.interpolation, self.fill, self.antialias is True)


class RandomZoomOut(SometimesDrawn, _Scaling):
    """The image somewhere in a canvas whose sides are longer by a factor of ``side_range``, with probability ``p``."""

    interpolation = BILINEAR
    antialias = True

    def __init__(self, fill: Any = 0, side_range: Any = (1.0, 4.0), p: float = 0.5) -> None:
        super().__init__()
        self.fill = as_fill(fill)
        self.side_range = as_range(side_range, "side_range", 1, lowest_counts=True)
        self.p = as_probability(p)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, "zoom_out", self.p, self.side_range, levels

    def reason(self, segment: Segment) -> str | None:
        return _border_reason(segment, self.fill, "constant")


class ScaleJitter(_Scaling):
    """The image scaled to fit into ``target_size``, and by a factor from ``scale_range``.

    target_size is (width, height), as torchvision counts it here: the least of target_size[0] / width and
    target_size[1] / height. One number stands for both.
    """

    def __init__(
        self,
        target_size: Any,
        scale_range: Any = (0.1, 2.0),
        interpolation: Any = BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.target_size = as_size(target_size, "target_size", "(width, height)")
        self.scale_range = as_range(scale_range, "scale_range", 0, lowest_counts=False)
        self.interpolation = as_interpolation(interpolation)
        self.antialias = as_antialias(antialias)

    @property
    def is_random(self) -> bool:
        return self.scale_range[0] != self.scale_range[1]

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        name = native_filter(self.interpolation)
        return stream, "scale_jitter", *self.target_size, self.scale_range, name


class RandomShortestSize(_Scaling):
    """The image with its shorter side of one of the lengths ``min_size``, the longer one at most ``max_size``."""

    def __init__(
        self,
        min_size: Any,
        max_size: int | None = None,
        interpolation: Any = BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        lengths = _lengths(min_size, "min_size")
        if max_size is not None and (not is_int(max_size) or max_size < 1):
            raise ValueError(f"max_size must be an int, 1 or more, or None; got {max_size!r}")
        check_side(max_size or 0, "max_size")
        self.min_size = lengths if isinstance(lengths, list) else [lengths]
        self.max_size = max_size
        self.interpolation = as_interpolation(interpolation)
        self.antialias = as_antialias(antialias)

    @property
    def is_random(self) -> bool:
        return len(set(self.min_size)) > 1

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, "shortest_size", tuple(self.min_size), self.max_size or 0, native_filter(self.interpolation)


class LongestMaxSize(_Scaling):
    """The image with its longer side of ``max_size`` pixels; the shorter one in proportion, rounded.

    max_size: the length, or several to draw from. max_size_hw: instead, (height, width) that the image just fits into;
    one of them may be None, for any. area_for_downscale: "image" has 8-bit images that shrink averaged by the box
    filter, whatever the interpolation. mask_interpolation is nearest. p: the probability.
    """

    def __init__(
        self,
        max_size: Any = None,
        max_size_hw: Any = None,
        interpolation: Any = BILINEAR,
        mask_interpolation: Any = InterpolationMode.NEAREST,
        area_for_downscale: str | None = None,
        p: float = 1.0,
        *,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if (max_size is None) == (max_size_hw is None):
            raise ValueError(
                f"LongestMaxSize takes either max_size or max_size_hw; got {max_size!r} and {max_size_hw!r}"
            )
        self.max_size = None if max_size is None else _lengths(max_size, "max_size")
        self.max_size_hw = None if max_size_hw is None else _limits(max_size_hw)
        self.interpolation = as_interpolation(interpolation)
        check_mask_interpolation(mask_interpolation)
        if not is_one_of(area_for_downscale, (None, "image")):
            raise ValueError(
                "area_for_downscale must be 'image' or None, for masks keep the values that they have; "
                f"got {area_for_downscale!r}"
            )
        self.area_for_downscale = area_for_downscale
        self.antialias = as_antialias(antialias)
        self.p = as_probability(p)

    @property
    def is_random(self) -> bool:
        lengths = self.max_size if isinstance(self.max_size, list) else []
        return is_drawn(self.p) or (self.p > 0 and len(set(lengths)) > 1)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        if self.max_size_hw is not None:
            limits = [(self.max_size_hw[0] or 0, self.max_size_hw[1] or 0)]
        else:
            lengths = self.max_size if isinstance(self.max_size, list) else [self.max_size]
            limits = [(length or 0, length or 0) for length in lengths]
        filters = native_filter(self.interpolation), native_filter(self._shrinking)
        ops = [("fit", *limit, *filters) for limit in limits]
        if len(ops) == 1 and self.p == 1:
            return stream, *ops[0]
        return group_op(stream, "one", self.p, [[(0, *op)] for op in ops])

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        drawn = self.drawn(image, key, stream)
        moves = drawn[0] if isinstance(drawn[0], list) else [("resize", *drawn)]
        shrinks = any(after < before for _, *size in moves for after, before in zip(size, size_of(image), strict=False))
        mode = self._shrinking if shrinks else self.interpolation
        if mode != self.interpolation:
            _check_levels(image)
        return apply_moves(image, moves, mode, self.fill, self.antialias is True)

    @property
    def _shrinking(self) -> InterpolationMode:
        return InterpolationMode.BOX if self.area_for_downscale else self.interpolation


def _check_levels(image: Any) -> None:
    """ValueError for a tensor or an array whose areas cannot be averaged."""
    dtype = getattr(image, "dtype", "uint8")  # PIL images have none
    if str(dtype) not in ("uint8", "torch.uint8"):
        raise ValueError(
            f"area_for_downscale='image' is for 8-bit images, got {dtype}: put the step before those that make floats"
        )


def _lengths(values: Any, name: str) -> int | list[int]:
    lengths = list(values) if is_list(values) else [values]
    if not lengths or not all(is_int(length) and length > 0 for length in lengths):
        raise ValueError(f"{name} must be an int or a sequence of ints, each at least 1; got {values!r}")
    check_side(max(lengths), name)
    return [int(length) for length in lengths] if is_list(values) else int(values)


def _limits(values: Any) -> tuple[int | None, int | None]:
    limits = list(values) if is_list(values) else []
    given = [limit for limit in limits if limit is not None]
    if len(limits) != 2 or not given or not all(is_int(limit) and limit > 0 for limit in given):
        raise ValueError(
            f"max_size_hw must be (height, width), ints of at least 1, one of them or none None; got {values!r}"
        )
    check_side(max(given), "max_size_hw")
    return limits[0], limits[1]


class LetterBox(_Scaling):
    """The whole image, scaled to fit into ``size`` (height, width), in the middle of a border of ``fill``.

    Of an odd border, the one pixel more is below or right. scale_up: whether images that are smaller grow.
    """

    def __init__(
        self,
        size: Any,
        fill: Any = 114,
        scale_up: bool = True,
        interpolation: Any = BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = as_size(size)
        self.fill = as_fill(fill)
        self.scale_up = as_bool(scale_up, "scale_up")
        self.interpolation = as_interpolation(interpolation)
        self.antialias = as_antialias(antialias)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, "letter_box", *self.size, self.scale_up, native_filter(self.interpolation), levels

"""Scaling and room around the image, by random or fitting factors."""

from __future__ import annotations

from typing import Any

from fastload.transforms._checks import as_fill, as_probability, as_range, as_size, is_int, is_list
from fastload.transforms._geometry import BILINEAR, Resampling, _border_reason
from fastload.transforms._interpolation import as_interpolation, native_filter
from fastload.transforms._segment import Segment
from fastload.transforms.functional._warp import apply_moves


class _Scaling(Resampling):
    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return apply_moves(image, self.drawn(image, key, stream)[0], self.interpolation, self.fill)


class RandomZoomOut(_Scaling):
    """The image somewhere in a canvas whose sides are longer by a factor of ``side_range``, with probability ``p``."""

    is_random = True
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
    """The image scaled to fit into ``target_size`` (height, width), and by a factor from ``scale_range``."""

    is_random = True

    def __init__(
        self,
        target_size: Any,
        scale_range: Any = (0.1, 2.0),
        interpolation: Any = BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.target_size = as_size(target_size, "target_size")
        self.scale_range = as_range(scale_range, "scale_range", 0, lowest_counts=False)
        self.interpolation = as_interpolation(interpolation)
        self.antialias = antialias

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        name = native_filter(self.interpolation)
        return stream, "scale_jitter", *self.target_size, self.scale_range, name


class RandomShortestSize(_Scaling):
    """The image with its shorter side of one of the lengths ``min_size``, the longer one at most ``max_size``."""

    is_random = True

    def __init__(
        self,
        min_size: Any,
        max_size: int | None = None,
        interpolation: Any = BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        sizes = list(min_size) if is_list(min_size) else [min_size]
        if not sizes or not all(is_int(size) and size > 0 for size in sizes):
            raise ValueError(f"min_size must be an int or a sequence of ints, each at least 1; got {min_size!r}")
        if max_size is not None and (not is_int(max_size) or max_size < 1):
            raise ValueError(f"max_size must be an int, 1 or more, or None; got {max_size!r}")
        self.min_size = [int(size) for size in sizes]
        self.max_size = max_size
        self.interpolation = as_interpolation(interpolation)
        self.antialias = antialias

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, "shortest_size", tuple(self.min_size), self.max_size or 0, native_filter(self.interpolation)


class LongestMaxSize(_Scaling):
    """The image with its longer side of ``max_size`` pixels; the shorter one in proportion, rounded down."""

    def __init__(self, max_size: int, interpolation: Any = BILINEAR, antialias: bool | None = True) -> None:
        super().__init__()
        if not is_int(max_size) or max_size < 1:
            raise ValueError(f"max_size must be an int, 1 or more; got {max_size!r}")
        self.max_size = int(max_size)
        self.interpolation = as_interpolation(interpolation)
        self.antialias = antialias

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, "longest_max_size", self.max_size, native_filter(self.interpolation)

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        moves = [("resize", *self.drawn(image, key, stream))]
        return apply_moves(image, moves, self.interpolation, self.fill)


class LetterBox(_Scaling):
    """The whole image, scaled to fit into ``size`` (height, width), in the middle of a border of ``fill``.

    scale_up: whether images that are smaller grow.
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
        self.scale_up = bool(scale_up)
        self.interpolation = as_interpolation(interpolation)
        self.antialias = antialias

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, "letter_box", *self.size, self.scale_up, native_filter(self.interpolation), levels

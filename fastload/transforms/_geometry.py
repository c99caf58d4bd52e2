"""Resizing, cropping, flipping, borders: fixed and random."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any

from fastload import _core
from fastload._stream import sample_key
from fastload.transforms import functional as F
from fastload.transforms._base import Sometimes, Transform
from fastload.transforms._checks import (
    as_antialias,
    as_bool,
    as_fill,
    as_lengths,
    as_margins,
    as_probability,
    as_range,
    as_size,
    check_max_size,
    check_padding_mode,
    fill_levels,
)
from fastload.transforms._interpolation import InterpolationMode, as_interpolation, native_filter
from fastload.transforms._kinds import size_of
from fastload.transforms._segment import Segment

BILINEAR, BICUBIC = InterpolationMode.BILINEAR, InterpolationMode.BICUBIC
_RESAMPLES = "it resamples floats"
_BORDER = "its border is no level of an 8-bit image"


@lru_cache(maxsize=256)
def _drawing(op: tuple[Any, ...]) -> _core.ImageProgram:
    return _core.ImageProgram([op])


class Geometric(Transform, ABC):
    """A transform that moves pixels, or resamples them, as one native op says."""

    fill: Any = 0

    @abstractmethod
    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        """The native op, with that border."""

    def native_op(self, stream: int, channels: int = 3) -> tuple[Any, ...] | None:
        try:
            return self.op(stream, tuple(fill_levels(self.fill, channels)))
        except ValueError:
            return None  # a fill that is for floats, or for another number of channels

    def op_in(self, segment: Segment, stream: int) -> tuple[Any, ...] | None:
        """The native op for such images as the segment makes; None if there is none."""
        return self.native_op(stream, segment.channels)

    def join(self, segment: Segment, stream: int) -> str | None:
        op = self.op_in(segment, stream)
        if op is None:
            return f"its fill {self.fill!r} is not a level from 0 to 255, or one for each channel ({segment.channels})"
        reason = self.reason(segment)
        if reason is None:
            segment.ops.append(op)
        return reason

    def reason(self, segment: Segment) -> str | None:
        """Why this cannot join the segment where it is now."""
        return None

    def drawn(self, image: Any, key: int, stream: int, targets: _core.Targets | None = None) -> tuple[Any, ...]:
        """What a native pass would do to such an image under that key, after the name of it."""
        height, width = size_of(image)
        drawn = self.moves(stream).draw(key, height, width, targets)[0]
        return tuple(drawn[1:])

    def moves(self, stream: int) -> _core.ImageProgram:
        return _drawing(self.op(stream, (0,)))


class Resampling(Geometric):
    """What resizes: never of floats in a native pass, and bicubic without antialiasing only in torch."""

    interpolation: InterpolationMode
    antialias: bool | None

    def reason(self, segment: Segment) -> str | None:
        if segment.levels is not None:
            return _RESAMPLES
        return "antialias is off" if self._is_aliased(segment) and self.interpolation is BICUBIC else None

    def op_in(self, segment: Segment, stream: int) -> tuple[Any, ...] | None:
        op = super().op_in(segment, stream)
        return _aliased(op) if op is not None and self._is_aliased(segment) else op

    def _is_aliased(self, segment: Segment) -> bool:
        """Whether what shrinks is not to be antialiased: of PIL images it always is."""
        return segment.container != "pil" and not self.antialias


def _aliased(op: tuple[Any, ...]) -> tuple[Any, ...]:
    """The op, and those in it if it is a group, without antialiasing."""
    antialiased, name = native_filter(BILINEAR), native_filter(BILINEAR, antialias=False)
    return tuple(name if part == antialiased else _aliased(part) if isinstance(part, tuple) else part for part in op)


class Resize(Resampling):
    """The image resized to ``size``: (height, width), or the length of its shorter side.

    max_size limits the longer side; with size=None it is the longer side. antialias=False counts for tensors and
    arrays, bilinear and bicubic.
    """

    def __init__(
        self,
        size: Any,
        interpolation: Any = BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = None if size is None else as_lengths(size)
        check_max_size(self.size, max_size)
        self.interpolation = as_interpolation(interpolation)
        self.max_size = max_size
        self.antialias = as_antialias(antialias)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        name = native_filter(self.interpolation)
        if self.size is None:
            return stream, "resize_longer", self.max_size, name
        if len(self.size) == 1:
            return stream, "resize_shorter", self.size[0], self.max_size or 0, name
        return stream, "resize", *self.size, name

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return F.resize(image, self.size, self.interpolation, self.max_size, self.antialias)


class RandomResizedCrop(Resampling):
    """A window of random area and shape, resized to ``size``.

    scale: range of the window's area, as a part of the image's. ratio: range of its width / height. After ten
    windows that do not fit, the middle of the image.
    """

    is_random = True

    def __init__(
        self,
        size: Any,
        scale: Any = (0.08, 1.0),
        ratio: Any = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = as_size(size)
        self.scale = as_range(scale, "scale", 0, lowest_counts=True)
        self.ratio = as_range(ratio, "ratio", 0, lowest_counts=False)
        self.interpolation = as_interpolation(interpolation)
        self.antialias = as_antialias(antialias)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        scale = max(self.scale[0], 1e-12), max(self.scale[1], 1e-12)  # less than a pixel is never taken anyway
        return stream, "random_resized_crop", *self.size, scale, self.ratio, native_filter(self.interpolation)

    @staticmethod
    def get_params(img: Any, scale: Any, ratio: Any) -> tuple[int, int, int, int]:
        """(top, left, height, width) of a window, drawn for the sample in hand; for `functional.resized_crop`."""
        crop = RandomResizedCrop(1, scale, ratio)
        top, left, height, width, *_ = crop.drawn(img, sample_key(), 0)
        return top, left, height, width

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        top, left, height, width, *_ = self.drawn(image, key, stream)
        return F.resized_crop(image, top, left, height, width, list(self.size), self.interpolation, self.antialias)


class CenterCrop(Geometric):
    """The middle of the image; where it is smaller than ``size``, with a border of 0."""

    def __init__(self, size: Any) -> None:
        super().__init__()
        self.size = as_size(size)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, "center_crop", *self.size

    def reason(self, segment: Segment) -> str | None:
        if segment.zero_stays_zero:
            return None
        size = segment.out_size()
        fits = size is not None and size[0] >= self.size[0] and size[1] >= self.size[1]
        return None if fits else _BORDER

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return F.center_crop(image, list(self.size))


class RandomCrop(Geometric):
    """A window of ``size`` at a random place, after a border of ``padding``.

    pad_if_needed: where the image is smaller than the window, it gets as much border as that needs, on both sides;
    else ValueError. padding, fill and padding_mode as in `Pad`.
    """

    is_random = True

    def __init__(
        self,
        size: Any,
        padding: Any = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = as_size(size)
        self.padding = None if padding is None else as_margins(padding)
        self.pad_if_needed = as_bool(pad_if_needed, "pad_if_needed")
        self.fill = as_fill(fill)
        self.padding_mode = check_padding_mode(padding_mode)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        margins = self.padding or (0, 0, 0, 0)
        return stream, "random_crop", *self.size, margins, self.pad_if_needed, levels, self.padding_mode

    def reason(self, segment: Segment) -> str | None:
        has_border = self.pad_if_needed or any(self.padding or ())
        return _border_reason(segment, self.fill, self.padding_mode) if has_border else None

    @staticmethod
    def get_params(img: Any, output_size: Any) -> tuple[int, int, int, int]:
        """(top, left, height, width) of a window, drawn for the sample in hand; for `functional.crop`. ValueError if
        the image is smaller."""
        _, _, _, _, top, left, height, width = RandomCrop(output_size).drawn(img, sample_key(), 0)
        return top, left, height, width

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        left, top, right, bottom, *window = self.drawn(image, key, stream)
        if left or top or right or bottom:
            image = F.pad(image, [left, top, right, bottom], self.fill, self.padding_mode)
        return F.crop(image, *window)


class Pad(Geometric):
    """The image with a border.

    padding: one int, (left and right, top and bottom) or (left, top, right, bottom); negative margins take away.
    fill: a number, or one for each channel. padding_mode: "constant", "edge", "reflect" or "symmetric".
    """

    def __init__(self, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        self.padding = as_margins(padding)
        self.fill = as_fill(fill)
        self.padding_mode = check_padding_mode(padding_mode)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, "pad", *self.padding, levels, self.padding_mode

    def reason(self, segment: Segment) -> str | None:
        return _border_reason(segment, self.fill, self.padding_mode)

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return F.pad(image, list(self.padding), self.fill, self.padding_mode)


def _border_reason(segment: Segment, fill: Any, mode: str) -> str | None:
    """After the conversion, a border is an exact move if it repeats pixels, or is a 0 that was level 0 before."""
    if segment.levels is None or mode != "constant":
        return None
    values = fill if isinstance(fill, list) else [fill]
    return None if segment.zero_stays_zero and not any(values) else _BORDER


class _RandomFlip(Sometimes, Geometric):
    name = ""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = as_probability(p)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, self.name, self.p


class RandomHorizontalFlip(_RandomFlip):
    """Left and right exchanged, with probability ``p``."""

    name = "flip_x"

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return F.horizontal_flip(image) if self.drawn(image, key, stream)[0] else image


class RandomVerticalFlip(_RandomFlip):
    """Top and bottom exchanged, with probability ``p``."""

    name = "flip_y"

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return F.vertical_flip(image) if self.drawn(image, key, stream)[0] else image

"""Transforms of values: luminance, mean and deviation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastload.transforms import functional as F
from fastload.transforms._base import Transform
from fastload.transforms._checks import as_bool, as_numbers, is_int
from fastload.transforms._segment import Segment
from fastload.transforms.functional._color import check_output_channels


class Grayscale(Transform):
    """The luminance, once or three times over; Pillow's for 8-bit images."""

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        if not is_int(num_output_channels):
            raise TypeError(f"num_output_channels must be the int 1 or 3, got {num_output_channels!r}")
        check_output_channels(num_output_channels)
        self.num_output_channels = int(num_output_channels)

    def native_op(self, stream: int, channels: int = 3) -> tuple[Any, ...] | None:
        return (stream, "grayscale", self.num_output_channels) if channels in (1, 3) else None

    def join(self, segment: Segment, stream: int) -> str | None:
        if segment.levels is not None:
            return "it mixes floats"
        op = self.native_op(stream, segment.channels)
        if op is None:
            return "it takes 1 or 3 channels"
        segment.ops.append(op)
        segment.channels = self.num_output_channels
        return None

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return F.rgb_to_grayscale(image, self.num_output_channels)


class Normalize(Transform):
    """(image - mean) / std, channel by channel, of float tensors and arrays."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        self.mean = as_numbers(mean, "mean")
        self.std = as_numbers(std, "std")
        self.inplace = as_bool(inplace, "inplace")
        if not all(self.std):
            raise ValueError(f"std must not be 0, got {self.std}")

    def join(self, segment: Segment, stream: int) -> str | None:
        if segment.container == "pil":
            return "it takes no PIL images"
        return segment.map_levels(lambda planes: F.normalize(planes, self.mean, self.std, self.inplace))

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return F.normalize(image, self.mean, self.std, self.inplace)

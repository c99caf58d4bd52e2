"""Resizing by Pillow's rules: 8-bit images natively, float images with torch's antialiased interpolation."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch

from fastload import _core
from fastload.transforms._checks import as_antialias, as_lengths, check_max_size
from fastload.transforms._interpolation import (
    ANTIALIASED,
    NEAREST,
    InterpolationMode,
    as_interpolation,
    native_filter,
    pillow_filter,
)
from fastload.transforms._kinds import NATIVE_CHANNELS, PIL_MODES, is_pil, pil_of, pixels_of, size_of
from fastload.transforms.functional._tensors import on_tensor, type_to_mix_in, values_of_type


def resize(
    image: Any,
    size: int | list[int] | None,
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """The image resized to ``size``: (height, width), or the length of its shorter side.

    max_size: the longer side is made no longer than that; with size None, exactly that long. antialias=False counts
    for tensors and arrays, bilinear and bicubic. 8-bit images are within one level of Pillow's, and without
    antialiasing of torch's; bicubic ones without it are torch's.
    """
    mode = as_interpolation(interpolation)
    lengths = None if size is None else as_lengths(size)
    check_max_size(lengths, max_size)
    height, width = resized_size(size_of(image), lengths, max_size)
    return resize_to(image, height, width, mode, as_antialias(antialias) is True)


def resized_size(before: tuple[int, int], lengths: list[int] | None, max_size: int | None) -> tuple[int, int]:
    """(height, width) after a resize, with torchvision's rounding."""
    if lengths is not None and len(lengths) == 2:
        return lengths[0], lengths[1]
    shorter, longer = sorted(before)
    if lengths is None:
        assert max_size is not None
        new_shorter, new_longer = int(max_size * shorter / longer), max_size
    else:
        new_shorter, new_longer = lengths[0], int(lengths[0] * longer / shorter)
        if max_size is not None and new_longer > max_size:
            new_shorter, new_longer = int(max_size * new_shorter / new_longer), max_size
    if new_shorter < 1:
        raise ValueError(f"an image of {before[0]} x {before[1]} (height x width) would have a side of 0 pixels")
    height, width = before
    return (new_longer, new_shorter) if width <= height else (new_shorter, new_longer)


def resize_to(image: Any, height: int, width: int, mode: InterpolationMode, antialias: bool) -> Any:
    """The image at exactly that size; itself if it has it already."""
    if size_of(image) == (height, width):
        return image
    if is_pil(image):
        if image.mode in PIL_MODES:
            return pil_of(_program(height, width, native_filter(mode)).run(np.asarray(image), 0))
        return image.resize((width, height), pillow_filter(mode))
    if _is_native(image, mode, antialias):
        name = native_filter(mode, antialias)
        return on_tensor(lambda planes: _resize_levels(planes, height, width, name), image)
    return on_tensor(lambda planes: _resize_planes(planes, height, width, mode, antialias), image)


def _is_native(image: Any, mode: InterpolationMode, antialias: bool) -> bool:
    eight_bit = image.dtype == (np.uint8 if isinstance(image, np.ndarray) else torch.uint8)
    on_cpu = isinstance(image, np.ndarray) or image.device.type == "cpu"
    return bool(eight_bit and on_cpu and (antialias or mode is not InterpolationMode.BICUBIC))


@lru_cache(maxsize=64)
def _program(height: int, width: int, name: str) -> _core.ImageProgram:
    return _core.ImageProgram([(0, "resize", height, width, name)])


def _resize_levels(planes: torch.Tensor, height: int, width: int, name: str) -> torch.Tensor:
    """8-bit (..., C, H, W): images of 1, 3 or 4 channels at once, others channel by channel."""
    *leading, channels, rows, columns = planes.shape
    together = channels if channels in NATIVE_CHANNELS else 1
    images = planes.reshape(-1, together, rows, columns)
    out = torch.empty((images.shape[0], together, height, width), dtype=torch.uint8)
    for image, place in zip(images, out, strict=True):
        resized = _program(height, width, name).run(pixels_of(image), 0)
        place.copy_(torch.from_numpy(resized).permute(2, 0, 1))
    return out.reshape(*leading, channels, height, width)


def _resize_planes(
    planes: torch.Tensor, height: int, width: int, mode: InterpolationMode, antialias: bool
) -> torch.Tensor:
    if mode in NEAREST:
        for axis, length in ((-2, height), (-1, width)):
            source = _nearest(planes.shape[axis], length).to(planes.device)
            planes = planes.index_select(planes.ndim + axis, source)
        return planes
    if mode not in ANTIALIASED:
        raise ValueError(
            f"interpolation {mode.value!r} is for 8-bit images; {planes.dtype} on {planes.device.type} takes nearest, "
            "bilinear or bicubic"
        )
    *leading, channels, rows, columns = planes.shape
    images = planes.reshape(-1, channels, rows, columns)
    out = torch.nn.functional.interpolate(
        images.to(type_to_mix_in(planes.dtype)),
        size=(height, width),
        mode=mode.value,
        align_corners=False,
        antialias=antialias,
    )
    return values_of_type(out, planes.dtype).reshape(*leading, channels, height, width)


def _nearest(before: int, after: int) -> torch.Tensor:
    """The input under the centre of each output, found as Pillow does: step by step, in double precision."""
    steps = np.full(after, before / after)
    steps[0] = before / after * 0.5
    return torch.from_numpy(np.minimum(np.add.accumulate(steps).astype(np.int64), before - 1))

"""Where pixels go, by explicit numbers: crops, flips, borders."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fastload.transforms._checks import (
    Fill,
    Margins,
    as_fill,
    as_margins,
    as_size,
    check_padding_mode,
    fill_levels,
    fill_values,
    is_int,
)
from fastload.transforms._interpolation import InterpolationMode
from fastload.transforms._kinds import channels_of, is_pil, size_of
from fastload.transforms.functional._resize import resize
from fastload.transforms.functional._tensors import on_tensor

# torch mirrors none of these, and all of the others.
_SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


def get_size(image: Any) -> list[int]:
    """[height, width] of a PIL image, an array or a tensor."""
    return list(size_of(image))


def get_dimensions(image: Any) -> list[int]:
    """[channels, height, width] of a PIL image, an array or a tensor."""
    return [channels_of(image), *size_of(image)]


def horizontal_flip(image: Any) -> Any:
    """The image with left and right exchanged."""
    size_of(image)
    if is_pil(image):
        return image.transpose(0)  # Image.Transpose.FLIP_LEFT_RIGHT
    return on_tensor(lambda planes: _mirrored(planes, -1), image)


def vertical_flip(image: Any) -> Any:
    """The image with top and bottom exchanged."""
    size_of(image)
    if is_pil(image):
        return image.transpose(1)  # Image.Transpose.FLIP_TOP_BOTTOM
    return on_tensor(lambda planes: _mirrored(planes, -2), image)


def _mirrored(planes: torch.Tensor, axis: int) -> torch.Tensor:
    signed = _SIGNED.get(planes.dtype)
    return planes.flip(axis) if signed is None else planes.view(signed).flip(axis).view(planes.dtype)


def crop(image: Any, top: int, left: int, height: int, width: int) -> Any:
    """The height x width pixels from (top, left) on; what lies outside of the image is 0."""
    if not all(is_int(value) for value in (top, left, height, width)):
        raise TypeError(f"top, left, height and width must be ints, got {(top, left, height, width)!r}")
    if height < 1 or width < 1:
        raise ValueError(f"a crop must have at least one pixel, got {height} x {width} (height x width)")
    rows, columns = size_of(image)
    if is_pil(image):
        return image.crop((left, top, left + width, top + height))
    outside = max(0, -left), max(0, -top), max(0, left + width - columns), max(0, top + height - rows)
    if any(outside):
        image = pad(image, list(outside))
        top, left = top + outside[1], left + outside[0]
    return on_tensor(lambda planes: planes[..., top : top + height, left : left + width], image)


def center_crop(image: Any, output_size: int | list[int]) -> Any:
    """The middle of the image; where it is smaller than that, with a border of 0."""
    height, width = as_size(output_size, "output_size")
    rows, columns = size_of(image)
    more_rows, more_columns = max(0, height - rows), max(0, width - columns)
    if more_rows or more_columns:
        image = pad(image, [more_columns // 2, more_rows // 2, (more_columns + 1) // 2, (more_rows + 1) // 2])
        rows, columns = rows + more_rows, columns + more_columns
    # torchvision rounds halves to the even neighbour here.
    return crop(image, round((rows - height) / 2), round((columns - width) / 2), height, width)


def resized_crop(
    image: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | list[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A crop, resized to ``size``."""
    return resize(crop(image, top, left, height, width), size, interpolation, antialias=antialias)


def pad(image: Any, padding: int | list[int], fill: Any = 0, padding_mode: str = "constant") -> Any:
    """The image with a border; negative margins take pixels away.

    padding: one int, [left and right, top and bottom] or [left, top, right, bottom]. fill: a number or one for each
    channel. padding_mode: "constant", "edge" (the last pixel again), "reflect" (mirrored about the last pixel) or
    "symmetric" (mirrored, the last pixel twice). ValueError if there are too few pixels to mirror.
    """
    margins, values, mode = as_margins(padding), as_fill(fill), check_padding_mode(padding_mode)
    rows, columns = size_of(image)
    left, top, right, bottom = margins
    kept_rows, kept_columns = rows + min(0, top) + min(0, bottom), columns + min(0, left) + min(0, right)
    if kept_rows < 1 or kept_columns < 1:
        raise ValueError(f"margins of {margins} (left, top, right, bottom) leave nothing of {rows} x {columns}")
    rows, columns = kept_rows, kept_columns  # negative margins take away first
    most = {"reflect": (columns - 1, rows - 1), "symmetric": (columns, rows)}.get(mode)
    if most is not None and (max(left, right) > most[0] or max(top, bottom) > most[1]):
        raise ValueError(f"margins of {margins} (left, top, right, bottom) cannot be mirrored from {rows} x {columns}")
    if is_pil(image):
        return _pad_pil(image, margins, values, mode)
    return on_tensor(lambda planes: _pad_planes(planes, margins, values, mode), image)


def _pad_planes(planes: torch.Tensor, margins: Margins, fill: Fill, mode: str) -> torch.Tensor:
    left, top, right, bottom = margins
    rows, columns = planes.shape[-2:]
    if mode == "constant":
        level = fill_levels if planes.dtype == torch.uint8 else fill_values
        return _bordered(planes, margins, level(fill, planes.shape[-3]))
    # What negative margins take away cannot be mirrored: they act first.
    planes = planes[..., max(0, -top) : rows - max(0, -bottom), max(0, -left) : columns - max(0, -right)]
    for axis, before, after in ((-2, top, bottom), (-1, left, right)):
        if before > 0 or after > 0:
            source = _sources(planes.shape[axis], max(0, before), max(0, after), mode)
            planes = planes.index_select(planes.ndim + axis, source.to(planes.device))
    return planes


def _bordered(planes: torch.Tensor, margins: Margins, values: list[Any]) -> torch.Tensor:
    left, top, right, bottom = margins
    *leading, channels, rows, columns = planes.shape
    out = planes.new_empty((*leading, channels, rows + top + bottom, columns + left + right))
    out.copy_(torch.tensor(values, dtype=planes.dtype, device=planes.device).view(-1, 1, 1).expand_as(out))
    inside = planes[..., max(0, -top) : rows - max(0, -bottom), max(0, -left) : columns - max(0, -right)]
    first_row, first_column = max(0, top), max(0, left)
    out[..., first_row : first_row + inside.shape[-2], first_column : first_column + inside.shape[-1]] = inside
    return out


def _sources(length: int, before: int, after: int, mode: str) -> torch.Tensor:
    """Which of ``length`` pixels each pixel of the bordered axis shows."""
    place = torch.arange(-before, length + after)
    if mode == "edge":
        return place.clamp(0, length - 1)
    twice = 1 if mode == "symmetric" else 0
    place = torch.where(place < 0, -place - twice, place)
    return torch.where(place >= length, 2 * (length - 1) + twice - place, place)


def _pad_pil(image: Any, margins: Margins, fill: Fill, mode: str) -> Any:
    from PIL import Image

    if mode != "constant":
        return _pad_pil_mirrored(image, margins, mode)
    left, top, right, bottom = margins
    values = fill_values(fill, len(image.getbands()))
    colour = tuple(values) if image.mode == "F" else tuple(int(value) for value in values)
    out = Image.new(image.mode, (image.width + left + right, image.height + top + bottom), _one_or_all(colour))
    if image.mode == "P" and image.palette is not None:
        out.putpalette(image.palette)
    out.paste(image, (left, top))  # what lies outside of the new image is left out
    return out


def _one_or_all(colour: tuple[Any, ...]) -> Any:
    return colour[0] if len(colour) == 1 else colour


def _pad_pil_mirrored(image: Any, margins: Margins, mode: str) -> Any:
    from PIL import Image

    pixels = on_tensor(lambda planes: _pad_planes(planes, margins, 0, mode), np.array(image))
    packed = np.packbits(pixels, axis=1) if image.mode == "1" else pixels  # eight pixels a byte
    out = Image.frombytes(image.mode, (pixels.shape[1], pixels.shape[0]), packed.tobytes())
    if image.mode == "P" and image.palette is not None:
        out.putpalette(image.palette)
    return out


hflip = horizontal_flip
vflip = vertical_flip

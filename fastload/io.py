"""Images from files and bytes to uint8 tensors: JPEG natively and without the GIL, other formats through Pillow.

>>> image = fastload.io.read_image("photo.jpg")                               # (3, height, width), RGB
>>> face = fastload.io.read_image("photo.jpg", region=(40, 60, 224, 224))     # decodes little more than that
>>> small = fastload.io.read_image("photo.jpg", min_size=224)                 # 1/8, 1/4, 1/2 or all of its size
"""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from typing import Any, Literal

import torch

from fastload import _core
from fastload._errors import DecodeError, ForeignImageError
from fastload._pillow import decode_with_pillow, size_with_pillow

__all__ = ["MAX_PIXELS", "DecodeError", "Mode", "Region", "Source", "decode_image", "image_size", "read_image"]

Source = Any  # a path (str or os.PathLike), or bytes: anything with a buffer, a one-dimensional uint8 tensor
Mode = Literal["RGB", "L", "UNCHANGED"]
Region = tuple[int, int, int, int]  # top, left, height, width

MAX_PIXELS = 2 * 89_478_485
"""Images of more pixels are refused: the limit above which Pillow raises DecompressionBombError."""

_LONGEST_SIDE = 2**31 - 1
_MOST = 2**63 - 1
_CHANNELS = {"RGB": 3, "L": 1, "UNCHANGED": 0}


def decode_image(
    source: Source,
    mode: Mode = "RGB",
    region: Region | None = None,
    min_size: int | tuple[int, int] | None = None,
    apply_exif_orientation: bool = True,
    max_pixels: int | None = MAX_PIXELS,
) -> torch.Tensor:
    """The image in ``source`` as a uint8 tensor of shape (channels, height, width).

    Its memory is (height, width, channels), as torchvision's decoder gives it. The pixels are Pillow's:
    ``PIL.Image.open(source).convert(mode)``, turned as EXIF says unless ``apply_exif_orientation`` is false.

    source: a path, or the bytes of a file: bytes, any buffer, a one-dimensional uint8 tensor. A str is a path.
    mode: "RGB", "L" (luminance), or "UNCHANGED": "L" for grey images, "RGB" for others, "RGBA" where a format other
        than JPEG has transparency.
    region: (top, left, height, width) of the oriented image; of a JPEG file little more is decoded. The pixels equal
        those of the whole image, cropped.
    min_size: (height, width) or one number for both. Of a JPEG file the smallest of 1/8, 1/4, 1/2 and 1 of its size at
        which the result (the region, or the image) is at least so large, which takes less time; all of its size if none
        is, and other formats always. Sizes are rounded up; the edges of a region outwards. ``region`` stays in
        pixels of the full size.
    apply_exif_orientation: of a TIFF file it counts for nothing, as Pillow turns those whenever it reads them.
    max_pixels: larger images are refused; None: none are. Of other formats than JPEG Pillow's own limit holds too.

    Raises DecodeError if there is no such image, ValueError if ``region`` is not inside of it.
    """
    if mode not in _CHANNELS:
        raise ValueError(f"mode must be 'RGB', 'L' or 'UNCHANGED', got {mode!r}")
    wanted = None if region is None else _four(region)
    smallest = None if min_size is None else _pair(min_size)
    path, data = _path_or_data(source)
    limit = native_limit(max_pixels)
    try:
        array = _core.decode_jpeg(path, data, _CHANNELS[mode], wanted, smallest, apply_exif_orientation, limit)
    except ForeignImageError:
        array = decode_with_pillow(path, data, mode, wanted, apply_exif_orientation, limit)
    return torch.from_numpy(array).permute(2, 0, 1)


def read_image(
    path: str | bytes | os.PathLike[str],
    mode: Mode = "RGB",
    region: Region | None = None,
    min_size: int | tuple[int, int] | None = None,
    apply_exif_orientation: bool = True,
    max_pixels: int | None = MAX_PIXELS,
) -> torch.Tensor:
    """The image in the file at ``path``: `decode_image` of it. Here bytes are a path, too."""
    return decode_image(os.fsdecode(path), mode, region, min_size, apply_exif_orientation, max_pixels)


def image_size(
    source: Source, apply_exif_orientation: bool = True, max_pixels: int | None = MAX_PIXELS
) -> tuple[int, int]:
    """(height, width) of `decode_image(source)`, from the header alone. Pillow's ``size`` is (width, height).

    Arguments and errors are those of `decode_image`.
    """
    path, data = _path_or_data(source)
    limit = native_limit(max_pixels)
    try:
        height, width, _, _, orientation = _core.jpeg_header(path, data, limit)
    except ForeignImageError:
        return size_with_pillow(path, data, apply_exif_orientation, limit)
    return (width, height) if apply_exif_orientation and orientation >= 5 else (height, width)


def _path_or_data(source: Source) -> tuple[bytes | None, Any]:
    if isinstance(source, (str, os.PathLike)):
        return os.fsencode(source), None
    if isinstance(source, torch.Tensor):
        if source.dtype != torch.uint8 or source.dim() != 1:
            got = f"{source.dtype} of shape {tuple(source.shape)}"
            raise TypeError(f"a tensor of file bytes must be uint8 of one dimension, got {got}")
        return None, source.contiguous().numpy()
    try:
        view = memoryview(source)
    except TypeError:
        raise TypeError(f"expected a path, bytes or a buffer, got {type(source).__name__}") from None
    return None, source if view.c_contiguous else view.tobytes()


def native_limit(max_pixels: int | None) -> int:
    """What the native code takes: 0 for none."""
    if max_pixels is None:
        return 0
    limit = _whole_number(max_pixels, "max_pixels must be a whole number, or None for no limit", max_pixels)
    if limit < 1:
        raise ValueError(f"max_pixels must be at least 1, or None for no limit, got {max_pixels}")
    return min(limit, _MOST)


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    wanted = "min_size must be positive, one whole number or (height, width)"
    sides = size if isinstance(size, Sequence) and not isinstance(size, str) else (size, size)
    if len(sides) != 2:
        raise ValueError(f"{wanted}, got {size!r}")
    height, width = (_whole_number(side, wanted, size) for side in sides)
    if height < 1 or width < 1:
        raise ValueError(f"{wanted}, got {size!r}")
    return min(height, _LONGEST_SIDE), min(width, _LONGEST_SIDE)


def _four(region: Region) -> Region:
    wanted = "region must be four whole numbers, (top, left, height, width)"
    if not isinstance(region, Sequence) or isinstance(region, str):
        raise TypeError(f"{wanted}, got {region!r}")
    if len(region) != 4:
        raise ValueError(f"{wanted}, got {region!r}")
    top, left, height, width = (_whole_number(side, wanted, region) for side in region)
    if max(map(abs, (top, left, height, width))) > _LONGEST_SIDE:
        raise ValueError(f"region {region!r} is not inside the image, which is no longer than {_LONGEST_SIDE}")
    return top, left, height, width


def _whole_number(value: Any, wanted: str, shown: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{wanted}, got {shown!r}") from None

"""Images that the native decoder leaves to Pillow, which is imported when the first of them comes."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastload import _core
from fastload._errors import DecodeError, ForeignImageError

NO_PILLOW = (
    "not a JPEG file that the native decoder reads, and Pillow, which reads other formats, is not installed: "
    "pip install 'fastload[images]'"
)
# A child that is forked while another thread imports has half a module for ever: forks wait for this lock.
_importing = threading.RLock()
os.register_at_fork(before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release)

_ORIENTATION = 0x0112
GREY = {"1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


def decode_with_pillow(
    path: bytes | None,
    data: Any,
    mode: str,
    region: tuple[int, int, int, int] | None,
    apply_exif_orientation: bool,
    max_pixels: int,
) -> NDArray[np.uint8]:
    """(height, width, channels), the caller's own memory. max_pixels: 0 for no limit."""
    with _opened(path, data, max_pixels) as image:
        turned = _oriented(image) if apply_exif_orientation else image
        if region is not None:
            _check_region(region, turned.height, turned.width)
        pixels = np.asarray(turned.convert(_unchanged_mode(turned) if mode == "UNCHANGED" else mode))
    if region is not None:
        top, left, height, width = region
        pixels = pixels[top : top + height, left : left + width]
    return np.array(pixels.reshape(*pixels.shape[:2], -1), order="C")


def size_with_pillow(path: bytes | None, data: Any, apply_exif_orientation: bool, max_pixels: int) -> tuple[int, int]:
    """(height, width)."""
    with _opened(path, data, max_pixels) as image:
        if image.format == "TIFF":  # which Pillow turns as it loads; some versions give the new size before that
            width, height, turns = image.tag_v2[256], image.tag_v2[257], True
        else:
            width, height, turns = image.width, image.height, apply_exif_orientation
        swaps = turns and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
        return (width, height) if swaps else (height, width)


@cache
def import_pillow() -> Any:
    """The package with all it may come to need, its readers of all formats included."""
    with _importing:
        import PIL
        from PIL import Image, ImageOps  # noqa: F401 - as attributes of the package

        Image.init()
        return PIL


@contextmanager
def _opened(path: bytes | None, data: Any, max_pixels: int) -> Iterator[Any]:
    """The file opened by Pillow; what goes wrong with it, here or while it is used, is a DecodeError."""
    shown = None if path is None else os.fsdecode(path)
    try:
        pillow = import_pillow()
    except ImportError as error:
        raise DecodeError(NO_PILLOW, shown) from error
    try:
        with pillow.Image.open(io.BytesIO(data) if shown is None else shown) as image:
            if max_pixels and image.width * image.height > max_pixels:
                raise DecodeError(f"{image.width} x {image.height} pixels, the limit is {max_pixels} in all", shown)
            yield image
    except (DecodeError, _BadRegion, MemoryError):
        raise
    except pillow.UnidentifiedImageError as error:
        raise DecodeError(f"{_native_reason(path, data)}no format that Pillow knows", shown) from error
    except Warning:  # made an error by the user
        raise
    except Exception as error:  # Pillow's readers raise whatever their parsing came upon
        raise DecodeError(str(error) or type(error).__name__, shown) from error


def _native_reason(path: bytes | None, data: Any) -> str:
    """Why the native decoder has left the file to Pillow."""
    try:
        _core.jpeg_header(path, data, 0)
    except ForeignImageError as error:
        return f"{error}, and "
    except DecodeError:
        pass  # it has changed meanwhile
    return ""


class _BadRegion(ValueError):
    pass


def _check_region(region: tuple[int, int, int, int], height: int, width: int) -> None:
    top, left, rows, columns = region
    inside = top >= 0 and left >= 0 and rows > 0 and columns > 0 and top + rows <= height and left + columns <= width
    if not inside:
        raise _BadRegion(
            f"region (top {top}, left {left}, height {rows}, width {columns}) is not inside the image of "
            f"height {height}, width {width}"
        )


def _oriented(image: Any) -> Any:
    return import_pillow().ImageOps.exif_transpose(image)


def _unchanged_mode(image: Any) -> str:
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return "RGBA"
    return "L" if image.mode in GREY else "RGB"

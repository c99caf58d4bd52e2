"""Small image files of every kind, made by Pillow, and what Pillow decodes of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, __version__

# Pillow-SIMD (12.1.1.post0) rounds luminance in another way.
LUMINANCE_LEVELS = 1 if "post" in __version__ else 0
BANDS = {"L": 1, "RGB": 3, "CMYK": 4}


def pixels(height: int, width: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Edges and noise in every block; (height, width) for one channel."""
    rows, columns = np.mgrid[:height, :width]
    slopes = np.stack([rows * 2 + columns * 3 + 40 * k for k in range(channels)], axis=-1) % 200
    noisy = slopes + np.random.default_rng(seed).integers(0, 56, slopes.shape)
    return noisy.astype(np.uint8).reshape((height, width) if channels == 1 else (height, width, channels))


def image_file(height: int = 48, width: int = 64, mode: str = "RGB", format: str = "JPEG", **options: Any) -> bytes:
    """orientation=6: the EXIF tag; other options are those of Pillow's save()."""
    orientation = options.pop("orientation", None)
    if orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    array = pixels(height, width, BANDS[mode])
    image = Image.frombytes(mode, (width, height), array.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def by_pillow(file: bytes, mode: str = "RGB", orient: bool = True) -> NDArray[np.uint8]:
    """(height, width, channels)"""
    from PIL import ImageOps

    with Image.open(io.BytesIO(file)) as image:
        array = np.asarray((ImageOps.exif_transpose(image) if orient else image).convert(mode))
    return array.reshape(*array.shape[:2], -1)


def same_pixels(ours: NDArray[np.uint8], theirs: NDArray[np.uint8], mode: str = "RGB") -> bool:
    """Equal, or where this Pillow rounds otherwise, by no more than that."""
    levels = LUMINANCE_LEVELS if mode == "L" else 0
    return ours.shape == theirs.shape and int(np.abs(ours.astype(int) - theirs).max(initial=0)) <= levels


def by_pillow_at_scale(file: bytes, denominator: int) -> NDArray[np.uint8] | None:
    """The RGB image at 1 / denominator of its size; None where Pillow does not come to that scale."""
    with Image.open(io.BytesIO(file)) as image:
        width, height = image.size
        image.draft("RGB", (max(width // denominator, 1), max(height // denominator, 1)))
        if image.decoderconfig[0] != denominator:
            return None
        return np.asarray(image.convert("RGB"))

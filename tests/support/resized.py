"""Painted images, and what Pillow makes of them when it resizes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, __version__

Pixels = NDArray[np.uint8]

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# Padding modes by torchvision's names, and NumPy's for the same.
NUMPY_MODES = {"constant": "constant", "edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}


def painted(height: int, width: int, channels: int) -> Pixels:
    """(height, width, channels): smooth areas, hard edges and noise; the same for the same size."""
    random = np.random.default_rng(height * 1000 + width * 10 + channels)
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [
        (rows * 255 / max(height - 1, 1)),
        (columns * 255 / max(width - 1, 1)),
        ((rows // 5 + columns // 7) % 2) * 255,
        np.full((height, width), 255),
    ]
    image = np.stack(planes[:channels], axis=2) + random.integers(-20, 20, (height, width, channels))
    return image.clip(0, 255).astype(np.uint8)


def pillow_resized(image: Pixels, height: int, width: int, name: str) -> Pixels:
    """(height, width, C), by Pillow's filter of that name.

    Older versions than 13 always resize the width first, which shows where a filter overshoots, since what is beyond 0
    and 255 is cut off between the passes: with them the passes are made one by one.
    """
    source = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    sizes = [(width, height)]
    if int(__version__.split(".")[0]) < 13 and name != "nearest":
        rows_lost, columns_lost = source.height - height, source.width - width
        height_first = rows_lost > 0 and rows_lost > 2 * columns_lost
        sizes.insert(0, (source.width, height) if height_first else (width, source.height))
    for size in sizes:
        source = source.resize(size, FILTERS[name])
    return np.asarray(source).reshape(height, width, -1)

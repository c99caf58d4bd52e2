"""A folder of small images on disk, as torchvision's ImageFolder wants it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from support.resized import painted

CLASSES = ("ant", "bee", "cat")


def make_folder(root: Path, count: int = 24) -> Path:
    """``count`` JPEG files of different sizes in three classes, and a PNG file among them."""
    for number in range(count):
        folder = root / CLASSES[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = painted(40 + number, 60 - number, 3)
        pixels[:, :, 2] = np.uint8(number * 10)
        image = Image.fromarray(pixels)
        if number == 7:
            image.save(folder / f"{number:03}.png")
        else:
            image.save(folder / f"{number:03}.jpg", quality=92)
    return root

"""Images with objects painted in colours of their own, and where those colours are found again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BACKGROUND = (90, 90, 90)


def colour_of(number: int) -> tuple[int, int, int]:
    """Object ``number``'s colour: no two are alike, and none is the background's or a border's."""
    return (40 + number * 17) % 200 + 30, 255 - number * 13, 3 + number * 7


def painted(height: int, width: int, boxes: list[tuple[int, int, int, int]]) -> NDArray[np.uint8]:
    """(H, W, 3) with a rectangle for each (left, top, right, bottom), the later ones on top."""
    image = np.empty((height, width, 3), dtype=np.uint8)
    image[:] = BACKGROUND
    for number, (left, top, right, bottom) in enumerate(boxes):
        image[top:bottom, left:right] = colour_of(number)
    return image


def found(image: Any, number: int) -> tuple[int, int, int, int] | None:
    """(left, top, right, bottom) of all pixels of that object's very colour; None if there are none."""
    return extent(image, colour_of(number))


def extent(image: Any, colour: tuple[int, int, int]) -> tuple[int, int, int, int] | None:
    """The same of any colour."""
    is_there = (np.asarray(image) == colour).all(axis=-1)
    if not is_there.any():
        return None
    rows, columns = np.flatnonzero(is_there.any(axis=1)), np.flatnonzero(is_there.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def grid_of_boxes(height: int, width: int, side: int, gap: int) -> list[tuple[int, int, int, int]]:
    """Boxes that do not touch each other, of different sizes."""
    boxes = []
    for row, top in enumerate(range(gap, height - side - gap, side + gap)):
        for column, left in enumerate(range(gap, width - side - gap, side + gap)):
            boxes.append((left, top, left + side - (row * 5) % 9, top + side - (column * 7) % 9))
    return boxes[:12]

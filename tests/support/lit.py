"""A few lit pixels on black, and by how much an image that was made of them has moved them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def lit(height: int, width: int, spread: int) -> NDArray[np.uint8]:
    """(H, W, 3), black but for a pattern up to so many pixels around the middle, which no turn leaves as it is."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[tuple(_places(height, width, spread).T)] = 255
    return image


def displacement(image: Any, spread: int) -> tuple[int, int] | None:
    """(right, down) by which all of the pattern has moved, in an image of any levels; None where its form is lost."""
    levels = np.asarray(image).astype(np.float64)
    levels = levels.mean(axis=-1) if levels.ndim == 3 else levels
    found = np.argwhere(levels > (levels.min() + levels.max()) / 2)
    before = _places(*levels.shape, spread)
    if len(found) != len(before):
        return None
    down, across = (found - before).T
    return (int(across[0]), int(down[0])) if len(set(across)) == len(set(down)) == 1 else None


def _places(height: int, width: int, spread: int) -> NDArray[np.int64]:
    """Row by row, as they are found."""
    pattern = np.array([(-spread, -spread), (-spread, spread), (1, 0), (spread, 1 - spread)])
    return np.add(pattern, [height // 2, width // 2])

"""The targets of one sample in pixels, as other libraries and joined samples take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class InPixels:
    """Targets in pixels, as other libraries take them, and what they have become.

    Boxes that are gone have a ``visible`` of 0; everything else keeps its number and order.
    """

    edges: NDArray[np.float64]  # (N, 4) left, top, right, bottom of boxes, or around rotated ones
    quads: NDArray[np.float64]  # (N, 8) corners of rotated boxes; (0, 8) if boxes are not
    points: NDArray[np.float64]  # (P, 2) x, y of key points
    masks: list[NDArray[Any]]  # (H, W) each, of any type
    visible: NDArray[np.float64]  # (N,) the part of each box that is left
    mirrored: bool = False
    clip: bool = True  # whether boxes end at the border


def around(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4) left, top, right, bottom around (N, 8) corners."""
    corners = quads.reshape(-1, 4, 2)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)

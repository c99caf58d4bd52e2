"""Corners of boxes in Albumentations' hands: key points that go with the borders of pixels.

Albumentations moves key points with the centres of pixels where it mirrors, turns and warps, and with their borders
where it resizes. Boxes always go with the borders.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastload.transforms._asked import leaves_of

# These resize, or cut along the borders of pixels; the names that a version has not are none.
_BETWEEN_PIXELS = (
    *("Resize", "RandomScale", "LongestMaxSize", "SmallestMaxSize", "RandomSizedCrop", "RandomResizedCrop"),
    *("RandomSizedBBoxSafeCrop", "CropAndPad", "RandomGridShuffle"),
)


def move_between_pixels(library: Any, transform: Any, name: str) -> None:
    """Let all transforms in one take the key points of that name for places between pixels. It is changed."""
    kinds = tuple(getattr(library, kind) for kind in _BETWEEN_PIXELS if hasattr(library, kind))
    for one in leaves_of(transform):
        move = one._key2func.get(name)
        if move is not None and not isinstance(one, kinds):
            one._key2func[name] = partial(_from_centres, move)  # of which a copy has the copy's


def _from_centres(move: Any, places: NDArray[Any], *given: Any, **params: Any) -> NDArray[Any]:
    """The places moved as what is half a pixel before them, and half a pixel on."""
    half = np.zeros(places.shape[1])
    half[:2] = 0.5
    moved: NDArray[Any] = np.asarray(move(places - half, *given, **params)) + half
    return moved

"""Whether an image was mirrored, told by points that have gone along with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# In parts of the image's sides, and off the borders of tiles that a side is cut into: where small triangles begin.
_STARTS = np.array([[0.27, 0.27], [0.67, 0.34], [0.51, 0.51], [0.34, 0.67], [0.67, 0.67]])
_OUTER = np.array([[0.05, 0.05], [0.95, 0.05], [0.95, 0.95], [0.05, 0.95]])  # left where most of the image has gone
_LEG, _LEAST_LEG = 0.04, 2  # of triangles, in parts of a side and in pixels
_INNER = 3 * len(_STARTS)
COUNT = _INNER + len(_OUTER)
_ROUGH = 0.1  # of the extent of points, which no perspective puts them apart from where one affine map would


def probes_in(size: tuple[int, int]) -> Array:
    """(COUNT, 2) points in an image of that (height, width), to be sent along with it."""
    sides = np.array([size[1], size[0]], dtype=np.float64)
    across, down = np.diag(np.maximum(_LEG * sides, np.minimum(_LEAST_LEG, sides / 8)))
    starts = _STARTS * sides
    return np.concatenate([starts, starts + across, starts + down, _OUTER * sides])


def is_mirrored(before: Array, after: Array) -> bool:
    """Whether left and right are exchanged, from points of which the last ones are the probes; NaN: lost.

    That is what the one affine map does that is nearest to what has become of the points; where it is nowhere near, as
    in an image of tiles that have changed places, most of the triangles say it.
    """
    came = ~np.isnan(after[:, 0])
    inner = came.copy()
    inner[:-COUNT] = inner[len(inner) - len(_OUTER) :] = False
    used = inner if inner.sum() >= 3 else came
    if used.sum() < 3:
        return False
    start, end = before[used] - before[used].mean(axis=0), after[used] - after[used].mean(axis=0)
    votes = 0 if _are_near(start, end) else _turns(after[-COUNT:][:_INNER])
    # The determinant has the sign of that of the map, whichever points came back.
    together = start.T @ end
    return votes < 0 if votes else bool(together[0, 0] * together[1, 1] < together[0, 1] * together[1, 0])


def _are_near(start: Array, end: Array) -> bool:
    """Whether points about their middle have moved about as one linear map would move them."""
    moved = start @ np.linalg.lstsq(start, end)[0]
    return bool(np.abs(moved - end).max() <= _ROUGH * np.abs(end).max())


def _turns(inner: Array) -> int:
    """How many whole triangles turn as they did, less those that turn the other way round."""
    first, second, third = inner.reshape(3, -1, 2)
    across, down = second - first, third - first
    turns = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    return int(np.sign(turns[~np.isnan(turns)]).sum())

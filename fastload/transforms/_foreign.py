"""Transforms of other libraries in a chain: what they get, what is taken from them, and the seed they draw from."""

from __future__ import annotations

import copy
import threading
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from fastload import _core
from fastload.transforms._base import Chain, Transform
from fastload.transforms._kinds import as_it_came, is_image, place_of_image, size_of, with_part
from fastload.transforms._segment import Segment
from fastload.transforms._targets import InPixels, around, targets_of

Array = NDArray[np.float64]
_NOTHING = InPixels(np.zeros((0, 4)), np.zeros((0, 8)), np.zeros((0, 2)), [], np.zeros(0))
_MOST_EXACT = 1 << 24  # whole numbers that float32 holds


class Foreign(Transform):
    """A transform of another library: the image and its targets are handed to it in its own terms, and read back.

    It is seeded for each sample, from the sample's stream, in a copy of its own for each thread.
    """

    is_random = True
    is_container = True
    keeps_kind = False  # whatever its transforms do

    def join(self, segment: Segment, stream: int) -> str | None:
        return "it belongs to another library"

    def run_sample(self, sample: Any, key: int, stream: int, chain: Chain) -> Any:
        seed = _core.sample_key(key, stream, 0) & 0xFFFFFFFF
        if is_image(sample):
            return as_it_came(sample, self.apply_seeded(sample, _NOTHING, seed)[0])
        place = place_of_image(sample)
        before = sample[place]
        found = targets_of(sample, place, chain.box_params)
        if found is None:
            return with_part(sample, place, as_it_came(before, self.apply_seeded(before, _NOTHING, seed)[0]))
        moving, put = found
        image, made = self.apply_seeded(before, moving.in_pixels(size_of(before)), seed)
        moving.take_pixels(made, size_of(image))
        return put(as_it_came(before, image))

    def apply_seeded(self, image: Any, targets: InPixels, seed: int) -> tuple[Any, InPixels]:
        """The image, and the targets in it, transformed with what is drawn from a seed of 32 bits."""
        raise NotImplementedError


_copies = threading.local()


def own_copy(owner: Transform, original: Any) -> Any:
    """This thread's copy of what ``owner`` wraps: seeding one changes it."""
    copies = _copies.__dict__.setdefault("of", WeakKeyDictionary())
    known = copies.get(owner)
    if known is None or known[0] is not original:
        known = copies[owner] = (original, copy.deepcopy(original))
    return known[1]


class Points:
    """Key points, corners of boxes, and three points that tell whether an image was mirrored, as one list.

    Corners tell where turned boxes have gone, and how large a box is that the library has cut off at the border.
    """

    def __init__(self, targets: InPixels, size: tuple[int, int]) -> None:
        height, width = size
        probes = np.array([[0.5, 0.5], [0.75, 0.5], [0.5, 0.75]]) * [width, height]
        self._targets = targets
        self._is_turned = targets.quads.size > 0
        corners = targets.quads if self._is_turned else targets.edges[:, [0, 1, 2, 1, 2, 3, 0, 3]]
        self.sent = np.concatenate([targets.points, corners.reshape(-1, 2), probes])

    def returned(self, points: Array, edges: Array, kept: NDArray[np.bool_], masks: Any, size: Any) -> InPixels:
        """The targets with new points, boxes and masks, in an image of that (height, width).

        edges: (N, 4) of all boxes; those that are not kept may be anything.
        """
        if points.shape != self.sent.shape:
            raise ValueError(
                f"{len(self.sent)} points went into the transform and {len(points)} came out: none may be dropped"
            )
        middle = len(self._targets.points)
        corners = points[middle:-3].reshape(-1, 8)
        outlines = around(corners)
        origin, right, below = points[-3:]
        (a, b), (c, d) = right - origin, below - origin
        edges = _within(outlines if self._is_turned else edges, size)
        areas, left = _areas(outlines), _areas(edges)
        visible = np.divide(left, areas, out=np.zeros(len(edges)), where=kept & (areas > 0))
        return replace(
            self._targets,
            edges=edges,
            quads=corners if self._is_turned else self._targets.quads,
            points=points[:middle],
            masks=list(masks),
            visible=np.minimum(visible, 1.0),
            mirrored=bool(a * d - b * c < 0),
        )


def _within(edges: Array, size: tuple[int, int]) -> Array:
    return np.clip(edges, 0, np.array([size[1], size[0]] * 2, dtype=np.float64))


def _areas(edges: Array) -> Array:
    areas: Array = np.prod(np.maximum(edges[:, 2:] - edges[:, :2], 0), axis=1)
    return areas


def small_type(mask: NDArray[Any]) -> NDArray[Any]:
    """A mask in a type that OpenCV moves about, with the same values."""
    if mask.dtype in (np.uint8, np.int16, np.uint16, np.float32):
        return np.ascontiguousarray(mask)
    if mask.dtype == np.bool_:
        return mask.astype(np.uint8)
    if mask.dtype.kind in "iu" and (mask.size == 0 or np.abs(mask).max() < _MOST_EXACT):
        return mask.astype(np.float32)
    raise ValueError(f"masks of {mask.dtype} with values beyond {_MOST_EXACT} cannot be moved by other libraries")

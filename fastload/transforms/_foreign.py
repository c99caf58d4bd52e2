"""Transforms of other libraries in a chain: what they get, what is taken from them, and the seed they draw from."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from fastload import _core
from fastload._target_names import LABEL_NAMES
from fastload.transforms._base import Chain, Transform
from fastload.transforms._boxes import BoxParams
from fastload.transforms._checks import is_number
from fastload.transforms._in_pixels import InPixels, around
from fastload.transforms._kinds import array_of, as_it_came, is_image, is_pil, place_of_image, size_of, with_part
from fastload.transforms._mirrored import COUNT, is_mirrored, probes_in
from fastload.transforms._sample import HandedOut
from fastload.transforms._segment import Segment
from fastload.transforms._targets import targets_of

Array = NDArray[np.float64]
# The targets of a sample that is an image alone.
NOTHING = InPixels(np.zeros((0, 4)), np.zeros((0, 8)), np.zeros((0, 2)), [], np.zeros(0))
NO_VALUES: Mapping[Any, Any] = MappingProxyType({})
_PIL_MODES = ("L", "LA", "RGB", "RGBA", "I", "F")  # whose numbers are levels, and which come back from an array
_SLACK = 1e-3  # pixels: some libraries count in float32
_APART = 1 + _SLACK  # pixels between boxes and their corners, in libraries that round the sides of images alone
_STEP = 2.0**-22  # of a number: float32 has others at 2**-23 or less of it


class Foreign(Transform):
    """A transform of another library: the image and its targets are handed to it in its own terms, and read back.

    It is seeded for each sample, from the sample's stream, in a copy of its own for each thread.
    """

    theirs: Any  # what is wrapped
    is_random = True
    is_container = True
    is_foreign = True
    keeps_kind = False  # whatever its transforms do

    @property
    def chance(self) -> float:
        """The probability that what is wrapped has of its own; 1 if it has none."""
        p: Any = getattr(self.theirs, "p", None)
        return float(p) if is_number(p) else 1.0

    def certain(self) -> Foreign:
        """The same, with a probability of 1."""
        if self.chance == 1:
            return self
        theirs = copy.copy(self.theirs)
        theirs.p = 1.0
        kind: Any = type(self)
        return cast("Foreign", kind(theirs))

    def join(self, segment: Segment, stream: int) -> str | None:
        return "it belongs to another library"

    def run_sample(self, handed: HandedOut, key: int, stream: int, chain: Chain) -> HandedOut:
        sample, seed = handed.whole, _core.sample_key(key, stream, 0) & 0xFFFFFFFF
        if is_image(sample):
            return HandedOut(as_it_came(sample, self.apply_seeded(sample, NOTHING, seed)[0]), None)
        place = place_of_image(sample)
        before = sample[place]
        found = targets_of(sample, place, chain.box_params)
        if found is None:
            made, _ = self.apply_seeded(before, NOTHING, seed, _named_values(sample))
            return HandedOut(with_part(sample, place, as_it_came(before, made)), None)
        moving, put = found
        moving.left = handed.visible
        if moving.has_plain_boxes and not chain.is_told_of_boxes:
            self._refuse_another_format(moving.params)
        values = {**_named_values(sample), **moving.values}
        image, moved = self.apply_seeded(before, moving.in_pixels(size_of(before)), seed, values)
        moving.take_pixels(moved, size_of(image))
        return HandedOut(put(as_it_came(before, image)), moving.visible)

    def _refuse_another_format(self, params: BoxParams) -> None:
        """ValueError where boxes would be read in a format that nobody has said, and this says another."""
        own = self.box_params
        if own is not None and own.plain_format != params.plain_format:
            raise ValueError(
                f"{type(self).__name__} has bbox_params of {own.format!r}, and the chain that it is in reads boxes as "
                f"{params.format!r}, not being told otherwise: give boxes={own.format!r} to the outermost Compose, or "
                "whatever the samples have"
            )

    def apply_seeded(
        self, image: Any, targets: InPixels, seed: int, values: Mapping[Any, Any] = NO_VALUES
    ) -> tuple[Any, InPixels]:
        """The image, and the targets in it, transformed with what is drawn from a seed of 32 bits.

        The targets are `NOTHING`, itself, where the sample has none. values: what the sample has, by name.
        """
        raise NotImplementedError


def _named_values(part: Any) -> dict[Any, Any]:
    """What the dicts of a sample hold, the outer ones before those in them; dicts in lists may be other samples."""
    values: dict[Any, Any] = {}
    if isinstance(part, tuple | list | Mapping):
        for inner in part.values() if isinstance(part, Mapping) else part:
            if isinstance(inner, Mapping | tuple):
                values = {**_named_values(inner), **values}
    return {**values, **part} if isinstance(part, Mapping) else values


def values_of(image: Any) -> NDArray[Any]:
    """(H, W) or (H, W, C) levels of an image, in this machine's order of bytes, which some libraries take for granted.

    ValueError for PIL images whose numbers are something else.
    """
    if is_pil(image) and image.mode not in _PIL_MODES:
        wanted = "np.asarray(image)" if image.mode.startswith("I;16") else "image.convert('RGB')"
        raise ValueError(
            f"other libraries take PIL images of the modes {', '.join(_PIL_MODES)}, got one of mode {image.mode!r}, "
            f"whose numbers they would misread: hand over {wanted}"
        )
    array = array_of(image)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def labels_of(values: Mapping[Any, Any], count: int, names: Sequence[str] = ()) -> list[Any]:
    """The label of each of so many boxes, as Python has it; None for each where the sample has none.

    names: what labels are called beside "labels" and "label", and rather.
    """
    labels = next((values[name] for name in (*names, *LABEL_NAMES) if name in values), ())
    as_list = labels.tolist() if isinstance(labels, torch.Tensor | np.ndarray) else labels
    is_one_each = isinstance(as_list, list | tuple) and len(as_list) == count
    if not is_one_each or any(isinstance(label, list | tuple) for label in as_list):
        return [None] * count
    return [label.item() if isinstance(label, torch.Tensor | np.generic) else label for label in as_list]


class Points:
    """Key points, corners of boxes, and points that tell whether an image was mirrored, as one list.

    Key points are handed over as they are, all after them as places between pixels: the first pixel is from 0 to 1.
    Corners tell where turned boxes have gone, and how large a box is that the library has cut off at the border.
    """

    def __init__(self, targets: InPixels, size: tuple[int, int]) -> None:
        self._targets = targets
        self._is_turned = targets.quads.size > 0
        self.edges = within(targets.edges, size)  # of boxes as they are seen, which no library refuses
        corners = targets.quads if self._is_turned else _inset(targets.edges, size)[:, [0, 1, 2, 1, 2, 3, 0, 3]]
        self.sent = np.concatenate([targets.points, corners.reshape(-1, 2), probes_in(size)])
        self.corners = slice(len(targets.points), len(self.sent) - COUNT)  # four of each box

    def returned(self, points: Array, edges: Array, kept: NDArray[np.bool_], masks: Any, size: Any) -> InPixels:
        """The targets with new points, boxes and masks, in an image of that (height, width).

        points: as many as were sent; NaN for those that the library has lost. Lost key points lie outside of the image.
        edges: (N, 4) of all boxes; those that are not kept may be anything.
        """
        if points.shape != self.sent.shape:
            raise ValueError(
                f"{len(self.sent)} points went into the transform and {len(points)} came out: none may be dropped"
            )
        own, probes = slice(self.corners.start), self.corners.stop
        # Key points tell nothing of corners: some libraries mirror them about other places.
        corners = _by_one_map(self.sent[own.stop :], points[own.stop :])[: probes - own.stop]
        corners = self._completed(corners.reshape(-1, 8), edges)
        outlines = around(corners)
        seen = within(outlines if self._is_turned else edges, size)
        areas, left = _areas(outlines), _areas(seen)
        visible = np.divide(left, np.maximum(areas, left), out=np.zeros(len(edges)), where=kept & (left > 0))
        return replace(
            self._targets,
            edges=seen if self._targets.clip or self._is_turned else self._beyond(edges, outlines, size),
            quads=corners if self._is_turned else self._targets.quads,
            points=np.where(np.isnan(points[own]), -1.0, points[own]),
            masks=list(masks),
            visible=visible,
            mirrored=is_mirrored(self.sent, points),
        )

    def _beyond(self, edges: Array, outlines: Array, size: tuple[int, int]) -> Array:
        """Boxes with what lies beyond the border, where a library has cut them off and their corners still tell.

        The side opposite one that was cut is the library's, and the length that of the corners: some libraries resize
        points otherwise than boxes.
        """
        whole = edges.copy()
        was_cut = (self.edges != self._targets.edges).any(axis=1)
        for low, high, end in ((0, 2, size[1]), (1, 3, size[0])):
            lengths = outlines[:, high] - outlines[:, low]
            cut_low = (edges[:, low] <= _SLACK) | (was_cut & (edges[:, low] - outlines[:, low] > _APART))
            cut_high = (edges[:, high] >= end - _SLACK) | (was_cut & (outlines[:, high] - edges[:, high] > _APART))
            first = np.where(cut_high, outlines[:, low], edges[:, high] - lengths)
            last = np.where(cut_low, outlines[:, high], edges[:, low] + lengths)
            whole[:, low] = np.where(cut_low, np.minimum(first, edges[:, low]), edges[:, low])
            whole[:, high] = np.where(cut_high, np.maximum(last, edges[:, high]), edges[:, high])
        return whole

    def _completed(self, corners: Array, edges: Array) -> Array:
        """Corners with those that were lost: one lies opposite the other three, more went where the box has gone."""
        corners = corners.copy()
        for number in np.flatnonzero(np.isnan(corners).any(axis=1)).tolist():
            places = corners[number].reshape(4, 2)
            lost = np.flatnonzero(np.isnan(places[:, 0]))
            if len(lost) == 1:
                places[lost[0]] = places[lost[0] - 1] + places[lost[0] - 3] - places[lost[0] - 2]
            else:
                sent = self.sent[self.corners][4 * number :][:4]
                places[:] = _moved_along(sent, self.edges[number], edges[number])
        return corners


def within(edges: Array, size: tuple[int, int]) -> Array:
    """What of boxes lies in an image of that (height, width)."""
    return np.clip(edges, 0, np.array([size[1], size[0]] * 2, dtype=np.float64))


def _inset(edges: Array, size: tuple[int, int]) -> Array:
    """Boxes in the image a step of float32 smaller: so their ends are no other tile's, and not outside."""
    is_inside = (within(edges, size) == edges).all(axis=1, keepdims=True)
    smaller: Array = edges + _STEP * np.maximum(np.abs(edges), 1) * [1, 1, -1, -1]
    return np.where(is_inside, smaller, edges)


def _areas(edges: Array) -> Array:
    areas: Array = np.prod(np.maximum(edges[:, 2:] - edges[:, :2], 0), axis=1)
    return areas


def _moved_along(places: Array, before: Array, after: Array) -> Array:
    """Places in a box, moved and scaled as the box was; its middle if it had no area."""
    lengths = before[2:] - before[:2]
    parts = np.divide(places - before[:2], lengths, out=np.full(places.shape, 0.5), where=lengths > 0)
    moved: Array = after[:2] + parts * (after[2:] - after[:2])
    return moved


def _by_one_map(sent: Array, came: Array) -> Array:
    """The points that came back, and where the others are if one affine map moved all those that did."""
    known = ~np.isnan(came[:, 0])
    if known.all() or known.sum() < 4:  # three agree on one whatever moved them
        return came
    places = np.column_stack([sent, np.ones(len(sent))])
    matrix, _, rank, _ = np.linalg.lstsq(places[known], came[known])
    moved = places @ matrix
    agree = rank == 3 and np.abs(moved - came)[known].max() <= _SLACK
    return np.where(known[:, None], came, moved) if agree else came

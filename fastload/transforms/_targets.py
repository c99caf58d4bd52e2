"""What moves with an image: the boxes, masks, key points and per-object values of a sample."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastload import _core
from fastload._of_objects import axes_of
from fastload._target_names import OF_THE_IMAGE, tv_name
from fastload.transforms._boxes import (
    NORMALIZED,
    BoxParams,
    columns_of,
    edges_of,
    have_sides,
    is_rotated,
    quads_of,
    refuse_pixels,
    refuse_points,
    rotated_written,
    sides_of,
    written,
)
from fastload.transforms._holders import Roles, find_targets, roles_of, targets_in_lists, values_at, with_values
from fastload.transforms._in_pixels import InPixels, around
from fastload.transforms._kinds import is_batch, with_part
from fastload.transforms._masks import Size, moved_mask, planes_of, with_planes
from fastload.transforms._parts_left import left_of, part_of_all
from fastload.transforms._values import as_before, chosen_of, float_rows, is_single, length_of

_OF_THE_IMAGE = (*OF_THE_IMAGE, "image", "images", "img")
# Values of its objects: as many as there are boxes, or the sample is at fault.
_STACKS = ("masks", "keypoints")  # where they have three axes or more
_OF_THE_OBJECTS = ("labels", "area", "iscrowd", "scores", *_STACKS)
_STILL = _core.ImageProgram([])
_NO_EDGES, _NO_QUADS, _NO_POINTS = np.zeros((0, 4)), np.zeros((0, 8)), np.zeros((0, 2))
Shown = Callable[[], NDArray[np.int64]]


class Written(NamedTuple):
    """Boxes as they were handed out, and what they stood for."""

    native: _core.Targets
    size: Size  # of the image
    box_format: str
    rows: NDArray[np.float64]
    numbers: list[int]  # of their objects
    left: NDArray[np.float64] | None  # of all objects, before the native ones began


class Moving:
    """The targets of one sample. `native` hands them to a program, `take` says what that has done, `written` reads it.

    Between programs boxes and points stay native: as outlines, with what is visible of them, and not rounded.
    values: what belongs to the image, by name. A mapping's own names, or the positions of a tuple's parts. roles: which
    of them are "boxes", "masks" or "keypoints".
    """

    def __init__(self, values: dict[Any, Any], params: BoxParams, roles: Roles | None = None) -> None:
        self.values = values
        self.params = params
        self._roles = roles_of(values) if roles is None else roles
        self._names: dict[str, Any] = {}  # the first of each role
        self._known_format = ""  # a cached_property takes a lock, and there is one of these for each sample
        self._native: _core.Targets | None = None  # since they were first handed to a program
        self._size: Size | None = None  # of the image that they have been moved to, and are to be written down for
        self._kept: NDArray[np.bool_] | None = None  # which boxes were written down
        self.left: NDArray[np.float64] | None = None  # the part of each box that could be seen at first; None: all
        self._seen: NDArray[np.float64] | None = None  # that of those that were written down
        for name, role in self._roles.items():
            if self._names.setdefault(role, name) != name and role != "masks":
                names = [one for one, found in self._roles.items() if found == role]
                raise ValueError(f"a sample has one set of {role}, this one has {len(names)}: {names}")

    def __bool__(self) -> bool:
        return bool(self._roles)

    @property
    def visible(self) -> NDArray[np.float64] | None:
        """The part of each box that can be seen as they are written, of what they were before anything cut them off."""
        return self.left if self._seen is None else self._seen

    @property
    def has_masks(self) -> bool:
        return "masks" in self._names

    @property
    def has_plain_boxes(self) -> bool:
        """Whether there are boxes that do not say themselves how they are written."""
        name = self._names.get("boxes")
        return name is not None and not tv_name(self.values[name])

    def native(self) -> _core.Targets:
        """The boxes and points, as they are now."""
        if self._native is None:
            self._native = self._made_native()
        elif self._size is not None:
            self._native.go_on()
        return self._native

    def native_of(self, image: Any) -> _core.Targets:
        """The same, for what is made of one image; ValueError for several, whose targets are no sample's."""
        if is_batch(image):
            raise ValueError(
                f"the targets of a batch of images {tuple(image.shape)} cannot move with them: give transforms that "
                "move boxes, masks or key points to the data set, which has samples one by one"
            )
        return self.native()

    def _made_native(self) -> _core.Targets:
        boxes = self._checked_boxes()
        plain, quads, relative = _NO_EDGES, _NO_QUADS, False
        if boxes is not None:
            box_format = self._format
            relative = box_format.endswith(NORMALIZED)
            if is_rotated(box_format):
                quads = quads_of(boxes, box_format)
            else:
                plain = self._edges(boxes, box_format)
        return _core.Targets(plain, quads, self._flat_points(), self.params.outline == "ellipse", relative)

    def _edges(self, boxes: NDArray[np.float64], box_format: str) -> NDArray[np.float64]:
        edges = edges_of(boxes, box_format)
        if box_format.endswith(NORMALIZED) and self.params.clip:  # else they may have come from a small crop
            refuse_pixels(boxes, box_format)
        return edges

    def in_pixels(self, size: Size) -> InPixels:
        """The same with masks, for others to transform; size is the image's (height, width)."""
        boxes = self._checked_boxes()
        edges, quads = _NO_EDGES, _NO_QUADS
        if boxes is not None:
            box_format = self._format
            if is_rotated(box_format):
                quads = quads_of(boxes, box_format)
                edges = around(quads)
            else:
                edges = self._edges(boxes, box_format)
                if box_format.endswith(NORMALIZED):
                    edges = edges * np.array([size[1], size[0]] * 2, dtype=np.float64)
        masks = [plane for value in self._masks().values() for plane in planes_of(value, size)]
        return InPixels(edges, quads, self._flat_points(), masks, np.ones(len(edges)), clip=self.params.clip)

    def take_pixels(self, made: InPixels, size: Size) -> None:
        """Let the values become what another library has made of them in an image of that (height, width)."""
        kept = None
        if self._names.get("boxes") is not None:
            kept = self._keep_boxes(made.edges, made.quads, made.visible, made.mirrored, size)
        height, width = size
        seen = (made.points >= 0).all(axis=1) & (made.points[:, 0] <= width) & (made.points[:, 1] <= height)
        self._place_points(made.points, seen, made.mirrored, size)
        planes = iter(made.masks)
        for name, value in self._masks().items():
            self.values[name] = with_planes(value, planes, size)
        if kept is not None and np.count_nonzero(kept) < len(kept):
            self._drop(kept)

    def settle(self, size: Size) -> None:
        """Let boxes and points that stay where they are become what they would in a pass over the pixels."""
        if self._size is None:
            targets = self.native()
            _STILL.move(0, *size, targets)
            self.take(size, size, None)

    def take(self, before: Size, size: Size, shown: Shown | None) -> None:
        """Let the targets be what the program has made of the native ones.

        before, size: (height, width) of the image until now and from now on. shown: which of its pixels are shown
        where; asked for if there are masks. None: all stay.
        """
        self._size = size
        if shown is None or not self.has_masks:
            return
        pixels = shown()
        for name, value in self._masks().items():
            self.values[name] = moved_mask(value, pixels, before, self.params.mask_fill)

    def written(self) -> dict[Any, Any]:
        """The values, with boxes and points as they are by now, and without what belongs to boxes that have gone."""
        native, size = self._native, self._size
        if native is None or size is None:
            return self.values
        self._size, kept = None, None
        if self._names.get("boxes") is not None:
            turned = is_rotated(self._format)
            edges, quads = native.boxes(self.params.clip or turned), native.quads() if turned else _NO_QUADS
            kept = self._kept = self._keep_boxes(edges, quads, native.visible(), native.mirrored, size)
        if self._names.get("keypoints") is not None:
            self._place_points(native.points(), native.points_seen(), native.mirrored, size)
        if kept is not None and np.count_nonzero(kept) < len(kept):
            self._drop(kept)
        return self.values

    def handed_out(self, size: Size) -> Written | None:
        """What the written boxes stand for, in an image of (height, width); None if nothing has been done to them."""
        boxes = self._boxes()
        if self._native is None or self._kept is None or boxes is None:
            return None
        return Written(self._native, size, self._format, boxes, np.flatnonzero(self._kept).tolist(), self.left)

    def resume(self, before: Written, size: Size) -> None:
        """Let boxes that have come back as they were handed out, in an image of the same size, stand for the same."""
        boxes = self._boxes()
        if boxes is None or size != before.size or self._format != before.box_format:
            return
        # Other libraries keep boxes as float32 parts of the sides, and give them back that exactly.
        most = 1e-5 * (1 if before.box_format.endswith(NORMALIZED) else max(size))
        is_free = np.ones(len(before.rows), dtype=bool)
        numbers = []
        for row in boxes:
            same = np.flatnonzero(is_free & (np.abs(before.rows - row) <= most).all(axis=1))
            is_free[same[:1]] = False
            numbers.append(before.numbers[same[0]] if len(same) else -1)
        if any(number >= 0 for number in numbers):
            self.native().resume(before.native, numbers)
            self.left = left_of(self.left, before.left, numbers)

    def _masks(self) -> dict[Any, Any]:
        return {name: self.values[name] for name, role in self._roles.items() if role == "masks"}

    @property
    def _format(self) -> str:
        """How the boxes are written, before and after."""
        if not self._known_format:
            self._known_format = self._found_format()
        return self._known_format

    def _found_format(self) -> str:
        value = self.values[self._names["boxes"]]
        own = getattr(value, "format", None) if tv_name(value) else None
        if own is None:
            return self.params.plain_format
        name = str(own.value).lower()
        return f"{name}_anticlockwise" if name.endswith("r") else name

    def _boxes(self) -> NDArray[np.float64] | None:
        name = self._names.get("boxes")
        if name is None:
            return None
        boxes = float_rows(self.values[name], f"the {name} of a sample")
        columns = columns_of(self._format)
        if boxes.size == 0:
            boxes = np.zeros((0, columns))
        if boxes.ndim != 2 or boxes.shape[1] != columns:
            raise ValueError(
                f"{name!r} must be (N, {columns}) numbers in the format {self._format}, got shape {boxes.shape}"
            )
        return boxes

    def _checked_boxes(self) -> NDArray[np.float64] | None:
        """The boxes of a sample in which everything that is certainly of objects has an entry for each box."""
        boxes = self._boxes()
        if boxes is None:
            return None
        fields = self.params.fields
        for name in _OF_THE_OBJECTS if fields is None else fields:
            value = self.values.get(name)
            if value is None or (fields is None and name in _STACKS and getattr(value, "ndim", 0) < 3):
                continue
            count = length_of(value)
            if count != len(boxes) and not (fields is None and is_single(value)):
                got = f"{count} entries" if count >= 0 else f"none that can be dropped ({type(value).__name__})"
                raise (ValueError if count >= 0 else TypeError)(
                    f"{name!r} has {got} and {self._names['boxes']!r} has {len(boxes)}: there must be one for each "
                    "box, or BoxParams(fields=...) must name the per-object values without it"
                )
        return boxes

    def _points(self) -> NDArray[np.float64] | None:
        name = self._names.get("keypoints")
        if name is None:
            return None
        points = float_rows(self.values[name], f"the {name} of a sample")
        if len(points) == 0:
            return points if points.ndim > 1 and points.shape[-1] in (2, 3) else np.zeros((0, 2))
        if points.ndim not in (2, 3) or points.shape[-1] not in (2, 3):
            raise ValueError(
                f"{name!r} must be (K, 2), (N, K, 2), or with a third number for visibility; got shape {points.shape}"
            )
        refuse_points(points)
        return points

    def _flat_points(self) -> NDArray[np.float64]:
        points = self._points()
        return _NO_POINTS if points is None else np.ascontiguousarray(points[..., :2].reshape(-1, 2))

    def _keep_boxes(
        self,
        edges: NDArray[np.float64],
        quads: NDArray[np.float64],
        visible: NDArray[np.float64],
        mirrored: bool,
        size: Size,
    ) -> NDArray[np.bool_]:
        """Write the boxes down as they came; which of them are kept."""
        params, name, box_format = self.params, self._names["boxes"], self._format
        visible = part_of_all(self.left, visible, params.clip and not is_rotated(box_format))
        kept = _core.boxes_left(edges, visible)
        if params.min_visibility > 0:
            kept &= visible >= params.min_visibility
        turned = is_rotated(box_format)
        boxes = rotated_written(quads, box_format, mirrored) if turned else written(edges, box_format, size)
        if params.min_width > 0 or params.min_height > 0 or params.min_area > 0:
            upright = edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]
            widths, heights = sides_of(boxes, box_format) if turned else upright
            kept &= (widths >= params.min_width) & (heights >= params.min_height)
            kept &= widths * heights >= params.min_area
        self.values[name] = as_before(boxes, self.values[name], size)
        if getattr(getattr(self.values[name], "dtype", None), "itemsize", 4) < 4:  # numbers of 16 bits merge more edges
            kept &= have_sides(float_rows(self.values[name], name), box_format)
        self._seen = visible[kept]
        return kept

    def _place_points(self, places: NDArray[np.float64], seen: NDArray[np.bool_], mirrored: bool, size: Size) -> None:
        points = self._points()
        if points is None:
            return
        points = points.copy()
        points[..., :2] = places.reshape(*points.shape[:-1], 2)
        if points.shape[-1] == 3:
            points[..., 2] = np.where(seen.reshape(points.shape[:-1]), points[..., 2], 0)
        if mirrored and self.params.keypoint_swaps and points.size:
            order = np.arange(points.shape[-2])
            for one, other in self.params.keypoint_swaps:
                if max(one, other) >= len(order):
                    raise ValueError(
                        f"keypoint_swaps has ({one}, {other}), and there are {len(order)} key points: {points.shape}"
                    )
                order[[one, other]] = order[[other, one]]
            points = points[..., order, :]
        name = self._names["keypoints"]
        self.values[name] = as_before(points, self.values[name], size)

    def _drop(self, kept: NDArray[np.bool_]) -> None:
        for name, value in self.values.items():
            if self.is_per_object(name, value, len(kept)):
                self.values[name] = chosen_of(value, kept)

    def object_count(self) -> int:
        """How many objects the sample has: its boxes, or else what it has planes of masks or rows of points for."""
        for role in ("boxes", "masks", "keypoints"):
            name = self._names.get(role)
            if name is not None and (role == "boxes" or getattr(self.values[name], "ndim", 3) >= 3):
                return length_of(self.values[name])
        return -1

    def masks_of_the_image(self) -> list[Any]:
        """The names of masks that are not of its objects."""
        count = self.object_count()
        return [name for name, value in self._masks().items() if not self.is_per_object(name, value, count)]

    def is_per_object(self, name: Any, value: Any, count: int) -> bool:
        """Whether the value has an entry for each of so many objects."""
        role = self._roles.get(name, "")
        if role == "boxes":
            return True
        if length_of(value) != count:
            return False
        if role == "masks":
            return count == 0 or bool(getattr(value, "ndim", 3) >= 3)
        if role == "keypoints" and (count == 0 or axes_of(value) >= 3):
            return True
        if self.params.fields is not None and isinstance(name, str):  # parts of a tuple have no names to list
            return name in self.params.fields
        return name not in _OF_THE_IMAGE


def targets_of(sample: Any, place: Any, params: BoxParams) -> tuple[Moving, Callable[[Any], Any]] | None:
    """The targets in a sample whose image is at ``place``, and a function from a new image to the new sample.

    None if there are none; ValueError if they are in several places. A list of targets beside a batch of images cannot
    be moved, and may not stay behind either: `Moving.native_of` refuses it.
    """
    found = find_targets(sample, place)
    if found is None:
        others = targets_in_lists(sample) if is_batch(sample[place]) else None
        return None if others is None else (Moving(others, params), partial(with_part, sample, place))
    path, roles = found
    moving = Moving(values_at(sample, path, place), params, roles)

    def put(image: Any) -> Any:
        values = moving.written()
        if path:
            values = {path[0]: with_values(sample[path[0]], path[1:], values)}
        return with_values(sample, (), {**values, place: image})

    return moving, put

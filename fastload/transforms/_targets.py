"""What moves with an image: the boxes, masks, key points and per-object values of a sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload import _core
from fastload.transforms._boxes import NORMALIZED, BoxParams, edges_of, quads_of, refuse, rotated_written, written
from fastload.transforms._kinds import is_pil

BOX_NAMES = ("boxes", "bboxes")
MASK_NAMES = ("masks", "mask", "segmentation_mask")
KEYPOINT_NAMES = ("keypoints",)
# Values of the image, not of its objects, even if there are as many of them.
_OF_THE_IMAGE = (
    "image",
    "images",
    "img",
    "image_id",
    "size",
    "orig_size",
    "image_size",
    "canvas_size",
    "path",
    "file_name",
)
_TV_TENSORS = "torchvision.tv_tensors"
Shown = Callable[[], NDArray[np.int64]]
Size = tuple[int, int]


def tv_name(value: Any) -> str:
    """ "BoundingBoxes", "Mask", ... of one of torchvision's own tensors, else ""."""
    kind = type(value)
    return kind.__name__ if kind.__module__.startswith(_TV_TENSORS) else ""


def role_of(name: Any, value: Any) -> str:
    """ "boxes", "masks", "keypoints", or "" for everything else."""
    if tv_name(value):
        return {"BoundingBoxes": "boxes", "Mask": "masks", "KeyPoints": "keypoints"}.get(tv_name(value), "")
    if value is None or isinstance(value, str):
        return ""
    roles = {"boxes": BOX_NAMES, "masks": MASK_NAMES, "keypoints": KEYPOINT_NAMES}
    return next((role for role, names in roles.items() if name in names), "")


class Moving:
    """The targets of one sample. `native` hands them to a program, `take` reads what has become of them.

    values: what belongs to the image, by name. A mapping's own names, or the positions of a tuple's parts.
    """

    def __init__(self, values: dict[Any, Any], params: BoxParams) -> None:
        self.values = values
        self.params = params
        self._roles = {name: role for name, value in values.items() if (role := role_of(name, value))}
        for role in ("boxes", "keypoints"):
            names = [name for name, found in self._roles.items() if found == role]
            if len(names) > 1:
                raise ValueError(f"a sample has one set of {role}, this one has {len(names)}: {names}")

    def __bool__(self) -> bool:
        return bool(self._roles)

    @property
    def has_masks(self) -> bool:
        return "masks" in self._roles.values()

    def native(self) -> _core.Targets:
        """The boxes and points, as they are now."""
        boxes = self._boxes()
        points = self._points()
        plain, quads, relative = np.zeros((0, 4)), np.zeros((0, 8)), False
        if boxes is not None:
            box_format = self._format()
            relative = box_format.endswith(NORMALIZED)
            if self.params.is_rotated:
                quads = quads_of(boxes, box_format)
            else:
                plain = edges_of(boxes, box_format)
        flat = np.zeros((0, 2)) if points is None else np.ascontiguousarray(points[..., :2].reshape(-1, 2))
        return _core.Targets(plain, quads, flat, self.params.outline == "ellipse", relative)

    def take(self, native: _core.Targets, before: Size, size: Size, shown: Shown) -> None:
        """Let the values become what they are in the transformed image.

        before, size: (height, width) of the image until now and from now on. shown: which of its pixels are shown
        where; asked for if there are masks.
        """
        kept = self._take_boxes(native, size)
        self._take_points(native, size)
        pixels = shown() if self.has_masks else None
        for name, role in self._roles.items():
            if role == "masks" and pixels is not None:
                self.values[name] = _moved_mask(self.values[name], pixels, before, self.params.mask_fill)
        if kept is not None and not kept.all():
            self._drop(kept)

    def _name(self, role: str) -> Any:
        return next((name for name, found in self._roles.items() if found == role), None)

    def _format(self) -> str:
        value = self.values[self._name("boxes")]
        own = getattr(value, "format", None) if tv_name(value) else None
        return str(own.value).lower() if own is not None else self.params.plain_format

    def _boxes(self) -> NDArray[np.float64] | None:
        name = self._name("boxes")
        if name is None:
            return None
        boxes = _numbers(self.values[name], f"the {name} of a sample")
        columns = self.params.columns
        if boxes.size == 0:
            return np.zeros((0, columns))
        if boxes.ndim != 2 or boxes.shape[1] != columns:
            raise ValueError(
                f"{name!r} must be (N, {columns}) numbers in the format {self._format()}, got shape {boxes.shape}"
            )
        return boxes

    def _points(self) -> NDArray[np.float64] | None:
        name = self._name("keypoints")
        if name is None:
            return None
        points = _numbers(self.values[name], f"the {name} of a sample")
        if points.size == 0:
            return points.reshape(*points.shape[:-1], points.shape[-1]) if points.ndim > 1 else np.zeros((0, 2))
        if points.ndim not in (2, 3) or points.shape[-1] not in (2, 3):
            raise ValueError(
                f"{name!r} must be (K, 2), (N, K, 2), or with a third number for visibility; got shape {points.shape}"
            )
        flat = points[..., :2].reshape(-1, 2)
        refuse(flat, ~np.isfinite(flat).all(axis=1), "key points", "its numbers must be finite")
        return points

    def _take_boxes(self, native: _core.Targets, size: Size) -> NDArray[np.bool_] | None:
        """Which objects are kept; None if there are no boxes."""
        name = self._name("boxes")
        if name is None:
            return None
        params = self.params
        visible = native.visible()
        edges = native.boxes(params.clip or params.is_rotated)
        sides = edges[:, 2:] - edges[:, :2]
        kept = (visible > 0) & (visible >= params.min_visibility) & (sides > 0).all(axis=1)
        kept &= (sides[:, 0] >= params.min_width) & (sides[:, 1] >= params.min_height)
        kept &= sides[:, 0] * sides[:, 1] >= params.min_area
        if params.is_rotated:
            boxes = rotated_written(native.quads(), params.format, native.mirrored)
        else:
            boxes = written(edges, self._format(), size)
        self.values[name] = _as_before(boxes, self.values[name], size)
        return kept

    def _take_points(self, native: _core.Targets, size: Size) -> None:
        points = self._points()
        if points is None:
            return
        points = points.copy()
        places = native.points().reshape(*points.shape[:-1], 2)
        points[..., :2] = places
        if points.shape[-1] == 3:
            seen = native.points_seen().reshape(points.shape[:-1])
            points[..., 2] = np.where(seen, points[..., 2], 0)
        if native.mirrored and self.params.keypoint_swaps and points.size:
            order = np.arange(points.shape[-2])
            for one, other in self.params.keypoint_swaps:
                if max(one, other) >= len(order):
                    raise ValueError(
                        f"keypoint_swaps has ({one}, {other}), and there are {len(order)} key points: {points.shape}"
                    )
                order[[one, other]] = order[[other, one]]
            points = points[..., order, :]
        name = self._name("keypoints")
        self.values[name] = _as_before(points, self.values[name], size)

    def _drop(self, kept: NDArray[np.bool_]) -> None:
        for name, value in self.values.items():
            if self._is_per_object(name, value, len(kept)):
                self.values[name] = _chosen(value, kept)

    def _is_per_object(self, name: Any, value: Any, count: int) -> bool:
        role = self._roles.get(name, "")
        if role == "boxes":
            return True
        if _length(value) != count:
            return False
        if role == "masks":
            return isinstance(value, list | tuple) or value.ndim == 3
        if role == "keypoints":
            return isinstance(value, list | tuple) or value.ndim == 3 or count == value.shape[0]
        if self.params.fields is not None:
            return name in self.params.fields
        return name not in _OF_THE_IMAGE


def targets_of(sample: Any, place: Any, params: BoxParams) -> tuple[Moving, Callable[[Any], Any]] | None:
    """The targets in a sample whose image is at ``place``, and a function from a new image to the new sample.

    Targets are found in a dict sample, in a dict that is a part of a tuple, and as torchvision's own tensors in a
    tuple. None if there are none.
    """
    if isinstance(sample, Mapping):
        moving = Moving({name: value for name, value in sample.items() if name != place}, params)
        kind: Any = type(sample)
        return (moving, lambda image: kind({**sample, **moving.values, place: image})) if moving else None
    if not isinstance(sample, tuple | list):
        return None
    for number, part in enumerate(sample):
        if number != place and isinstance(part, Mapping):
            moving = Moving(dict(part), params)
            if moving:
                return moving, _into_dict(sample, place, number, moving)
    moving = Moving({n: part for n, part in enumerate(sample) if n != place and tv_name(part)}, params)
    return (moving, lambda image: _put(sample, {place: image, **moving.values})) if moving else None


def _into_dict(sample: Any, place: Any, number: int, moving: Moving) -> Callable[[Any], Any]:
    kind: Any = type(sample[number])
    return lambda image: _put(sample, {place: image, number: kind(moving.values)})


def _put(sample: Any, parts: dict[int, Any]) -> Any:
    values = [parts.get(number, part) for number, part in enumerate(sample)]
    return type(sample)(*values) if hasattr(sample, "_fields") else type(sample)(values)


def _numbers(values: Any, what: str) -> NDArray[np.float64]:
    """float64 of a tensor, an array, or sequences of numbers."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must be numbers, rows of one length; got {type(values).__name__}: {error}") from error


def _as_before(values: NDArray[np.float64], before: Any, size: Size) -> Any:
    """Numbers in the container that they came in; floats keep their type, and everything else becomes float32."""
    if isinstance(before, torch.Tensor):
        dtype = before.dtype if before.is_floating_point() else torch.float32
        moved = torch.from_numpy(np.ascontiguousarray(values)).to(dtype)
        if tv_name(before):
            kind: Any = type(before)
            extra = {"canvas_size": size}
            if tv_name(before) == "BoundingBoxes":
                extra["format"] = getattr(before, "format")  # noqa: B009 - a plain tensor has none
            return kind(moved, **extra)
        return moved.to(before.device)
    if isinstance(before, np.ndarray):
        return values.astype(before.dtype if before.dtype.kind == "f" else np.float32)
    rows: list[Any] = values.astype(np.float32).tolist()
    inner = next((type(row) for row in before if isinstance(row, list | tuple)), tuple)
    converted = [inner(row) for row in rows]
    return tuple(converted) if isinstance(before, tuple) else converted


def _moved_mask(mask: Any, pixels: NDArray[np.int64], before: Size, fill: int) -> Any:
    """The mask, or masks, as the image shows them: the last two axes are rows and columns."""
    if isinstance(mask, list | tuple):
        return type(mask)(_moved_mask(one, pixels, before, fill) for one in mask)
    if is_pil(mask):
        from PIL import Image

        moved = Image.fromarray(_gathered(np.asarray(mask), pixels, before, fill))
        if mask.mode == "P":
            moved.putpalette(mask.getpalette())
        return moved
    if isinstance(mask, torch.Tensor):
        planes = torch.from_numpy(_gathered(mask.detach().cpu().numpy(), pixels, before, fill))
        kind: Any = type(mask)
        return kind(planes) if tv_name(mask) else planes.to(mask.device)
    if isinstance(mask, np.ndarray):
        return _gathered(mask, pixels, before, fill)
    raise TypeError(f"a mask must be an array, a tensor or a PIL image, got {type(mask).__name__}")


def _gathered(mask: NDArray[Any], pixels: NDArray[np.int64], before: Size, fill: int) -> NDArray[Any]:
    if mask.shape[-2:] != before:
        raise ValueError(
            f"a mask must be (..., {before[0]}, {before[1]}) as its image is (height x width), got shape {mask.shape}"
        )
    flat = mask.reshape(*mask.shape[:-2], before[0] * before[1])
    inside = pixels >= 0
    moved = flat[..., np.where(inside, pixels, 0)]
    moved[..., ~inside] = fill
    return moved


def _length(value: Any) -> int:
    if isinstance(value, torch.Tensor | np.ndarray):
        return int(value.shape[0]) if value.ndim else -1
    return len(value) if isinstance(value, list | tuple) else -1


def _chosen(value: Any, kept: NDArray[np.bool_]) -> Any:
    if isinstance(value, torch.Tensor):
        chosen = value[torch.from_numpy(kept).to(value.device)]
        if tv_name(value) and type(chosen) is not type(value):
            kind: Any = type(value)
            extra = {name: getattr(value, name) for name in ("format", "canvas_size") if hasattr(value, name)}
            return kind(chosen, **extra)
        return chosen
    if isinstance(value, np.ndarray):
        return value[kept]
    return type(value)(one for one, keep in zip(value, kept.tolist(), strict=True) if keep)

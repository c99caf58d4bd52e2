"""The objects of images that are mixed: of both in MixUp, and in CutMix what can still be seen of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._target_names import BOX_NAMES, tv_name
from fastload.transforms._boxes import NORMALIZED, BoxParams
from fastload.transforms._copy_paste import around_mask, points_seen
from fastload.transforms._in_pixels import InPixels
from fastload.transforms._joined import concatenate, maps_of, paste_maps
from fastload.transforms._kinds import role_of, tv_extras
from fastload.transforms._masks import Size
from fastload.transforms._targets import Moving
from fastload.transforms._values import chosen_of

Target = dict[Any, Any]


class Rect(NamedTuple):
    """Pixels [left, right) x [top, bottom)."""

    left: int
    top: int
    right: int
    bottom: int


def has_objects(batch: Any) -> bool:
    """Whether a batch is (images, targets) as `DetectionCollate` makes it."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        return False
    targets = batch[1]
    if isinstance(targets, Mapping):
        return "object_mask" in targets or "offsets" in targets
    return isinstance(targets, tuple | list) and bool(targets) and all(isinstance(one, Mapping) for one in targets)


def refuse_stray_objects(batch: Any) -> None:
    """ValueError for boxes or key points in a batch that is not (images, targets): they would stay where they are."""
    for name, value in _named(batch):
        if role_of(name, value) in ("boxes", "keypoints"):
            raise ValueError(
                f"there are {name or 'boxes'!r} in this batch: they are mixed in a batch (images, targets) as "
                "DetectionCollate makes it, and not in any other. With labels_getter=, a function of the batch, only "
                "labels are mixed"
            )


def _named(batch: Any) -> Iterator[tuple[Any, Any]]:
    """Each value of the batch, however deep, with its name in a mapping."""
    for name, value in batch.items() if isinstance(batch, Mapping) else (("", value) for value in batch):
        yield name, value
        if isinstance(value, Mapping | tuple | list):
            yield from _named(value)


def counts_of(targets: list[Target], params: BoxParams) -> list[int]:
    """How many objects each target has; -1 where none can be counted."""
    return [_moving(target, params).object_count() for target in targets]


def size_within(target: Target, canvas: Size) -> Size:
    """(height, width) of the image without its padding."""
    if "image_mask" not in target:
        return canvas
    height, width = (int(side) for side in target["size"])
    return height, width


def inside(targets: list[Target], params: BoxParams, canvas: Size) -> list[Target]:
    """The targets with boxes that end at the border of their image, and without the objects of which nothing is left.

    ValueError for a box that is none, with its number and that of the image.
    """
    return [_inside(target, number, params, size_within(target, canvas)) for number, target in enumerate(targets)]


def _inside(target: Target, number: int, params: BoxParams, size: Size) -> Target:
    name = next((name for name, value in target.items() if role_of(name, value) == "boxes"), None)
    if name is None:
        return target
    may_reach_far = "image_mask" in target  # what was pasted into the padding is beyond the image's own size
    own = replace(params, fields=("number",), clip=params.clip and not may_reach_far)
    boxes = Moving({name: target[name]}, own)
    try:
        targets = boxes.in_pixels(size)
    except (TypeError, ValueError) as error:
        raise type(error)(f"image {number} of the batch: {error}") from error
    before = _without_rounding(targets.edges) if _is_relative(params) else targets.edges
    if targets.quads.size:  # which never end at the border
        return target
    edges = _clipped(before, Rect(0, 0, size[1], size[0]))
    targets.visible = _area(edges) / np.maximum(_area(before), np.finfo(np.float64).tiny)
    targets.edges = edges if params.clip else before
    boxes.values["number"] = np.arange(len(before))
    boxes.take_pixels(targets, size)
    kept = np.isin(np.arange(len(before)), boxes.values["number"])
    if kept.all() and np.array_equal(targets.edges, before):
        return target
    whole = _moving(target, params)
    of_objects = [one for one, value in whole.values.items() if whole.is_per_object(one, value, len(before))]
    return {**target, **{one: chosen_of(target[one], kept) for one in of_objects}, name: boxes.values[name]}


def blended(targets: list[Target], part: float, params: BoxParams, canvas: Size) -> list[Target]:
    """Each target with the objects of the one before it, and what each of them weighs."""
    if len(targets) < 2:
        return [{**target, **_weighed(target, 1.0, params).values} for target in targets]
    return [_blended(one, targets[number - 1], part, params, canvas) for number, one in enumerate(targets)]


def _blended(target: Target, other: Target, part: float, params: BoxParams, canvas: Size) -> Target:
    sizes = size_within(target, canvas), size_within(other, canvas)
    size = max(sizes[0][0], sizes[1][0]), max(sizes[0][1], sizes[1][1])
    first, second = (
        _weighed(_in_parts_of(one, params, before, size), weight, params)
        for one, before, weight in ((target, sizes[0], part), (other, sizes[1], 1 - part))
    )
    concatenate(first, [second])
    made = {**target, **first.values}
    if "image_mask" in made:
        made["image_mask"] = target["image_mask"] | other["image_mask"]
        made["size"] = torch.maximum(target["size"], other["size"])
    return _in_canvas(made, size)


def _weighed(target: Target, weight: float, params: BoxParams) -> Moving:
    """The target, with the weight of each object; times the one that it has, if it has been mixed before."""
    count = _moving(target, params).object_count()
    if count < 0:
        raise ValueError(
            f"MixUp needs targets with boxes, masks or keypoints, got {', '.join(map(repr, target))}; "
            "for batches without objects pass labels_getter"
        )
    device = next((value.device for value in target.values() if isinstance(value, torch.Tensor)), None)
    before = torch.as_tensor(target.get("weights", torch.ones(count)), device=device)
    return _moving({**target, "weights": before * weight}, params)


def _moving(target: Target, params: BoxParams, without: Iterable[Any] = ()) -> Moving:
    """The objects of a target; the mask of its padding is none of theirs."""
    left_out = ("image_mask", *without)
    return Moving({name: value for name, value in target.items() if name not in left_out}, params)


def pasted(targets: list[Target], rect: Rect, params: BoxParams, canvas: Size) -> list[Target]:
    """Each target without what is under the rectangle, and with what is there of the one before it."""
    return [_pasted(one, targets[number - 1], rect, params, canvas) for number, one in enumerate(targets)]


def _pasted(target: Target, other: Target, rect: Rect, params: BoxParams, canvas: Size) -> Target:
    size = size_within(target, canvas)
    own = _in_parts_of(target, params, size, canvas)
    new = _in_parts_of(other, params, size_within(other, canvas), canvas)
    over = np.zeros(canvas, dtype=bool)
    over[rect.top : rect.bottom, rect.left : rect.right] = True
    maps = _maps_pasted(own, new, over, params)
    first, second = (_moving(one, params, maps) for one in (own, new))
    _hide(first, over, rect, canvas, is_pasted=False)
    _hide(second, ~over, rect, canvas, is_pasted=True)
    concatenate(first, [second])
    made = {**target, **first.values, **maps}
    if "image_mask" in made:
        mask = other["image_mask"]
        made["image_mask"] = torch.where(torch.from_numpy(over).to(mask.device), mask, target["image_mask"])
    return _in_canvas(_in_parts_of(made, params, canvas, size), size)


def _maps_pasted(own: Target, new: Target, over: NDArray[np.bool_], params: BoxParams) -> Target:
    """Masks of whole images with the rectangle of the other's in them."""
    first, second = _moving(own, params), _moving(new, params)
    maps = maps_of([first, second])
    paste_maps(maps, first, second, over, over.shape)
    return {name: first.values[name] for name in maps}


def _hide(moving: Moving, over: NDArray[np.bool_], rect: Rect, canvas: Size, *, is_pasted: bool) -> None:
    """Let the targets be without what is ``over`` them: what is in the rectangle, or in a pasted one all around it."""
    targets = moving.in_pixels(canvas)
    if targets.quads.size:
        raise ValueError("CutMix knows no rotated boxes: pass plain ones")
    names = {role_of(name, value): name for name, value in moving.values.items()}
    shape = tuple(getattr(moving.values.get(names.get("masks")), "shape", ()))
    if math.prod(shape[1:-2]) > 1:
        raise ValueError(f"CutMix takes one mask of each object, (N, H, W) or (N, 1, H, W); got shape {shape}")
    if "boxes" not in names:
        raise ValueError(f"CutMix needs targets with boxes, got {', '.join(map(repr, moving.values))}")
    if _is_relative(moving.params):
        targets.edges = _without_rounding(targets.edges)
    inside = _clipped(targets.edges, rect)
    parts = _area(inside) / np.maximum(_area(targets.edges), np.finfo(np.float64).tiny)
    targets.visible = parts if is_pasted else 1 - parts
    targets.edges = inside if is_pasted else _rest(targets.edges, rect)
    _hide_masks(targets, over)
    moving.take_pixels(targets, canvas)
    if "keypoints" in names:
        points = moving.values[names["keypoints"]]
        moving.values[names["keypoints"]] = points_seen(points, partial(_seen, rect, is_pasted))


def _hide_masks(targets: InPixels, over: NDArray[np.bool_]) -> None:
    """Erase masks; objects that have some are seen as far as these are."""
    for number, mask in enumerate(targets.masks):
        before = np.count_nonzero(mask)
        left = targets.masks[number] = np.where(over, np.zeros((), dtype=mask.dtype), mask)
        if not before or number >= len(targets.edges):
            continue
        after = np.count_nonzero(left)
        targets.visible[number] = after / before
        if after < before:
            targets.edges[number] = around_mask(left, targets.edges[number])


def _without_rounding(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole pixels where float32 parts of an image's sides are next to some: a rectangle would leave slivers."""
    whole = np.rint(edges)
    return np.where(np.abs(edges - whole) < 1e-3, whole, edges)


def _clipped(edges: NDArray[np.float64], rect: Rect) -> NDArray[np.float64]:
    low = np.array([rect.left, rect.top] * 2, dtype=np.float64)
    high = np.array([rect.right, rect.bottom] * 2, dtype=np.float64)
    return np.clip(edges, low, high)


def _area(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1]))


def _rest(edges: NDArray[np.float64], rect: Rect) -> NDArray[np.float64]:
    """The box around what the rectangle leaves of each: smaller only where it covers a side from corner to corner."""
    rest = edges.copy()
    low, high = np.array(rect[:2], dtype=np.float64), np.array(rect[2:], dtype=np.float64)
    covered = (low <= edges[:, :2]) & (edges[:, 2:] <= high)
    for axis in (0, 1):
        begin, end = edges[:, axis], edges[:, axis + 2]
        across = covered[:, 1 - axis]
        from_begin = across & (low[axis] <= begin) & (begin < high[axis])
        from_end = across & (low[axis] < end) & (end <= high[axis])
        rest[:, axis] = np.where(from_begin, np.minimum(high[axis], end), begin)
        rest[:, axis + 2] = np.where(from_end, np.maximum(low[axis], rest[:, axis]), end)
    return rest


def _seen(rect: Rect, is_pasted: bool, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points (..., 2) are seen: in the rectangle those of a pasted image, around it the image's own."""
    x, y = points[..., 0], points[..., 1]
    within = (x >= rect.left) & (x < rect.right) & (y >= rect.top) & (y < rect.bottom)
    return np.asarray(within if is_pasted else ~within)


def _in_parts_of(target: Target, params: BoxParams, before: Size, size: Size) -> Target:
    """A copy whose boxes, if they are written in parts of an image's sides, are so in parts of one of another size."""
    made = dict(target)
    if before == size or not _is_relative(params):
        return made
    ratio = [before[1] / size[1], before[0] / size[0]] * 2
    for name in (name for name in BOX_NAMES if name in made and not tv_name(made[name])):
        boxes = made[name]
        made[name] = boxes * (boxes.new_tensor(ratio) if isinstance(boxes, torch.Tensor) else np.array(ratio))
    return made


def _in_canvas(target: Target, size: Size) -> Target:
    """The target with torchvision's boxes and points in a canvas of that (height, width)."""
    for name, value in target.items():
        if hasattr(value, "canvas_size") and tv_name(value):
            kind: Any = type(value)
            target[name] = kind(value.as_subclass(torch.Tensor), **{**tv_extras(value), "canvas_size": size})
    return target


def _is_relative(params: BoxParams) -> bool:
    return params.plain_format.endswith(NORMALIZED)

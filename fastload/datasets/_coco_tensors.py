"""Tensors of the annotations of one image of COCO's; ValueError names the annotation that is not what it must be.

Values are turned into arrays all at once, and looked at one by one only if that fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload import _core
from fastload.datasets._coco_file import Entry, short

LARGEST = float(np.finfo(np.float32).max) / 2  # the sum of two fits into float32

_MISSING = object()


def boxes(objects: list[Entry], where: str) -> torch.Tensor:
    """(N, 4) float32, xyxy."""
    wanted = "four finite numbers x, y, width, height, with a width and a height of 0 or more"
    numbers = _converted(_as_boxes, objects, "bbox", _MISSING, wanted, where)
    numbers[:, 2:] += numbers[:, :2]
    return torch.from_numpy(numbers.astype(np.float32))


def whole_numbers(objects: list[Entry], name: str, where: str, default: Any = _MISSING) -> torch.Tensor:
    """(N,) int64."""
    return torch.from_numpy(_converted(_as_whole, objects, name, default, "a whole number", where))


def areas(objects: list[Entry], where: str) -> torch.Tensor:
    """(N,) float32."""
    numbers = _converted(_as_finite, objects, "area", 0, "a finite number", where)
    return torch.from_numpy(numbers.astype(np.float32))


def keypoints(objects: list[Entry], count: int, where: str) -> torch.Tensor:
    """(N, count, 3) float32; what an object has less of is filled up with zeros."""
    wanted = f"finite numbers x, y, visibility, x, y, visibility, ... of at most {count} key points"
    filled = _converted(lambda values: _as_keypoints(values, count), objects, "keypoints", [], wanted, where)
    return torch.from_numpy(filled)


def masks(objects: list[Entry], size: tuple[int, int], where: str) -> torch.Tensor:
    """(N, H, W) uint8; size is (height, width)."""
    if min(size) < 1:
        raise ValueError(f"{where}: masks need the image's height and width, got {size[0]} and {size[1]}")
    planes = np.zeros((len(objects), *size), dtype=np.uint8)
    for number, entry in enumerate(objects):
        planes[number] = _mask(entry, size, where, number)
    return torch.from_numpy(planes)


def object_mask(segmentation: Any, height: int, width: int) -> NDArray[np.uint8]:
    """(height, width), 1 where the object is: of COCO's list of polygons, or of its runs, as numbers or as text.

    ValueError for runs of another size, for polygons of fewer than three corners, and for what is neither.
    """
    if isinstance(segmentation, dict):
        size = segmentation.get("size")
        if size not in (None, [height, width]):
            raise ValueError(f"a mask of {short(size)} (height, width) is not one of an image of {[height, width]}")
        counts = segmentation.get("counts")
        try:
            return _core.runs_mask(counts.encode() if isinstance(counts, str) else counts, height, width)
        except ValueError as error:
            raise ValueError(f"{error}, got {short(counts)}") from error
    if not isinstance(segmentation, list):
        raise ValueError(f'"segmentation" must be a list of polygons or a dict of runs, got {short(segmentation)}')
    if any(isinstance(polygon, int | float) for polygon in segmentation):
        wanted = "a list of polygons, each of them a list of numbers"
        raise ValueError(f'"segmentation" must be {wanted}, got {short(segmentation)}')
    return _core.polygons_mask(segmentation, height, width)


def _mask(entry: Entry, size: tuple[int, int], where: str, number: int) -> NDArray[np.uint8]:
    try:
        return object_mask(entry.get("segmentation"), *size)
    except ValueError as error:
        raise ValueError(f"{_place(where, number, entry)}: {error}") from error


def _converted(
    convert: Callable[[list[Any]], Any], objects: list[Entry], name: str, default: Any, wanted: str, where: str
) -> Any:
    """What ``convert`` makes of the values of that name; it makes None of values that are not what is wanted."""
    values = [entry.get(name, default) for entry in objects]
    made = convert(values)
    if made is not None:
        return made
    number = next(number for number, value in enumerate(values) if convert([value]) is None)
    got = "nothing" if values[number] is _MISSING else short(values[number])
    raise ValueError(f'{_place(where, number, objects[number])}: "{name}" must be {wanted}, got {got}')


def _place(where: str, number: int, entry: Entry) -> str:
    known = f" (id {short(entry['id'])})" if "id" in entry else ""
    return f"{where}, annotation {number}{known}"


def _as_boxes(values: list[Any]) -> NDArray[np.float64] | None:
    numbers = _array(values) if values else np.zeros((0, 4))
    if numbers is None or numbers.ndim != 2 or numbers.shape[1] != 4:
        return None
    return numbers.astype(np.float64) if _are_finite(numbers) and (numbers[:, 2:] >= 0).all() else None


def _as_finite(values: list[Any]) -> NDArray[np.float64] | None:
    numbers = _array(values)
    return None if numbers is None or numbers.ndim != 1 or not _are_finite(numbers) else numbers.astype(np.float64)


def _as_whole(values: list[Any]) -> NDArray[np.int64] | None:
    numbers = _array(values)
    if numbers is None or numbers.ndim != 1:
        return None
    if numbers.dtype.kind in "bi":
        return numbers.astype(np.int64)
    try:  # one by one: NumPy makes float64 of whole numbers beside a float, which has not all of them
        whole = [int(value) for value in values]
        return np.array(whole, dtype=np.int64) if whole == values else None
    except (ValueError, OverflowError):  # no number, or infinite, or beyond int64
        return None


def _as_keypoints(values: list[Any], count: int) -> NDArray[np.float32] | None:
    filled = np.zeros((len(values), count, 3), dtype=np.float32)
    for place, value in zip(filled, values, strict=True):
        row = _as_finite(value) if isinstance(value, list) else None
        if row is None or row.size % 3 or row.size > place.size:
            return None
        place[: row.size // 3] = row.reshape(-1, 3)
    return filled


def _array(values: list[Any]) -> NDArray[Any] | None:
    try:
        array = np.array(values)
    except ValueError:  # lists of several lengths
        return None
    return array if array.dtype.kind in "biuf" else None


def _are_finite(numbers: NDArray[Any]) -> bool:
    return bool(((numbers >= -LARGEST) & (numbers <= LARGEST)).all())

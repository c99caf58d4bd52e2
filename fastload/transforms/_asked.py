"""What transforms of Albumentations ask of a sample beside its image and its targets, and masks as it takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._target_names import BOX_NAMES
from fastload.transforms._foreign import values_of
from fastload.transforms._in_pixels import InPixels
from fastload.transforms._kinds import array_of, is_pil, numbers_of, size_of
from fastload.transforms._masks import planes_of

_MOVED_AS_THEY_ARE = (np.uint8, np.int16, np.uint16, np.float32, np.float64)
_MOST_EXACT = ((np.float32, 1 << 24), (np.float64, 1 << 53))  # whole numbers that they hold
_MISSING = object()
_OF_OBJECTS = ("bboxes", "keypoints", "mask", "masks")  # in the metadata of a mosaic


class Asked(NamedTuple):
    """A key of the sample that a transform takes parameters from."""

    by: str  # the transform's name
    key: str
    is_crop: bool  # whether it is one box, in pixels
    is_mosaic: bool  # whether it is other samples
    is_needed: bool  # whether the transform fails without it


def asked_by(transform: Any) -> tuple[Asked, ...]:
    """What a transform of Albumentations, and those in it, ask for."""
    return tuple(
        Asked(
            type(one).__name__,
            key,
            key == getattr(one, "cropping_bbox_key", None),
            type(one).__name__ == "Mosaic" and key == getattr(one, "metadata_key", None),
            is_needed,
        )
        for one in leaves_of(transform)
        for key, is_needed in _keys_of(one)
    )


def _keys_of(transform: Any) -> Iterator[tuple[str, bool]]:
    """What a transform asks for, and whether it needs that."""
    for key in getattr(transform, "targets_as_params", ()):
        yield key, True
    if getattr(transform, "mask_indices", None) is not None:  # which Albumentations does not say
        yield "mask", False


def leaves_of(transform: Any) -> Iterator[Any]:
    """The transforms in a transform, or itself."""
    members = getattr(transform, "transforms", None)
    if not isinstance(members, list | tuple):
        yield transform
        return
    for member in members:
        yield from leaves_of(member)


def answers(
    asked: tuple[Asked, ...], sent: Mapping[str, Any], values: Mapping[Any, Any], image: Any, targets: InPixels
) -> Any:
    """What is asked for and is not sent anyway, as Albumentations has it; ValueError for what the sample has not."""
    found = {one.key: _answer(one, values, image, targets) for one in asked if one.key not in sent}
    return {key: value for key, value in found.items() if value is not _MISSING}


def _answer(one: Asked, values: Mapping[Any, Any], image: Any, targets: InPixels) -> Any:
    value = values.get(one.key, _MISSING)
    if one.key == "mask":
        planes = targets.masks if value is _MISSING else planes_of(value, size_of(image))
        if len(planes) == 1 or value is not _MISSING:
            return movable(planes[0] if len(planes) == 1 else np.stack(planes, axis=-1))
    if value is _MISSING and one.is_needed:
        raise ValueError(
            f"{one.by} of Albumentations asks for {one.key!r}, which this sample has not got: put it into the sample's "
            "dict, or into a dict beside the image"
        )
    if value is _MISSING:
        return value
    if one.is_crop:
        return _one_box(one, targets.edges if one.key in BOX_NAMES else value)
    if one.is_mosaic:
        _refuse_objects(one, value, targets)
    return _plain(value)


def _one_box(one: Asked, value: Any) -> list[int]:
    """Whole pixels, which are what Albumentations cuts at."""
    try:
        box: NDArray[np.float64] = np.asarray(_plain(value), dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        box = np.zeros(0)
    if len(box) != 4 or not np.isfinite(box).all():
        raise ValueError(
            f"{one.by} of Albumentations takes {one.key!r} as one box, (x1, y1, x2, y2) in pixels of the image as it "
            f"is by then, got {value!r:.80}"
        )
    return [round(side) for side in box.tolist()]


def _refuse_objects(one: Asked, value: Any, targets: InPixels) -> None:
    items = value if isinstance(value, list | tuple) else []
    with_objects = [name for item in items if isinstance(item, Mapping) for name in _OF_OBJECTS if name in item]
    if with_objects or targets.masks:
        what = f"the {with_objects[0]!r} in {one.key!r}" if with_objects else "the masks of the sample"
        raise ValueError(f"Mosaic of Albumentations cannot take {what} here: use fastload.transforms.Mosaic, which can")


def _plain(value: Any) -> Any:
    """The same with arrays for tensors and PIL images: images are (H, W, C)."""
    if isinstance(value, torch.Tensor):
        return array_of(value) if value.ndim == 3 else numbers_of(value)
    if is_pil(value):
        return values_of(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value


def movable(mask: NDArray[Any]) -> NDArray[Any]:
    """A mask in a type that OpenCV moves about, with the same values."""
    if mask.dtype in _MOVED_AS_THEY_ARE:
        return np.ascontiguousarray(mask)
    if mask.dtype == np.bool_:
        return mask.astype(np.uint8)
    if mask.dtype == np.float16:
        return mask.astype(np.float32)
    if mask.dtype.kind not in "iu":
        raise TypeError(f"Albumentations cannot move masks of {mask.dtype}: convert them to float32 or whole numbers")
    largest = max(int(mask.max(initial=0)), -int(mask.min(initial=0)))
    for wider, most in _MOST_EXACT:
        if largest <= most:
            return mask.astype(wider)
    raise ValueError(
        f"a mask of {mask.dtype} has a value of {largest} (with or without a sign), and Albumentations moves whole "
        f"numbers up to 2**53 exactly: number its objects from 1"
    )

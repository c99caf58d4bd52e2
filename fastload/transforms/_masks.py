"""Masks of any kind, arrays, tensors, PIL images and lists of them, moved with their image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._target_names import tv_name
from fastload.transforms._kinds import is_pil, numbers_of

Size = tuple[int, int]


def moved_mask(mask: Any, pixels: NDArray[np.int64], before: Size, fill: int) -> Any:
    """The mask, or masks, as the image shows them: the last two axes are rows and columns."""
    if isinstance(mask, list | tuple):
        return type(mask)(moved_mask(one, pixels, before, fill) for one in mask)
    if is_pil(mask):
        from PIL import Image

        moved = Image.fromarray(_gathered(np.asarray(mask), pixels, before, fill))
        if mask.mode == "P":
            moved.putpalette(mask.getpalette())
        return moved
    if isinstance(mask, torch.Tensor):
        planes = torch.from_numpy(_gathered(numbers_of(mask), pixels, before, fill)).to(mask.dtype)
        kind: Any = type(mask)
        return kind(planes) if tv_name(mask) else planes.to(mask.device)
    if isinstance(mask, np.ndarray):
        return _gathered(mask, pixels, before, fill)
    raise TypeError(f"a mask must be an array, a tensor or a PIL image, got {type(mask).__name__}")


def _is_none(mask: Any) -> bool:
    """Whether these are masks of no object, without the axes that masks have: ``torch.tensor([])``."""
    return tuple(mask.shape) == (0,)


def _gathered(mask: NDArray[Any], pixels: NDArray[np.int64], before: Size, fill: int) -> NDArray[Any]:
    if _is_none(mask):
        return np.zeros((0, *pixels.shape), dtype=mask.dtype)
    if mask.shape[-2:] != before:
        raise ValueError(
            f"a mask must be (..., {before[0]}, {before[1]}) as its image is (height x width), got shape {mask.shape}"
        )
    flat = mask.reshape(*mask.shape[:-2], before[0] * before[1])
    if mask.dtype.kind in "iu" and not np.iinfo(mask.dtype).min <= fill <= np.iinfo(mask.dtype).max:
        raise ValueError(f"mask_fill={fill} is no number of a mask of {mask.dtype}: give it another in BoxParams")
    inside = pixels >= 0
    moved = flat[..., np.where(inside, pixels, 0)]
    moved[..., ~inside] = fill
    return moved


def planes_of(mask: Any, size: Size) -> list[NDArray[Any]]:
    """The (H, W) arrays that a mask, or masks, consist of."""
    if isinstance(mask, list | tuple):
        return [plane for one in mask for plane in planes_of(one, size)]
    array = numbers_of(mask) if isinstance(mask, torch.Tensor) else np.asarray(mask)
    if _is_none(array):
        return []
    if array.shape[-2:] != size:
        raise ValueError(
            f"a mask must be (..., {size[0]}, {size[1]}) as its image is (height x width), got shape {array.shape}"
        )
    return list(array.reshape(-1, *size))


def with_planes(mask: Any, planes: Iterator[NDArray[Any]], size: Size) -> Any:
    """The mask, or masks, with the next arrays (height, width) in them, in their type; ValueError if there are too few.

    PIL images keep their mode.
    """
    if isinstance(mask, list | tuple):
        return type(mask)(with_planes(one, planes, size) for one in mask)
    if is_pil(mask):
        from PIL import Image

        made = Image.fromarray(np.ascontiguousarray(_next(planes), dtype=np.asarray(mask).dtype))
        if mask.mode == "P":
            made.putpalette(mask.getpalette())
        return made
    leading = (0,) if _is_none(mask) else tuple(mask.shape[:-2])
    taken = [_next(planes) for _ in range(math.prod(leading))]
    stacked = np.array(taken).reshape(*leading, *size)
    if isinstance(mask, np.ndarray):
        return stacked if taken else stacked.astype(mask.dtype)
    tensor = torch.from_numpy(stacked)
    if not taken or stacked.dtype == numbers_of(mask).dtype:  # which NumPy may not have
        tensor = tensor.to(mask.dtype)
    kind: Any = type(mask)
    return kind(tensor) if tv_name(mask) else tensor.to(mask.device)


def _next(planes: Iterator[NDArray[Any]]) -> NDArray[Any]:
    for plane in planes:
        return plane
    # Not StopIteration, which would end whatever is iterating over samples.
    raise ValueError("fewer masks came out of the transform than went into it: none may be dropped")

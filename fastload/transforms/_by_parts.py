"""Transforms of one's own, written as torchvision's: `make_params` draws once for a sample, `transform` does a part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils import _pytree

from fastload._stream import batch_in_hand, sample_key
from fastload._target_names import tv_name
from fastload.transforms._draws import DrawsFrom
from fastload.transforms._kinds import is_image, is_pil

if TYPE_CHECKING:
    from fastload.transforms._base import Transform


def by_parts(transform: Transform, sample: Any) -> Any:
    """The sample with its images, and whatever else torchvision has types for, transformed; the rest as it was.

    In a loader, what torch draws for that is the sample's own, and none of it the worker's.
    """
    if batch_in_hand() is None:
        return _made(transform, sample)
    with DrawsFrom(sample_key()):
        return _made(transform, sample)


def _made(transform: Transform, sample: Any) -> Any:
    parts, structure = _pytree.tree_flatten(sample, is_leaf=is_image)
    places = _wanted(parts)
    params = transform.make_params([parts[place] for place in places])
    for place in places:
        parts[place] = transform.transform(parts[place], params)
    return _pytree.tree_unflatten(parts, structure)


def _wanted(parts: list[Any]) -> list[int]:
    """PIL images and tv_tensors; where none of them is an image, the first array or plain tensor as well."""
    typed = [place for place, part in enumerate(parts) if is_pil(part) or tv_name(part)]
    if any(is_pil(parts[place]) or tv_name(parts[place]) in ("Image", "Video") for place in typed):
        return typed
    plain = [place for place, part in enumerate(parts) if is_image(part) and place not in typed]
    return sorted(typed + plain[:1])

"""Transforms that would move an image and leave the boxes of its target where they are."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from fastload.transforms import Transform
from fastload.transforms._base import said_of_boxes
from fastload.transforms._movers import is_known, moves_pixels

if TYPE_CHECKING:
    from fastload.datasets._detection import DetectionDataset


def refuse_boxes_that_stay(dataset: DetectionDataset, plain: bool) -> None:
    """ValueError for what is certainly wrong, a warning for what torchvision's classes take; called by ``__init__``.

    plain: targets are annotations as their file has them, which no transform moves; else they are dicts of tensors,
    which transforms of image and target move.
    Functions, transforms of other libraries, and subclasses with targets of their own may do what they like with boxes.
    """
    if not dataset.is_unchanged():
        return
    name = type(dataset).__name__
    if dataset.transforms is not None:
        if plain and isinstance(dataset.transforms, Transform) and is_known(dataset.transforms):
            _check_plain(name, dataset.transforms)
        return
    transform = dataset.transform
    if transform is None or dataset.target_transform is not None or not moves_pixels(transform):
        return
    advice = "transforms= in place of transform=" + (" and tensors=True" if plain else "")
    message = (
        f"transform moves the images of {name}, and their boxes stay where they are: pass {advice}, which moves both, "
        "or a target_transform that takes from targets what does not move, such as their labels"
    )
    if not plain:
        raise ValueError(message)
    warnings.warn(message, stacklevel=3)


def _check_plain(name: str, transforms: Transform) -> None:
    said = said_of_boxes(transforms)
    if said is not None:
        raise ValueError(
            f"transforms takes boxes as {said.format}, and the targets of {name} are annotations as the file has them, "
            "which no transform moves: pass tensors=True, whose boxes are xyxy"
        )
    if moves_pixels(transforms):
        warnings.warn(
            f"transforms moves the images of {name}, and their annotations, as the file has them, stay where they are: "
            "pass tensors=True, whose boxes move",
            stacklevel=4,
        )

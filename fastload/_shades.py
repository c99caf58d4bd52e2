"""Masks as pictures to lay over their image: each object, and each class of a map of classes, in its own colour."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastload.transforms._kinds import role_of
from fastload.transforms._masks import planes_of
from fastload.transforms._targets import Moving

COLOURS = (
    "#e6194b",
    "#3cb44b",
    "#4363d8",
    "#f58231",
    "#911eb4",
    "#42d4f4",
    "#f032e6",
    "#bfef45",
    "#469990",
    "#ffe119",
)
_ALPHA = 0.45
_GOLDEN = 0.618034  # of the circle of hues: any number of steps of this are as far apart as they can be


def shade_of(targets: Moving, size: tuple[int, int]) -> NDArray[Any] | None:
    """(H, W, 4) floats in [0, 1], of no opacity where no mask is; None without masks."""
    if not targets.has_masks:
        return None
    shade = np.zeros((*size, 4))
    maps, objects = _planes(targets, size)
    for plane in maps:
        _add_classes(shade, plane)
    for number, plane in enumerate(objects):
        shade[plane != 0] = [*_rgb(number), _ALPHA]
    return shade


def _planes(targets: Moving, size: tuple[int, int]) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Maps of classes, and the masks of objects."""
    roles = {name: role_of(name, value) for name, value in targets.values.items()}
    has_boxes, of_the_image = "boxes" in roles.values(), targets.masks_of_the_image()
    maps: list[NDArray[Any]] = []
    objects: list[NDArray[Any]] = []
    for name in (name for name, role in roles.items() if role == "masks"):
        planes = planes_of(targets.values[name], size)
        is_map = name in of_the_image or (len(planes) == 1 and not has_boxes)
        for plane in planes:
            is_of_classes = plane.dtype.kind in "iu" and (is_map or _has_several(plane))
            (maps if is_of_classes else objects).append(plane)
    return maps, objects


def _has_several(plane: NDArray[Any]) -> bool:
    """Whether there are several numbers beside 0."""
    covered = plane[plane != 0]
    return bool((covered != covered[:1]).any())


def _add_classes(shade: NDArray[Any], plane: NDArray[Any]) -> None:
    classes, places = np.unique(plane, return_inverse=True)
    colours = np.array([[*_rgb(number), _ALPHA if number else 0] for number in classes.tolist()])
    covered = plane != 0
    shade[covered] = colours[places.reshape(plane.shape)][covered]


def _rgb(number: int) -> tuple[float, float, float]:
    if 0 <= number < len(COLOURS):
        red, green, blue = (int(COLOURS[number][place : place + 2], 16) / 255 for place in (1, 3, 5))
        return red, green, blue
    return colorsys.hsv_to_rgb(number * _GOLDEN % 1, (0.9, 0.55)[number % 2], (0.95, 0.7)[number // 2 % 2])

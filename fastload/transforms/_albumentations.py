"""Albumentations' transforms in a chain."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastload.transforms._boxes import BoxParams
from fastload.transforms._foreign import NO_VALUES, Foreign, Points, own_copy, values_of, within
from fastload.transforms._kinds import image_like, size_of
from fastload.transforms._targets import InPixels

_NUMBERS, _CORNERS = "fastload_numbers", "fastload_corners"
_MOVED_AS_THEY_ARE = (np.uint8, np.int16, np.uint16, np.float32, np.float64)
_MOST_EXACT = ((np.float32, 1 << 24), (np.float64, 1 << 53))  # whole numbers that they hold


def is_albumentations(step: Any) -> bool:
    library = sys.modules.get("albumentations")  # who has one has imported it
    return library is not None and isinstance(step, _kinds_of(library))


def _kinds_of(library: Any) -> tuple[type, ...]:
    return library.core.composition.BaseCompose, library.BasicTransform


class Albumentations(Foreign):
    """What a transform of Albumentations makes of an image: boxes, masks and key points go with it.

    What takes transforms wraps those that it is given. transform: an ``A.Compose`` or any other. Of its ``bbox_params``
    the filters count. How boxes are written is said as for all of fastload's transforms, by the ``boxes`` of the chain
    that this is part of; by itself, it is the format of ``bbox_params``. Results depend on (seed, epoch, index) of the
    sample alone.

    Boxes of which nothing is in the image are dropped before. Key points that Albumentations loses, as its bending
    transforms do, are put at (-1, -1) and are no longer visible; ``keypoint_remapping_method="direct"`` keeps them.
    PIL images must be L, LA, RGB, RGBA, I or F: others, such as palettes, must be converted first.

    Raises TypeError for anything but a transform of Albumentations, ImportError if that is not installed, or is older
    than 1.4.19, where its transforms had no seeds.
    """

    def __init__(self, transform: Any) -> None:
        super().__init__()
        try:
            import albumentations as library  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ImportError("Albumentations needs the package albumentations: pip install albumentations") from error
        if not hasattr(library.Compose, "set_random_seed"):
            raise ImportError(f"albumentations must be 1.4.19 or newer, this is {library.__version__}")
        if not isinstance(transform, _kinds_of(library)):
            raise TypeError(f"transform must be one of Albumentations, such as A.Compose([...]), got {transform!r}")
        self.theirs = transform
        own = getattr(transform, "processors", {}).get("bboxes")
        if own is not None:
            self.box_params = BoxParams(own.params.format)
        self._certain: tuple[Foreign, ...] = ()  # in a tuple it is no child of this module
        self._whole = _with_targets(library, transform, None if own is None else own.params)

    def extra_repr(self) -> str:
        return str(self.theirs)

    def certain(self) -> Foreign:
        if not self._certain:  # one for all samples: its copies are dear
            self._certain = (super().certain(),)
        return self._certain[0]

    def apply_seeded(
        self, image: Any, targets: InPixels, seed: int, values: Mapping[Any, Any] = NO_VALUES
    ) -> tuple[Any, InPixels]:
        whole = own_copy(self, self._whole)
        whole.set_random_seed(seed)
        points = Points(targets, size_of(image))
        numbered = np.column_stack([points.sent, np.arange(len(points.sent))])
        middle, shown = len(targets.points), np.flatnonzero(_are_boxes(targets.edges, size_of(image)))
        sent: dict[str, Any] = {
            "image": values_of(image),
            "bboxes": points.edges[shown],
            _NUMBERS: shown,
            # Two lists: where points are close together, some transforms keep only the last one of a list.
            "keypoints": numbered[:middle],
            _CORNERS: numbered[middle:],
        }
        if targets.masks:
            sent["masks"] = [_movable(mask) for mask in targets.masks]
        made = whole(**sent)
        result = image_like(image, made["image"])
        edges, kept = np.zeros_like(targets.edges), np.zeros(len(targets.edges), dtype=bool)
        numbers = np.asarray(made[_NUMBERS], dtype=np.int64)
        if len(numbers):
            rows = np.asarray(made["bboxes"], dtype=np.float64)[:, :4]
            edges[numbers], kept[numbers] = rows, True
            np.minimum.at(edges[:, :2], numbers, rows[:, :2])  # where an object was cut into parts, the box of all
            np.maximum.at(edges[:, 2:], numbers, rows[:, 2:])
        places = np.full_like(points.sent, np.nan)
        for name in ("keypoints", _CORNERS):
            rows = np.asarray(made[name], dtype=np.float64).reshape(-1, 3)
            places[rows[:, 2].astype(np.int64)] = rows[:, :2]
        # Each corner has gone with another part.
        places[points.corners].reshape(-1, 4, 2)[np.bincount(numbers, minlength=len(edges)) > 1] = np.nan
        planes = [np.asarray(mask) for mask in made.get("masks", ())]
        masks = [
            plane.reshape(plane.shape[:2]).astype(mask.dtype) for plane, mask in zip(planes, targets.masks, strict=True)
        ]
        return result, points.returned(places, edges, kept, masks, size_of(result))


def _are_boxes(edges: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which boxes have an area in the image, in the float32 that Albumentations counts in."""
    parts = (within(edges, size) / np.array([size[1], size[0]] * 2)).astype(np.float32)
    are: NDArray[np.bool_] = (parts[:, 2:] > parts[:, :2]).all(axis=1)
    return are


def _movable(mask: NDArray[Any]) -> NDArray[Any]:
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


def _with_targets(library: Any, transform: Any, own: Any) -> Any:
    """The transform in a Compose whose targets are in pixels, numbered, and all kept as long as it may keep them."""
    names = ("min_area", "min_visibility", "min_width", "min_height", "check_each_transform", "max_accept_ratio")
    filters = {} if own is None else {name: getattr(own, name) for name in names if hasattr(own, name)}
    boxes = library.BboxParams(format="pascal_voc", label_fields=[_NUMBERS], clip=True, **filters)
    points = library.KeypointParams(format="xy", remove_invisible=False)
    is_plain = type(transform) is library.Compose
    members = transform.transforms if is_plain else [transform]
    with warnings.catch_warnings():  # of targets that a change of colours leaves where they are
        warnings.filterwarnings("ignore", "Got processor for .*, but no transform to process it", UserWarning)
        return library.Compose(
            members,
            bbox_params=boxes,
            keypoint_params=points,
            additional_targets={_CORNERS: "keypoints"},
            p=transform.p if is_plain else 1.0,
        )

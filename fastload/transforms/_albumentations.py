"""Albumentations' transforms in a chain."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastload.transforms._asked import answers, asked_by, leaves_of, movable
from fastload.transforms._boxes import BoxParams
from fastload.transforms._foreign import NO_VALUES, Foreign, Points, own_copy, values_of, within
from fastload.transforms._kinds import image_like, size_of
from fastload.transforms._targets import InPixels

_NUMBERS, _CORNERS = "fastload_numbers", "fastload_corners"


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

    What some transforms ask for beside these (a ``cropping_bbox``, metadata) is handed to them from the sample's dict
    by its key. It is as it is there, of the image as it is by then: no step moves it. A ``cropping_bbox_key`` of
    "boxes" is the sample's only box, which moves; the "mask" is the sample's, or its only one.

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
        self._asked = asked_by(transform)
        self._alone = _Alone(library, transform) if _refuses_boxes(library, transform) else None

    def extra_repr(self) -> str:
        return str(self.theirs)

    def certain(self) -> Foreign:
        if not self._certain:  # one for all samples: its copies are dear
            self._certain = (super().certain(),)
        return self._certain[0]

    def apply_seeded(
        self, image: Any, targets: InPixels, seed: int, values: Mapping[Any, Any] = NO_VALUES
    ) -> tuple[Any, InPixels]:
        if self._alone is not None and not len(targets.edges) and not len(targets.points):
            return self._without_boxes(self._alone, image, targets, seed, values)
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
            sent["masks"] = [movable(mask) for mask in targets.masks]
        made = whole(**sent, **answers(self._asked, sent, values, image, targets))
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
        masks = _masks_of(made, targets)
        return result, points.returned(places, edges, kept, masks, size_of(result))

    def _without_boxes(
        self, alone: _Alone, image: Any, targets: InPixels, seed: int, values: Mapping[Any, Any]
    ) -> tuple[Any, InPixels]:
        whole = own_copy(alone, alone.whole)
        whole.set_random_seed(seed)
        sent: dict[str, Any] = {"image": values_of(image)}
        if targets.masks:
            sent["masks"] = [movable(mask) for mask in targets.masks]
        made = whole(**sent, **answers(self._asked, sent, values, image, targets))
        return image_like(image, made["image"]), replace(targets, masks=_masks_of(made, targets))


class _Alone:
    """The transform for samples without boxes and key points, where some of it takes none."""

    def __init__(self, library: Any, transform: Any) -> None:
        members, p = _members_of(library, transform)
        self.whole = library.Compose(members, p=p)


def _members_of(library: Any, transform: Any) -> tuple[Any, float]:
    """What a Compose that does the same consists of, and its probability."""
    is_plain = type(transform) is library.Compose
    return (transform.transforms, transform.p) if is_plain else ([transform], 1.0)


def _refuses_boxes(library: Any, transform: Any) -> bool:
    """Whether there is a transform of Albumentations that fails wherever boxes are sent, if only none of them."""
    dual = library.DualTransform
    return any(
        isinstance(one, dual) and type(one).apply_to_bboxes is dual.apply_to_bboxes for one in leaves_of(transform)
    )


def _masks_of(made: Any, targets: InPixels) -> list[NDArray[Any]]:
    planes = [np.asarray(mask) for mask in made.get("masks", ())]
    return [
        plane.reshape(plane.shape[:2]).astype(mask.dtype) for plane, mask in zip(planes, targets.masks, strict=True)
    ]


def _are_boxes(edges: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which boxes have an area in the image, in the float32 that Albumentations counts in."""
    parts = (within(edges, size) / np.array([size[1], size[0]] * 2)).astype(np.float32)
    are: NDArray[np.bool_] = (parts[:, 2:] > parts[:, :2]).all(axis=1)
    return are


def _with_targets(library: Any, transform: Any, own: Any) -> Any:
    """The transform in a Compose whose targets are in pixels, numbered, and all kept as long as it may keep them."""
    names = ("min_area", "min_visibility", "min_width", "min_height", "check_each_transform", "max_accept_ratio")
    filters = {} if own is None else {name: getattr(own, name) for name in names if hasattr(own, name)}
    boxes = library.BboxParams(format="pascal_voc", label_fields=[_NUMBERS], clip=True, **filters)
    points = library.KeypointParams(format="xy", remove_invisible=False)
    members, p = _members_of(library, transform)
    with warnings.catch_warnings():  # of targets that a change of colours leaves where they are
        warnings.filterwarnings("ignore", "Got processor for .*, but no transform to process it", UserWarning)
        return library.Compose(
            members,
            bbox_params=boxes,
            keypoint_params=points,
            additional_targets={_CORNERS: "keypoints"},
            p=p,
        )

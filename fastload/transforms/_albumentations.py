"""Albumentations' transforms in a chain."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastload.transforms._boxes import BoxParams
from fastload.transforms._foreign import Foreign, Points, own_copy, small_type
from fastload.transforms._kinds import array_of, image_like, size_of
from fastload.transforms._targets import InPixels

_NUMBERS = "fastload_numbers"


class Albumentations(Foreign):
    """What a transform of Albumentations makes of an image: boxes, masks and key points go with it.

    transform: an ``A.Compose`` or any other. Of its ``bbox_params`` the filters count. How boxes are written is said as
    for all of fastload's transforms, by the ``boxes`` of the Compose that this is part of; by itself, it is the format
    of ``bbox_params``. Results depend on (seed, epoch, index) of the sample alone.

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
        if not isinstance(transform, library.core.composition.BaseCompose | library.BasicTransform):
            raise TypeError(f"transform must be one of Albumentations, such as A.Compose([...]), got {transform!r}")
        self.theirs = transform
        own = getattr(transform, "processors", {}).get("bboxes")
        if own is not None:
            self.box_params = BoxParams(own.params.format)
        self._whole = _with_targets(library, transform, None if own is None else own.params)

    def extra_repr(self) -> str:
        return str(self.theirs)

    def apply_seeded(self, image: Any, targets: InPixels, seed: int) -> tuple[Any, InPixels]:
        whole = own_copy(self, self._whole)
        whole.set_random_seed(seed)
        points = Points(targets, size_of(image))
        made = whole(
            image=array_of(image),
            masks=[small_type(mask) for mask in targets.masks],
            bboxes=targets.edges,
            keypoints=points.sent,
            **{_NUMBERS: np.arange(len(targets.edges))},
        )
        result = image_like(image, made["image"])
        edges, kept = np.zeros_like(targets.edges), np.zeros(len(targets.edges), dtype=bool)
        numbers = np.asarray(made[_NUMBERS], dtype=np.int64)
        if len(numbers):
            edges[numbers], kept[numbers] = np.asarray(made["bboxes"], dtype=np.float64)[:, :4], True
        masks = [np.asarray(mask).reshape(np.asarray(mask).shape[:2]) for mask in made["masks"]]
        places = np.asarray(made["keypoints"], dtype=np.float64).reshape(-1, 2)
        return result, points.returned(places, edges, kept, masks, size_of(result))


def _with_targets(library: Any, transform: Any, own: Any) -> Any:
    """The transform in a Compose whose targets are in pixels, numbered, and all kept as long as it may keep them."""
    names = ("min_area", "min_visibility", "min_width", "min_height", "check_each_transform", "max_accept_ratio")
    filters = {} if own is None else {name: getattr(own, name) for name in names if hasattr(own, name)}
    boxes = library.BboxParams(format="pascal_voc", label_fields=[_NUMBERS], clip=True, **filters)
    points = library.KeypointParams(format="xy", remove_invisible=False)
    is_plain = type(transform) is library.Compose
    members = transform.transforms if is_plain else [transform]
    return library.Compose(members, bbox_params=boxes, keypoint_params=points, p=transform.p if is_plain else 1.0)

"""imgaug's augmenters in a chain."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastload.transforms._copies import Copies
from fastload.transforms._foreign import NO_VALUES, Foreign, Points, labels_of, values_of
from fastload.transforms._in_pixels import InPixels
from fastload.transforms._kinds import image_like, size_of

_MOST = (1 << 31) - 1  # imgaug moves masks in int32


def is_imgaug(step: Any) -> bool:
    module = sys.modules.get("imgaug.augmenters")  # who has one has imported it
    return module is not None and isinstance(step, module.Augmenter)


class ImgAug(Foreign):
    """What an augmenter of imgaug makes of an image: boxes, masks and key points go with it.

    What takes transforms wraps augmenters by itself. augmenter: any, with members or without. The package imgaug and
    its fork imaug are both known under the name imgaug. Results depend on (seed, epoch, index) of the sample alone.
    Augmenters made deterministic stay so.

    Augmenters are handed what a sample has: those that take images alone (`RandAugment`, `pillike.Affine`), or no boxes
    (`Jigsaw`), fail where it has others. Boxes have the sample's ``labels``, or ``label``, as their labels, if there is
    one for each, else None. Objects whose boxes the augmenter drops are gone, with all that belongs to them. Key points
    that it drops are put at (-1, -1) and are no longer visible.

    Masks must hold whole numbers from 0 to 2**31 - 1, in any type. PIL images must be L, LA, RGB, RGBA, I or F: others,
    such as palettes, must be converted first.

    Raises TypeError for anything but an augmenter, ImportError if neither package is installed.
    """

    def __init__(self, augmenter: Any) -> None:
        super().__init__()
        try:
            from imgaug.augmenters import Augmenter  # type: ignore[import-not-found,unused-ignore]
            from imgaug.parameters import StochasticParameter  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ImportError("ImgAug needs the package imaug (or imgaug with NumPy 1): pip install imaug") from error
        if not isinstance(augmenter, Augmenter):
            raise TypeError(f"augmenter must be one of imgaug's, such as iaa.Fliplr(0.5), got {augmenter!r}")
        self.augmenter = self.theirs = augmenter
        self._copies = Copies(augmenter, (Augmenter, StochasticParameter), _drawing)

    def extra_repr(self) -> str:
        return str(self.augmenter)

    def apply_seeded(
        self, image: Any, targets: InPixels, seed: int, values: Mapping[Any, Any] = NO_VALUES
    ) -> tuple[Any, InPixels]:
        from imgaug.augmentables import (  # type: ignore[import-not-found,unused-ignore]
            BoundingBoxesOnImage,
            KeypointsOnImage,
            SegmentationMapsOnImage,
        )

        from fastload.transforms._imgaug_parts import NumberedBox, NumberedPoint, numbers_in

        augmenter = self._copies.own(self.augmenter).seeded(seed)
        levels = values_of(image)
        points = Points(targets, size_of(image))
        labels = labels_of(values, len(points.edges))
        boxes = [NumberedBox(row, labels[number], number) for number, row in enumerate(points.edges.tolist())]
        places = [NumberedPoint(x, y, number) for number, (x, y) in enumerate(points.sent.tolist())]
        sent: dict[str, Any] = {"image": levels}
        # Nothing that a sample has not: some augmenters take images alone, some no boxes, and some fail without any.
        if boxes:
            sent["bounding_boxes"] = BoundingBoxesOnImage(boxes, shape=levels.shape)
        if boxes or len(targets.points):
            sent["keypoints"] = KeypointsOnImage(places, shape=levels.shape)
        if targets.masks:
            stacked = np.stack([_in_int32(mask) for mask in targets.masks], axis=-1)
            sent["segmentation_maps"] = SegmentationMapsOnImage(stacked, shape=levels.shape)
        made = _augmented(augmenter, sent)
        result = image_like(image, made["image"])
        planes = np.moveaxis(made["segmentation_maps"].get_arr(), -1, 0) if targets.masks else ()
        masks = [plane.astype(mask.dtype) for plane, mask in zip(planes, targets.masks, strict=True)]
        if "keypoints" not in sent:
            return result, replace(targets, masks=masks)
        edges, kept = np.zeros_like(targets.edges), np.zeros(len(boxes), dtype=bool)
        came = made["bounding_boxes"].bounding_boxes if boxes else []
        for number, box in zip(numbers_in(came, len(boxes), "boxes"), came, strict=True):
            edges[number], kept[number] = (box.x1, box.y1, box.x2, box.y2), True
        found = np.full_like(points.sent, np.nan)
        came = made["keypoints"].keypoints
        for number, point in zip(numbers_in(came, len(places), "points"), came, strict=True):
            found[number] = point.x, point.y
        return result, points.returned(found, edges, kept, masks, size_of(result))


def _drawing(augmenter: Any) -> Any:
    from fastload.transforms._imgaug_draws import Drawing

    return Drawing(augmenter)


def _augmented(augmenter: Any, sent: dict[str, Any]) -> dict[str, Any]:
    """What the augmenter makes of each."""
    made = augmenter.augment(**sent)
    return dict(zip(sent, made if len(sent) > 1 else [made], strict=True))


def _in_int32(mask: NDArray[Any]) -> NDArray[np.int32]:
    """A mask in int32, with the same values."""
    if mask.dtype.kind not in "biuf":
        raise TypeError(f"imgaug cannot move masks of {mask.dtype}: convert them to a type of whole numbers")
    values = mask.astype(np.float64) if mask.dtype.kind == "f" else mask
    is_bad = (values < 0) | (values > _MOST)
    if mask.dtype.kind == "f":
        is_bad |= values != np.floor(values)
    if is_bad.any():
        raise ValueError(
            f"imgaug moves masks of whole numbers from 0 to {_MOST}, this one of {mask.dtype} has {values[is_bad][0]}: "
            f"give its labels such numbers, or move it by a transform of another library"
        )
    return values.astype(np.int32)

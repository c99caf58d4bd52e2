"""imgaug's augmenters in a chain."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastload.transforms._foreign import Foreign, Points, own_copy
from fastload.transforms._kinds import array_of, image_like, size_of
from fastload.transforms._targets import InPixels


class ImgAug(Foreign):
    """What an augmenter of imgaug makes of an image: boxes, masks and key points go with it.

    augmenter: any, with members or without. The package imgaug and its fork imaug are both known under the name imgaug.
    Results depend on (seed, epoch, index) of the sample alone. Augmenters made deterministic stay so.

    Raises TypeError for anything but an augmenter, ImportError if neither package is installed.
    """

    def __init__(self, augmenter: Any) -> None:
        super().__init__()
        try:
            from imgaug.augmenters import Augmenter  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ImportError("ImgAug needs the package imaug (or imgaug with NumPy 1): pip install imaug") from error
        if not isinstance(augmenter, Augmenter):
            raise TypeError(f"augmenter must be one of imgaug's, such as iaa.Fliplr(0.5), got {augmenter!r}")
        self.augmenter = augmenter

    def extra_repr(self) -> str:
        return str(self.augmenter)

    def apply_seeded(self, image: Any, targets: InPixels, seed: int) -> tuple[Any, InPixels]:
        from imgaug.augmentables import (  # type: ignore[import-not-found,unused-ignore]
            BoundingBox,
            BoundingBoxesOnImage,
            Keypoint,
            KeypointsOnImage,
            SegmentationMapsOnImage,
        )

        augmenter = own_copy(self, self.augmenter)
        augmenter.seed_(seed)
        values = array_of(image)
        points = Points(targets, size_of(image))
        boxes = [BoundingBox(*edges, label=number) for number, edges in enumerate(targets.edges.tolist())]
        sent = {
            "image": values,
            "bounding_boxes": BoundingBoxesOnImage(boxes, shape=values.shape),
            "keypoints": KeypointsOnImage([Keypoint(*point) for point in points.sent.tolist()], shape=values.shape),
        }
        if targets.masks:
            stacked = np.stack(targets.masks, axis=-1)
            narrow = stacked if stacked.dtype in (np.bool_, np.uint8) else stacked.astype(np.int32)
            sent["segmentation_maps"] = SegmentationMapsOnImage(narrow, shape=values.shape)
        made = dict(zip(sent, augmenter.augment(**sent), strict=True))
        result = image_like(image, made["image"])
        edges, kept = np.zeros_like(targets.edges), np.zeros(len(boxes), dtype=bool)
        for box in made["bounding_boxes"].bounding_boxes:
            edges[box.label], kept[box.label] = (box.x1, box.y1, box.x2, box.y2), True
        places = np.array([(point.x, point.y) for point in made["keypoints"].keypoints], dtype=np.float64)
        masks = np.moveaxis(made["segmentation_maps"].get_arr(), -1, 0) if targets.masks else ()
        return result, points.returned(places.reshape(-1, 2), edges, kept, masks, size_of(result))

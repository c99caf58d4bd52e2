"""What targets are called in samples, and what beside them belongs to the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BOX_NAMES = ("boxes", "bboxes")
MASK_NAMES = ("masks", "mask", "segmentation_mask")
KEYPOINT_NAMES = ("keypoints",)
LABEL_NAMES = ("labels", "label")
_MOVING = (*BOX_NAMES, *MASK_NAMES, *KEYPOINT_NAMES)
# Values of the image, not of its objects, even if there are as many of them: names of COCO's, torchvision's, DETR's and
# OpenMMLab's tools.
OF_THE_IMAGE = (
    *("image_id", "img_id", "image_mask", "pixel_mask"),
    *("size", "orig_size", "original_size", "image_size", "canvas_size", "img_shape", "ori_shape", "pad_shape"),
    *("scale_factor", "path", "image_path", "img_path", "file_name", "filename"),
)


def may_be_of_objects(name: Any, fields: Sequence[str] | None) -> bool:
    """Whether a value of that name may be one for each object. fields: the names of all that are, beside what moves."""
    return name not in OF_THE_IMAGE if fields is None else name in fields or name in _MOVING

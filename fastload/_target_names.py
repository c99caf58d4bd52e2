"""What targets are called in samples, and what beside them belongs to the objects or to the image."""

from __future__ import annotations

from typing import Any

_TV_TENSORS = "torchvision.tv_tensors"
BOX_NAMES = ("boxes", "bboxes")
MASK_NAMES = ("masks", "mask", "segmentation_mask")
KEYPOINT_NAMES = ("keypoints",)
TARGET_NAMES = frozenset((*BOX_NAMES, *MASK_NAMES, *KEYPOINT_NAMES))
LABEL_NAMES = ("labels", "label")
# Values of objects, one for each: names of torchvision's, COCO's, VOC's and Albumentations' targets, and of MixUp's.
OF_THE_OBJECTS = (
    *("labels", "class_labels", "ids", "category_ids", "track_ids", "instance_ids", "scores", "weights"),
    *("area", "iscrowd", "difficult", "truncated", "occluded"),
)
# Values of the image, not of its objects, even if there are as many of them: names of COCO's, torchvision's, DETR's and
# OpenMMLab's tools, and what Albumentations' transforms ask for.
OF_THE_IMAGE = (
    *("image_id", "img_id", "image_mask", "pixel_mask"),
    *("size", "orig_size", "original_size", "image_size", "canvas_size", "img_shape", "ori_shape", "pad_shape"),
    *("scale_factor", "path", "image_path", "img_path", "file_name", "filename"),
    *("cropping_bbox", "fda_metadata", "hm_metadata", "pda_metadata"),
    *("mosaic_metadata", "overlay_metadata", "textimage_metadata"),
)


_tv_names: dict[type, str] = {}  # every value is asked for its name, and more than once


def tv_name(value: Any) -> str:
    """ "BoundingBoxes", "Mask", ... of one of torchvision's own tensors, else ""."""
    kind = type(value)
    name = _tv_names.get(kind)
    if name is None:
        name = _tv_names[kind] = kind.__name__ if kind.__module__.startswith(_TV_TENSORS) else ""
    return name

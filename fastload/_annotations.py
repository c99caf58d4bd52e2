"""Annotations as COCO's and VOC's files have them, as a dict of targets to draw. Boxes are xyxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastload.datasets import _coco_tensors
from fastload.datasets._coco_file import short

_WHERE = "the target"
_EDGES = ("xmin", "ymin", "xmax", "ymax")


def of_coco(entries: Sequence[Any], size: tuple[int, int], masks: bool) -> dict[str, Any]:
    """Boxes and categories, and the masks and key points that there are; size is the image's (height, width)."""
    objects = [entry for entry in entries if "bbox" in entry]
    target: dict[str, Any] = {
        "boxes": _coco_tensors.boxes(objects, _WHERE),
        "labels": [entry.get("category_id", "") for entry in objects],
    }
    if masks and any(entry.get("segmentation") for entry in objects):
        filled = [{**entry, "segmentation": entry.get("segmentation") or []} for entry in objects]
        target["masks"] = _coco_tensors.masks(filled, size, _WHERE)
    points = [entry.get("keypoints") or [] for entry in objects]
    if any(points):
        count = max(len(numbers) // 3 for numbers in points if isinstance(numbers, list))
        filled = [{**entry, "keypoints": numbers} for entry, numbers in zip(objects, points, strict=True)]
        target["keypoints"] = _coco_tensors.keypoints(filled, count, _WHERE)
    return target


def objects_of_voc(target: Any) -> list[Any] | None:
    """The objects of what `VOCDetection` gives, and torchvision's; None for anything else."""
    annotation = target.get("annotation") if isinstance(target, Mapping) else None
    objects = annotation.get("object") if isinstance(annotation, Mapping) else None
    is_voc = isinstance(objects, list) and all(isinstance(entry, Mapping) for entry in objects)
    return objects if is_voc else None


def of_voc(objects: Sequence[Any]) -> dict[str, Any]:
    """Boxes and names. VOC counts pixels from 1, the last one included."""
    boxes = [_edges(entry.get("bndbox"), number) for number, entry in enumerate(objects)]
    edges = np.array(boxes, dtype=np.float64).reshape(-1, 4) - [1, 1, 0, 0]
    return {"boxes": edges, "labels": [entry.get("name", "") for entry in objects]}


def _edges(box: Any, number: int) -> list[float]:
    try:
        return [float(box[name]) for name in _EDGES]
    except (KeyError, TypeError, ValueError):
        wanted = f"bndbox must have the numbers {', '.join(_EDGES)}"
        raise ValueError(f"{_WHERE}, object {number}: {wanted}, got {short(box)}") from None

"""COCO's annotations: instances and key points."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload import _core
from fastload.datasets._detection import DetectionDataset, in_any_thread
from fastload.datasets._shared_list import SharedList
from fastload.io import MAX_PIXELS


class CocoDetection(DetectionDataset):
    """(image, objects) of every image that ``annFile``, a JSON file as COCO has it, names; files are in ``root``.

    Arguments, attributes and order are torchvision's: images by id, PIL images in RGB, the target a list of the file's
    annotations. Annotations are kept in memory that workers share.

    tensors: the target is a dict instead: image_id; boxes (N, 4) float32, xyxy in pixels; labels (N,) int64, COCO's
        category ids; area (N,) float32; iscrowd (N,) int64; ids (N,) int64 of the annotations.
    masks: and masks (N, H, W) uint8, from polygons or runs. keypoints: and keypoints (N, K, 3) float32.
    crowd: whether regions of crowds are among the objects.

    Raises FileNotFoundError for a missing file, ValueError for one that is not COCO's JSON, or names an image that it
    does not have.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        annFile: str | os.PathLike[str],
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[..., Any] | None = None,
        *,
        tensors: bool = False,
        masks: bool = False,
        keypoints: bool = False,
        crowd: bool = True,
        apply_exif_orientation: bool = False,
        scaled_decoding: bool = True,
        max_pixels: int | None = MAX_PIXELS,
    ) -> None:
        super().__init__(
            transforms,
            transform,
            target_transform,
            apply_exif_orientation=apply_exif_orientation,
            scaled_decoding=scaled_decoding,
            max_pixels=max_pixels,
        )
        if (masks or keypoints) and not tensors:
            raise ValueError("masks and keypoints are parts of a dict of tensors: pass tensors=True, too")
        self.root = os.fspath(root)
        self.tensors, self.masks, self.keypoints, self.crowd = bool(tensors), bool(masks), bool(keypoints), bool(crowd)
        content = _read(os.fspath(annFile))
        self.categories: dict[int, dict[str, Any]] = {entry["id"]: entry for entry in content.get("categories", [])}
        images = {entry["id"]: entry for entry in content["images"]}
        self.ids: list[int] = sorted(images)
        self.sizes = np.array([_size(images[number]) for number in self.ids], dtype=np.int64).reshape(-1, 2)
        self.paths = SharedList(os.path.join(self.root, images[number]["file_name"]) for number in self.ids)
        self._annotations = SharedList(_by_image(content["annotations"], images, self.ids, os.fspath(annFile)))

    @in_any_thread
    def target(self, number: int) -> Any:
        objects = self._annotations[number]
        if not self.crowd:
            objects = [entry for entry in objects if not entry.get("iscrowd", 0)]
        if not self.tensors:
            return objects
        numbers = np.array([entry["bbox"] for entry in objects], dtype=np.float64).reshape(-1, 4)
        numbers[:, 2:] += numbers[:, :2]
        target = {
            "image_id": self.ids[number],
            "boxes": torch.from_numpy(numbers.astype(np.float32)),
            "labels": _column(objects, "category_id", torch.int64),
            "area": _column(objects, "area", torch.float32),
            "iscrowd": _column(objects, "iscrowd", torch.int64),
            "ids": _column(objects, "id", torch.int64),
        }
        if self.masks:
            height, width = self.sizes[number].tolist()
            planes = [object_mask(entry["segmentation"], height, width) for entry in objects]
            target["masks"] = torch.from_numpy(np.stack(planes) if planes else np.zeros((0, height, width), np.uint8))
        if self.keypoints:
            target["keypoints"] = _keypoints(objects)
        return target


def object_mask(segmentation: Any, height: int, width: int) -> NDArray[np.uint8]:
    """(height, width), 1 where the object is: of COCO's list of polygons, or of its runs, as numbers or as text.

    ValueError for runs of another size, and for polygons of fewer than three corners.
    """
    if isinstance(segmentation, dict):
        size = segmentation.get("size")
        if size is not None and list(size) != [height, width]:
            raise ValueError(f"a mask of {size} (height, width) is not one of an image of {[height, width]}")
        counts = segmentation["counts"]
        return _core.runs_mask(counts.encode() if isinstance(counts, str) else counts, height, width)
    return _core.polygons_mask(segmentation, height, width)


def _read(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        raw = file.read()
    try:
        content = json.loads(raw)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        raise ValueError(f"{path} is not COCO's: it must be an object with the lists images and annotations")
    return content


def _by_image(
    annotations: list[dict[str, Any]], images: dict[int, Any], ids: list[int], path: str
) -> list[list[dict[str, Any]]]:
    """The annotations of each image, in the file's order."""
    places = {number: place for place, number in enumerate(ids)}
    lists: list[list[dict[str, Any]]] = [[] for _ in ids]
    for number, entry in enumerate(annotations):
        place = places.get(entry.get("image_id", -1))
        if place is None:
            raise ValueError(f"{path}: annotations[{number}] is of image {entry.get('image_id')!r}, which is not there")
        lists[place].append(entry)
    return lists


def _size(image: dict[str, Any]) -> tuple[int, int]:
    return int(image.get("height", 0)), int(image.get("width", 0))


def _column(objects: list[dict[str, Any]], name: str, dtype: torch.dtype) -> torch.Tensor:
    return torch.tensor([entry.get(name, 0) for entry in objects], dtype=dtype)


def _keypoints(objects: list[dict[str, Any]]) -> torch.Tensor:
    points = [np.asarray(entry.get("keypoints", []), dtype=np.float32).reshape(-1, 3) for entry in objects]
    count = max((len(rows) for rows in points), default=0)
    filled = np.zeros((len(points), count, 3), dtype=np.float32)
    for place, rows in zip(filled, points, strict=True):
        place[: len(rows)] = rows
    return torch.from_numpy(filled)

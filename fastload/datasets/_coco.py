"""COCO's annotations: instances and key points."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from fastload.datasets import _coco_tensors
from fastload.datasets._boxes_that_stay import refuse_boxes_that_stay
from fastload.datasets._coco_file import Entry, keypoint_count, read, value
from fastload.datasets._detection import DetectionDataset, in_any_thread
from fastload.datasets._shared_list import SharedList
from fastload.io import MAX_PIXELS, image_size


class CocoDetection(DetectionDataset):
    """(image, objects) of every image that ``annFile``, a JSON file as COCO has it, names; files are in ``root``.

    Arguments, attributes and order are torchvision's: images by id, PIL images in RGB, the target a list of the file's
    annotations. Annotations are kept in memory that workers share. ``coco``, pycocotools' object, is made on demand.

    tensors: the target is a dict instead: image_id; boxes (N, 4) float32, xyxy in pixels; labels (N,) int64, COCO's
        category ids; area (N,) float32, the file's, whatever transforms do to the object; iscrowd (N,) int64;
        ids (N,) int64 of the annotations.
    masks: and masks (N, H, W) uint8, from polygons or runs; those of another size than the image are refused.
    keypoints: and keypoints (N, K, 3) float32, K the most that a category of the file names (where none does, the most
        that an annotation has); what an object has less of is filled up with zeros, whose visibility is 0.
    crowd: whether regions of crowds are among the objects.

    apply_exif_orientation: turns images; annotations stay as they are, and must be of the turned image. With tensors
        those of another size are refused.

    Raises FileNotFoundError for a missing file, ValueError for one that is not COCO's JSON, or names an image that it
    does not have. A sample raises ValueError, with file, image and annotation, for values that no tensor can hold.
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
            root,
            transforms,
            transform,
            target_transform,
            box_format="xyxy" if tensors else None,
            apply_exif_orientation=apply_exif_orientation,
            scaled_decoding=scaled_decoding,
            max_pixels=max_pixels,
        )
        if (masks or keypoints) and not tensors:
            raise ValueError("masks and keypoints are parts of a dict of tensors: pass tensors=True, too")
        self.tensors, self.masks, self.keypoints, self.crowd = bool(tensors), bool(masks), bool(keypoints), bool(crowd)
        self._file = os.fspath(annFile)
        file = read(self._file)
        self.categories, images, self._annotations = file
        self._keypoint_count = keypoint_count(self._file, file) if self.keypoints else 0
        self.ids: list[int] = list(images)
        self.sizes = np.array([_size_of(entry) for entry in images.values()], dtype=np.int64).reshape(-1, 2)
        self.paths = SharedList(os.path.join(self.root, entry["file_name"]) for entry in images.values())
        self._coco: Any = None
        if self.tensors or any(b'"bbox"' in texts for texts in self._annotations):  # captions have none
            refuse_boxes_that_stay(self, plain=not self.tensors)

    @property
    def coco(self) -> Any:
        """pycocotools' COCO of the file, made when it is first asked for; ImportError if that is not installed."""
        if self._coco is None:
            try:
                from pycocotools.coco import COCO  # type: ignore[import-untyped,unused-ignore]
            except ImportError as error:
                raise ImportError("CocoDetection.coco is pycocotools' object: pip install pycocotools") from error
            self._coco = COCO(self._file)
        return self._coco

    @in_any_thread
    def target(self, number: int) -> Any:
        where = f"{self._file}: image {self.ids[number]!r}"
        objects: list[Entry] = value(self._annotations[number], where)
        if not self.crowd:
            crowds = _coco_tensors.whole_numbers(objects, "iscrowd", where, 0).tolist()
            objects = [entry for entry, is_crowd in zip(objects, crowds, strict=True) if not is_crowd]
        if not self.tensors:
            return objects
        if self.apply_exif_orientation or self.masks:
            self._check_size(number, where)
        target = {
            "image_id": self.ids[number],
            "boxes": _coco_tensors.boxes(objects, where),
            "labels": _coco_tensors.whole_numbers(objects, "category_id", where),
            "area": _coco_tensors.areas(objects, where),
            "iscrowd": _coco_tensors.whole_numbers(objects, "iscrowd", where, 0),
            "ids": _coco_tensors.whole_numbers(objects, "id", where, 0),
        }
        if self.masks:
            target["masks"] = _coco_tensors.masks(objects, self._size(number), where)
        if self.keypoints:
            target["keypoints"] = _coco_tensors.keypoints(objects, self._keypoint_count, where)
        return target

    def _size(self, number: int) -> tuple[int, int]:
        height, width = self.sizes[number].tolist()
        return height, width

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_coco": None}

    def has_masks(self) -> bool:
        """Whether there is something to make a mask of for each object, and the size of each image is known."""
        return bool(self.sizes.all()) and all(
            entry.get("segmentation") for text in self._annotations for entry in value(text, self._file)
        )

    def has_keypoints(self) -> bool:
        """Whether an annotation has some, and all that say something of them say what they are."""
        found = [entry.get("keypoints", []) for text in self._annotations for entry in value(text, self._file)]
        return any(found) and all(isinstance(points, list) for points in found)

    def _check_size(self, number: int, where: str) -> None:
        """Masks are of the size that the file says; boxes of an image that is turned without them, of other places."""
        size, turns = self._size(number), self.apply_exif_orientation
        path = self.paths[number]
        image = image_size(path, turns, self.max_pixels)
        if all(size) and size != image:
            is_turn = size == image_size(path, not turns, self.max_pixels)
            hint = (
                f"pass apply_exif_orientation={not turns}"
                if is_turn
                else "correct them, or take the images that they are of"
            )
            raise ValueError(
                f"{where}: annotations of {size[0]} x {size[1]} (height x width) are not those of the image as it is "
                f"read{' and turned by its EXIF data' if turns else ''}, {image[0]} x {image[1]}: {hint}"
            )


def _size_of(image: Entry) -> tuple[int, int]:
    """(height, width), 0 for what the file does not say."""
    return int(image.get("height") or 0), int(image.get("width") or 0)

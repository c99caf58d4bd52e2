"""Annotations as YOLO's tools have them: a text file for each image."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fastload.datasets._boxes_that_stay import refuse_boxes_that_stay
from fastload.datasets._detection import DetectionDataset, in_any_thread
from fastload.datasets._yolo_files import images_in
from fastload.datasets._yolo_yaml import described
from fastload.io import MAX_PIXELS, image_size

LARGEST = 1e15  # more than any class or part of a side, and as pixels still a number that float32 and int64 hold
SLACK = 0.01  # of boxes that touch the border, and were rounded


class YOLODetection(DetectionDataset):
    """(image, target) of every image in ``root``/images/SPLIT or ``root``/SPLIT/images, in the order of their names.

    split: "" for all images of ``root``/images, where they are in no parts.
    root: a folder, or a data.yaml file that names its parts (path, train, val, names), which needs the package PyYAML.
    Of such a file path is relative to the file's own folder, and names are a list, or by number; a part is a folder, a
    text file of a path a line, relative to path (with ./, to the text file), or a list of several of either.
    Lines are in a .txt file of the image's name, in the folder labels in place of images: a class, and a box
    (cx cy w h) or a polygon (x y x y ...), in parts of the image's sides. An image without a file, or with an empty
    one, has no objects. Lines with key points behind the box are not read; without a data.yaml that says so
    (kpt_shape), some of them look like polygons.

    The target is a dict: image_id, the file's path below the folder of its part, without suffix; boxes (N, 4) float32,
    xyxy in pixels; labels (N,) int64; with ``masks`` masks (N, H, W) uint8, of boxes their rectangles.

    apply_exif_orientation: turn images as their EXIF data says, as YOLO's tools do; without it, labels must be of the
        images as they are stored.

    Raises FileNotFoundError for a missing folder, ValueError with file and key for a data.yaml that is none, and with
    file and line for what is no box in the image or of a class that the data.yaml does not have.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transforms: Callable[..., Any] | None = None,
        *,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        masks: bool = False,
        apply_exif_orientation: bool = True,
        scaled_decoding: bool = True,
        max_pixels: int | None = MAX_PIXELS,
    ) -> None:
        super().__init__(
            root,
            transforms,
            transform,
            target_transform,
            box_format="xyxy",
            apply_exif_orientation=apply_exif_orientation,
            scaled_decoding=scaled_decoding,
            max_pixels=max_pixels,
        )
        if not isinstance(split, str):
            raise TypeError(f"split must be the name of a part, such as 'train', got {split!r}")
        self.split, self.masks = split, bool(masks)
        self.classes: list[str] = []
        self._class_count: int | None = None
        place = Path(self.root)
        is_yaml = place.is_file() or (place.suffix in (".yaml", ".yml") and not place.is_dir())
        if is_yaml:
            part, self.classes, self._class_count = described(place, split)
        else:
            part = images_in(_split_folder(place, split))
            if not part.images:
                raise FileNotFoundError(f"there is no image in {part.folder}")
        files, self._folder = part
        self.paths = [str(path) for path in files]
        refuse_boxes_that_stay(self, plain=False)

    @in_any_thread
    def target(self, number: int) -> Any:
        path = self.paths[number]
        height, width = image_size(path, self.apply_exif_orientation, self.max_pixels)
        labels, outlines = [], []
        text = _label_file(Path(path))
        for line_number, line in enumerate(_lines(text), start=1):
            if line.strip():
                where = f"{text}, line {line_number}"
                label, corners = _parsed(line, where)
                if self._class_count is not None and label >= self._class_count:
                    raise ValueError(f"{where}: there are {self._class_count} classes, and {line!r} is of {label}")
                labels.append(label)
                outlines.append(corners * [width, height])
        boxes = [(*corners.min(axis=0), *corners.max(axis=0)) for corners in outlines]
        target = {
            "image_id": Path(os.path.relpath(path, self._folder)).with_suffix("").as_posix(),
            "boxes": torch.from_numpy(np.array(boxes, dtype=np.float32).reshape(-1, 4)),
            "labels": torch.tensor(labels, dtype=torch.int64),
        }
        if self.masks:
            from fastload.datasets._coco_tensors import object_mask

            planes = [object_mask([corners.ravel()], height, width) for corners in outlines]
            shape = (0, height, width)
            target["masks"] = torch.from_numpy(np.stack(planes) if planes else np.zeros(shape, dtype=np.uint8))
        return target

    def has_polygons(self, numbers: Iterable[int]) -> bool:
        """Whether an object in one of these images is outlined by a polygon, which says more than its box."""
        files = (_label_file(Path(self.paths[number])) for number in numbers)
        return any(len(line.split()) > 5 for file in files for line in _lines(file))


def _split_folder(root: Path, split: str) -> Path:
    for folder in (root / "images" / split, root / split / "images"):
        if folder.is_dir():
            return folder
    hint = f"; an empty split reads all of {root}/images" if (root / "images").is_dir() else ""
    raise FileNotFoundError(f"there is neither {root}/images/{split} nor {root}/{split}/images{hint}")


def _label_file(image: Path) -> Path:
    """The file beside the image's, with the last folder called images exchanged for labels."""
    parts = list(image.parts)
    for number in range(len(parts) - 2, -1, -1):
        if parts[number] == "images":
            parts[number] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _lines(file: Path) -> list[str]:
    """None of a file that is not there."""
    if not file.is_file():
        return []
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not text: {error}") from error


def _parsed(line: str, where: str) -> tuple[int, Any]:
    """(class, (N, 2) corners in parts of the sides)."""
    try:
        label, *numbers = (float(word) for word in line.split())
    except ValueError as error:
        raise ValueError(f"{where}: {line!r} is not a class and numbers") from error
    values = np.array(numbers, dtype=np.float64)
    is_class = label.is_integer() and 0 <= label <= LARGEST
    if not is_class or len(values) < 4 or len(values) % 2 or not (np.abs(values) <= LARGEST).all():
        raise ValueError(f"{where}: {line!r} is neither class cx cy w h nor class x y x y x y ...")
    corners = values.reshape(-1, 2) if len(values) > 4 else _corners(values)
    low, high = corners.min(axis=0), corners.max(axis=0)
    if len(values) == 4 and min(values[2:]) < 0:
        raise ValueError(f"{where}: the box of {line!r} has a negative side")
    if max(*(high - low), *(low + high) / 2) > 1 + SLACK or min(low + high) / 2 < -SLACK:
        raise ValueError(
            f"{where}: {line!r} is no box in its image: its middle and sides must be parts of the image's, 0 to 1 (not "
            "pixels, and without key points)"
        )
    return int(label), corners


def _corners(box: Any) -> Any:
    middle, half = box[:2], box[2:] / 2
    return np.array([middle + half * side for side in ((-1, -1), (1, -1), (1, 1), (-1, 1))])

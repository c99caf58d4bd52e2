"""Small detection data sets on disk, in the three ways that they are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from support.painted import grid_of_boxes, painted

SIZES = [(120, 160), (180, 140), (100, 100), (90, 130)]  # height, width


def boxes_of(number: int) -> list[tuple[int, int, int, int]]:
    """The objects of image ``number``; the third has none."""
    height, width = SIZES[number]
    return [] if number == 2 else grid_of_boxes(height, width, 24, 10)[: 3 + number]


def pixels_of(number: int) -> Any:
    return painted(*SIZES[number], boxes_of(number))


def save_images(folder: Path, suffix: str = ".png") -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"image{number}{suffix}" for number in range(len(SIZES))]
    for number, path in enumerate(paths):
        Image.fromarray(pixels_of(number)).save(path)
    return paths


def polygon(box: tuple[int, int, int, int]) -> list[float]:
    left, top, right, bottom = (float(edge) for edge in box)
    return [left, top, right, top, right, bottom, left, bottom]


def coco(root: Path) -> tuple[Path, Path]:
    """(folder of images, annotation file): ids are not in the order of names, and one object is a crowd."""
    save_images(root / "images")
    images, annotations = [], []
    for number, (height, width) in enumerate(SIZES):
        images.append({"id": 40 - number, "file_name": f"image{number}.png", "height": height, "width": width})
        for place, box in enumerate(boxes_of(number)):
            left, top, right, bottom = box
            segmentation: Any = [polygon(box)]
            if place == 2:
                mask = np.zeros((height, width), dtype=np.uint8)
                mask[top:bottom, left:right] = 1
                flat = np.concatenate([[0], mask.ravel(order="F"), [2]])
                ends = np.flatnonzero(np.diff(flat))
                segmentation = {"size": [height, width], "counts": np.diff([0, *ends]).tolist()}
            annotations.append(
                {
                    "id": 100 * number + place,
                    "image_id": 40 - number,
                    "category_id": place + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "iscrowd": int(place == 2),
                    "segmentation": segmentation,
                    "keypoints": [left + 1, top + 2, 2, right, bottom, 1],
                }
            )
    file = root / "instances.json"
    categories = [{"id": number, "name": f"thing {number}"} for number in range(1, 9)]
    file.write_text(json.dumps({"images": images, "annotations": annotations[::-1], "categories": categories}))
    return root / "images", file


def changed_coco(root: Path, change: Callable[[dict[str, Any]], Any]) -> tuple[Path, Path]:
    """The same after a change of what is in the annotation file."""
    images, file = coco(root)
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    return images, file


def voc(root: Path) -> Path:
    """VOCdevkit/VOC2012 with the split train: all images but the last."""
    base = root / "VOCdevkit" / "VOC2012"
    save_images(base / "JPEGImages", ".jpg")
    (base / "Annotations").mkdir()
    (base / "ImageSets" / "Main").mkdir(parents=True)
    names = [f"image{number}" for number in range(len(SIZES))]
    for number, name in enumerate(names):
        objects = "".join(
            f"<object><name>{'dog' if place % 2 else 'cat'}</name><difficult>{place % 2}</difficult><bndbox>"
            f"<xmin>{left + 1}</xmin><ymin>{top + 1}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
            for place, (left, top, right, bottom) in enumerate(boxes_of(number))
        )
        text = f"<annotation><filename>{name}.jpg</filename><size><width>5</width></size>{objects}</annotation>"
        (base / "Annotations" / f"{name}.xml").write_text(text)
    (base / "ImageSets" / "Main" / "train.txt").write_text("\n".join(names[:-1]) + "\n")
    return root


def yolo(root: Path) -> Path:
    """images/train and labels/train; the first object of each image is a polygon."""
    save_images(root / "images" / "train")
    labels = root / "labels" / "train"
    labels.mkdir(parents=True)
    for number, (height, width) in enumerate(SIZES):
        lines = []
        for place, box in enumerate(boxes_of(number)):
            left, top, right, bottom = box
            scaled = np.array(polygon(box)).reshape(-1, 2) / [width, height]
            middle = [(left + right) / 2 / width, (top + bottom) / 2 / height]
            numbers = (
                scaled.ravel().tolist() if place == 0 else [*middle, (right - left) / width, (bottom - top) / height]
            )
            lines.append(" ".join([str(place), *(f"{value:.9f}" for value in numbers)]))
        if number != 2:
            (labels / f"image{number}.txt").write_text("\n".join(lines) + "\n\n")
    return root

"""YOLO's images and the files of labels beside them: which belong together, and images that are turned by EXIF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.detection_files import boxes_of, yolo

from fastload import DataLoader
from fastload import transforms as T
from fastload.collate import DetectionCollate
from fastload.datasets import YOLODetection

# What EXIF's numbers say must be done to what is stored (Exif 2.3, tag 274), the other way round.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
BOX = (48, 8, 80, 24)  # of the image as it is seen


def turned(root: Path, orientation: int, suffix: str) -> Path:
    """One image with one object, labelled as it is seen."""
    for folder in ("images", "labels"):
        (root / folder / "train").mkdir(parents=True)
    seen = np.full((40, 96, 3), 30, dtype=np.uint8)
    seen[BOX[1] : BOX[3], BOX[0] : BOX[2]] = (250, 0, 0)
    image = Image.fromarray(seen)
    way = STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = image if way is None else image.transpose(way)
    stored.save(root / "images" / "train" / f"a{suffix}", exif=exif, quality=95, subsampling=0)
    (root / "labels" / "train" / "a.txt").write_text(f"0 {64 / 96} {16 / 40} {32 / 96} {16 / 40}\n")
    return root


def reds(image: Any) -> Any:
    levels = np.asarray(image, dtype=np.float64)
    return (levels[..., 0] > 150) & (levels[..., 1] < 90)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", STORED)
def test_boxes_are_where_the_objects_of_turned_images_are(tmp_path: Path, orientation: int, suffix: str) -> None:
    root = turned(tmp_path, orientation, suffix)
    image, target = YOLODetection(root, masks=True)[0]
    assert target["boxes"][0].tolist() == pytest.approx(BOX)
    assert image.size == (96, 40)
    assert np.array_equal(reds(image), target["masks"][0].numpy() > 0)
    data = YOLODetection(root, transforms=T.Compose([T.RandomHorizontalFlip(1.0), T.ToTensor()]), masks=True)
    mirrored = np.asarray(image)[:, ::-1]
    for made, moved in (data[0], *DataLoader(data, collate_fn=DetectionCollate("padded"))):
        pixels = made.reshape(3, 40, 96).permute(1, 2, 0) * 255
        assert np.abs(pixels.numpy() - mirrored).max() <= 2
        assert torch.equal(torch.from_numpy(reds(pixels)), moved["masks"].reshape(40, 96) > 0)
        assert moved["boxes"].ravel().tolist() == pytest.approx([16, 8, 48, 24])


@pytest.mark.parametrize("orientation", STORED)
def test_images_stay_as_they_are_stored_where_that_is_asked_for(tmp_path: Path, orientation: int) -> None:
    root = turned(tmp_path, orientation, ".png")
    image, target = YOLODetection(root, apply_exif_orientation=False)[0]
    with Image.open(root / "images" / "train" / "a.png") as stored:
        assert np.array_equal(np.asarray(image), np.asarray(stored))
    width, height = image.size
    expected = np.array([48 / 96, 8 / 40, 80 / 96, 24 / 40]) * [width, height, width, height]
    assert target["boxes"][0].tolist() == pytest.approx(expected.tolist())


def test_labels_are_in_place_of_the_last_folder_of_images(tmp_path: Path) -> None:
    data = YOLODetection(yolo(tmp_path / "images" / "of mine"))
    assert [len(target["boxes"]) for _, target in data] == [len(boxes_of(number)) for number in range(4)]

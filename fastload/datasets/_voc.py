"""Pascal VOC's annotations."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np
import torch

from fastload.datasets._boxes_that_stay import refuse_boxes_that_stay
from fastload.datasets._detection import DetectionDataset, in_any_thread
from fastload.io import MAX_PIXELS

VOC_CLASSES = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]
LARGEST = float(np.finfo(np.float32).max)
_OF_ONE_CLASS = re.compile(r"\S+\s+(-1|0|1)")  # names of images may have spaces, too
_YEARS = [str(year) for year in range(2007, 2013)]


class VOCDetection(DetectionDataset):
    """(image, annotation) of every image of a split of Pascal VOC, in ``root``/VOCdevkit/VOC<year>.

    Arguments and order are torchvision's, and so is the target: the XML file as nested dicts. Nothing is downloaded.
    Of 2011, the folder may as well be ``root``/TrainVal/VOCdevkit/VOC2011, as its archive and torchvision have it.

    tensors: the target is a dict instead: image_id, the file's name; boxes (N, 4) float32, xyxy in pixels, the first
        pixel being 0; labels (N,) int64, 1 to 20 in the order of `VOC_CLASSES`, or of ``classes``; difficult (N,) bool.

    Raises FileNotFoundError for a missing folder or file, ValueError for an unknown year or class, for a list of one
    class's images (cat_train) in place of a split, and for XML that is broken or declares entities; with tensors also
    for XML of something else, and for values that are none of VOC's.
    """

    targets: list[str]

    def __init__(
        self,
        root: str | os.PathLike[str],
        year: str | int = "2012",
        image_set: str = "train",
        download: bool = False,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[..., Any] | None = None,
        *,
        tensors: bool = False,
        classes: list[str] | None = None,
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
        if download:
            raise ValueError("VOCDetection downloads nothing: put the data set's VOCdevkit folder into root")
        name = str(year).removesuffix("-test")
        if name not in _YEARS:
            raise ValueError(f"year must be one of {', '.join(_YEARS)} or 2007-test, got {year!r}")
        self.year, self.image_set = str(year), image_set
        self.tensors = bool(tensors)
        self.classes = list(VOC_CLASSES if classes is None else classes)
        folder = _folder(Path(self.root), f"VOC{name}")
        split = folder / "ImageSets" / "Main" / f"{image_set}.txt"
        if not split.is_file():
            raise FileNotFoundError(f"there is no {split}: root must hold VOCdevkit/VOC{name} with that split")
        names = _names_in(split, folder / "JPEGImages")
        self.paths = [str(folder / "JPEGImages" / f"{name}.jpg") for name in names]
        self.targets = [str(folder / "Annotations" / f"{name}.xml") for name in names]
        refuse_boxes_that_stay(self, plain=not self.tensors)

    @property
    def images(self) -> Sequence[str]:
        """torchvision's name for ``paths``."""
        return self.paths

    @images.setter
    def images(self, paths: Sequence[str]) -> None:
        self.paths = paths

    @property
    def annotations(self) -> list[str]:
        """torchvision's other name for ``targets``, the XML files."""
        return self.targets

    @annotations.setter
    def annotations(self, files: list[str]) -> None:
        self.targets = files

    @in_any_thread
    def target(self, number: int) -> Any:
        path = self.annotations[number]
        root = _parsed(path)
        if not self.tensors:
            try:
                return _as_dict(root)
            except RecursionError as error:
                raise ValueError(f"{path} is nested too deep for an annotation") from error
        if root.tag != "annotation":
            raise ValueError(f"{path} is not VOC's: it must be an <annotation>, got <{root.tag}>")
        boxes, labels, difficult = [], [], []
        for number, entry in enumerate(root.iter("object")):
            label = entry.findtext("name", "").strip()
            if label not in self.classes:
                raise ValueError(f"{path}: {label!r} is not one of the classes {', '.join(self.classes)}")
            box = entry.find("bndbox")
            if box is None:
                raise ValueError(f"{path}: the object {label!r} has no bndbox")
            where = f"{path}: object {number} ({label!r})"
            boxes.append(_corners(box, where))
            labels.append(self.classes.index(label) + 1)
            difficult.append(_is_difficult(entry, where))
        return {
            "image_id": Path(path).stem,
            "boxes": torch.from_numpy(np.array(boxes, dtype=np.float32).reshape(-1, 4)),
            "labels": torch.tensor(labels, dtype=torch.int64),
            "difficult": torch.tensor(difficult, dtype=torch.bool),
        }


def _folder(root: Path, name: str) -> Path:
    apart = root / "TrainVal" / "VOCdevkit" / name
    return apart if name == "VOC2011" and apart.is_dir() else root / "VOCdevkit" / name


def _names_in(split: Path, images: Path) -> list[str]:
    """One a line; ValueError for lists of one class, which have all images with 1, 0 or -1 behind them."""
    try:
        lines = split.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{split} is not text: {error}") from error
    names = {number: line.strip() for number, line in enumerate(lines, start=1) if line.strip()}
    number, name = next(iter(names.items()), (0, ""))
    if names and all(map(_OF_ONE_CLASS.fullmatch, names.values())) and not (images / f"{name}.jpg").is_file():
        raise ValueError(
            f"{split}, line {number}: a split has the name of one image a line, got {name!r}, as lists of "
            "the images of one class have it: take a whole split, such as 'train'"
        )
    return list(names.values())


def _corners(box: ElementTree.Element, where: str) -> tuple[float, float, float, float]:
    """xyxy. VOC counts pixels from 1, the last one included."""
    words = [box.findtext(name) for name in ("xmin", "ymin", "xmax", "ymax")]
    try:
        left, top, right, bottom = map(float, words)  # type: ignore[arg-type]  # None is an error, as is no number
    except (TypeError, ValueError):
        left = top = right = bottom = np.nan
    if not all(abs(edge) <= LARGEST for edge in (left, top, right, bottom)):
        raise ValueError(f"{where}: xmin, ymin, xmax, ymax must be four finite numbers, got {words}")
    if right < left or bottom < top:
        raise ValueError(f"{where}: xmax must not be less than xmin, nor ymax than ymin, got {words}")
    return left - 1, top - 1, right, bottom


def _is_difficult(entry: ElementTree.Element, where: str) -> bool:
    word = entry.findtext("difficult", "").strip()
    if word not in ("", "0", "1"):
        raise ValueError(f"{where}: difficult must be 0 or 1, or left out, got {word!r}")
    return word == "1"


def _parsed(path: str) -> ElementTree.Element:
    raw = Path(path).read_bytes()
    plain = raw.replace(
        b"\0", b""
    )  # UTF-16 has one beside each of these letters; other encodings have them as they are
    if b"<!ENTITY" in plain and _declares_entities(raw):  # they can make gigabytes of a line
        raise ValueError(f"{path} declares entities, which annotations have no use for: it is not read")
    try:
        return ElementTree.fromstring(raw)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the last two are of unknown encodings
        raise ValueError(f"{path} is not XML: {error}") from error


def _declares_entities(raw: bytes) -> bool:
    """Asked of the parser, for comments may speak of them; it stops at the first one. False for what is not XML."""
    parser = expat.ParserCreate()
    parser.EntityDeclHandler = _stop
    try:
        parser.Parse(raw, True)
    except _EntityDeclared:
        return True
    except (expat.ExpatError, LookupError, ValueError):
        return False
    return False


class _EntityDeclared(Exception):
    pass


def _stop(*declared: Any) -> None:
    raise _EntityDeclared


def _as_dict(node: ElementTree.Element) -> dict[str, Any]:
    """torchvision's: a text, or a dict of children by tag; several of one tag are a list, and objects always are.

    What holds nothing at all, not even a space, is left out.
    """
    children = list(node)
    if not children:
        return {node.tag: node.text.strip()} if node.text else {}
    merged: dict[str, list[Any]] = {}
    for child in children:
        for tag, value in _as_dict(child).items():
            merged.setdefault(tag, []).append(value)
    values: dict[str, Any] = {tag: found[0] if len(found) == 1 else found for tag, found in merged.items()}
    if node.tag == "annotation":
        values["object"] = merged.get("object", [])
    return {node.tag: values}

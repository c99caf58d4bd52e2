"""The images of a part of YOLO's data: those in a folder, or those that a text file lists."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from fastload.datasets._folder import IMG_EXTENSIONS


class Part(NamedTuple):
    images: list[Path]
    folder: str  # that all of them are in, so that their paths below it tell them apart


def images_in(folder: Path) -> Part:
    return Part(sorted(path for path in folder.rglob("*") if _is_image(path)), str(folder))


def together(parts: list[Part]) -> Part:
    """The images of all, in the order of their names."""
    folder = os.path.commonpath([os.path.abspath(part.folder) for part in parts])
    return Part(sorted(image for part in parts for image in part.images), folder)


def images_of_list(file: Path, base: Path) -> Part:
    """One a line, as they stand there; lines that begin with ./ are relative to the file's folder, others to ``base``.

    Lines that do not end like the name of an image are left out, as YOLO's own tools leave them out.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not text: {error}") from error
    places = [line.strip() for line in lines]
    images = [(file.parent if place.startswith("./") else base) / place for place in places if _is_image(Path(place))]
    folders = {os.path.abspath(image.parent) for image in images}
    return Part(images, os.path.commonpath(folders) if folders else str(file.parent))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMG_EXTENSIONS

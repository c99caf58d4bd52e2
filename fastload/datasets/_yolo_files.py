"""The images of a part of YOLO's data: those in a folder, or those that a text file lists."""

from __future__ import annotations

from pathlib import Path

from fastload.datasets._folder import IMG_EXTENSIONS


def images_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if _is_image(path))


def images_of_list(file: Path, base: Path) -> list[Path]:
    """One a line, as they stand there; lines that begin with ./ are relative to the file's folder, others to ``base``.

    Lines that do not end like the name of an image are left out, as YOLO's own tools leave them out.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not text: {error}") from error
    places = [line.strip() for line in lines]
    return [(file.parent if place.startswith("./") else base) / place for place in places if _is_image(Path(place))]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMG_EXTENSIONS

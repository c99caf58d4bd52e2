"""Image files that are listed, with their targets, in Python or in a CSV file."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fastload.datasets._files import ImageFileDataset
from fastload.datasets._shared_list import SharedList
from fastload.io import MAX_PIXELS

Column = str | int


class ImageList(ImageFileDataset):
    """(image, target) of each of ``paths``, in their order.

    paths: strings or path objects; they are kept as bytes that worker processes share. ``root``: a folder that they are
    relative to. targets: one for each path, in a list, array or tensor; None: the number of the image in the list.
    Files are opened when they are asked for, not before.

    mode: "RGB" or "L" (grey). The rest is `ImageFolder`'s. ValueError if there are not as many targets as paths.
    """

    classes: list[str] | None = None  # names of the targets, where a CSV file has names
    class_to_idx: dict[str, int] | None = None

    def __init__(
        self,
        paths: Iterable[str | os.PathLike[str]],
        targets: Any = None,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] | None = None,
        *,
        root: str | os.PathLike[str] = "",
        mode: str = "RGB",
        apply_exif_orientation: bool = False,
        scaled_decoding: bool = True,
        max_pixels: int | None = MAX_PIXELS,
    ) -> None:
        if isinstance(paths, (str, bytes, os.PathLike)):
            raise TypeError(f"paths must be a list of paths, got the single path {paths!r}; pass [path]")
        if mode not in ("RGB", "L"):
            raise ValueError(f'mode must be "RGB" or "L", got {mode!r}')
        super().__init__(transform, target_transform, loader, apply_exif_orientation, scaled_decoding, max_pixels)
        self.image_mode = mode
        self.paths = SharedList(os.path.join(root, path) for path in paths)
        self.targets = range(len(self.paths)) if targets is None else targets
        if len(self.targets) != len(self.paths):
            raise ValueError(f"there are {len(self.paths)} paths and {len(self.targets)} targets; each path needs one")

    @classmethod
    def from_csv(
        cls,
        file: str | os.PathLike[str],
        *arguments: Any,
        path_column: Column = 0,
        target_column: Column | None = 1,
        header: bool = True,
        delimiter: str = ",",
        classes: Sequence[str] | None = None,
        root: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> ImageList:
        """The list in a CSV file, a path and a target a line. More arguments are the class's own, from transform on.

        path_column, target_column: by name in the header, or by number from 0; target_column=None: no targets.
        header: the first line has names. Targets are ints if all of them are, else floats if all of them are, else
        names of classes, numbered in the order of ``classes`` or, without it, of the alphabet. root: the folder that
        paths are relative to, by default that of the file.

        ValueError, with file and line, for a column or a field that is not there, for a target that is not in
        ``classes``, and for one that is empty, or no number where others are.
        """
        name = os.fspath(file)
        with open(name, newline="", encoding="utf-8-sig") as stream:
            lines = csv.reader(stream, delimiter=delimiter)
            names = next(lines, []) if header else None
            wanted = [path_column] if target_column is None else [path_column, target_column]
            places = [_place(column, names, name) for column in wanted]
            numbered = [(lines.line_num, line) for line in lines if line]
        rows = [_fields(line, places, name, number) for number, line in numbered]
        folder = os.path.dirname(name) if root is None else root
        images = cls([row[0] for row in rows], None, *arguments, root=folder, **options)
        if target_column is not None:
            images._name_targets([row[1] for row in rows], classes, name, [number for number, _ in numbered])
        return images

    def _name_targets(self, fields: list[str], classes: Sequence[str] | None, file: str, lines: list[int]) -> None:
        if classes is None:
            numbers = _numbers(fields, file, lines)
            if numbers is not None:
                self.targets = numbers
                return
            classes = sorted(set(fields))
        self.classes = list(classes)
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}
        unknown = sorted(set(fields) - set(self.classes))
        if unknown:
            raise ValueError(f"{file} has targets that are not in classes: {', '.join(map(repr, unknown[:5]))}")
        self.targets = [self.class_to_idx[field] for field in fields]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.paths)} images)"


def _place(column: Column, names: list[str] | None, file: str) -> int:
    """The number of a column."""
    if isinstance(column, int):
        if column < 0:
            raise ValueError(f"columns are counted from 0, got {column}")
        return column
    if names is None or column not in names:
        there = "no header" if names is None else f"the columns {', '.join(map(repr, names))}"
        raise ValueError(f"{file} has no column {column!r}: it has {there}")
    return names.index(column)


def _fields(line: list[str], places: list[int], file: str, number: int) -> list[str]:
    if max(places) >= len(line):
        raise ValueError(f"{file}, line {number}: column {max(places)} is wanted, and there are {len(line)}")
    return [line[place] for place in places]


def _numbers(fields: list[str], file: str, lines: list[int]) -> list[int] | list[float] | None:
    """The fields as numbers of one kind; None if none is one. ValueError, with the line, for some that are none."""
    for field, line in zip(fields, lines, strict=True):
        if not field.strip():
            raise ValueError(f"{file}, line {line}: the target is empty")
    found = [_number(field) for field in fields]
    odd = [place for place, number in enumerate(found) if number is None]
    if odd and len(odd) < len(found):
        raise ValueError(
            f"{file}, line {lines[odd[0]]}: the target {fields[odd[0]]!r} is no finite number, and others are; if they "
            "are names of classes, pass classes=[...]"
        )
    if odd:
        return None
    return found if all(isinstance(number, int) for number in found) else [float(field) for field in fields]  # type: ignore[return-value]


def _number(field: str) -> int | float | None:
    """An int, or else a finite float; None for a name, as "1_0" and "0_1" are, which Python takes for 10 and 1."""
    if "_" in field:
        return None
    try:
        return int(field)
    except ValueError:
        pass
    try:
        number = float(field)
    except ValueError:
        return None
    return number if math.isfinite(number) else None

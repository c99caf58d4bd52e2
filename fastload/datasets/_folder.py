"""One folder a class, as torchvision's ImageFolder has it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fastload.datasets._files import ImageFileDataset
from fastload.io import MAX_PIXELS

# torchvision's, in its order: it is part of an error's text.
IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


class ImageFolder(ImageFileDataset):
    """(image, class) of every image file in ``root``/CLASS/...; classes are numbered in the order of their names.

    Arguments, attributes and order are torchvision's: files by folder, folders and files sorted by name. Images are PIL
    images in RGB, or what ``transform`` makes of them: with fastload's transforms natively, straight from the file.

    loader: called with a path in place of opening it with Pillow; transforms get what it returns, and nothing is
        native. is_valid_file: called with a path; files it refuses are left out, and extensions do not count.
    apply_exif_orientation: turn images as their EXIF data says; torchvision does not.
    scaled_decoding: a native transform that shrinks a JPEG image to half or less may have it decoded at 1/2, 1/4 or
        1/8 of its size first; that is several times as quick, and differs from Pillow's resize of the whole image by
        0.5 to 3 levels on average, at hard edges by up to 50.
    max_pixels: larger images are errors; None: none are.

    Raises FileNotFoundError if there is no class, or, without ``allow_empty``, a class without an image.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
        *,
        apply_exif_orientation: bool = False,
        scaled_decoding: bool = True,
        max_pixels: int | None = MAX_PIXELS,
    ) -> None:
        super().__init__(transform, target_transform, loader, apply_exif_orientation, scaled_decoding, max_pixels)
        self.root = os.path.expanduser(os.fsdecode(root))
        self.extensions = IMG_EXTENSIONS if is_valid_file is None else None
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(self.root, self.class_to_idx, self.extensions, is_valid_file, allow_empty)

    @property
    def samples(self) -> list[tuple[str, int]]:
        """(path, class) of each. Assign another list to change them; what is changed in place is not seen."""
        return self._samples

    @samples.setter
    def samples(self, samples: list[tuple[str, int]]) -> None:
        self._samples = samples
        self.paths = [path for path, _ in samples]
        self.targets = [target for _, target in samples]

    @property
    def imgs(self) -> list[tuple[str, int]]:
        """torchvision's other name for ``samples``."""
        return self.samples

    @imgs.setter
    def imgs(self, samples: list[tuple[str, int]]) -> None:
        self.samples = samples

    def find_classes(self, directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
        """The names of the folders in ``directory``, sorted, and the number of each; a subclass may find others."""
        with os.scandir(directory) as entries:
            classes = sorted(entry.name for entry in entries if entry.is_dir())
        if not classes:
            raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
        return classes, {name: number for number, name in enumerate(classes)}

    @staticmethod
    def make_dataset(
        directory: str | os.PathLike[str],
        class_to_idx: dict[str, int],
        extensions: str | Sequence[str] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> list[tuple[str, int]]:
        """(path, class) of every file that has one of the extensions, or is valid; a subclass may find others."""
        if (extensions is None) == (is_valid_file is None):
            raise ValueError("make_dataset takes either extensions or is_valid_file")
        endings = (extensions,) if isinstance(extensions, str) else tuple(extensions or ())
        is_wanted = is_valid_file or (lambda path: path.lower().endswith(endings))
        samples: list[tuple[str, int]] = []
        empty = []
        for name in sorted(class_to_idx):
            before = len(samples)
            samples.extend((path, class_to_idx[name]) for path in files_below(directory, name) if is_wanted(path))
            if len(samples) == before:
                empty.append(name)
        if empty and not allow_empty:
            supported = "" if is_valid_file is not None else f" Supported extensions are: {', '.join(endings)}"
            found = f"Found no valid file for the classes {', '.join(empty)} in {Path(directory)}."
            raise FileNotFoundError(found + supported)
        return samples

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.root!r}, {len(self.samples)} images in {len(self.classes)} classes)"


def files_below(directory: str | os.PathLike[str], name: str) -> Iterator[str]:
    """Every file in the folder ``name`` of the directory, in torchvision's order."""
    for folder, _, files in sorted(os.walk(os.path.join(directory, name), followlinks=True)):
        for file in sorted(files):
            yield os.path.join(folder, file)

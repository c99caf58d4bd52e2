"""Images that lie in files: how each is opened, by Python or natively."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastload import _core
from fastload._errors import DecodeError
from fastload._pillow import import_pillow
from fastload.datasets._images import ImageDataset
from fastload.io import MAX_PIXELS, native_limit


class ImageFileDataset(ImageDataset):
    """A data set whose image ``i`` is the file ``paths[i]``; a subclass sets ``paths`` and ``targets``."""

    def __init__(
        self,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] | None = None,
        apply_exif_orientation: bool = False,
        scaled_decoding: bool = True,
        max_pixels: int | None = MAX_PIXELS,
    ) -> None:
        self.transform = transform
        self.target_transform = target_transform
        self.loader = loader
        self.apply_exif_orientation = apply_exif_orientation
        self.scaled_decoding = scaled_decoding
        native_limit(max_pixels)  # an error now rather than at the first image
        self.max_pixels = max_pixels

    @property
    def paths(self) -> Sequence[str]:
        """The files. Assign another sequence to change them; what is changed in place is not seen."""
        return self._paths

    @paths.setter
    def paths(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._source = None

    @property
    def loader(self) -> Callable[[str], Any]:
        """What opens a path. Any other than the data set's own means that nothing is native; None: its own again."""
        return self.open if self._loader is None else self._loader

    @loader.setter
    def loader(self, loader: Callable[[str], Any] | None) -> None:
        self._loader = loader
        self.native = loader is None

    def load(self, index: int) -> Any:
        return self.loader(self.paths[index])

    def open(self, path: str) -> Any:
        """The file as a PIL image of `image_mode`."""
        pillow = import_pillow()
        with pillow.Image.open(path) as image:
            limit = self.max_pixels
            if limit and image.width * image.height > limit:
                raise DecodeError(f"{image.width} x {image.height} pixels, the limit is {limit} in all", path)
            turned = pillow.ImageOps.exif_transpose(image) if self.apply_exif_orientation else image
            return turned.convert(self.image_mode)

    def _make_source(self) -> _core.ImageSource:
        limit = self.max_pixels or 0
        return _core.ImageFiles(self.paths, self.image_mode, self.apply_exif_orientation, self.scaled_decoding, limit)

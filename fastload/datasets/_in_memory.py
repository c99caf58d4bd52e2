"""What CIFAR and MNIST have in common: images of one size, all of them in memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from fastload import _core
from fastload.datasets._images import ImageDataset
from fastload.transforms._plan import FilePlan


class InMemoryImages(ImageDataset):
    """A subclass sets ``data`` and ``targets``; both may be changed or replaced later on, as with torchvision's."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool,
        transform: Callable[..., Any] | None,
        target_transform: Callable[[Any], Any] | None,
    ) -> None:
        self.root = os.path.expanduser(os.fspath(root))
        self.train = train
        self.transform = transform
        self.target_transform = target_transform

    @property
    def data(self) -> Any:
        """(N, H, W, 3) or (N, H, W): the pixels."""
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        self._data = data
        self._is_plain = is_plain(data, 4 if self.image_mode == "RGB" else 3)
        self._source = None  # it is of the array that was there

    def __len__(self) -> int:
        return len(self.data)

    @property
    def image_size(self) -> tuple[int, int]:
        _, height, width, *_ = self.data.shape
        return height, width

    def file_plan(self) -> FilePlan | None:
        return super().file_plan() if self._is_plain else None

    def load(self, index: int) -> Any:
        try:
            from PIL import Image
        except ImportError as error:
            raise ImportError('PIL images need Pillow: pip install "fastload[datasets]"') from error
        return Image.fromarray(np.asarray(self.data[index]))

    def _make_source(self) -> _core.ImageSource:
        return _core.ImageArrays(np.asarray(self.data))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.root!r}, train={self.train}, {len(self)} images)"


def is_plain(data: Any, dimensions: int) -> bool:
    """Whether native programs can read the images where they are: dense uint8 of as many dimensions and channels."""
    if isinstance(data, torch.Tensor):
        if data.device.type != "cpu" or data.dtype is not torch.uint8:
            return False
        data = data.numpy()
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != dimensions or data.size == 0:
        return False
    return data[0].flags.c_contiguous and data.shape[3:] in ((), (3,))

"""Rectangles of the image replaced."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fastload import _core
from fastload.transforms._checks import as_bool, fill_levels, fill_values
from fastload.transforms._kinds import channels_of, is_pil, pil_of, size_of
from fastload.transforms.functional._tensors import on_tensor

Op = tuple[Any, ...]


def erase(image: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Any:
    """The image with its ``h`` x ``w`` pixels from row ``i`` and column ``j`` on replaced.

    v: a number, one for each channel, or a tensor that broadcasts to (..., C, h, w).
    """
    size_of(image)
    as_bool(inplace, "inplace")

    def erased(planes: torch.Tensor) -> torch.Tensor:
        planes = planes if inplace else planes.clone()
        values = v if isinstance(v, torch.Tensor) else torch.tensor(fill_values(v, planes.shape[-3])).view(-1, 1, 1)
        planes[..., i : i + h, j : j + w] = values.to(planes)
        return planes

    if is_pil(image):
        return pil_of(on_tensor(erased, np.array(image)), image)
    return on_tensor(erased, image)


def apply_erasing(image: Any, op: Op, key: int, value: Any) -> Any:
    """The image without the rectangles that the op draws under ``key``."""
    height, width = size_of(image)
    for _, holes, noise in _core.ImageProgram([op]).draw(key, height, width)[0][1]:
        for number, (top, left, rows, columns) in enumerate(holes):
            filling = value
            if isinstance(value, str):
                filling = _noise(image, rows, columns, (noise + number) % (1 << 63))
            elif _has_levels(image):
                filling = fill_levels(value, channels_of(image))
            image = erase(image, top, left, rows, columns, filling)
    return image


def _noise(image: Any, rows: int, columns: int, seed: int) -> torch.Tensor:
    drawn = torch.randn((channels_of(image), rows, columns), generator=torch.Generator().manual_seed(seed))
    if is_pil(image) and image.mode == "1":
        return drawn > 0
    return (drawn * 64 + 128).clamp(0, 255) if _has_levels(image) else drawn


def _has_levels(image: Any) -> bool:
    """Whether each channel is 8 bits, whatever the kind of image."""
    if is_pil(image):
        return image.mode not in ("1", "F") and not image.mode.startswith("I")
    return image.dtype == (np.uint8 if isinstance(image, np.ndarray) else torch.uint8)  # type: ignore[no-any-return]

"""Small images as PIL images, arrays and tensors, and back to arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

CONTAINERS = ("pil", "array", "tensor")


def pixels(height: int = 23, width: int = 31, channels: int = 3, seed: int = 0) -> np.ndarray[Any, Any]:
    """Random levels, (H, W, C); (H, W) for channels=0."""
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def image_of(array: np.ndarray[Any, Any], container: str) -> Any:
    """The (H, W, C) array as an image of that kind."""
    if container == "pil":
        return Image.fromarray(array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array)
    if container == "tensor":
        return torch.from_numpy(array.copy()).permute(2, 0, 1).contiguous()
    return array.copy()


def array_of(image: Any) -> np.ndarray[Any, Any]:
    """(H, W, C) of any image."""
    if isinstance(image, torch.Tensor):
        return image.permute(1, 2, 0).numpy()
    array = np.asarray(image)
    return array if array.ndim == 3 else array[:, :, None]


def is_of(image: Any, container: str) -> bool:
    """Whether this is an image of that kind."""
    return isinstance(image, {"pil": Image.Image, "array": np.ndarray, "tensor": torch.Tensor}[container])

"""One implementation for arrays and tensors: a function of (..., C, H, W) tensors, applied to either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from fastload.transforms._kinds import check_shape, tensor_of


def on_tensor(function: Callable[[torch.Tensor], torch.Tensor], image: Any) -> Any:
    """``function`` of the image as a (..., C, H, W) tensor, given back as the kind of image that came.

    An (H, W) tensor or array is seen as one channel, and comes back without it as long as there is one.
    """
    check_shape(image)
    if isinstance(image, np.ndarray):
        planes = tensor_of(image if image.ndim == 3 else image[:, :, None]).permute(2, 0, 1)
        pixels = np.ascontiguousarray(function(planes).permute(1, 2, 0).numpy())
        return pixels[:, :, 0] if image.ndim == 2 and pixels.shape[2] == 1 else pixels
    if image.ndim == 2:
        planes = function(image[None])
        return planes[0] if planes.shape[0] == 1 else planes
    return function(image)

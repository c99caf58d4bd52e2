"""One implementation for arrays and tensors: a function of (..., C, H, W) tensors, applied to either."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from fastload.transforms._kinds import check_shape, size_of, tensor_of


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


def refuse_complex(dtype: torch.dtype) -> None:
    """TypeError for types whose values have no order, and so no range and nothing between them."""
    if dtype.is_complex:
        raise TypeError(f"values of {dtype} are only moved about: transform their real and imaginary parts")


def type_to_mix_in(dtype: torch.dtype) -> torch.dtype:
    """The floats in which values of that type are interpolated: double precision where single would lose bits."""
    refuse_complex(dtype)
    is_wide = dtype == torch.float64 or (not dtype.is_floating_point and dtype.itemsize > 2)
    return torch.float64 if is_wide else torch.float32


def values_of_type(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Floats as values of that type: integers are rounded, and end at its limits."""
    if dtype.is_floating_point:
        return values.to(dtype)
    refuse_complex(dtype)
    if dtype != torch.bool:
        limits = torch.iinfo(dtype)
        most = float(limits.max)  # of 64 bits it is one too many
        values = values.clamp(limits.min, most if most <= limits.max else math.nextafter(most, 0))
    return values.round().to(dtype)


def is_batch_of_levels(image: Any) -> bool:
    """Whether this is an 8-bit tensor (H, W) or (..., N, C, H, W): images that native programs take one by one."""
    return (
        isinstance(image, torch.Tensor)
        and image.ndim != 3
        and image.dtype == torch.uint8
        and image.device.type == "cpu"
        and image.layout is torch.strided
    )


def one_by_one(function: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor) -> torch.Tensor:
    """``function``, which keeps the shape, of each (C, H, W) image of a batch."""
    height, width = size_of(batch)
    if not batch.numel():
        return batch.clone()
    images = batch.reshape(-1, 1 if batch.ndim == 2 else batch.shape[-3], height, width)
    return torch.stack([function(image) for image in images]).reshape(batch.shape)

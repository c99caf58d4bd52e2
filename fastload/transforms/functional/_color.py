"""Colour by explicit numbers: luminance, mean and deviation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from fastload.transforms._checks import as_bool
from fastload.transforms._kinds import channels_of, is_pil, size_of
from fastload.transforms.functional._tensors import on_tensor

# Pillow's weights of red, green and blue, in 65536ths.
_WEIGHTS = (19595, 38470, 7471)
_CONVERSIONS = "ToDtype(torch.float32, scale=True) or ToTensor()"


def rgb_to_grayscale(image: Any, num_output_channels: int = 1) -> Any:
    """The luminance, once or three times over.

    8-bit images have Pillow's integer luminance whatever holds them; others torchvision's sum of 0.2989, 0.587, 0.114.
    """
    check_output_channels(num_output_channels)
    size_of(image)
    if is_pil(image):
        grey = image.convert("L")
        return grey if num_output_channels == 1 else _three(grey)
    channels = channels_of(image)
    if channels not in (1, 3):
        raise ValueError(f"an image must have 1 or 3 channels to be made grey, got {channels}")
    return on_tensor(lambda planes: _luminance(planes, num_output_channels), image)


def check_output_channels(num_output_channels: int) -> None:
    """ValueError unless it is 1 or 3."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels must be 1 or 3, got {num_output_channels!r}")


def _three(grey: Any) -> Any:
    from PIL import Image

    return Image.merge("RGB", (grey, grey, grey))


def _luminance(planes: torch.Tensor, num_output_channels: int) -> torch.Tensor:
    if planes.shape[-3] == 1:
        grey = planes.clone()
    elif planes.dtype == torch.uint8:
        red, green, blue = planes.to(torch.int32).unbind(-3)
        level = red * _WEIGHTS[0] + green * _WEIGHTS[1] + blue * _WEIGHTS[2] + 0x8000
        grey = (level >> 16).to(torch.uint8).unsqueeze(-3)
    else:
        red, green, blue = planes.unbind(-3)
        grey = (red.mul(0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)).to(planes.dtype).unsqueeze(-3)
    return grey if num_output_channels == 1 else torch.cat((grey, grey, grey), dim=-3)


def normalize(image: Any, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Any:
    """(image - mean) / std, channel by channel, of a float tensor (..., C, H, W) or array (H, W, C).

    Raises TypeError for PIL images and for integers, ValueError for a deviation of 0.
    """
    if is_pil(image):
        raise TypeError("normalize() takes no PIL images: convert them with ToImage and ToDtype, or ToTensor, first")
    size_of(image)
    as_bool(inplace, "inplace")
    if isinstance(image, torch.Tensor):
        if image.ndim < 3:
            raise ValueError(f"a tensor must be (..., C, H, W) to be normalised, got shape {tuple(image.shape)}")
        return _normalize(image, mean, std, inplace)
    normalised = on_tensor(lambda planes: _normalize(planes, mean, std, False), image)
    if not inplace:
        return normalised
    image[...] = normalised
    return image


def _normalize(planes: torch.Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool) -> torch.Tensor:
    if not planes.is_floating_point():
        raise TypeError(f"normalize() takes floats, got {planes.dtype}: put {_CONVERSIONS} before it")
    means = torch.as_tensor(mean, dtype=planes.dtype, device=planes.device)
    deviations = torch.as_tensor(std, dtype=planes.dtype, device=planes.device)
    channels = planes.shape[-3]
    for name, values in (("mean", means), ("std", deviations)):
        broadcasts = values.numel() == 1 or channels in (1, values.numel())
        if values.ndim > 1 or not broadcasts:
            raise ValueError(f"{name} must have a value for each of the {channels} channels, got {values.tolist()}")
    if (deviations == 0).any():
        raise ValueError(f"std must not be 0, got {deviations.tolist()} as {planes.dtype}")
    means, deviations = means.reshape(-1, 1, 1), deviations.reshape(-1, 1, 1)
    return (planes.sub_(means) if inplace else planes.sub(means)).div_(deviations)


to_grayscale = rgb_to_grayscale

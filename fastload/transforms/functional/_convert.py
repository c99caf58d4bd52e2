"""From one kind of image to another, and from one type of number to another."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fastload.transforms._checks import as_bool
from fastload.transforms._kinds import check_shape, is_pil, size_of, tensor_of
from fastload.transforms.functional._tensors import on_tensor, refuse_complex

# Bits that hold a value's magnitude, as torchvision counts them.
_VALUE_BITS = {torch.uint8: 8, torch.int8: 7, torch.int16: 15, torch.uint16: 16, torch.int32: 31, torch.int64: 63}
# Integers that floats of that width have no room for.
_UNSAFE = ((torch.float32, torch.int32), (torch.float32, torch.int64), (torch.float64, torch.int64))
# What `numpy.asarray` of a PIL image is read as, where torchvision reads it otherwise than NumPy.
_PIL_TYPES = {"I": np.int32, "I;16": np.int16, "F": np.float32}
_MODES = {2: ("LA",), 3: ("RGB", "YCbCr", "HSV", "LAB"), 4: ("RGBA", "CMYK", "RGBX")}
_GREY_MODES = {"uint8": "L", "int16": "I;16", "uint16": "I;16", "int32": "I", "float32": "F"}


def to_image(image: Any) -> torch.Tensor:
    """A (..., C, H, W) tensor of the same levels: of a PIL image or an array; a tensor stays what it is."""
    size_of(image)
    if is_pil(image):
        return pil_to_tensor(image)
    if isinstance(image, np.ndarray):
        return _planes(image)
    return image if image.ndim > 2 else image[None]  # type: ignore[no-any-return]


def pil_to_tensor(image: Any) -> torch.Tensor:
    """A (C, H, W) tensor of the PIL image's levels, not scaled."""
    if not is_pil(image):
        raise TypeError(f"pil_to_tensor() takes a PIL image, got {type(image).__name__}")
    size_of(image)
    return _planes(np.array(image))


def to_tensor(image: Any) -> torch.Tensor:
    """A (C, H, W) tensor of a PIL image or an array; 8-bit levels become float32 in [0, 1]."""
    if not is_pil(image) and not isinstance(image, np.ndarray):
        raise TypeError(f"to_tensor() takes a PIL image or an array, got {type(image).__name__}")
    size_of(image)
    if isinstance(image, np.ndarray):
        planes = _planes(image)
    elif image.mode == "1":
        planes = _planes(np.array(image).astype(np.uint8) * np.uint8(255))
    else:
        planes = _planes(np.array(image, dtype=_PIL_TYPES.get(image.mode)))
    return planes.to(torch.float32).div(255) if planes.dtype == torch.uint8 else planes


def _planes(array: np.ndarray[Any, Any]) -> torch.Tensor:
    check_shape(array)
    pixels = array if array.ndim == 3 else array[:, :, None]
    return tensor_of(pixels).permute(2, 0, 1).contiguous()


def to_pil_image(image: Any, mode: str | None = None) -> Any:
    """A PIL image of a (C, H, W) tensor or an (H, W) or (H, W, C) array; float tensors are taken times 255.

    mode: what the channels mean, where there is a choice; by default L, LA, RGB and RGBA, and I;16, I or F for wide
    numbers. Raises ValueError for shapes, TypeError for types that Pillow has no image for.
    """
    from PIL import Image

    pixels = _hwc(image, mode)
    channels = pixels.shape[2]
    if channels == 1:
        expected = _GREY_MODES.get(pixels.dtype.name)
        if expected is None:
            raise TypeError(f"there is no PIL image of one channel of {pixels.dtype}")
        if mode not in (None, expected):
            raise ValueError(f"one channel of {pixels.dtype} makes an image of mode {expected}, not {mode}")
        mode = expected
    elif channels not in _MODES:
        raise ValueError(f"a PIL image has 1 to 4 channels, got {channels}")
    elif mode is not None and mode not in _MODES[channels]:
        raise ValueError(f"mode must be one of {', '.join(_MODES[channels])} for {channels} channels, got {mode}")
    elif pixels.dtype != np.uint8:
        raise TypeError(f"a PIL image of {channels} channels needs uint8, got {pixels.dtype}")
    else:
        mode = mode or _MODES[channels][0]
    height, width = pixels.shape[:2]
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())


def _hwc(image: Any, mode: str | None) -> np.ndarray[Any, Any]:
    if not isinstance(image, torch.Tensor | np.ndarray):
        raise TypeError(f"to_pil_image() takes a tensor or an array, got {type(image).__name__}")
    if image.ndim not in (2, 3):
        raise ValueError(f"to_pil_image() takes one image, 2 or 3 dimensions; got shape {tuple(image.shape)}")
    size_of(image)
    if isinstance(image, np.ndarray):
        return image if image.ndim == 3 else image[:, :, None]
    planes = image if image.ndim == 3 else image[None]
    if planes.is_floating_point() and mode != "F":
        planes = planes.mul(255).to(torch.uint8)
    pixels: np.ndarray[Any, Any] = planes.cpu().permute(1, 2, 0).numpy()
    return pixels


def to_dtype(image: Any, dtype: torch.dtype = torch.float32, scale: bool = False) -> Any:
    """The image in another type; with ``scale``, from the old type's range of values to the new one's.

    The range of floats is [0, 1]. PIL images stay what they are. Arrays have the NumPy type of the same name.
    Raises RuntimeError where floats cannot hold the integers of the new type, as torchvision does.
    """
    if not isinstance(dtype, torch.dtype):
        raise TypeError(f"dtype must be a torch.dtype, got {dtype!r}")
    size_of(image)
    as_bool(scale, "scale")
    if is_pil(image):
        return image
    return on_tensor(lambda planes: _to_dtype(planes, dtype, scale), image)


def convert_image_dtype(image: Any, dtype: torch.dtype = torch.float32) -> Any:
    """`to_dtype` with ``scale=True``."""
    return to_dtype(image, dtype, scale=True)


def _to_dtype(planes: torch.Tensor, dtype: torch.dtype, scale: bool) -> torch.Tensor:
    before = planes.dtype
    if before == dtype:
        return planes
    if not scale or (before.is_floating_point and dtype.is_floating_point):
        return planes.to(dtype)
    refuse_complex(before)
    if dtype.is_floating_point:
        # One multiplication, as torchvision has it; division, as in to_tensor(), differs in the last bit.
        return planes.to(dtype).mul_(1.0 / _largest(before))
    if not before.is_floating_point:
        return _shifted(planes, dtype)
    if (before, dtype) in _UNSAFE:
        raise RuntimeError(f"{before} cannot hold all values of {dtype}: convert to a smaller type")
    # Just short of one more than the largest, so that each integer has an equal share of [0, 1].
    return planes.mul(_largest(dtype) + 1.0 - 1e-3).to(dtype)


def _largest(dtype: torch.dtype) -> float:
    refuse_complex(dtype)
    return 1.0 if dtype == torch.bool else float(torch.iinfo(dtype).max)


def _shifted(planes: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    for known in (planes.dtype, dtype):
        if known not in _VALUE_BITS:
            raise TypeError(f"values of {known} have no range to scale from or to")
    bits = _VALUE_BITS[dtype] - _VALUE_BITS[planes.dtype]
    if bits >= 0:
        return planes.to(torch.int64).bitwise_left_shift(bits).to(dtype)
    return planes.to(torch.int64).bitwise_right_shift(-bits).to(dtype)

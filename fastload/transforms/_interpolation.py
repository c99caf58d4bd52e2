"""How an image is resampled: torchvision's names, which Pillow's integers may stand for."""

from __future__ import annotations

import enum
from typing import Any

from fastload.transforms._checks import is_int


class InterpolationMode(enum.Enum):
    """Ways to resample, by torchvision's names and values."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


_OF_PILLOW = {
    0: InterpolationMode.NEAREST,
    1: InterpolationMode.LANCZOS,
    2: InterpolationMode.BILINEAR,
    3: InterpolationMode.BICUBIC,
    4: InterpolationMode.BOX,
    5: InterpolationMode.HAMMING,
}
_TO_PILLOW = {mode: number for number, mode in _OF_PILLOW.items()} | {InterpolationMode.NEAREST_EXACT: 0}
NEAREST = (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT)
ANTIALIASED = (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)  # where `antialias` has a meaning


def as_interpolation(mode: Any, argument: str = "interpolation") -> InterpolationMode:
    """The mode itself, its value, one of Pillow's integers, or torchvision's own mode of the same value."""
    if isinstance(mode, InterpolationMode):
        return mode
    if is_int(mode) and int(mode) in _OF_PILLOW:
        return _OF_PILLOW[int(mode)]
    if isinstance(mode, enum.Enum) and type(mode).__name__ == "InterpolationMode":
        return InterpolationMode(mode.value)
    names = [known.value for known in InterpolationMode]
    if isinstance(mode, str) and mode in names:
        return InterpolationMode(mode)
    raise ValueError(
        f"{argument} must be an InterpolationMode, one of {', '.join(names)}, "
        f"or one of Pillow's integers ({sorted(_OF_PILLOW)}); got {mode!r}"
    )


def check_mask_interpolation(mode: Any) -> None:
    """ValueError for any but nearest, which Albumentations' arguments call OpenCV's 0 or 6."""
    is_opencvs_exact = is_int(mode) and mode == 6
    if not is_opencvs_exact and as_interpolation(mode, "mask_interpolation") not in NEAREST:
        raise ValueError(f"mask_interpolation must be nearest, for masks keep the values that they have; got {mode!r}")


def pillow_filter(mode: InterpolationMode) -> int:
    """Pillow's number of that filter."""
    return _TO_PILLOW[mode]


def native_filter(mode: InterpolationMode, antialias: bool = True) -> str:
    """The name that native programs know the filter by. Both nearest modes take the pixel under the centre."""
    if mode is InterpolationMode.BILINEAR and not antialias:
        return "linear"
    return "nearest" if mode in NEAREST else mode.value

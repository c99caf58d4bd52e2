"""Colours and tones: brightness, contrast, saturation, hue, and what a histogram says."""

from __future__ import annotations

from typing import Any

from fastload.transforms._base import Sometimes, SometimesDrawn, Transform
from fastload.transforms._checks import (
    as_bool,
    as_finite,
    as_probability,
    check_most,
    is_drawn,
    is_int,
    is_list,
    is_number,
    symmetric_range,
)
from fastload.transforms._containers import group_op
from fastload.transforms._get_params import jitter_params
from fastload.transforms._kinds import channels_of, is_pil
from fastload.transforms._segment import Segment
from fastload.transforms.functional._tone import apply_colours

Range = tuple[float, float]
Op = tuple[Any, ...]


class ColourTransform(Transform):
    """What changes colours, as one native op of 8-bit images of 1 or 3 channels says."""

    @property
    def is_random(self) -> bool:
        return _is_drawn(self.op(0))

    def op(self, stream: int) -> Op:
        """The native op."""
        raise NotImplementedError

    def native_op(self, stream: int, channels: int = 3) -> Op | None:
        return self.op(stream) if channels in (1, 3) else None

    def join(self, segment: Segment, stream: int) -> str | None:
        if segment.levels is not None:
            return "it changes floats"
        op = self.native_op(stream, segment.channels)
        if op is None:
            return "it takes 1 or 3 channels"
        segment.ops.append(op)
        return None

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return apply_colours(image, self.op(stream), key)


class ColorJitter(ColourTransform):
    """Brightness, contrast, saturation and hue changed, in a random order.

    Each of the first three is a factor's range (low, high), or a number x for (1 - x, 1 + x), not below 0; hue a range
    within (-0.5, 0.5) of a turn, or one number for both signs. None and 0 leave that alone.
    """

    get_params = staticmethod(jitter_params)

    def __init__(self, brightness: Any = None, contrast: Any = None, saturation: Any = None, hue: Any = None) -> None:
        super().__init__()
        self.brightness = factor_range(brightness, "brightness")
        self.contrast = factor_range(contrast, "contrast")
        self.saturation = factor_range(saturation, "saturation")
        self.hue = _hue_range(hue)

    def op(self, stream: int) -> Op:
        ranges = {name: getattr(self, name) for name in ("brightness", "contrast", "saturation", "hue")}
        members = [[(0, name, 1.0, values)] for name, values in ranges.items() if values is not None]
        return group_op(stream, "shuffled", 1.0, members)


class RandomPhotometricDistort(SometimesDrawn, ColourTransform):
    """The distortions of SSD: each of brightness, contrast, saturation, hue and a new order of channels with
    probability ``p``; contrast comes second or second to last."""

    def __init__(
        self,
        brightness: Any = (0.875, 1.125),
        contrast: Any = (0.5, 1.5),
        saturation: Any = (0.5, 1.5),
        hue: Any = (-0.05, 0.05),
        p: float = 0.5,
    ) -> None:
        super().__init__()
        self.brightness = _required(factor_range(brightness, "brightness"), "brightness")
        self.contrast = _required(factor_range(contrast, "contrast"), "contrast")
        self.saturation = _required(factor_range(saturation, "saturation"), "saturation")
        self.hue = _required(_hue_range(hue), "hue")
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        names = ("brightness", "contrast", "saturation", "hue")
        light, contrast, saturation, hue = ((0, name, self.p, getattr(self, name)) for name in names)
        order = (0, "permute_channels", self.p, (0, 6))
        return group_op(
            stream, "one", 1.0, [[light, contrast, saturation, hue, order], [light, saturation, hue, contrast, order]]
        )

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        channels = channels_of(image)
        if not is_pil(image) and channels not in (1, 3, 4):
            raise ValueError(
                f"RandomPhotometricDistort is for images of 1 or 3 channels, and a fourth beside them; got {channels}"
            )
        return super().transformed(image, key, stream)


class RandomBrightnessContrast(ColourTransform):
    """Levels times a factor around 1, plus a part of the whole range, with probability ``p``.

    brightness_limit, contrast_limit: (low, high), or one number for both signs. brightness_by_max: the range is 255,
    else the mean of the image. ensure_safe_range: what was drawn is made weaker until no level is cut off.
    """

    def __init__(
        self,
        brightness_limit: Any = (-0.2, 0.2),
        contrast_limit: Any = (-0.2, 0.2),
        brightness_by_max: bool = True,
        ensure_safe_range: bool = False,
        p: float = 0.5,
    ) -> None:
        super().__init__()
        self.brightness_limit = symmetric_range(brightness_limit, "brightness_limit")
        self.contrast_limit = symmetric_range(contrast_limit, "contrast_limit")
        self.brightness_by_max = as_bool(brightness_by_max, "brightness_by_max")
        self.ensure_safe_range = as_bool(ensure_safe_range, "ensure_safe_range")
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        slope = 1 + self.contrast_limit[0], 1 + self.contrast_limit[1]
        low, high = self.brightness_limit
        safe = (float(self.ensure_safe_range),) * 2
        if self.brightness_by_max:
            return stream, "linear", self.p, slope, (255 * low, 255 * high), safe
        return stream, "linear_of_mean", self.p, slope, (low, high), safe


class HueSaturationValue(ColourTransform):
    """Hue, saturation and value moved, with probability ``p``.

    hue_shift_limit: in half degrees, sat_shift_limit and val_shift_limit in levels; each (low, high), or one number for
    both signs.
    """

    def __init__(
        self,
        hue_shift_limit: Any = (-20, 20),
        sat_shift_limit: Any = (-30, 30),
        val_shift_limit: Any = (-20, 20),
        p: float = 0.5,
    ) -> None:
        super().__init__()
        self.hue_shift_limit = symmetric_range(hue_shift_limit, "hue_shift_limit")
        self.sat_shift_limit = symmetric_range(sat_shift_limit, "sat_shift_limit")
        self.val_shift_limit = symmetric_range(val_shift_limit, "val_shift_limit")
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        limits = (self.hue_shift_limit, 180), (self.sat_shift_limit, 255), (self.val_shift_limit, 255)
        return (stream, "hsv", self.p, *((low / whole, high / whole) for (low, high), whole in limits))


class RandomGamma(ColourTransform):
    """Levels raised to a power, with probability ``p``. gamma_limit: the powers in per cent, (low, high)."""

    def __init__(self, gamma_limit: Any = (80, 120), p: float = 0.5) -> None:
        super().__init__()
        values = (gamma_limit, gamma_limit) if is_number(gamma_limit) else gamma_limit
        self.gamma_limit = symmetric_range(values, "gamma_limit")
        if self.gamma_limit[0] <= 0:
            raise ValueError(f"gamma_limit must be greater than 0, got {gamma_limit!r}")
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        return stream, "gamma", self.p, (self.gamma_limit[0] / 100, self.gamma_limit[1] / 100), (1.0, 1.0)


class _SometimesColour(Sometimes, ColourTransform):
    pass


class RandomGrayscale(_SometimesColour):
    """The luminance in as many channels as there were, with probability ``p``."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        return stream, "saturation", self.p, (0.0, 0.0)


class _Plain(_SometimesColour):
    """With probability ``p``, and nothing else to draw."""

    name = ""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        return stream, self.name, self.p


class RandomInvert(_Plain):
    """The negative, with probability ``p``."""

    name = "invert"


class RandomAutocontrast(_Plain):
    """Each channel stretched so that its darkest level is 0 and its lightest 255, with probability ``p``."""

    name = "autocontrast"


class RandomEqualize(_Plain):
    """Each channel's levels dealt out evenly, with probability ``p``."""

    name = "equalize"


class RandomPosterize(_SometimesColour):
    """All but the first ``bits`` bits of each level cleared, with probability ``p``."""

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__()
        if not is_int(bits) or not 0 <= bits <= 8:
            raise ValueError(f"bits must be an int in [0, 8], got {bits!r}")
        self.bits = int(bits)
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        return stream, "posterize", self.p, (self.bits, self.bits)


class RandomSolarize(_SometimesColour):
    """Levels from ``threshold`` on inverted, with probability ``p``; of float images, values from it on, at most 1."""

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__()
        self.threshold = as_finite(threshold, "threshold")
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        return stream, "solarize", self.p, (self.threshold, self.threshold)


class RandomAdjustSharpness(_SometimesColour):
    """Blurred (factor 0), as it is (1) or sharpened, with probability ``p``."""

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__()
        if not is_number(sharpness_factor) or not 0 <= sharpness_factor < float("inf"):
            raise ValueError(f"sharpness_factor must be a number, 0 or more; got {sharpness_factor!r}")
        self.sharpness_factor = float(sharpness_factor)
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        return stream, "sharpness", self.p, (self.sharpness_factor, self.sharpness_factor)


class CLAHE(ColourTransform):
    """The histogram equalised tile by tile, no level counting more than ``clip_limit`` times the mean: of the
    lightness of CIELAB, with probability ``p``.

    clip_limit: (low, high), or one number for (1, number). tile_grid_size: (columns, rows),
    as OpenCV counts them, and Albumentations with it.
    """

    def __init__(self, clip_limit: Any = (1, 4), tile_grid_size: Any = (8, 8), p: float = 0.5) -> None:
        super().__init__()
        if is_number(clip_limit) and not clip_limit >= 1:
            raise ValueError(f"clip_limit must be (low, high), or a number for (1, number); got {clip_limit!r}")
        self.clip_limit = symmetric_range((1, clip_limit) if is_number(clip_limit) else clip_limit, "clip_limit")
        if self.clip_limit[0] <= 0:
            raise ValueError(f"clip_limit must be greater than 0, got {clip_limit!r}")
        if (
            not is_list(tile_grid_size)
            or len(tile_grid_size) != 2
            or not all(is_int(n) and n > 0 for n in tile_grid_size)
        ):
            raise ValueError(
                f"tile_grid_size must be two ints (columns, rows), each at least 1; got {tile_grid_size!r}"
            )
        check_most(max(tile_grid_size), 1024, "tile_grid_size")
        self.tile_grid_size = (int(tile_grid_size[0]), int(tile_grid_size[1]))
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        columns, rows = self.tile_grid_size
        return stream, "clahe", self.p, self.clip_limit, (rows, rows), (columns, columns)


def _is_drawn(op: Op) -> bool:
    """Whether anything is left to chance in an op whose arguments are a probability and ranges, or a group of such."""
    if op[1] != "group":
        return is_drawn(*op[2:])
    has_choice = op[2] != "all" and len(op[-1]) > 1
    return has_choice or is_drawn(op[3]) or any(_is_drawn(one) for member in op[-1] for one in member)


def factor_range(value: Any, name: str) -> Range | None:
    """(low, high) of a factor, from such a pair or from how far it is from 1 at most; None if it is always 1."""
    if value is None:
        return None
    if is_number(value):
        if not 0 <= value < float("inf"):
            raise ValueError(f"{name} must not be negative and must be finite where it is one number, got {value!r}")
        low, high = max(0.0, 1 - float(value)), 1 + float(value)
    else:
        low, high = symmetric_range(value, name)
        if low < 0:
            raise ValueError(f"{name} must be (low, high) with 0 <= low, got {value!r}")
    return None if low == high == 1 else (low, high)


def _hue_range(value: Any) -> Range | None:
    if value is None:
        return None
    low, high = symmetric_range(value, "hue")
    if not -0.5 <= low <= high <= 0.5:
        raise ValueError(f"hue must be within [-0.5, 0.5], got {value!r}")
    return None if low == high == 0 else (low, high)


def _required(values: Range | None, name: str) -> Range:
    return values if values is not None else ((0.0, 0.0) if name == "hue" else (1.0, 1.0))

"""Turning, shearing, perspective and bending: random maps of the plane, and the boxes and masks with them."""

from __future__ import annotations

from typing import Any

from fastload import _core
from fastload.transforms._base import SometimesDrawn
from fastload.transforms._checks import (
    as_bool,
    as_fill,
    as_finite,
    as_parts,
    as_probability,
    as_two_numbers,
    check_most,
    is_drawn,
    is_int,
    is_list,
    is_number,
    is_one_of,
    symmetric_range,
)
from fastload.transforms._geometry import Resampling
from fastload.transforms._get_params import affine_params, elastic_params, perspective_params, rotation_params
from fastload.transforms._interpolation import InterpolationMode, as_interpolation, check_mask_interpolation
from fastload.transforms._segment import Segment
from fastload.transforms.functional._warp import apply_moves, sampling_name

BILINEAR = InterpolationMode.BILINEAR
NEAREST = InterpolationMode.NEAREST
Range = tuple[float, float]


class Warping(SometimesDrawn, Resampling):
    """What sends pixels elsewhere: its native op ends with how to interpolate, and what is outside of the image."""

    interpolation: InterpolationMode = NEAREST
    antialias: bool | None = True

    def reason(self, segment: Segment) -> str | None:
        return "it interpolates floats" if segment.levels is not None else None

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return self.transformed_among(image, key, stream, None)

    def transformed_among(self, image: Any, key: int, stream: int, targets: _core.Targets | None) -> Any:
        return apply_moves(image, self.drawn(image, key, stream, targets)[0], self.interpolation, self.fill)

    def _set_look(self, interpolation: Any, fill: Any) -> None:
        self.interpolation = as_interpolation(interpolation)
        sampling_name(self.interpolation)
        self.fill = as_fill(fill)


class RandomRotation(Warping):
    """The image turned by an angle from ``degrees``, counter-clockwise: (low, high), or (-degrees, degrees).

    expand: the canvas grows to hold all of it. center: (x, y) that stays in place, the middle if None.
    """

    get_params = staticmethod(rotation_params)

    def __init__(
        self,
        degrees: Any,
        interpolation: Any = NEAREST,
        expand: bool = False,
        center: Any = None,
        fill: Any = 0,
    ) -> None:
        super().__init__()
        self.degrees = symmetric_range(degrees, "degrees")
        self._set_look(interpolation, fill)
        self.expand = as_bool(expand, "expand")
        self.center = _as_center(center)

    @property
    def is_random(self) -> bool:
        return self.degrees[0] != self.degrees[1]

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        angle = -self.degrees[1], -self.degrees[0]
        center = None if self.expand else self.center
        still = (0.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0), (0.0, 0.0)
        return (stream, "affine", 1.0, angle, *still, center, self.expand, sampling_name(self.interpolation), levels)


class RandomAffine(Warping):
    """The image turned (degrees, clockwise), moved, scaled and sheared.

    translate: (a, b), at most these parts of the width and height, either way. scale: (low, high). shear: degrees in x,
    within (-90, 90), as (low, high) or one number for both signs; four numbers add a range in y. center: (x, y), the
    middle if None.
    """

    get_params = staticmethod(affine_params)

    def __init__(
        self,
        degrees: Any,
        translate: Any = None,
        scale: Any = None,
        shear: Any = None,
        interpolation: Any = NEAREST,
        fill: Any = 0,
        center: Any = None,
    ) -> None:
        super().__init__()
        self.degrees = symmetric_range(degrees, "degrees")
        self.translate = None if translate is None else as_parts(translate, "translate")
        self.scale = None if scale is None else _positive_range(scale, "scale")
        self.shear = None if shear is None else _as_shear(shear)
        self._set_look(interpolation, fill)
        self.center = _as_center(center)

    @property
    def is_random(self) -> bool:
        return is_drawn(*self.op(0, (0,))[2:9])

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        across, down = self.translate or (0.0, 0.0)
        shear = self.shear or (0.0, 0.0, 0.0, 0.0)
        moved = (-across, across), (-down, down), self.scale or (1.0, 1.0), shear[:2], shear[2:]
        look = sampling_name(self.interpolation), levels
        return (stream, "affine", 1.0, self.degrees, *moved, self.center, False, *look)


class RandomPerspective(Warping):
    """The image with its corners moved inwards, at most ``distortion_scale`` of half a side, with probability ``p``."""

    get_params = staticmethod(perspective_params)

    def __init__(
        self, distortion_scale: float = 0.5, p: float = 0.5, interpolation: Any = BILINEAR, fill: Any = 0
    ) -> None:
        super().__init__()
        if not is_number(distortion_scale) or not 0 <= distortion_scale <= 1:
            raise ValueError(f"distortion_scale must be in [0, 1], got {distortion_scale!r}")
        self.distortion_scale = float(distortion_scale)
        self.p = as_probability(p)
        self._set_look(interpolation, fill)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, "perspective", self.distortion_scale, self.p, sampling_name(self.interpolation), levels


class ElasticTransform(Warping):
    """The image bent: pixels move by smooth noise, of strength ``alpha`` and smoothness ``sigma``.

    Each is a number, or one for x and one for y; alpha counts as in torchvision, sigma in pixels. As there, what moves
    along an axis is blurred along both, in a window for the sigma of that axis.
    """

    get_params = staticmethod(elastic_params)

    def __init__(
        self, alpha: Any = 50.0, sigma: Any = 5.0, interpolation: Any = BILINEAR, fill: Any = 0, p: float = 1.0
    ) -> None:
        super().__init__()
        self.alpha = as_two_numbers(alpha, "alpha")
        self.sigma = as_two_numbers(sigma, "sigma")
        check_most(max(self.sigma), 4096, "sigma")
        self.p = as_probability(p)
        self._set_look(interpolation, fill)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, "elastic", self.p, *self.alpha, *self.sigma, sampling_name(self.interpolation), levels


class GridDistortion(Warping):
    """The image in ``num_steps`` rows and columns, each stretched or shrunk by a part from ``distort_limit``.

    distort_limit: (low, high) within [-1, 1], or one number for both signs. normalized: the image keeps its border;
    else ``fill`` is seen where rows and columns add up to more than it has. Arguments of Albumentations that say how
    masks, key points and what is outside are shown can have the values alone that do so here: see the ValueErrors.
    """

    def __init__(
        self,
        num_steps: int = 5,
        distort_limit: Any = (-0.3, 0.3),
        interpolation: Any = BILINEAR,
        normalized: bool = True,
        mask_interpolation: Any = NEAREST,
        keypoint_remapping_method: str = "mask",
        p: float = 0.5,
        border_mode: int = 0,
        fill: Any = 0,
        fill_mask: Any = 0,
    ) -> None:
        super().__init__()
        self.normalized = as_bool(normalized, "normalized")
        check_mask_interpolation(mask_interpolation)
        _check_other_targets(keypoint_remapping_method, fill_mask)
        _check_border(border_mode, self.normalized)
        if not is_int(num_steps) or num_steps < 1:
            raise ValueError(f"num_steps must be an int, 1 or more; got {num_steps!r}")
        check_most(num_steps, 65536, "num_steps")
        self.num_steps = int(num_steps)
        self.distort_limit = symmetric_range(distort_limit, "distort_limit")
        if not -1 <= self.distort_limit[0] <= self.distort_limit[1] <= 1 or self.distort_limit[1] == -1:
            raise ValueError(
                "distort_limit must be within [-1, 1], and not -1 alone, by which nothing is left of rows and columns; "
                f"got {distort_limit!r}"
            )
        self.p = as_probability(p)
        self._set_look(interpolation, fill)

    @property
    def is_random(self) -> bool:
        return is_drawn(self.p, self.distort_limit)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        look = sampling_name(self.interpolation), levels
        return (stream, "grid_distortion", self.p, self.num_steps, self.distort_limit, *look, self.normalized)


class _WholePixels(Warping):
    """Rows become columns: no pixel is interpolated, so that this joins any segment."""

    name = ""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = as_probability(p)

    def op(self, stream: int, levels: tuple[int, ...]) -> tuple[Any, ...]:
        return stream, self.name, self.p

    def reason(self, segment: Segment) -> str | None:
        return None


class RandomRotate90(_WholePixels):
    """The image turned by 0, 1, 2 or 3 quarters, with probability ``p``."""

    name = "rotate_90"

    def __init__(self, p: float = 1.0) -> None:
        super().__init__(p)


class Transpose(_WholePixels):
    """Rows and columns exchanged, with probability ``p``."""

    name = "transpose"

    @property
    def is_random(self) -> bool:
        return is_drawn(self.p)


def _positive_range(values: Any, name: str) -> Range:
    low, high = symmetric_range(values, name) if is_list(values) else (0.0, 0.0)
    if low <= 0:
        raise ValueError(f"{name} must be (low, high) with 0 < low <= high, got {values!r}")
    return low, high


def _as_shear(shear: Any) -> tuple[float, float, float, float]:
    two = is_list(shear) and len(shear) == 4
    across = symmetric_range(shear[:2] if two else shear, "shear")
    down = symmetric_range(shear[2:], "shear") if two else (0.0, 0.0)
    if not all(-90 < degrees < 90 for degrees in (*across, *down)):
        raise ValueError(f"shear must be within (-90, 90) degrees, where an image is a line; got {shear!r}")
    return *across, *down


def _check_other_targets(keypoint_remapping_method: Any, fill_mask: Any) -> None:
    if not is_one_of(keypoint_remapping_method, ("mask", "direct")):
        raise ValueError(
            "keypoint_remapping_method must be 'mask' or 'direct', which are one here; "
            f"got {keypoint_remapping_method!r}"
        )
    if not is_number(fill_mask) or fill_mask != 0:
        raise ValueError(f"fill_mask must be 0, for BoxParams(mask_fill=...) says what masks hold; got {fill_mask!r}")


def _check_border(border_mode: Any, is_never_seen: bool) -> None:
    """ValueError for an OpenCV mode that would be seen, and is not constant."""
    if not is_int(border_mode) or border_mode not in range(5):
        raise ValueError(f"border_mode must be one of OpenCV's, cv2.BORDER_CONSTANT (0) to 4; got {border_mode!r}")
    if border_mode != 0 and not is_never_seen:
        raise ValueError(
            "border_mode must be cv2.BORDER_CONSTANT (0) where normalized is False: put "
            f"Pad(..., padding_mode='reflect') before this and CenterCrop behind it; got {border_mode!r}"
        )


def _as_center(center: Any) -> Range | None:
    if center is None:
        return None
    if not is_list(center) or len(center) != 2 or not all(is_number(value) for value in center):
        raise TypeError(f"center must be two numbers (x, y) or None, got {center!r}")
    return as_finite(center[0], "center"), as_finite(center[1], "center")

"""`get_params` of torchvision's classes: parameters drawn for functions, to transform several images alike.

Signatures, order and number of draws are torchvision's, from torch's default generator: seeded alike, both draw the
same parameters. In a loader the draws are of the stream of the sample in hand, so that they do not depend on workers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch

from fastload._stream import batch_in_hand, sample_key
from fastload.transforms import functional as F
from fastload.transforms._checks import (
    as_numbers,
    as_parts,
    as_range,
    as_size,
    as_two_numbers,
    is_int,
    is_list,
    is_number,
    is_one_of,
    symmetric_range,
)
from fastload.transforms._draws import DrawsFrom
from fastload.transforms._kinds import channels_of, size_of

_TRIES = 10  # torchvision's, before it erases nothing
_NO_BLUR = 1e-6  # of a pixel: a deviation by which nothing is mixed
Arguments = ParamSpec("Arguments")
Params = TypeVar("Params")


def _of_the_sample(draw: Callable[Arguments, Params]) -> Callable[Arguments, Params]:
    """In a loader, what torch draws meanwhile is the sample's own; elsewhere it comes from the default generator."""

    @functools.wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Params:
        if batch_in_hand() is None:
            return draw(*args, **kwargs)
        with DrawsFrom(sample_key()):
            return draw(*args, **kwargs)

    return drawn


@_of_the_sample
def rotation_params(degrees: Any) -> float:
    """An angle from (low, high), in degrees; for `functional.rotate`."""
    return _uniform(degrees, "degrees")


@_of_the_sample
def affine_params(
    degrees: Any, translate: Any, scale_ranges: Any, shears: Any, img_size: Any
) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
    """(angle, (x, y) in whole pixels, scale, (shear in x, shear in y)), angles in degrees; for `functional.affine`.

    degrees, scale_ranges: (low, high). translate: most parts of the sides (x, y). shears: (low, high) in x, and two
    more numbers for y. translate, scale_ranges and shears may be None. img_size: (width, height).
    """
    sides = as_size(img_size, "img_size", "(width, height)")
    angle, moved, scale, shear = _uniform(degrees, "degrees"), (0, 0), 1.0, (0.0, 0.0)
    if translate is not None:
        reach = [part * side for part, side in zip(as_parts(translate, "translate"), sides, strict=True)]
        x, y = (round(_uniform((-far, far), "translate")) for far in reach)
        moved = (x, y)
    if scale_ranges is not None:
        scale = _uniform(scale_ranges, "scale_ranges")
    if shears is not None:
        shear = _shear(shears)
    return angle, moved, scale, shear


@_of_the_sample
def perspective_params(width: int, height: int, distortion_scale: float) -> tuple[list[list[int]], list[list[int]]]:
    """The four corners (x, y) of an image, and where they go; for `functional.perspective`.

    distortion_scale: in [0, 1], the most that corners move inwards, in halves of the sides.
    """
    right, bottom = _whole(width, "width") - 1, _whole(height, "height") - 1
    if not is_number(distortion_scale) or not 0 <= distortion_scale <= 1:
        raise ValueError(f"distortion_scale must be in [0, 1], got {distortion_scale!r}")
    reach_x, reach_y = int(distortion_scale * (width // 2)), int(distortion_scale * (height // 2))

    def moved(at: int, reach: int) -> int:
        return _below(reach + 1, at - reach if at > 0 else 0)

    corners = [[0, 0], [right, 0], [right, bottom], [0, bottom]]
    return corners, [[moved(x, reach_x), moved(y, reach_y)] for x, y in corners]


@_of_the_sample
def elastic_params(alpha: Any, sigma: Any, size: Any) -> torch.Tensor:
    """(1, H, W, 2) float32, how far pixels move in x and y, in halves of the sides; for `functional.elastic`.

    alpha, sigma: strength and smoothness, each (x, y). size: (height, width).
    """
    strengths, deviations = as_two_numbers(alpha, "alpha"), as_two_numbers(sigma, "sigma")
    height, width = as_size(size)
    moves = []
    for strength, deviation, side in zip(strengths, deviations, (width, height), strict=True):
        noise = torch.rand([1, 1, height, width])
        if deviation > 0:
            taps = int(8 * deviation + 1) | 1
            noise = F.gaussian_blur(noise, taps, [max(one, _NO_BLUR) for one in deviations])
        moves.append((noise * 2 - 1) * strength / side)
    return torch.cat(moves, dim=1).permute(0, 2, 3, 1)


@_of_the_sample
def erasing_params(img: Any, scale: Any, ratio: Any, value: Any = None) -> tuple[int, int, int, int, torch.Tensor]:
    """(top, left, height, width, values) of a rectangle; for `functional.erase`.

    scale: (low, high) of its area, in parts of the image's. ratio: (low, high) of height / width. value: one number,
    one for each channel, or None or "random" for noise. Where ten rectangles do not fit, it is the image itself.
    """
    (height, width), channels = size_of(img), channels_of(img)
    parts = as_range(scale, "scale", 0, lowest_counts=True, most=1)
    low, high = torch.tensor(as_range(ratio, "ratio", 0, lowest_counts=False)).log().tolist()
    levels = None if is_one_of(value, ("random", None)) else _levels(value, channels)
    for _ in range(_TRIES):
        area = height * width * _uniform(parts, "scale")
        shape = torch.empty(1).uniform_(low, high).exp().item()
        rows, columns = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if rows >= height or columns >= width:
            continue
        values = torch.empty([channels, rows, columns]).normal_() if levels is None else levels
        return _below(height - rows + 1), _below(width - columns + 1), rows, columns, values
    return 0, 0, height, width, img if isinstance(img, torch.Tensor) else F.to_image(img)


@_of_the_sample
def jitter_params(
    brightness: Any, contrast: Any, saturation: Any, hue: Any
) -> tuple[torch.Tensor, float | None, float | None, float | None, float | None]:
    """(order, brightness, contrast, saturation, hue), for `functional.adjust_brightness` and the others.

    order: a permutation of 0 to 3, int64, which stand for the four. Each is drawn from (low, high); None stays None.
    """
    order = torch.randperm(4)
    ranges = {"brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue}
    drawn = [None if values is None else _uniform(values, name) for name, values in ranges.items()]
    return order, drawn[0], drawn[1], drawn[2], drawn[3]


@_of_the_sample
def blur_params(sigma_min: float, sigma_max: float) -> float:
    """A deviation from sigma_min to sigma_max, in pixels; for `functional.gaussian_blur`."""
    return _uniform((sigma_min, sigma_max), "(sigma_min, sigma_max)")


@_of_the_sample
def policy_params(transform_num: int) -> tuple[int, torch.Tensor, torch.Tensor]:
    """(row, chances, signs): which of so many rows of a policy, and what its two transforms need.

    chances: (2,) float32 in [0, 1), done where they do not exceed the probabilities. signs: (2,) int64, 0 or 1.
    """
    row = _below(_whole(transform_num, "transform_num"))
    return row, torch.rand(2), torch.randint(2, (2,))


def _uniform(values: Any, name: str) -> float:
    if not is_list(values):
        raise TypeError(f"{name} must be (low, high), got {values!r}")
    low, high = symmetric_range(values, name)
    return torch.empty(1).uniform_(low, high).item()


def _below(count: int, start: int = 0) -> int:
    """One of ``count`` whole numbers."""
    return int(torch.randint(start, start + count, (1,)).item())


def _whole(value: Any, name: str) -> int:
    if not is_int(value) or value < 1:
        raise ValueError(f"{name} must be an int, 1 or more; got {value!r}")
    return int(value)


def _shear(shears: Any) -> tuple[float, float]:
    if not is_list(shears) or len(shears) not in (2, 4):
        raise ValueError(f"shears must be two numbers (low, high) in x, or four with those in y; got {shears!r}")
    across = _uniform(shears[:2], "shears")
    return across, _uniform(shears[2:], "shears") if len(shears) == 4 else 0.0


def _levels(value: Any, channels: int) -> torch.Tensor:
    """(1, 1, 1) of one number, or (C, 1, 1)."""
    values = list(value) if is_list(value) else [value]
    as_numbers(values, "value")
    if len(values) not in (1, channels):
        raise ValueError(f"value has {len(values)} values, the image has {channels} channels: {value!r}")
    return torch.tensor(values)[:, None, None]

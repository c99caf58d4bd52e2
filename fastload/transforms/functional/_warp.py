"""Images turned, sheared, seen in perspective or bent, by explicit numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload import _core
from fastload.transforms._checks import Fill, as_bool, as_fill, fill_levels, fill_values, is_list, is_number
from fastload.transforms._interpolation import NEAREST, InterpolationMode, as_interpolation
from fastload.transforms._kinds import NATIVE_CHANNELS, PIL_MODES, channels_of, is_pil, pil_of, pixels_of, size_of
from fastload.transforms.functional._resize import resize_to
from fastload.transforms.functional._tensors import on_tensor, type_to_mix_in, values_of_type

BILINEAR = InterpolationMode.BILINEAR
Array = NDArray[np.float64]
_MIDDLE = 1e-6  # of a pixel: what rounding makes of a place that is one
WARPING = (*NEAREST, BILINEAR, InterpolationMode.BICUBIC)


def sampling_name(mode: InterpolationMode) -> str:
    """The name that native warps know the mode by. ValueError for one that no warp has."""
    if mode not in WARPING:
        raise ValueError(f"interpolation must be nearest, bilinear or bicubic for this transform, got {mode.value!r}")
    return "nearest" if mode in NEAREST else mode.value


def affine(
    image: Any,
    angle: float,
    translate: Sequence[float] = (0, 0),
    scale: float = 1.0,
    shear: float | Sequence[float] = 0.0,
    interpolation: Any = InterpolationMode.NEAREST,
    fill: Any = 0,
    center: Sequence[float] | None = None,
) -> Any:
    """The image turned by ``angle`` degrees clockwise, scaled, sheared and moved, in the size that it has.

    translate: (x, y) in pixels. shear: degrees, x or (x, y). center: (x, y) of what stays in place before the
    translation; the middle if None. Pixels from outside of the image are ``fill``. Where it shrinks, it is antialiased.
    """
    height, width = size_of(image)
    forward = affine_matrix(
        _number(angle, "angle"),
        _pair(translate, "translate"),
        _number(scale, "scale"),
        _pair([shear, 0.0] if is_number(shear) else shear, "shear"),
        (width / 2, height / 2) if center is None else _pair(center, "center"),
    )
    return warp(image, forward, (height, width), interpolation, fill)


def rotate(
    image: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = 0,
) -> Any:
    """The image turned by ``angle`` degrees counter-clockwise. expand: in a canvas that holds all of it."""
    height, width = size_of(image)
    centre = (width / 2, height / 2) if center is None or expand else _pair(center, "center")
    angle = _number(angle, "angle")
    op = (0, "affine", 1.0, (-angle, -angle), (0, 0), (0, 0), (1, 1), (0, 0), (0, 0), centre, as_bool(expand, "expand"))
    mode = as_interpolation(interpolation)
    program = _core.ImageProgram([(*op, sampling_name(mode), [0])])
    moves = program.draw(0, height, width)[0][1]
    return apply_moves(image, moves, mode, fill)


def perspective(
    image: Any,
    startpoints: Sequence[Sequence[float]] | None,
    endpoints: Sequence[Sequence[float]] | None,
    interpolation: Any = BILINEAR,
    fill: Any = 0,
    coefficients: Sequence[float] | None = None,
) -> Any:
    """The image with the four ``startpoints`` (x, y) moved to the ``endpoints``.

    coefficients: Pillow's eight instead, of the map from the result back to the image.
    """
    if coefficients is not None:
        if startpoints is not None or endpoints is not None:
            raise ValueError("perspective takes either startpoints and endpoints, or coefficients")
        if len(coefficients) != 8:
            raise ValueError(f"coefficients must be 8 numbers, got {len(coefficients)}")
        forward = np.linalg.inv(np.array([*coefficients, 1.0], dtype=np.float64).reshape(3, 3))
    else:
        if startpoints is None or endpoints is None:
            raise ValueError("perspective needs startpoints and endpoints, or coefficients")
        forward = _homography(startpoints, endpoints)
    return warp(image, forward / forward[2, 2], size_of(image), interpolation, fill)


def elastic(image: Any, displacement: torch.Tensor, interpolation: Any = BILINEAR, fill: Any = 0) -> Any:
    """The image whose pixels come from elsewhere.

    displacement: (1, H, W, 2), how far (x, y), in halves of the image's sides, as torchvision has it.
    """
    height, width = size_of(image)
    if not isinstance(displacement, torch.Tensor) or tuple(displacement.shape) != (1, height, width, 2):
        got = tuple(displacement.shape) if isinstance(displacement, torch.Tensor) else type(displacement).__name__
        raise ValueError(f"displacement must be a tensor (1, {height}, {width}, 2), got {got}")
    places = _centres(height, width) + displacement[0].double().numpy() * [width / 2, height / 2]
    return remap(image, places, interpolation, fill)


elastic_transform = elastic


def warp(image: Any, forward: Any, size: tuple[int, int], interpolation: Any = BILINEAR, fill: Any = 0) -> Any:
    """The image as a projective map shows it, in a canvas of (height, width).

    forward: (3, 3), from (x, y, 1) in the image to (x w, y w, w) in the result; the corner of a pixel is at whole
    numbers. ValueError for a map that has no inverse, or sends a part of the image behind the viewer.
    """
    matrix = np.asarray(forward, dtype=np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise ValueError(f"a map must be (3, 3) finite numbers, got {forward!r}")
    mode = _mode_for(image, interpolation)
    height, width = size_of(image)
    op = _native_warp(matrix, size, mode, [0])
    move = _core.ImageProgram([op]).draw(0, height, width)[0][1][0]
    return _run_warp(image, matrix, move[1], size, mode, as_fill(fill))


def _native_warp(forward: Array, size: tuple[int, int], mode: InterpolationMode, levels: list[int]) -> tuple[Any, ...]:
    return 0, "warp", tuple(forward.ravel().tolist()), *size, sampling_name(mode), levels


def _run_warp(
    image: Any,
    forward: Any,
    back: Array,
    size: tuple[int, int],
    mode: InterpolationMode,
    fill: Fill,
    all_before: bool = True,
) -> Any:
    """The image through a map that is known both ways. all_before: it sends nothing of the image behind the viewer."""

    def native(pixels: NDArray[np.uint8], levels: list[int]) -> NDArray[np.uint8]:
        return _core.ImageProgram([_native_warp(forward, size, mode, levels)]).run(pixels, 0)

    return _run(image, native if all_before else None, lambda planes: _warped(planes, back, size, mode, fill), fill)


def _apply_warp(image: Any, back: Array, size: tuple[int, int], interpolation: Any, fill: Any) -> Any:
    """As a native program does it, which shows of any map what is before the viewer."""
    height, width = size_of(image)
    forward = np.linalg.inv(back)
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], dtype=np.float64)
    all_before = bool((corners @ forward[2] > 0).all())
    return _run_warp(image, forward, back, size, _mode_for(image, interpolation), as_fill(fill), all_before)


def remap(image: Any, places: Any, interpolation: Any = BILINEAR, fill: Any = 0) -> Any:
    """The image whose pixel at row i and column j comes from ``places[i, j]``, (x, y); those outside are ``fill``."""
    mode, values = _mode_for(image, interpolation), as_fill(fill)
    xy = np.ascontiguousarray(places, dtype=np.float32)
    if xy.ndim != 3 or xy.shape[2] != 2:
        raise ValueError(f"places must be (height, width, 2), got shape {xy.shape}")
    name = sampling_name(mode)

    def native(pixels: NDArray[np.uint8], levels: list[int]) -> NDArray[np.uint8]:
        return _core.remap(pixels, xy, name, levels)

    return _run(image, native, lambda planes: _sampled(planes, xy.astype(np.float64), mode, values), values)


def apply_moves(
    image: Any, moves: list[tuple[Any, ...]], mode: InterpolationMode, fill: Any, antialias: bool = True
) -> Any:
    """The image after the moves that a native program has drawn, step by step."""
    from fastload.transforms.functional import _geometry as geometry

    for name, *numbers in moves:
        if name == "pad":
            image = geometry.pad(image, list(numbers), fill)
        elif name == "window":
            image = geometry.crop(image, *numbers)
        elif name == "resize":
            image = resize_to(image, numbers[0], numbers[1], mode, antialias)
        elif name == "flip":
            image = geometry.horizontal_flip(image) if numbers[0] else geometry.vertical_flip(image)
        elif name == "warp":
            image = _apply_warp(image, numbers[0], (numbers[1], numbers[2]), mode, fill)
        elif name == "mesh":
            image = remap(image, numbers[0], mode, fill)
    return image


def affine_matrix(
    angle: float, translate: Sequence[float], scale: float, shear: Sequence[float], center: Sequence[float]
) -> Array:
    """(3, 3) of torchvision's affine map: shear in x, shear in y, turn clockwise and scale about the centre, move."""
    turn, shear_x, shear_y = (math.radians(value) for value in (angle, *shear))
    around = np.array([[1, 0, -center[0]], [0, 1, -center[1]], [0, 0, 1.0]])
    cosine, sine = math.cos(turn - shear_y) / math.cos(shear_y), math.sin(turn - shear_y) / math.cos(shear_y)
    middle = np.array(
        [
            [scale * cosine, scale * (-cosine * math.tan(shear_x) - math.sin(turn)), 0],
            [scale * sine, scale * (-sine * math.tan(shear_x) + math.cos(turn)), 0],
            [0, 0, 1],
        ]
    )
    back = np.array([[1, 0, center[0] + translate[0]], [0, 1, center[1] + translate[1]], [0, 0, 1.0]])
    return back @ middle @ around  # type: ignore[no-any-return]


def _homography(start: Sequence[Sequence[float]], end: Sequence[Sequence[float]]) -> Array:
    pairs = [(_pair(one, "startpoints"), _pair(other, "endpoints")) for one, other in zip(start, end, strict=True)]
    if len(pairs) != 4:
        raise ValueError(f"startpoints and endpoints must be 4 points each, got {len(pairs)}")
    rows, values = [], []
    for (x, y), (u, v) in pairs:
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    try:
        solved = np.linalg.solve(np.array(rows, dtype=np.float64), np.array(values, dtype=np.float64))
    except np.linalg.LinAlgError as error:
        raise ValueError(f"startpoints {list(start)} do not span an area") from error
    return np.array([*solved, 1.0]).reshape(3, 3)


def _mode_for(image: Any, interpolation: Any) -> InterpolationMode:
    """As Pillow has it: there is nothing between two numbers of colours, or between black and white."""
    mode = as_interpolation(interpolation)
    return InterpolationMode.NEAREST if is_pil(image) and image.mode in ("1", "P", "PA") else mode


def _run(
    image: Any,
    native: Callable[[NDArray[np.uint8], list[int]], NDArray[np.uint8]] | None,
    planes: Callable[[torch.Tensor], torch.Tensor],
    fill: Fill,
) -> Any:
    """Natively, if it can be, for 8-bit images of 1, 3 or 4 channels, else by torch, plane by plane."""
    if is_pil(image):
        if native is not None and image.mode in PIL_MODES:
            return pil_of(native(np.asarray(image), fill_levels(fill, channels_of(image))))
        return pil_of(_run(np.array(image), native, planes, fill), image)
    eight_bit = image.dtype == (np.uint8 if isinstance(image, np.ndarray) else torch.uint8)
    single = image.ndim == 3 or isinstance(image, np.ndarray)
    channels = channels_of(image)
    if (
        native is not None
        and eight_bit
        and single
        and channels in NATIVE_CHANNELS
        and getattr(image, "is_cuda", False) is False
    ):
        made = native(pixels_of(image), fill_levels(fill, channels))
        if isinstance(image, np.ndarray):
            return made[:, :, 0] if image.ndim == 2 else made
        return torch.from_numpy(made).permute(2, 0, 1).contiguous()
    return on_tensor(planes, image)


def _warped(
    planes: torch.Tensor, back: Array, size: tuple[int, int], mode: InterpolationMode, fill: Fill
) -> torch.Tensor:
    """Antialiased as a native warp: what shrinks is resized first, as far as interpolation does not do by itself."""
    places = _places(back, *size)
    *_, height, width = planes.shape
    rows, columns = (height, width) if mode in NEAREST else _core.shrunk_before(back, size, (height, width))
    if (rows, columns) == (height, width):
        return _sampled(planes, places, mode, fill)
    shrunk = resize_to(planes, rows, columns, BILINEAR, True)
    return _sampled(shrunk, places * [columns / width, rows / height], mode, fill)


def _places(back: Array, height: int, width: int) -> Array:
    """Where the centre of each pixel comes from, (height, width, 2); infinitely far where it comes from nowhere."""
    x, y = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    rows = [back[r, 0] * x + back[r, 1] * y + back[r, 2] for r in range(3)]
    weight = np.where(rows[2] > 0, rows[2], 1)
    return np.stack([np.where(rows[2] > 0, row / weight, np.inf) for row in rows[:2]], axis=-1)


def _centres(height: int, width: int) -> Array:
    return _places(np.eye(3), height, width)


def _sampled(planes: torch.Tensor, places: Array, mode: InterpolationMode, fill: Fill) -> torch.Tensor:
    """(..., C, H, W) seen at those places; beyond the middles of the outermost pixels, these are repeated."""
    *_, channels, rows, columns = planes.shape
    inside = (places >= 0).all(axis=-1) & (places[..., 0] < columns) & (places[..., 1] < rows)
    places = np.where(inside[..., None], places, 0.5)
    pick = _picked if mode in NEAREST or _are_middles(places) else _mixed
    out = pick(planes, places, mode)
    values = torch.tensor(fill_values(fill, channels)).to(out)
    outside = torch.from_numpy(~inside).to(out.device)
    return torch.where(outside, values.view(-1, 1, 1), out)


def _are_middles(places: Array) -> bool:
    """Whether all of the places are middles of pixels: nothing is mixed there."""
    return bool((np.abs(places - np.floor(places) - 0.5) < _MIDDLE).all())


def _picked(planes: torch.Tensor, places: Array, mode: InterpolationMode) -> torch.Tensor:
    """The pixels around those places, bit for bit, of whatever type they are."""
    columns, rows = np.moveaxis(np.floor(places).astype(np.int64), -1, 0)
    numbers = torch.from_numpy(rows * planes.shape[-1] + columns).to(planes.device)
    return planes.flatten(-2)[..., numbers]


def _mixed(planes: torch.Tensor, places: Array, mode: InterpolationMode) -> torch.Tensor:
    *leading, channels, rows, columns = planes.shape
    images = planes.reshape(-1, channels, rows, columns).to(type_to_mix_in(planes.dtype))
    grid = torch.from_numpy(places / [columns, rows] * 2 - 1).to(images).expand(len(images), *places.shape)
    sampled = torch.nn.functional.grid_sample(images, grid, mode=mode.value, padding_mode="border", align_corners=False)
    return values_of_type(sampled, planes.dtype).reshape(*leading, channels, *places.shape[:2])


def _number(value: Any, name: str) -> float:
    if not is_number(value) or not math.isfinite(value):
        raise TypeError(f"{name} must be a finite number, got {value!r}")
    return float(value)


def _pair(values: Any, name: str) -> tuple[float, float]:
    if not is_list(values) or len(values) not in (1, 2) or not all(is_number(value) for value in values):
        raise TypeError(f"{name} must be two numbers (x, y), got {values!r}")
    return float(values[0]), float(values[-1])

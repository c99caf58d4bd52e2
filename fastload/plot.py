"""Looking at samples and batches: images with their boxes, masks, key points and labels, in a grid."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._shades import COLOURS, shade_of
from fastload.collate._by_image import by_image, is_mask
from fastload.transforms._boxes import BoxParams, as_box_params
from fastload.transforms._kinds import IMAGE_NAMES, array_of, is_image, is_pil, place_of_image, role_of
from fastload.transforms._targets import InPixels, Moving

try:
    from matplotlib.figure import Figure as _Figure
    from matplotlib.patches import Polygon
except ImportError as error:
    raise ImportError("fastload.plot draws with matplotlib: pip install matplotlib") from error

_LABEL_NAMES = ("labels", "label", "category_id", "target")
_INCHES = 3.2  # of one image's longer side


class Figure(_Figure):
    """A figure of matplotlib that notebooks show as it is."""

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        self.savefig(png, format="png")
        return png.getvalue()


def show(
    samples: Any,
    to: str | os.PathLike[str] | None = None,
    *,
    boxes: BoxParams | str | None = None,
    names: Sequence[str] | Mapping[int, str] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    columns: int | None = None,
    limit: int = 16,
    masks: bool = True,
) -> Figure:
    """The figure of a sample, of a list of samples, or of a batch, drawn in a grid; a file, too, if ``to`` names one.

    samples: an image (PIL, array or tensor); (image, label), (image, target dict), an image with torchvision's boxes,
    masks and labels, or a dict with an "image"; a list of those; a batch as `default_collate` or `DetectionCollate`
    makes it; or a data set, of which the first are drawn. boxes: how boxes are written, as for `Compose`. names: what
    labels are called, by number. mean, std: what images were normalised with. limit: so many images at most. masks:
    whether to draw them, each object, and each class of a map of classes, in its own colour.

    Floats in [0, 1] are drawn as they are, others from their least to their greatest. Raises TypeError for what holds
    no image, ValueError for boxes or masks that do not fit.
    """
    if limit < 1:
        raise ValueError(f"limit must be 1 or more, got {limit}")
    params = as_box_params(boxes)
    drawn = list(islice(_samples_of(samples), limit))
    if not drawn:
        raise ValueError("there is no sample to draw")
    images = [_displayed(image, mean, std) for image, _ in drawn]
    across = columns or math.ceil(math.sqrt(len(drawn)))
    down = math.ceil(len(drawn) / across)
    ratio = max(image.shape[0] / image.shape[1] for image in images)
    figure = Figure(figsize=(_INCHES * across, max(1.0, _INCHES * min(ratio, 3.0)) * down), layout="constrained")
    for number, (pixels, (_, target)) in enumerate(zip(images, drawn, strict=True)):
        axes = figure.add_subplot(down, across, number + 1)
        axes.set_axis_off()
        height, width = pixels.shape[:2]
        # Coordinates of boxes: the corner of a pixel is at whole numbers.
        axes.imshow(pixels, extent=(0, width, height, 0), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        if isinstance(target, Mapping):
            _draw_target(axes, dict(target), params, (height, width), names, masks)
        elif target is not None:
            axes.set_title(_called(target, names), fontsize="small", parse_math=False)
    if to is not None:
        figure.savefig(to, dpi=110)
    return figure


def _samples_of(samples: Any) -> Iterator[tuple[Any, Any]]:
    """(image, label or target or None) of each."""
    if is_image(samples):
        many = not is_pil(samples) and samples.ndim == 4
        yield from ((image, None) for image in samples) if many else [(samples, None)]
    elif isinstance(samples, Mapping):
        name = next((name for name in IMAGE_NAMES if name in samples), None)
        if name is None:
            raise TypeError(f"a dict must have an image under one of the names {', '.join(IMAGE_NAMES)}")
        rest = {key: value for key, value in samples.items() if key != name}
        yield from _pairs(samples[name], rest) if _is_many(samples[name]) else [(samples[name], rest)]
    elif isinstance(samples, tuple | list):
        yield from _of_parts(samples)
    elif not isinstance(samples, str | bytes) and hasattr(samples, "__getitem__") and hasattr(samples, "__len__"):
        for number in range(len(samples)):
            yield from _samples_of(samples[number])
    else:
        raise TypeError(f"there is no image in a {type(samples).__name__}")


def _of_parts(parts: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """A sample, a batch, or a list of samples."""
    if not parts:
        return
    if _is_many(parts[0]) and len(parts) == 2 and not _is_sample(parts[1]):
        yield from _pairs(parts[0], parts[1])
    elif isinstance(parts, list) or not any(is_image(part) for part in parts):
        if isinstance(parts, list) and is_image(parts[0]) and len(parts) == 2 and not is_image(parts[1]):
            yield parts[0], _target_of(parts[1:])  # [image, target]
            return
        for part in parts:
            yield from _samples_of(part)
    else:
        place = place_of_image(parts)
        rest = [part for number, part in enumerate(parts) if number != place]
        image, target = parts[place], _target_of(rest)
        yield from _pairs(image, target) if _is_many(image) else [(image, target)]


def _target_of(parts: Sequence[Any]) -> Any:
    """What is drawn of a sample's parts beside its image: a dict, a dict made of torchvision's own tensors, or any."""
    target = next((part for part in parts if isinstance(part, Mapping)), parts[0] if parts else None)
    roles = [role_of(None, part) for part in parts]
    if isinstance(target, Mapping) or not any(roles):
        return target
    others = [part for part, role in zip(parts, roles, strict=True) if not role]
    labels = {"labels": others[0]} if others else {}
    return {**labels, **{role: part for role, part in zip(roles, parts, strict=True) if role}}


def _is_many(value: Any) -> bool:
    """Whether these are images: a tensor or an array of four dimensions, or a list of images."""
    if isinstance(value, list | tuple):
        return bool(value) and all(is_image(image) for image in value)
    return is_image(value) and not is_pil(value) and value.ndim == 4


def _is_sample(value: Any) -> bool:
    return isinstance(value, tuple | list) and bool(value) and is_image(value[0]) and not _is_many(value)


def _pairs(images: Any, targets: Any) -> Iterator[tuple[Any, Any]]:
    """Each image with what is its own of the targets, both without their padding."""
    for image, target in zip(images, _targets_of(targets, len(images)), strict=True):
        yield _without_padding(image, target)


def _targets_of(targets: Any, count: int) -> Sequence[Any]:
    if isinstance(targets, Mapping):
        return by_image(targets, count)
    return [None] * count if targets is None or len(targets) != count else targets


def _without_padding(image: Any, target: Any) -> tuple[Any, Any]:
    if not isinstance(target, Mapping) or "image_mask" not in target:
        return image, target
    height, width = (int(side) for side in target["size"])
    masks = {name: value[..., :height, :width] for name, value in target.items() if _is_plane(name, value)}
    return image[..., :height, :width], {**target, **masks}


def _is_plane(name: Any, value: Any) -> bool:
    return is_mask(name, value) and getattr(value, "ndim", 0) >= 2


def _displayed(image: Any, mean: Any, std: Any) -> NDArray[Any]:
    """(H, W) or (H, W, 3) floats in [0, 1]."""
    values = np.asarray(image.convert("RGB")) if is_pil(image) else array_of(_plain_float(image))
    if values.ndim == 3 and values.shape[2] not in (1, 3, 4):
        raise ValueError(f"an image must have 1, 3 or 4 channels to be drawn, got {values.shape[2]}: {values.shape}")
    if values.dtype == np.uint8:
        values = values / 255
    elif values.dtype.kind != "f":
        values = values.astype(np.float64)
    if mean is not None or std is not None:
        values = values * (1 if std is None else np.asarray(std)) + (0 if mean is None else np.asarray(mean))
        values = np.clip(values, 0, 1)
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        values = (values - low) / (high - low if high > low else 1)
    return values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values


def _plain_float(image: Any) -> Any:
    is_half = isinstance(image, torch.Tensor) and image.dtype in (torch.bfloat16, torch.float16)
    return image.float() if is_half else image


def _draw_target(
    axes: Any, target: dict[str, Any], params: BoxParams, size: tuple[int, int], names: Any, masks: bool
) -> None:
    moving = Moving(target, params)
    found = moving.in_pixels(size)
    labels = next((target[name] for name in _LABEL_NAMES if name in target), None)
    shade = shade_of(moving, size) if masks else None
    if shade is not None:
        axes.imshow(shade, extent=(0, size[1], size[0], 0), interpolation="nearest")
    outlines = (
        found.quads.reshape(-1, 4, 2)
        if found.quads.size
        else found.edges[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    )
    for number, corners in enumerate(outlines):
        colour = COLOURS[number % len(COLOURS)]
        axes.add_patch(Polygon(corners, closed=True, fill=False, edgecolor=colour, linewidth=1.4))
        if labels is not None and len(labels) == len(outlines):
            x, y = corners[np.argmin(corners.sum(axis=1))]
            style = {"facecolor": colour, "edgecolor": "none", "pad": 0.8, "alpha": 0.8}
            text = _called(labels[number], names)
            axes.text(x, y, text, fontsize=6, color="white", va="bottom", clip_on=True, bbox=style, parse_math=False)
    _draw_points(axes, target, found, len(outlines))


def _draw_points(axes: Any, target: dict[str, Any], found: InPixels, objects: int) -> None:
    if not len(found.points):
        return
    seen = np.ones(len(found.points), dtype=bool)
    points = np.asarray(target.get("keypoints"), dtype=np.float64)
    if points.shape[-1] == 3:
        seen = points[..., 2].ravel() > 0
    each = max(1, len(found.points) // max(1, objects))
    colours = [COLOURS[(number // each) % len(COLOURS)] for number in range(len(found.points))]
    shown = [colour for colour, is_seen in zip(colours, seen, strict=True) if is_seen]
    axes.scatter(*found.points[seen].T, s=14, c=shown, edgecolors="white", linewidths=0.6)


def _called(label: Any, names: Any) -> str:
    if isinstance(label, torch.Tensor | np.ndarray | np.generic):
        label = label.tolist()
    if names is not None and isinstance(label, int):
        known: Callable[[int], Any] = (
            names.get if isinstance(names, Mapping) else lambda n: dict(enumerate(names)).get(n)
        )
        return str(known(label) if known(label) is not None else label)
    return f"{label:.3g}" if isinstance(label, float) else str(label)

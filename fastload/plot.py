"""Looking at samples and batches: images with their boxes, masks, key points and labels, in a grid."""

from __future__ import annotations

import io
import itertools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._shades import COLOURS, shade_of
from fastload._shown import Shown, shown_in
from fastload._target_names import LABEL_NAMES
from fastload.transforms._boxes import BoxParams, as_box_params
from fastload.transforms._checks import is_int
from fastload.transforms._holders import roles_of
from fastload.transforms._in_pixels import InPixels
from fastload.transforms._kinds import array_of, is_pil, size_of
from fastload.transforms._targets import Moving
from fastload.transforms._values import float_rows, length_of

try:
    from matplotlib.figure import Figure as _Figure
    from matplotlib.patches import Polygon
except ImportError as error:
    raise ImportError("fastload.plot draws with matplotlib: pip install matplotlib") from error

Made = TypeVar("Made")

_LABEL_NAMES = (*LABEL_NAMES, "class_labels", "category_ids", "category_id", "target")
_MOST_LABELS = 8  # in one title
_LABEL_INCHES = 0.14  # of a label's height
_INCHES = 3.2  # of one image's width, in a row that it fills
_TALLEST = 3.0  # of a row, in widths of an image


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

    samples: an image (PIL, array or tensor); (image, label), (image, target dict), (image, map of classes), (image,
    annotations as COCO's or VOC's files have them), an image with torchvision's boxes, masks and labels, or a dict with
    an "image"; a list of those; a batch as `default_collate` or `DetectionCollate` makes it; or a data set, of which
    the first are drawn.
    boxes: how boxes are written, as for `Compose`. names: what labels are called, by number; they are written at the
    boxes, if there is one for each, else above the image. mean, std: what images were normalised with. limit: so many
    images at most. masks: whether to draw them, each object, and each class of a map of classes, in its own colour.

    Bytes, and floats in [0, 1], are drawn as they are, others from their least to their greatest; NaN is black. Raises
    TypeError for what holds no image, ValueError for boxes, masks, mean or std that do not fit; both name the sample.
    """
    _check(to, names, limit, columns)
    params = as_box_params(boxes)
    drawn = list(_located(itertools.islice(shown_in(samples, masks), limit)))
    if not drawn:
        raise ValueError("there is no sample to draw")
    images = [_at(number, _displayed, sample.image, mean, std) for number, sample in enumerate(drawn)]
    figure, places = _divided(images, math.ceil(math.sqrt(len(drawn))) if columns is None else columns)
    for number, (pixels, axes, (_, target, own)) in enumerate(zip(images, places, drawn, strict=True)):
        axes.set_axis_off()
        height, width = pixels.shape[:2]
        # Coordinates of boxes: the corner of a pixel is at whole numbers.
        axes.imshow(pixels, extent=(0, width, height, 0), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        if isinstance(target, Mapping):
            written = BoxParams(own) if own else params
            _at(number, _draw_target, axes, dict(target), written, (height, width), names, masks)
        elif target is not None:
            _draw_title(axes, target, names)
    if to is not None:
        figure.savefig(to, dpi=110)
    return figure


def _check(to: Any, names: Any, limit: Any, columns: Any) -> None:
    if to is not None and not isinstance(to, str | os.PathLike) and not hasattr(to, "write"):
        raise ValueError(f"to must be the name of a file, or a file to write to, got {to!r}")
    if isinstance(to, str | os.PathLike) and (not os.path.basename(to) or os.path.isdir(to)):
        raise ValueError(f"to must be the name of a file, and no folder's; got {to!r}")  # matplotlib would add a suffix
    for name, number, more in (("limit", limit, ""), ("columns", 1 if columns is None else columns, ", or None")):
        if not is_int(number) or number < 1:
            raise ValueError(f"{name} must be a whole number, 1 or more{more}, got {number!r}")
    if names is not None and (isinstance(names, str) or not hasattr(names, "__getitem__")):
        raise ValueError(f"names must be a sequence or a dict of names by number, got {names!r}")


def _at(number: int, function: Callable[..., Made], *arguments: Any) -> Made:
    """What the function makes of that sample; plain errors name the sample, and have its number as ``position``."""
    try:
        return function(*arguments)
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError):
            raise
        located = type(error)(f"sample {number}: {error}")
        located.position = number  # type: ignore[union-attr]
        raise located from error


def _located(samples: Iterator[Shown]) -> Iterator[Shown]:
    """Those samples; errors of one that cannot be read name it."""
    for number in itertools.count():
        sample = _at(number, next, samples, None)
        if sample is None:
            return
        yield sample


def _divided(images: list[NDArray[Any]], columns: int) -> tuple[Figure, list[Any]]:
    """The figure, and a place in it for each image; rows are as tall as their own images need."""
    rows = [images[begin : begin + columns] for begin in range(0, len(images), columns)]
    tallest = [max(image.shape[0] / image.shape[1] for image in row) for row in rows]
    heights = [max(1.0, _INCHES * min(ratio, _TALLEST)) for ratio in tallest]
    figure = Figure(figsize=(_INCHES * columns, sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(rows), columns, height_ratios=heights)
    return figure, [figure.add_subplot(grid[number // columns, number % columns]) for number in range(len(images))]


def _displayed(image: Any, mean: Any, std: Any) -> NDArray[Any]:
    """(H, W) or (H, W, 3) floats in [0, 1]; infinities are the greatest and the least of them, NaN is black."""
    size_of(image)  # or an error that says that there is no pixel
    levels = np.asarray(_drawable(image)) if is_pil(image) else array_of(_plain_float(image))
    if levels.ndim == 3 and levels.shape[2] not in (1, 3, 4):
        raise ValueError(f"an image must have 1, 3 or 4 channels to be drawn, got {levels.shape[2]}: {levels.shape}")
    values = levels / 255 if levels.dtype == np.uint8 else levels.astype(np.float64)
    is_number = np.isfinite(values)
    made = np.where(is_number, values, 0.0)
    if mean is not None or std is not None:
        made = made * _by_channel("std", std, 1.0, made) + _by_channel("mean", mean, 0.0, made)
        made = np.clip(made, 0, 1)
    low, high = (made[is_number].min(), made[is_number].max()) if is_number.any() else (0.0, 1.0)
    if low < 0 or high > 1:
        made = (made - low) / (high - low if high > low else 1)
    made = np.where(is_number, made, np.nan_to_num(np.clip(values, 0, 1), nan=0.0))
    return made[:, :, 0] if made.ndim == 3 and made.shape[2] == 1 else made


def _by_channel(name: str, numbers: Any, default: float, pixels: NDArray[Any]) -> NDArray[Any]:
    """The numbers, one for all channels or one for each."""
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    try:
        values = np.asarray(default if numbers is None else numbers, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.full(channels, np.nan)
    if values.ndim > 1 or values.size not in (1, channels) or not np.isfinite(values).all():
        raise ValueError(f"{name} must have one number for each of {channels} channels, or one for all, got {numbers}")
    return values


def _drawable(image: Any) -> Any:
    """A PIL image in colours; those of levels beyond 8 bits, which Pillow would cut off, as they are."""
    return image if image.mode[0] in "IF" else image.convert("RGB")


def _plain_float(image: Any) -> Any:
    is_half = isinstance(image, torch.Tensor) and image.dtype in (torch.bfloat16, torch.float16)
    return image.float() if is_half else image


def _draw_target(
    axes: Any, target: dict[str, Any], params: BoxParams, size: tuple[int, int], names: Any, masks: bool
) -> None:
    target = {name: np.asarray(value) if is_pil(value) else value for name, value in target.items()}
    moving = Moving(target, params)
    found = moving.in_pixels(size)
    labels = next((target[name] for name in _LABEL_NAMES if not isinstance(target.get(name), Mapping | None)), None)
    shade = shade_of(moving, size) if masks else None
    if shade is not None:
        axes.imshow(shade, extent=(0, size[1], size[0], 0), interpolation="nearest")
    edges = found.quads if found.quads.size else found.edges[:, [0, 1, 2, 1, 2, 3, 0, 3]]
    _draw_boxes(axes, edges.reshape(-1, 4, 2), size, labels, names)
    has_boxes = "boxes" in roles_of(target).values()
    if labels is not None and (not has_boxes or length_of(labels) < 0):
        _draw_title(axes, labels, names)
    _draw_points(axes, target, found, len(edges))


def _draw_boxes(axes: Any, outlines: NDArray[Any], size: tuple[int, int], labels: Any, names: Any) -> None:
    """(N, 4, 2) corners; labels: one for each is written above it, or in it where there is no room in the image."""
    extent = axes.get_window_extent().transformed(axes.get_figure().dpi_scale_trans.inverted())
    room = _LABEL_INCHES * max(size[0] / extent.height, size[1] / extent.width)
    for number, corners in enumerate(outlines):
        colour = COLOURS[number % len(COLOURS)]
        axes.add_patch(Polygon(corners, closed=True, fill=False, edgecolor=colour, linewidth=1.4))
        if length_of(labels) == len(outlines):
            x, y = np.clip(corners[np.argmin(corners.sum(axis=1))], 0, size[::-1])
            style = {"facecolor": colour, "edgecolor": "none", "pad": 0.8, "alpha": 0.8}
            place = {"va": "bottom" if y > room else "top", "ha": "left" if x < 0.8 * size[1] else "right"}
            text = _called(labels[number], names)
            axes.text(x, y, text, fontsize=6, color="white", clip_on=True, bbox=style, parse_math=False, **place)


def _draw_title(axes: Any, label: Any, names: Any) -> None:
    axes.set_title(_called(label, names), fontsize="small", parse_math=False)


def _draw_points(axes: Any, target: dict[str, Any], found: InPixels, objects: int) -> None:
    """Those that are visible; all of an object in its colour."""
    if not len(found.points):
        return
    name = next(name for name, role in roles_of(target).items() if role == "keypoints")
    points = float_rows(target[name], name)
    seen = np.ones(len(found.points), dtype=bool)
    if points.shape[-1] == 3:
        seen = points[..., 2].ravel() > 0
    each = points.shape[1] if points.ndim == 3 else max(1, len(points) // max(1, objects))
    colours = [COLOURS[(number // each) % len(COLOURS)] for number in range(len(found.points))]
    shown = [colour for colour, is_seen in zip(colours, seen, strict=True) if is_seen]
    axes.scatter(*found.points[seen].T, s=14, c=shown, edgecolors="white", linewidths=0.6)


def _called(label: Any, names: Any) -> str:
    if isinstance(label, torch.Tensor | np.ndarray | np.generic):
        label = label.tolist()
    if isinstance(label, list | tuple):
        return ", ".join(
            [*(_called(one, names) for one in label[:_MOST_LABELS]), *["..."][: len(label[_MOST_LABELS:])]]
        )
    if names is not None and isinstance(label, int):
        known: Callable[[int], Any] = (
            names.get if isinstance(names, Mapping) else lambda n: dict(enumerate(names)).get(n)
        )
        return str(known(label) if known(label) is not None else label)
    return f"{label:.3g}" if isinstance(label, float) else str(label)

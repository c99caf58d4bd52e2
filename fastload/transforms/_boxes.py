"""How boxes are written down, what becomes of them when an image is transformed, and their checks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastload import _core
from fastload.transforms._checks import as_bool, is_int, is_list, is_number, is_one_of

Array = NDArray[np.float64]

# Names of other libraries for the same thing.
_ALIASES = {
    "pascal_voc": "xyxy",
    "coco": "xywh",
    "albumentations": "xyxy_normalized",
    "yolo": "cxcywh_normalized",
}
PLAIN_FORMATS = ("xyxy", "xywh", "cxcywh")
ROTATED_FORMATS = ("cxcywhr", "xyxyxyxy")
# torchvision's, whose angles run the other way round; and its corner is that of the turned box.
_ANTICLOCKWISE = ("cxcywhr_anticlockwise", "xywhr_anticlockwise")
NORMALIZED = "_normalized"
_MOST_SIDES = 4  # of the image: what a box in parts of a crop of it may well reach beyond its border
FORMATS = (*PLAIN_FORMATS, *(name + NORMALIZED for name in PLAIN_FORMATS), *ROTATED_FORMATS, *_ALIASES)


@dataclass(frozen=True)
class BoxParams:
    """How the boxes of a sample are written, and which of them are kept when the image is transformed.

    format: "xyxy", "xywh" or "cxcywh" in pixels, each with "_normalized" in parts of the image's sides; the names
    "pascal_voc", "coco", "albumentations" and "yolo"; rotated boxes as "cxcywhr" (degrees, clockwise) or "xyxyxyxy"
    (corners, clockwise).
    clip: boxes end at the image's border. Rotated boxes never do. Without it, normalized boxes may have any numbers;
    with it, one beyond 4 is taken for pixels, and is a ValueError.
    min_area, min_width, min_height: smaller boxes go, in pixels; rotated ones by their own sides, as they are written.
    min_visibility: so do boxes of whose area less than this part is left. What cannot be seen at all always goes, and
    with it all that belongs to the object: so does what is thinner than a thousandth of a pixel, or than the numbers of
    a box can tell.
    outline: what turns with the image, the "box" itself or the "ellipse" in it, which gives tighter boxes around
    things that do not fill their corners.
    fields: the names of per-object values beside boxes and stacks of masks and key points, which must have an entry for
    each box. None: whatever has as many entries as there are boxes, and certainly labels, area, iscrowd and scores.
    They are carried along as they are: the area stays that in the image that came.
    keypoint_swaps: pairs of key points that change names when left and right are exchanged, each in one pair alone.
    mask_fill: what masks hold where no pixel of theirs is shown.
    """

    format: str = "xyxy"
    clip: bool = True
    min_area: float = 0.0
    min_visibility: float = 0.0
    min_width: float = 0.0
    min_height: float = 0.0
    outline: str = "box"
    fields: tuple[str, ...] | None = None
    keypoint_swaps: tuple[tuple[int, int], ...] = ()
    mask_fill: int = 0

    def __post_init__(self) -> None:
        if not is_one_of(self.format, FORMATS):
            raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {self.format!r}")
        if not is_one_of(self.outline, ("box", "ellipse")):
            raise ValueError(f"outline must be 'box' or 'ellipse', got {self.outline!r}")
        for name in ("min_area", "min_visibility", "min_width", "min_height"):
            value = getattr(self, name)
            if not is_number(value) or not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be a number, 0 or more; got {value!r}")
        if self.min_visibility > 1:
            raise ValueError(f"min_visibility must be in [0, 1], got {self.min_visibility!r}")
        object.__setattr__(self, "clip", as_bool(self.clip, "clip"))
        if not is_int(self.mask_fill):
            raise TypeError(f"mask_fill must be an int, got {self.mask_fill!r}")
        names = () if self.fields is None else self.fields
        if not is_list(names) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"fields must be a sequence of names or None, got {self.fields!r}")
        object.__setattr__(self, "keypoint_swaps", _as_swaps(self.keypoint_swaps))

    @property
    def plain_format(self) -> str:
        """The format without its other names."""
        return _ALIASES.get(self.format, self.format)

    @property
    def plain(self) -> BoxParams:
        """The same with the format by that name."""
        return replace(self, format=self.plain_format)


def _as_swaps(swaps: Any) -> tuple[tuple[int, int], ...]:
    """The pairs, as ints; TypeError or ValueError unless they exchange key points by their numbers."""
    wanted = f"keypoint_swaps must be pairs (left, right) of numbers of key points, got {swaps!r}"
    try:
        pairs = [tuple(pair) for pair in (swaps.tolist() if hasattr(swaps, "tolist") else swaps)]
    except TypeError:
        raise TypeError(wanted) from None
    numbers = [number for pair in pairs for number in pair]
    if not all(is_int(number) for number in numbers):
        raise TypeError(wanted)
    if any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        raise ValueError(wanted)
    if len(set(numbers)) < len(numbers):
        raise ValueError(
            "keypoint_swaps must have each key point in one pair alone, (left, right) and not (right, left) too; "
            f"got {swaps!r}"
        )
    return tuple((int(one), int(other)) for one, other in pairs)


def is_rotated(box_format: str) -> bool:
    return box_format in ROTATED_FORMATS or box_format in _ANTICLOCKWISE


def columns_of(box_format: str) -> int:
    """How many numbers a box has."""
    return 8 if box_format == "xyxyxyxy" else 5 if is_rotated(box_format) else 4


def as_box_params(params: Any) -> BoxParams:
    """The params themselves, or those of a format's name; None: boxes are xyxy."""
    if params is None:
        return BoxParams()
    if isinstance(params, str):
        return BoxParams(params)
    if not isinstance(params, BoxParams):
        raise TypeError(f"boxes must be a BoxParams, the name of a format or None, got {params!r}")
    return params


def edges_of(boxes: Array, box_format: str) -> Array:
    """(N, 4) left, top, right, bottom of boxes in one of the formats that do not turn.

    In pixels, or in parts of the image's sides where the format is. ValueError, with the number of the box, for one
    that has no numbers or is inverted.
    """
    name = box_format.removesuffix(NORMALIZED)
    if not _core.are_boxes(boxes, name == "xyxy"):
        first, second = boxes[:, :2], boxes[:, 2:]
        refuse(boxes, ~np.isfinite(boxes).all(axis=1), box_format, "its numbers must be finite")
        if name == "xyxy":
            refuse(boxes, (second < first).any(axis=1), box_format, "x1 <= x2 and y1 <= y2 must hold")
        refuse(boxes, (second < 0).any(axis=1), box_format, "its width and height must not be negative")
    if name == "xyxy":
        return boxes.copy()
    first, second = boxes[:, :2], boxes[:, 2:]
    start = first if name == "xywh" else first - second / 2
    return np.concatenate([start, start + second], axis=1)


def refuse_pixels(boxes: Array, box_format: str) -> None:
    """ValueError for boxes in parts of the image's sides that are so large, or so far away, that they are pixels."""
    plain = box_format.removesuffix(NORMALIZED)
    rule = f"these look like pixels, and are read as parts of the image's sides; of pixels say boxes={plain!r}"
    refuse(boxes, (np.abs(boxes) > _MOST_SIDES).any(axis=1), box_format, rule)


def written(edges: Array, box_format: str, size: tuple[int, int]) -> Array:
    """Boxes of pixels in that format, in an image of (height, width)."""
    name = box_format.removesuffix(NORMALIZED)
    if box_format.endswith(NORMALIZED):
        edges = edges / np.array([size[1], size[0], size[1], size[0]], dtype=np.float64)
    if name == "xyxy":
        return edges
    lengths = edges[:, 2:] - edges[:, :2]
    start = edges[:, :2] if name == "xywh" else (edges[:, :2] + edges[:, 2:]) / 2
    return np.concatenate([start, lengths], axis=1)


def have_sides(boxes: Array, box_format: str) -> NDArray[np.bool_]:
    """(N,): which boxes, as they are written in that format, have a width and a height."""
    if box_format == "xyxyxyxy":
        corners = boxes.reshape(-1, 4, 2)
        return np.asarray((corners.min(axis=1) < corners.max(axis=1)).all(axis=1))
    starts = boxes[:, :2] if box_format.startswith("xyxy") else 0
    return np.asarray((boxes[:, 2:4] > starts).all(axis=1))


def sides_of(boxes: Array, box_format: str) -> tuple[Array, Array]:
    """(N,) widths and (N,) heights of rotated boxes, along their own sides."""
    if box_format == "xyxyxyxy":
        first, second, third = boxes[:, :2], boxes[:, 2:4], boxes[:, 4:6]
        widths, heights = np.hypot(*(second - first).T), np.hypot(*(third - second).T)
    else:
        widths, heights = boxes[:, 2], boxes[:, 3]
    return widths.round(9), heights.round(9)  # sines and cosines make 1.9999999999999996 of 2


def quads_of(boxes: Array, box_format: str) -> Array:
    """(N, 8) corners of rotated boxes, clockwise from the one that is top left where nothing is turned."""
    refuse(boxes, ~np.isfinite(boxes).all(axis=1), box_format, "its numbers must be finite")
    if box_format == "xyxyxyxy":
        return boxes.copy()
    refuse(boxes, (boxes[:, 2:4] < 0).any(axis=1), box_format, "its width and height must not be negative")
    angle = np.deg2rad(boxes[:, 4]) * (-1 if box_format in _ANTICLOCKWISE else 1)
    across = np.stack([np.cos(angle), np.sin(angle)], axis=1) * boxes[:, 2:3] / 2
    down = np.stack([-np.sin(angle), np.cos(angle)], axis=1) * boxes[:, 3:4] / 2
    centre = boxes[:, :2] + (across + down if box_format.startswith("xywhr") else 0)
    corners = [centre - across - down, centre + across - down, centre + across + down, centre - across + down]
    return np.concatenate(corners, axis=1)


def rotated_written(quads: Array, box_format: str, mirrored: bool) -> Array:
    """Rotated boxes in that format around (N, 8) corners.

    A turned, scaled or mirrored box is one again. Of a sheared one, it is the smaller of the two that have a side in
    common with it.
    """
    corners = quads.reshape(-1, 4, 2)
    if mirrored:  # clockwise again, from the corner that is where the first one was
        corners = corners[:, [1, 0, 3, 2]]
    if box_format == "xyxyxyxy":
        return corners.reshape(-1, 8)
    boxes = np.empty((len(corners), 5))
    for number, points in enumerate(corners):
        boxes[number] = min((_around(points, side) for side in (0, 1)), key=lambda box: box[2] * box[3] * (1 + 1e-9))
        if box_format.startswith("xywhr"):
            boxes[number, :2] = quads_of(boxes[number : number + 1], "cxcywhr")[0, :2]
    if box_format in _ANTICLOCKWISE:
        boxes[:, 4] *= -1
    return boxes


def _around(points: Array, side: int) -> Array:
    """cxcywhr around four corners, along one of the sides that begin at the first (0) or the second corner (1)."""
    direction = points[1] - points[0] if side == 0 else points[2] - points[1]
    length = float(np.hypot(*direction))
    across = direction / length if length > 0 else np.array([1.0, 0.0])
    if side == 1:
        across = np.array([across[1], -across[0]])
    axes = np.stack([across, [-across[1], across[0]]])
    places = points @ axes.T
    low, high = places.min(axis=0), places.max(axis=0)
    centre = (low + high) / 2 @ axes
    return np.array([*centre, *(high - low), np.rad2deg(np.arctan2(across[1], across[0]))])


def refuse(boxes: Array, is_bad: Any, box_format: str, rule: str, what: str = "box") -> None:
    """ValueError for the first bad box, or whatever they are."""
    if is_bad.any():
        number = int(np.argmax(is_bad))
        values = ", ".join(f"{value:g}" for value in boxes[number].tolist())
        written_in = f" in {box_format}" if box_format else ""
        raise ValueError(f"{what} {number} of {len(boxes)} is ({values}){written_in}: {rule}")


def refuse_points(points: Array) -> None:
    """ValueError for the first key point of (K, 2 or 3) or (N, K, 2 or 3) that has no numbers, with its object's."""
    rule = "its numbers must be finite"
    is_bad = np.asarray(~np.isfinite(points[..., :2]).all(axis=-1))
    if points.ndim == 2:
        refuse(points[:, :2], is_bad, "", rule, what="key point")
        return
    for number in np.flatnonzero(is_bad.any(axis=1))[:1]:
        refuse(points[number, :, :2], is_bad[number], "", rule, what=f"object {number} of {len(points)}: key point")

"""Boxes and points in imgaug's hands that know which of the sample's they are, however many imgaug drops.

imgaug copies them by `copy` and `deepcopy`, takes boxes for polygons where images are warped to polar coordinates, and
makes new points, in order, of maps of distances. Labels say nothing: they are the sample's own, and may be equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imgaug.augmentables import BoundingBox, Keypoint, Polygon  # type: ignore[import-not-found,unused-ignore]


class NumberedPoint(Keypoint):  # type: ignore[misc,unused-ignore]
    """Point ``number`` of those that were sent."""

    def __init__(self, x: float, y: float, number: int) -> None:
        super().__init__(x, y)
        self.number = number

    def deepcopy(self, x: Any = None, y: Any = None) -> NumberedPoint:
        return NumberedPoint(self.x if x is None else x, self.y if y is None else y, self.number)


class NumberedBox(BoundingBox):  # type: ignore[misc,unused-ignore]
    """Box ``number`` of those that were sent."""

    def __init__(self, edges: Sequence[float], label: Any, number: int) -> None:
        super().__init__(*edges, label)
        self.number = number

    def copy(self, *places: Any, **changed: Any) -> NumberedBox:
        made = super().copy(*places, **changed)
        return NumberedBox(_edges_of(made), made.label, self.number)

    def deepcopy(self, *places: Any, **changed: Any) -> NumberedBox:
        return self.copy(*places, **changed)

    def to_polygon(self) -> _Outline:
        corners = [(self.x1, self.y1), (self.x2, self.y1), (self.x2, self.y2), (self.x1, self.y2)]
        return _Outline(corners, self)


class _Outline(Polygon):  # type: ignore[misc,unused-ignore]
    """A box as a polygon. imgaug writes behind its label, as behind a text, so that is not the box's."""

    def __init__(self, exterior: Any, box: NumberedBox, label: Any = None) -> None:
        super().__init__(exterior, label)
        self.box = box

    def deepcopy(self, exterior: Any = None, label: Any = None) -> _Outline:
        made = super().deepcopy(exterior, label)
        return _Outline(made.exterior, self.box, made.label)

    def to_bounding_box(self) -> NumberedBox:
        made = super().to_bounding_box()
        return NumberedBox(_edges_of(made), self.box.label, self.box.number)


def _edges_of(box: Any) -> tuple[float, float, float, float]:
    return box.x1, box.y1, box.x2, box.y2


def numbers_in(came: Sequence[Any], count: int, what: str) -> list[int]:
    """Which of ``count`` boxes or points have come back; ValueError where that cannot be told."""
    numbers = [one.number for one in came if hasattr(one, "number")]
    if len(numbers) == len(came):
        return numbers
    if len(came) != count:
        raise ValueError(
            f"{count} {what} went into the augmenter, and {len(came)} came out that it has made anew: nobody knows "
            "which were dropped; let it drop none, or drop them after all the others"
        )
    return list(range(count))

"""How much of each box can be seen, where a chain hands boxes out and takes them back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Parts = NDArray[np.float64]


def part_of_all(before: Parts | None, now: Parts, are_cut: bool) -> Parts:
    """The part of each object that can be seen, from that before and what is now left of the boxes that came of it.

    before: None for whole objects.
    are_cut: whether those end where the image did, so that parts are multiplied. Of whole boxes the parts are of the
    whole object, and what has once gone out of sight does not come back: the smaller one counts.
    """
    if before is None:
        return now
    return before * now if are_cut else np.minimum(before, now)


def left_of(now: Parts | None, before: Parts | None, numbers: Sequence[int]) -> Parts:
    """The parts that objects begin with: those with a number are what they were before, and have theirs from there."""
    left = np.ones(len(numbers)) if now is None else now.copy()
    for place, number in enumerate(numbers):
        if number >= 0:
            left[place] = 1 if before is None else before[number]
    return left

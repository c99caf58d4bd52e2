"""Boxes of whole numbers through crops, borders and flips: what integers say, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T

Box = list[int]


def test_a_crop_ends_on_the_border_itself() -> None:
    crop = T.Pad([-40, -118, -4, -107])
    _, after = crop(np.zeros((389, 394), np.uint8), {"boxes": torch.tensor([[0, 23, 86, 268]])})
    assert after["boxes"].tolist() == [[0, 0, 46, 150]]


def drawn_box(draws: np.random.Generator, height: int, width: int) -> Box:
    left, top = int(draws.integers(width)), int(draws.integers(height))
    return [left, top, int(draws.integers(left + 1, width + 1)), int(draws.integers(top + 1, height + 1))]


def drawn_step(draws: np.random.Generator, height: int, width: int) -> tuple[Any, Any, int, int]:
    """A transform, what it does to a box in integers, and the size of the image after it."""
    match int(draws.integers(3)):
        case 0:
            left, right = (int(draws.integers(-(width // 3), width)) for _ in range(2))
            top, bottom = (int(draws.integers(-(height // 3), height)) for _ in range(2))
            height, width = height + top + bottom, width + left + right

            def moved(box: Box) -> Box:
                x1, y1, x2, y2 = (number + shift for number, shift in zip(box, (left, top) * 2, strict=True))
                return [max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)]

            return T.Pad([left, top, right, bottom]), moved, height, width
        case 1:
            return T.RandomHorizontalFlip(1.0), lambda b: [width - b[2], b[1], width - b[0], b[3]], height, width
        case _:
            return T.RandomVerticalFlip(1.0), lambda b: [b[0], height - b[3], b[2], height - b[1]], height, width


@pytest.mark.parametrize("seed", range(8))
def test_whole_boxes_are_what_integers_say(seed: int) -> None:
    draws = np.random.default_rng(seed)
    for _ in range(150):
        height, width = (int(draws.integers(20, 400)) for _ in range(2))
        image = np.zeros((height, width), np.uint8)
        box = expected = drawn_box(draws, height, width)
        steps = []
        for _ in range(int(draws.integers(1, 4))):
            step, moved, height, width = drawn_step(draws, height, width)
            steps.append(step)
            # Once nothing is left of it, it does not come back.
            expected = moved(expected) if expected and expected[0] < expected[2] and expected[1] < expected[3] else []
        is_left = bool(expected) and expected[0] < expected[2] and expected[1] < expected[3]
        _, after = T.Compose(steps)(image, {"boxes": np.array([box], np.float64)})
        assert after["boxes"].tolist() == ([expected] if is_left else []), (steps, box)

"""Boxes and key points in whatever holds numbers: they come back in it, and what holds no numbers is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from fastload import transforms as T

IMAGE = np.zeros((40, 60, 3), np.uint8)
ROWS, MIRRORED = [[10, 5, 20, 15], [30, 5, 60, 35]], [[40, 5, 50, 15], [0, 5, 30, 35]]


class Corners(NamedTuple):
    left: Any
    top: Any
    right: Any
    bottom: Any


def same(one: Any, other: Any) -> bool:
    """Whether both are the same types with the same numbers all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor | np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())
    return bool(one == other)


def floats(rows: Any) -> Any:
    return [[float(number) for number in row] for row in rows]


CONTAINERS = {
    "lists": floats,
    "tuple of lists": lambda rows: tuple(floats(rows)),
    "list of tuples": lambda rows: [tuple(row) for row in floats(rows)],
    "list of named tuples": lambda rows: [Corners(*row) for row in floats(rows)],
    "list of tensors": lambda rows: [torch.tensor(row, dtype=torch.float64) for row in rows],
    "tuple of tensors": lambda rows: tuple(torch.tensor(row, dtype=torch.bfloat16) for row in rows),
    "list of arrays": lambda rows: [np.array(row, dtype=np.float64) for row in rows],
    "list of lists of tensors": lambda rows: [[torch.tensor(float(number)) for number in row] for row in rows],
    "list of this and that": lambda rows: [torch.tensor(floats(rows)[0]), *floats(rows)[1:]],
    "tensor": lambda rows: torch.tensor(floats(rows)),
    "array": lambda rows: np.array(rows, dtype=np.float32),
}


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("kind", ["array", "floats"])
def test_boxes_come_back_in_what_they_came_in(name: str, kind: str) -> None:
    image, held = IMAGE if kind == "array" else IMAGE.astype(np.float32), CONTAINERS[name]
    _, target = T.RandomHorizontalFlip(1.0)(image, {"boxes": held(ROWS), "labels": [1, 2]})
    assert same(target["boxes"], held(MIRRORED))
    _, target = T.CenterCrop(20)(image, {"boxes": held(ROWS), "labels": [1, 2]})
    assert same(target["boxes"], held([[10, 0, 20, 20]])) or name == "list of this and that"
    assert target["labels"] == [2]


def test_key_points_come_back_in_what_they_came_in() -> None:
    for held, moved in (
        ([[(10.0, 5.0)], [(20.0, 15.0)]], [[(50.0, 5.0)], [(40.0, 15.0)]]),
        (
            [torch.tensor([[10.0, 5]]), torch.tensor([[20.0, 15]])],
            [torch.tensor([[50.0, 5]]), torch.tensor([[40.0, 15]])],
        ),
        ([], []),
    ):
        _, target = T.RandomHorizontalFlip(1.0)(IMAGE, {"keypoints": held})
        assert same(target["keypoints"], moved)


def test_whole_numbers_become_floats() -> None:
    for held, moved in (
        (ROWS, floats(MIRRORED)),
        ([torch.tensor(row) for row in ROWS], [torch.tensor(row) for row in floats(MIRRORED)]),
        ([np.array(row) for row in ROWS], [np.array(row, dtype=np.float32) for row in MIRRORED]),
        ([[Decimal(number) for number in row] for row in ROWS], floats(MIRRORED)),
        (np.array(ROWS, dtype=object), np.array(MIRRORED, dtype=np.float32)),
    ):
        _, target = T.RandomHorizontalFlip(1.0)(IMAGE, {"boxes": held})
        assert same(target["boxes"], moved)


@pytest.mark.parametrize("name", ["boxes", "keypoints"])
@pytest.mark.parametrize(
    "values",
    [
        [["1", "2", "3", "4"]],
        [[1, 2, 3, "4"]],
        [["1", None, 3, 4]],
        np.array([["1", "2", "3", "4"]]),
        np.array([[1, 2, 3, "4"]], dtype=object),
        [[b"1", b"2", b"3", b"4"]],
        [[1 + 0j, 2, 3, 4]],
        [[Decimal(1), 2j, 3, 4]],
        np.array([[1, 2, 3, 4j]]),
        torch.tensor([[1, 2, 3, 4j]]),
        [torch.tensor([1, 2, 3, 4j])],
        np.array([[1, 2, 3, 4]], dtype="datetime64[s]"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("step", [T.RandomHorizontalFlip(1.0), T.ColorJitter(0.5), T.RandomAffine(10)], ids=repr)
def test_what_holds_no_real_numbers_is_refused(step: Any, values: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"the {name} of a sample must be real numbers"):
        step(IMAGE, {name: values})

"""Boxes and key points in whatever holds numbers: they come back in it, and what holds no numbers is refused."""

from __future__ import annotations

from array import array
from collections import UserList, deque
from collections.abc import MutableSequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from fastload import transforms as T
from fastload.collate import DetectionCollate

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


class Meta(NamedTuple):
    height: int
    width: int
    number: int


THREE = [[0, 0, 5, 5], [25, 15, 35, 25], [30, 20, 40, 30]]  # the first is not in the middle


def held_in(container: Any) -> Any:
    return container(["cat", "dog", "cow"]) if container is not range else range(3)


@pytest.mark.parametrize("fields", [None, ("labels", "more")])
@pytest.mark.parametrize("container", [list, tuple, deque, UserList, lambda names: deque(names, maxlen=9), range])
def test_entries_go_with_their_boxes_whatever_holds_them(container: Any, fields: Any) -> None:
    values = held_in(container)
    target = {"boxes": np.array(THREE), "labels": values, "more": values}
    _, after = T.Compose([T.CenterCrop(20)], boxes=T.BoxParams(fields=fields))(IMAGE, target)
    for name in ("labels", "more"):
        assert list(after[name]) == list(values)[1:]
        assert type(after[name]) is (list if container is range else type(values))
        assert getattr(after[name], "maxlen", None) == getattr(values, "maxlen", None)
    assert len(values) == 3, "the sample that came is left as it was"
    _, after = T.RandomHorizontalFlip(1.0)(IMAGE, target)
    assert after["labels"] is values


def test_numbers_keep_their_array() -> None:
    _, after = T.CenterCrop(20)(IMAGE, {"boxes": np.array(THREE), "labels": array("i", [1, 2, 3])})
    assert after["labels"] == array("i", [2, 3])


def test_a_named_tuple_is_a_record_of_the_image() -> None:
    for boxes in (np.array(THREE), [Corners(*row) for row in THREE]):
        _, after = T.CenterCrop(20)(IMAGE, {"boxes": boxes, "meta": Meta(40, 60, 7)})
        assert len(after["boxes"]) == 2
        assert after["meta"] == Meta(40, 60, 7)
    _, after = T.CenterCrop(20)(IMAGE, {"boxes": Meta(*THREE)})  # type: ignore[arg-type]
    assert type(after["boxes"]) is tuple
    assert len(after["boxes"]) == 2


@pytest.mark.parametrize("value", [{"a": [1, 2, 3]}, {1, 2, 3}, Meta(1, 2, 3), {}.keys()], ids=repr)
def test_what_holds_entries_that_cannot_go_is_refused(value: Any) -> None:
    for step in (T.RandomHorizontalFlip(1.0), T.CenterCrop(20), T.ColorJitter(0.5)):
        with pytest.raises(TypeError, match=rf"'labels' has none .* \({type(value).__name__}\) and 'boxes' has 3"):
            step(IMAGE, {"boxes": np.array(THREE), "labels": value})
        other = T.Compose([step], boxes=T.BoxParams(fields=("names",)))
        assert other(IMAGE, {"boxes": np.array(THREE), "labels": value})[1]["labels"] == value


@pytest.mark.parametrize("value", [3, "cat", b"cat", np.int64(3), torch.tensor(3), None], ids=repr)
def test_one_number_or_text_is_of_the_image_if_it_is_not_named(value: Any) -> None:
    target = {"boxes": np.array(THREE), "labels": value}
    assert T.CenterCrop(20)(IMAGE, target)[1]["labels"] is value
    if value is not None:
        with pytest.raises(TypeError, match="'labels' has none that can be dropped"):
            T.Compose([T.CenterCrop(20)], boxes=T.BoxParams(fields=("labels",)))(IMAGE, target)


def test_entries_in_any_sequence_are_joined() -> None:
    samples = [
        (IMAGE, {"boxes": torch.tensor([[1.0, 1, 59, 39]] * 3), "labels": labels, "meta": Meta(40, 60, 7)})
        for labels in ([1, 2, 3], range(1, 4), deque([1, 2, 3]))
    ]
    for seed in range(6):
        torch.manual_seed(seed)
        _, target = T.Mosaic(samples, 64, boxes="xyxy")[seed % 3]
        assert list(target["labels"]) == [1, 2, 3] * (len(target["boxes"]) // 3)
        assert target["meta"] == Meta(40, 60, 7)
    _, targets = DetectionCollate("packed")([(torch.zeros(3, 4, 4), target) for _, target in samples])
    assert targets["labels"].tolist() == [1, 2, 3] * 3


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


class Owned(MutableSequence[str]):
    """A sequence of one's own, whose shallow copies share its entries."""

    def __init__(self, entries: list[str]) -> None:
        self.entries = entries

    def __getitem__(self, index: Any) -> Any:
        return self.entries[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.entries[index] = value

    def __delitem__(self, index: Any) -> None:
        del self.entries[index]

    def __len__(self) -> int:
        return len(self.entries)

    def insert(self, index: int, value: str) -> None:
        self.entries.insert(index, value)


def test_a_sequence_of_ones_own_keeps_its_entries_when_a_box_goes() -> None:
    labels = Owned(["cat", "dog"])
    boxes = np.array([[0, 0, 4, 4], [20, 20, 30, 30]], dtype=np.float32)
    for _ in range(2):
        _, target = T.CenterCrop(16)(np.zeros((40, 40, 3), dtype=np.uint8), {"boxes": boxes, "labels": labels})
        assert target["labels"] == ["dog"]
        assert labels.entries == ["cat", "dog"]

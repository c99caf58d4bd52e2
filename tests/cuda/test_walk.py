"""Through a batch's containers to its tensors: torch's rules of pinning, and types that torch passes over."""

from __future__ import annotations

from array import array
from collections import Counter, OrderedDict, UserDict, UserList, defaultdict, namedtuple
from dataclasses import dataclass, field
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence
from torch.utils.data._utils.pin_memory import pin_memory

from fastload.cuda._walk import HIDDEN, is_plain, map_batch, moved, taken_apart

Pair = namedtuple("Pair", "left right")


class Note(dict[str, Any]):
    note = "kept"


@dataclass(frozen=True)
class Boxes:
    corners: torch.Tensor
    names: list[str] = field(default_factory=list)
    late: Any = field(init=False)


class Made:
    """As attrs makes classes: it says what its fields are."""

    __attrs_attrs__ = (SimpleNamespace(name="corners"),)

    def __init__(self, corners: torch.Tensor) -> None:
        self.corners = corners
        self.more = "kept"


def plus_one(tensor: torch.Tensor) -> torch.Tensor:
    return tensor + 1


def walked(batch: Any) -> Any:
    return map_batch(batch, plus_one, lambda value: value)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tensor: [tensor, "text", b"bytes", 3, None],
        lambda tensor: (tensor, 2.5),
        lambda tensor: Pair(tensor, {"inner": tensor}),
        lambda tensor: {"one": tensor, "two": [tensor]},
        lambda tensor: OrderedDict(one=tensor),
        lambda tensor: defaultdict(list, one=tensor),
        lambda tensor: MappingProxyType({"one": tensor}),
        lambda tensor: UserDict(one=tensor),
        lambda tensor: UserList([tensor]),
        lambda tensor: Note(one=tensor),
        lambda tensor: {tensor},
    ],
)
def test_containers_become_what_torch_makes_of_them(wrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = wrap(torch.tensor([1, 2]))
    monkeypatch.setattr(torch.Tensor, "pin_memory", plus_one)
    expected = pin_memory(batch)
    found = walked(batch)
    assert type(found) is type(expected)
    assert repr(found) == repr(expected)
    assert getattr(found, "note", "") == getattr(batch, "note", "")
    assert getattr(found, "default_factory", None) is getattr(batch, "default_factory", None)


class Sized(tuple[Any, ...]):
    """It is made of other things than it holds."""

    width: int

    def __new__(cls, left: Any, right: Any, *, width: int) -> Sized:
        made = super().__new__(cls, (left, right))
        made.width = width
        return made


def test_tuples_with_a_new_of_their_own_stay_what_they_are() -> None:
    found = walked([Sized(torch.zeros(2), "right", width=7)])[0]
    assert type(found) is Sized
    assert (found[0].tolist(), found[1], found.width) == ([1, 1], "right", 7)


def test_tuples_that_are_made_in_c_do_too() -> None:
    most = torch.max(torch.tensor([[1, 3], [4, 2]]), 1)
    found = walked(most)
    assert type(found) is type(most)
    assert found.values.tolist() == [4, 5]


def test_numbers_of_a_counter_are_not_added_to() -> None:
    counted = Counter(one=torch.tensor(3))  # type: ignore[call-arg]
    found = walked(counted)
    assert type(found) is Counter
    assert found == {"one": torch.tensor(4)}


def with_attribute(value: Any, attribute: Any) -> Any:
    value.more = attribute
    return value


def with_gradient() -> torch.Tensor:
    tensor = torch.zeros(2, requires_grad=True)
    tensor.grad = torch.ones(2)
    return tensor


class Slotted(list[Any]):
    __slots__ = ("more",)

    def __init__(self, parts: Any) -> None:
        super().__init__(parts)
        self.more = torch.zeros(2)


itself: list[Any] = []
itself.append(itself)


@pytest.mark.parametrize(
    ("value", "hides"),
    [
        (with_attribute(torch.zeros(2), torch.ones(2)), True),
        (with_attribute(torch.zeros(2), ("xyxy", (3, 4))), False),
        (with_gradient(), True),
        (torch.zeros(2, requires_grad=True), False),
        (with_attribute(Note(one=torch.zeros(2)), [torch.ones(2)]), True),
        (with_attribute(Note(one=torch.zeros(2)), "plain"), False),
        (with_attribute(Note(one=torch.zeros(2)), np.zeros(2)), True),
        (with_attribute(Note(one=torch.zeros(2)), itself), True),
        (Slotted([torch.zeros(2)]), True),
        ({torch.zeros(2): 1}, True),
        ({("one", 2): torch.zeros(2)}, False),
    ],
)
def test_what_tensors_and_containers_may_hold_besides(value: Any, hides: bool) -> None:
    leaves, _ = taken_apart([value])
    assert (HIDDEN in [leaf for leaf in leaves if not isinstance(leaf, torch.Tensor)]) == hides


def test_slices_are_plain_if_their_ends_are() -> None:
    assert is_plain(slice(1, None))
    assert not is_plain(slice(torch.zeros(1), None))


@pytest.mark.parametrize(
    "value",
    [
        Counter("aab"),
        range(1 << 40),
        memoryview(b"bytes"),
        bytearray(b"bytes"),
        array("i", [1, 2]),
        torch.Size([2, 3]),
        Sized(1, 2, width=3),
        {"names": ["a", "b"], "size": (2, 3)},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_holds_no_tensor_stays_itself(value: Any) -> None:
    batch = [value, torch.zeros(1)]
    found = walked(batch)
    assert found is not batch
    assert found[0] is value
    assert walked(value) is value
    copy = map_batch({"inner": value}, plus_one, lambda value: value, is_copied=True)
    assert copy["inner"] is not value or not isinstance(value, dict | tuple)


def test_data_classes_keep_their_type_and_other_fields() -> None:
    boxes = Boxes(torch.zeros(2), ["a"])
    found = walked({"boxes": boxes})["boxes"]
    assert type(found) is Boxes
    assert found.corners.tolist() == [1, 1]
    assert found.names == ["a"]
    assert boxes.corners.tolist() == [0, 0]


def test_classes_of_attrs_do_too() -> None:
    found = walked([Made(torch.zeros(2))])[0]
    assert type(found) is Made
    assert found.corners.tolist() == [1, 1]
    assert found.more == "kept"


def test_a_type_with_a_to_of_its_own_is_not_taken_apart() -> None:
    packed = pack_sequence([torch.ones(2), torch.zeros(1)])
    seen = []
    found = map_batch([packed, torch.zeros(1)], plus_one, lambda value: seen.append(value) or "moved")
    assert found[0] == "moved"
    assert seen == [packed]
    assert isinstance(moved(packed, torch.device("cpu"), non_blocking=True), PackedSequence)


@pytest.mark.parametrize("takes", ["non_blocking", "anything", "nothing"])
def test_to_is_called_as_it_can_be(takes: str) -> None:
    class Batch:
        calls: list[Any]

        def __init__(self) -> None:
            self.calls = []

    def plain(self: Any, device: Any) -> Any:
        self.calls.append((device, None))
        return self

    def waiting(self: Any, device: Any, non_blocking: bool = False) -> Any:
        self.calls.append((device, non_blocking))
        return self

    def anything(self: Any, *arguments: Any, **options: Any) -> Any:
        self.calls.append((arguments[0], options["non_blocking"]))
        return self

    Batch.to = {"non_blocking": waiting, "anything": anything, "nothing": plain}[takes]  # type: ignore[attr-defined]
    batch = Batch()
    moved(batch, torch.device("cpu"), non_blocking=True)
    assert batch.calls == [(torch.device("cpu"), None if takes == "nothing" else True)]

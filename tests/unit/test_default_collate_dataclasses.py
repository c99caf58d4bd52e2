"""Dataclasses, which torch refuses: the same class with collated fields."""

import collections
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch.utils.data import default_collate as torch_collate

from fastload.collate import default_collate


@dataclass
class Plain:
    image: torch.Tensor
    label: int
    name: str = "?"
    made: list[int] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        assert isinstance(self.label, int)


@dataclass(frozen=True)
class Frozen:
    x: int


@dataclass(frozen=True, slots=True)
class Slotted:
    x: int
    inner: Any


@dataclass
class AlsoMapping(collections.UserDict):  # type: ignore[type-arg]
    x: int = 0


def test_torch_refuses_dataclasses() -> None:
    with pytest.raises(TypeError):
        torch_collate([Frozen(1)])


def test_every_field_is_collated() -> None:
    batch = default_collate([Plain(torch.ones(2), 1), Plain(torch.zeros(2), 2, "b")])
    assert type(batch) is Plain
    assert batch.image.tolist() == [[1, 1], [0, 0]]
    assert batch.label.tolist() == [1, 2]
    assert batch.name == ["?", "b"]
    assert batch.made == []


def test_frozen_and_slotted_classes_keep_their_type() -> None:
    batch = default_collate([Slotted(1, {"a": Frozen(3)}), Slotted(2, {"a": Frozen(4)})])
    assert type(batch) is Slotted
    assert batch.x.tolist() == [1, 2]
    assert type(batch.inner["a"]) is Frozen
    assert batch.inner["a"].x.tolist() == [3, 4]


def test_other_attributes_of_the_first_sample_are_kept() -> None:
    samples = [Plain(torch.ones(2), 1), Plain(torch.ones(2), 2)]
    samples[0].note = "n"  # type: ignore[attr-defined]
    assert default_collate(samples).note == "n"


def test_the_samples_stay_as_they_were() -> None:
    samples = [Frozen(1), Frozen(2)]
    default_collate(samples)
    assert samples == [Frozen(1), Frozen(2)]


def test_an_error_names_the_field() -> None:
    with pytest.raises(RuntimeError, match=r"in batch\['s'\]\.inner, sample 1 has shape \[3\]"):
        default_collate([{"s": Slotted(1, torch.ones(2))}, {"s": Slotted(1, torch.ones(3))}])


def test_another_type_in_the_middle_is_named() -> None:
    with pytest.raises(AttributeError, match="sample 1 is None where sample 0 is of type Frozen"):
        default_collate([Frozen(1), None])


def test_a_class_itself_is_no_sample() -> None:
    with pytest.raises(TypeError, match="found <class 'type'>"):
        default_collate([Frozen])

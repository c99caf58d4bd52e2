"""Transforms of which some are drawn: natively and in Python the same ones, as often as asked for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T
from fastload.transforms._sample import Sample

IMAGE = np.zeros((8, 10, 3), dtype=np.uint8)


def plus(level: int) -> Any:
    """A native step that a pixel shows: of 8 bits, each sets its own."""
    return T.RandomBrightnessContrast((level / 255, level / 255), 0, p=1.0)


def add(level: int) -> Any:
    """The same in Python."""
    return lambda image: (image.astype(int) + level).clip(0, 255).astype(np.uint8)


MEMBERS = [1, 2, 4, 8]


def seen(container: Any, count: int = 400) -> Counter[int]:
    torch.manual_seed(0)
    return Counter(int(container(IMAGE)[0, 0, 0]) for _ in range(count))


@pytest.mark.parametrize("step", [plus, add])
def test_how_often_each_is_drawn(step: Any) -> None:
    members = [step(level) for level in MEMBERS]
    applied = seen(T.RandomApply(members, p=0.3))
    assert set(applied) == {0, 15}
    assert 80 < applied[15] < 160
    chosen = seen(T.RandomChoice(members))
    assert set(chosen) == set(MEMBERS)
    assert min(chosen.values()) > 60
    weighted = seen(T.RandomChoice(members, p=[0, 3, 1, 0]))
    assert set(weighted) == {2, 4}
    assert weighted[2] > 2 * weighted[4]
    assert set(seen(T.RandomOrder(members))) == {15}
    some = seen(T.SomeOf(members, 2))
    assert set(some) == {3, 5, 6, 9, 10, 12}
    assert min(some.values()) > 30
    again = seen(T.SomeOf(members, (1, 2), replace=True))
    assert {1, 2, 4, 8, 3, 16} <= set(again)


def test_one_of_goes_by_the_members_own_probabilities() -> None:
    members = [T.RandomBrightnessContrast((level / 255,) * 2, 0, p=p) for level, p in ((1, 0.75), (2, 0.25))]
    drawn = seen(T.OneOf(members, p=0.5))
    assert set(drawn) == {0, 1, 2}
    assert 150 < drawn[0] < 250
    assert drawn[1] > 2 * drawn[2]


def test_an_order_is_drawn_anew_each_time() -> None:
    steps = [T.RandomBrightnessContrast((100 / 255,) * 2, 0, p=1.0), T.RandomInvert(1.0), T.RandomSolarize(50, 1.0)]
    assert len(seen(T.RandomOrder(steps))) > 2


@pytest.mark.parametrize("step", [plus, add])
def test_some_run_in_their_own_order_unless_one_may_be_drawn_again(step: Any) -> None:
    lighter = step(100)
    negative = T.RandomInvert(1.0) if step is plus else lambda image: 255 - image
    orders = {"lighter first": 155, "negative first": 255, "lighter twice": 200, "negative twice": 0}
    assert set(seen(T.SomeOf([lighter, negative], 2))) == {orders["lighter first"]}
    assert set(seen(T.SomeOf([negative, lighter], 2))) == {orders["negative first"]}
    assert set(seen(T.SomeOf([lighter, negative, lambda image: image // 5], (3, 3)))) == {31}
    assert set(seen(T.SomeOf([lighter, negative], 2, replace=True))) == set(orders.values())


def everything(step: Any) -> Any:
    turns = [T.RandomHorizontalFlip(0.5), T.RandomRotation(20), T.RandomAffine(0, (0.2, 0.2)), T.Transpose(0.5)]
    nested = T.SomeOf(
        [T.RandomApply([turns[0], turns[1]]), T.OneOf([turns[2], turns[3]], p=0.8), T.RandomInvert(0.5)], 2
    )
    return T.Compose([T.RandomChoice([nested, T.RandomOrder(turns)]), *step])


def test_python_draws_what_a_native_pass_draws() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    target = {"boxes": torch.tensor([[5.0, 5, 12, 15]])}
    native = everything([])
    steps = native.transforms[0]
    assert "native, one pass" in repr(native)
    for seed in range(40):
        torch.manual_seed(seed)
        made, moved = native(image, target)
        torch.manual_seed(seed)
        from fastload._stream import sample_key

        key = sample_key()
        chain = native.chain()
        other, also = steps.run_sample(Sample((image, target), chain.box_params), key, 0, chain).written()
        assert np.array_equal(made, other)
        assert torch.allclose(moved["boxes"], also["boxes"], atol=1e-3)


def test_a_container_that_is_not_native_says_why() -> None:
    text = repr(T.Compose([T.RandomHorizontalFlip(), T.RandomApply([add(1)]), T.RandomInvert()]))
    assert "RandomApply" in text
    assert "no transform of fastload" in text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: T.RandomApply([]), "at least one transform"),
        (lambda: T.RandomChoice(5), "sequence of callables"),
        (lambda: T.RandomChoice([plus(1), 3]), r"transforms\[1\] must be callable"),
        (lambda: T.RandomChoice([plus(1)], p=[1, 2]), "a weight for each of the 1"),
        (lambda: T.RandomChoice([plus(1)], p=[0]), "not all 0"),
        (lambda: T.SomeOf([plus(1)], 2), "at most 1"),
        (lambda: T.SomeOf([plus(1)], (2, 1)), "least <= most"),
        (lambda: T.OneOf([plus(1)], p=2), r"\[0, 1\]"),
    ],
)
def test_bad_arguments_are_refused(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()


CONTAINERS = [
    lambda step: T.RandomApply([step], 1.0),
    lambda step: T.RandomChoice([step]),
    lambda step: T.RandomOrder([T.RandomHorizontalFlip(1.0), step]),
    lambda step: T.OneOf([step], 1.0),
    lambda step: T.SomeOf([step]),
    lambda step: T.RandomApply([T.Compose([step])], 1.0),
    lambda step: T.Compose([T.RandomApply([T.RandomOrder([step])], 1.0), T.RandomHorizontalFlip(1.0)]),
]


class Counted(torch.nn.Module):
    def forward(self, image: Any, label: int) -> tuple[Any, int]:
        return image, label + 1


@pytest.mark.parametrize("around", CONTAINERS)
@pytest.mark.parametrize("step", [Counted(), lambda image, label: (image, label + 1)])
def test_functions_get_every_part_in_containers_too(around: Any, step: Any) -> None:
    image, label = around(step)(IMAGE, 7)
    assert np.array_equal(image, IMAGE)
    assert label == 8


@pytest.mark.parametrize("around", CONTAINERS)
def test_and_a_sample_that_came_whole_whole(around: Any) -> None:
    seen: list[Any] = []
    around(lambda sample: seen.append(sample) or sample)((IMAGE, 7))
    assert [(type(sample), sample[1]) for sample in seen] == [(tuple, 7)]

"""`ClassBalancedSampler` draws classes alike, and within a class each sample or each in its turn."""

import itertools
import json
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fastload.samplers._class_balanced import ClassBalancedSampler
from fastload.samplers._order import Order

LABELS = np.repeat([3, -1, 7], [900, 90, 10])  # of the rarest class each sample comes 90 times as often


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def whole(order: Order) -> NDArray[np.int64]:
    return order.read(0, len(order))


def assert_near(counts: NDArray[np.int64], expected: Any) -> None:
    """Each count within five standard deviations of a Poisson variable."""
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


@pytest.mark.parametrize("replacement", [True, False])
def test_every_class_comes_as_often_as_another(replacement: bool) -> None:
    sampler = ClassBalancedSampler(LABELS, 90_000, seeded(0), replacement=replacement)
    drawn = whole(sampler.order())
    assert drawn.dtype == np.int64
    for label in (3, -1, 7):
        assert_near((LABELS[drawn] == label).sum(), 30_000)


def test_within_a_class_every_sample_is_equally_likely() -> None:
    sampler = ClassBalancedSampler(LABELS, 900_000, seeded(0))
    counts = np.bincount(whole(sampler.order()), minlength=1000)
    assert_near(counts, 300_000 / np.repeat([900, 90, 10], [900, 90, 10]))


def test_without_replacement_the_samples_of_a_class_take_turns() -> None:
    drawn = whole(ClassBalancedSampler(LABELS, 20_000, seeded(0), replacement=False).order())
    for label, size in ((3, 900), (-1, 90), (7, 10)):
        of_class = drawn[LABELS[drawn] == label]
        passes = [of_class[start : start + size].tolist() for start in range(0, len(of_class) - size + 1, size)]
        assert len(passes) == len(of_class) // size > 5
        for one in passes:
            assert sorted(one) == np.flatnonzero(label == LABELS).tolist()
        assert all(one != other for one, other in itertools.pairwise(passes))


@pytest.mark.parametrize(
    ("power", "shares"),
    [(0.0, [900, 90, 10]), (1.0, [1, 1, 1]), (0.5, np.sqrt([900, 90, 10])), (2.0, [1 / 900, 1 / 90, 1 / 10])],
)
def test_power_is_between_samples_and_classes_and_beyond(power: float, shares: Any) -> None:
    sampler = ClassBalancedSampler(LABELS, 300_000, seeded(1), power=power)
    expected = np.asarray(shares) / np.sum(shares)
    assert dict(zip(sampler.classes.names.tolist(), sampler.class_probabilities, strict=True)) == pytest.approx(
        dict(zip([3, -1, 7], expected, strict=True))
    )
    drawn = LABELS[whole(sampler.order())]
    assert_near(np.array([(drawn == label).sum() for label in (3, -1, 7)]), 300_000 * expected)


@pytest.mark.parametrize(
    "labels",
    [
        [2, 0, 2, 2, 1],
        np.array([2, 0, 2, 2, 1], dtype=np.uint8),
        np.array([127, -128, 127, 127, 0], dtype=np.int8),
        np.array([2**64 - 1, 0, 2**64 - 1, 2**64 - 1, 5], dtype=np.uint64),
        np.array([2**63 - 1, -(2**63), 2**63 - 1, 2**63 - 1, 5]),
        torch.tensor([2, 0, 2, 2, 1]),
        ["dog", "ant", "dog", "dog", "cat"],
        [0.5, -1.0, 0.5, 0.5, 0.0],
        (2, 0, 2, 2, 1),
    ],
    ids=str,
)
def test_labels_may_be_anything_that_can_be_sorted(labels: Any) -> None:
    for replacement in (True, False):
        sampler = ClassBalancedSampler(labels, 3000, seeded(1), replacement=replacement)
        assert sorted(sampler.classes.counts.tolist()) == [1, 1, 3]
        assert_near(np.bincount(whole(sampler.order())), np.array([1000 / 3, 1000, 1000 / 3, 1000 / 3, 1000]))


def test_two_values_of_a_boolean_are_two_classes() -> None:
    drawn = list(ClassBalancedSampler([True] * 99 + [False], 1000))
    assert_near(np.array(drawn.count(99)), 500)


def test_the_length_is_that_of_the_labels_unless_another_is_given() -> None:
    assert len(ClassBalancedSampler(LABELS)) == 1000
    assert len(list(ClassBalancedSampler(LABELS))) == 1000
    assert len(ClassBalancedSampler(LABELS, 7)) == 7


@pytest.mark.parametrize("replacement", [True, False])
def test_any_positions_are_a_slice_of_the_whole(replacement: bool) -> None:
    order = ClassBalancedSampler(LABELS, 150_000, replacement=replacement).order()
    expected = whole(order)
    random = np.random.default_rng(0)
    for _ in range(40):
        start, stop = np.sort(random.integers(0, 150_001, 2)).tolist()
        step = int(random.integers(1, 9))
        assert np.array_equal(order.read(start, stop, step), expected[start:stop:step])


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("own_generator", [True, False])
def test_a_state_makes_the_order_again_and_later_epochs_too(own_generator: bool, replacement: bool) -> None:
    def make(seed: int) -> ClassBalancedSampler:
        generator = seeded(seed) if own_generator else None
        return ClassBalancedSampler(LABELS, 500, generator, replacement=replacement)

    sampler = make(1)
    earlier = list(sampler)
    order = sampler.order()
    expected = whole(order).tolist()
    assert expected != earlier
    text = json.dumps(order.state())
    assert len(text) < 20_000
    resumed = make(2)
    assert resumed.order(state=json.loads(text)).read(100, 500).tolist() == expected[100:]
    if own_generator:
        assert list(resumed) == list(sampler)


@pytest.mark.parametrize("replacement", [True, False])
def test_a_generator_that_is_passed_is_drawn_from_in_place_of_the_samplers_own(replacement: bool) -> None:
    own = seeded(0)
    sampler = ClassBalancedSampler(LABELS, 500, own, replacement=replacement)
    one, other = sampler.order(generator=seeded(8)), sampler.order(generator=seeded(8))
    assert whole(one).tolist() == whole(other).tolist()
    assert torch.equal(own.get_state(), seeded(0).get_state())


def test_a_state_of_other_labels_is_refused_with_both_numbers() -> None:
    state = ClassBalancedSampler(LABELS).order().state()
    with pytest.raises(ValueError, match="labels=1000, but this ClassBalancedSampler has labels=999"):
        ClassBalancedSampler(LABELS[1:]).order(state=state)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": []}, "labels must not be empty"),
        ({"labels": torch.zeros(3, 2)}, r"shape \(3, 2\)"),
        ({"labels": [None, "a", "b"]}, "got NoneType, str, which cannot be sorted"),
        ({"labels": [1, 2], "num_samples": 0}, "num_samples=0"),
        ({"labels": [1, 2], "num_samples": 2.0}, "num_samples=2.0"),
        ({"labels": [1, 2], "replacement": 1}, "replacement=1"),
        ({"labels": [1, 2], "power": -0.5}, r"at least 0, got -0\.5"),
        ({"labels": [1, 2], "power": float("nan")}, "got nan"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClassBalancedSampler(**arguments)

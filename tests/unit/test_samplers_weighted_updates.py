"""A `WeightedRandomSampler` follows changes of single weights."""

import json
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.chi_squared import assert_distributed
from torch.utils.data import WeightedRandomSampler as TorchSampler

from fastload.samplers._order import Order
from fastload.samplers._weighted import WeightedRandomSampler

METHODS = ["torch", "alias"]
WEIGHTS = [1.0, 0.0, 2.5, 1e-3, 4.0, 0.0, 0.3]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def whole(order: Order) -> NDArray[np.int64]:
    return order.read(0, len(order))


def weights_of(size: int, seed: int) -> torch.Tensor:
    weights = torch.rand(size, dtype=torch.float64, generator=seeded(seed)) ** 3
    weights[[0, size // 2, size - 1]] = 0
    return weights


@pytest.mark.parametrize("method", METHODS)
def test_a_change_takes_effect_with_the_next_read(method: Any) -> None:
    sampler = WeightedRandomSampler([1.0, 1.0, 1.0, 1.0], 1000, method=method)
    order = sampler.order()
    assert set(order.read(0, 500).tolist()) == {0, 1, 2, 3}
    sampler.update([0, 1, 2], [0.0, 0.0, 0.0])
    assert set(order.read(500, 750).tolist()) == {3}
    sampler.update(1, 1e9)
    sampler.update(np.array([3]), 0)
    assert set(order.read(750, 1000).tolist()) == {1}
    assert set(sampler) == {1}
    assert sampler.weights.tolist() == [0.0, 1e9, 0.0, 0.0]


def test_after_a_change_the_draws_go_on_as_torchs_would_from_the_changed_weights() -> None:
    sampler = WeightedRandomSampler(torch.ones(3000), 2000, generator=seeded(3))
    order = sampler.order()
    changed = weights_of(3000, 9)
    sampler.update(torch.arange(3000), changed)
    assert whole(order).tolist() == list(TorchSampler(changed, 2000, generator=seeded(3)))


@pytest.mark.parametrize("method", METHODS)
def test_changed_weights_are_drawn_as_often_as_they_weigh(method: Any) -> None:
    weights = np.linspace(0.1, 1, 400)
    sampler = WeightedRandomSampler(np.ones(400), 400_000, generator=seeded(3), method=method)
    for index in range(0, 400, 2):
        sampler.update(index, weights[index])
    sampler.update(np.arange(1, 400, 2), torch.from_numpy(weights[1::2]))
    weights[:5], weights[5] = 0, 0.1
    sampler.update(range(6), weights[:6])
    counts = np.bincount(whole(sampler.order()), minlength=400)
    assert_distributed(counts, weights / weights.sum())


def test_many_changes_leave_no_trace_of_rounding() -> None:
    random = np.random.default_rng(0)
    sampler = WeightedRandomSampler(random.random(1000), 500, generator=seeded(1))
    for scale in (1e20, 1e-20, 1.0):
        for _ in range(2000):
            sampler.update(random.integers(0, 1000, 3), random.random(3) * scale)
        sampler.update(range(1000), random.random(1000) * scale)
        sampler.update(random.integers(0, 1000, 3), random.random(3) * scale)
    fresh = WeightedRandomSampler(sampler.weights, 500)
    fresh.update([], [])
    assert np.array_equal(whole(sampler.order(generator=seeded(2))), whole(fresh.order(generator=seeded(2))))
    assert sampler._tables.tree is not None
    assert fresh._tables.tree is not None
    assert sampler._tables.tree.total == fresh._tables.tree.total


@pytest.mark.parametrize("method", METHODS)
def test_a_state_after_a_change_resumes_from_the_changed_weights(method: Any) -> None:
    sampler = WeightedRandomSampler(WEIGHTS, 1000, method=method)
    order = sampler.order()
    order.read(0, 100)
    assert order.state()["updated"] is False
    sampler.update([0, 2], [3.0, 0.0])
    state = json.loads(json.dumps(order.state()))
    assert state["updated"] is True
    resumed = WeightedRandomSampler(sampler.weights.tolist(), 1000, method=method).order(state=state)
    assert np.array_equal(resumed.read(100, 1000), order.read(100, 1000))


@pytest.mark.parametrize("method", METHODS)
def test_without_replacement_a_change_takes_effect_in_the_next_epoch(method: Any) -> None:
    sampler = WeightedRandomSampler([1.0, 1.0, 1.0, 0.0], 3, False, method=method)
    order = sampler.order()
    before = whole(order).tolist()
    sampler.update([0, 3], [0.0, 1.0])
    assert whole(order).tolist() == before
    assert sorted(before) == [0, 1, 2]
    assert sorted(sampler) == [1, 2, 3]


def test_the_callers_weights_are_not_written_to() -> None:
    for weights in (torch.ones(4, dtype=torch.float64), np.ones(4)):
        sampler = WeightedRandomSampler(weights, 3)
        sampler.update(0, 5.0)
        assert weights[0] == 1
        assert sampler.weights[0] == 5


@pytest.mark.parametrize("method", METHODS)
def test_weights_that_are_assigned_or_changed_in_place_count_from_the_next_epoch(method: Any) -> None:
    sampler = WeightedRandomSampler(torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64), 10, method=method)
    assert set(sampler) == {0}
    sampler.weights[:2] = torch.tensor([0.0, 1.0])
    assert set(sampler) == {1}
    sampler.update([1, 2], [0.0, 1.0])
    assert set(sampler) == {2}
    sampler.weights = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    assert set(sampler) == {0}
    sampler.update([0, 1], [0.0, 1.0])
    assert set(sampler) == {1}


@pytest.mark.parametrize("method", METHODS)
def test_a_pickled_sampler_draws_on_from_its_weights(method: Any) -> None:
    sampler = WeightedRandomSampler(WEIGHTS, 1000, method=method)
    list(sampler)
    for change in (False, True):
        if change:
            sampler.update(0, 7.0)
        copy = pickle.loads(pickle.dumps(sampler))
        one, other = copy.order(generator=seeded(1)), sampler.order(generator=seeded(1))
        assert one.state() == other.state()
        assert np.array_equal(whole(one), whole(other))


@pytest.mark.parametrize(
    ("indices", "weights", "message"),
    [
        (7, 1.0, "index 7 is out of range for 7 weights"),
        ([0, -1], 1.0, "index -1 is out of range"),
        ([0, 1], [1.0, -2.0], r"got -2\.0 for index 1"),
        (3, float("nan"), "got nan for index 3"),
        ([0, 1], [1.0, 2.0, 3.0], r"indices of shape \(2,\) and weights of shape \(3,\)"),
        ([0.5], 1.0, "indices must be integers, got float64"),
        ([[1]], 1.0, r"shape \(1, 1\)"),
    ],
)
def test_an_update_that_cannot_be_is_refused_and_changes_nothing(indices: Any, weights: Any, message: str) -> None:
    sampler = WeightedRandomSampler(WEIGHTS, 5)
    with pytest.raises(ValueError, match=message):
        sampler.update(indices, weights)
    assert sampler.weights.tolist() == WEIGHTS


def test_weights_that_became_zero_are_an_error_when_they_are_drawn_from() -> None:
    sampler = WeightedRandomSampler([1.0, 1.0], 5)
    sampler.update([0, 1], 0.0)
    with pytest.raises(ValueError, match=r"positive, finite number, after updates it is 0\.0"):
        list(sampler)
    sampler.update(1, 2.0)
    assert set(sampler) == {1}


@pytest.mark.parametrize("method", METHODS)
def test_torchs_operations_on_the_weights_count_after_an_update_too(method: Any) -> None:
    sampler = WeightedRandomSampler([1.0] * 5, 100, generator=seeded(2), method=method)
    sampler.update(1, 3.0)
    running = sampler.order()
    sampler.weights.fill_(0.0)
    sampler.weights[3] = 1.0
    assert set(sampler) == {3}
    assert set(whole(running).tolist()) == {0, 1, 2, 3, 4}  # in the order that had begun before, as without an update
    sampler.update(2, 5.0)
    assert set(sampler) == {2, 3}
    sampler.weights[2] = 0.0
    sampler.update(0, 5.0)
    assert set(sampler) == {0, 3}


@pytest.mark.parametrize("method", METHODS)
def test_weights_that_torch_counts_no_changes_of_are_drawn_from(method: Any) -> None:
    with torch.inference_mode():
        sampler = WeightedRandomSampler([0.0, 1.0, 0.0], 9, method=method)
        assert set(sampler) == {1}
        sampler.update([1, 2], [0.0, 1.0])
        assert set(sampler) == {2}

"""`WeightedRandomSampler` draws what torch's draws, goes past torch's limit, and follows changes of weights."""

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.chi_squared import assert_distributed
from torch.utils.data import WeightedRandomSampler as TorchSampler

from fastload.samplers._order import ArrayOrder, Order, array_sampler
from fastload.samplers._weighted import TORCH_LIMIT, WeightedRandomSampler

METHODS = ["torch", "alias"]
WEIGHTS = [1.0, 0.0, 2.5, 1e-3, 4.0, 0.0, 0.3]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def whole(order: Order) -> NDArray[np.int64]:
    return order.read(0, len(order))


def weights_of(size: int, seed: int, *, zeros: bool) -> torch.Tensor:
    weights = torch.rand(size, dtype=torch.float64, generator=seeded(seed)) ** 3
    if zeros and size > 4:
        weights[[0, size // 2, size - 1]] = 0
        weights[size // 4 : size // 3] = 0
    return weights


# --- torch's order ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("zeros", [True, False])
@pytest.mark.parametrize("own_generator", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 17, 64, 1000])
def test_the_order_and_the_generator_are_torchs(size: int, own_generator: bool, zeros: bool, replacement: bool) -> None:
    weights = weights_of(size, size, zeros=zeros)
    most = int((weights > 0).sum())
    for seed, num_samples in itertools.product([0, 1, 2**40 + 7], {1, 2, most // 2 + 1, most, 5000}):
        if not replacement and num_samples > most:
            continue
        generators = [seeded(seed), seeded(seed)] if own_generator else [None, None]
        results = []
        for kind, generator in zip([TorchSampler, WeightedRandomSampler], generators, strict=True):
            torch.manual_seed(seed)
            sampler = kind(weights, num_samples, replacement, generator)
            epochs = [list(sampler), list(sampler)]
            results.append((epochs, torch.get_rng_state(), generator and generator.get_state()))
        (expected, default, own), (got, our_default, our_own) = results
        assert got == expected
        assert torch.equal(default, our_default)
        assert own is None or torch.equal(own, our_own)


def test_a_list_a_tensor_of_floats_and_a_strided_tensor_are_drawn_from_as_torch_does() -> None:
    for weights in (WEIGHTS, torch.tensor(WEIGHTS), torch.arange(20, dtype=torch.float64)[::2]):
        expected = list(TorchSampler(weights, 100, generator=seeded(3)))
        assert list(WeightedRandomSampler(weights, 100, generator=seeded(3))) == expected


def test_the_generator_stands_where_torch_leaves_it_as_soon_as_the_order_is_made() -> None:
    generator, theirs = seeded(5), seeded(5)
    torch.randn(3, generator=generator), torch.randn(3, generator=theirs)  # a normal number is kept back in the state
    order = WeightedRandomSampler(WEIGHTS, 40_000, generator=generator).order()
    next(iter(TorchSampler(WEIGHTS, 40_000, generator=theirs)))
    assert torch.equal(generator.get_state(), theirs.get_state())
    torch.rand(7, generator=generator)  # of no concern to the order
    expected = list(TorchSampler(WEIGHTS, 40_000, generator=_after_randn(5)))
    assert whole(order).tolist() == expected


def _after_randn(seed: int) -> torch.Generator:
    generator = seeded(seed)
    torch.randn(3, generator=generator)
    return generator


def test_nothing_is_drawn_before_the_first_index() -> None:
    before = torch.get_rng_state()
    iterator = iter(WeightedRandomSampler(WEIGHTS, 3))
    assert torch.equal(torch.get_rng_state(), before)
    next(iterator)
    assert not torch.equal(torch.get_rng_state(), before)


def test_torchs_own_sampler_gives_arrays_of_the_same_indices() -> None:
    theirs = TorchSampler(WEIGHTS, 50, generator=seeded(1))
    ours = array_sampler(theirs)
    assert ours is not None
    assert whole(ours.order()).tolist() == list(TorchSampler(WEIGHTS, 50, generator=seeded(1)))


def test_torchs_own_sampler_fails_when_it_draws_and_in_torchs_words() -> None:
    for weights in ([1.0, -1.0], [1.0, float("nan")], [0.0, 0.0]):
        ours = array_sampler(TorchSampler(weights, 5))
        assert ours is not None
        with pytest.raises(RuntimeError, match="invalid multinomial distribution"):
            ours.order()


def test_weights_whose_sum_overflows_are_drawn_as_torch_does() -> None:
    weights = [1e308] * 3
    assert list(WeightedRandomSampler(weights, 20)) == _default_draws(weights, 20)


def _default_draws(weights: Sequence[float], num_samples: int) -> list[int]:
    torch.manual_seed(0)
    return list(TorchSampler(weights, num_samples))


def test_a_generator_that_is_passed_is_drawn_from_in_place_of_the_samplers_own() -> None:
    for method, replacement in itertools.product(METHODS, [True, False]):
        own = seeded(0)
        sampler = WeightedRandomSampler(WEIGHTS, 5, replacement, own, method=method)  # type: ignore[arg-type]
        one, other = sampler.order(generator=seeded(8)), sampler.order(generator=seeded(8))
        assert whole(one).tolist() == whole(other).tolist()
        assert torch.equal(own.get_state(), seeded(0).get_state())


# --- reading by position, resuming --------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("replacement", [True, False])
def test_any_positions_are_a_slice_of_the_whole(method: Any, replacement: bool) -> None:
    weights = weights_of(50_000, 1, zeros=True)
    order = WeightedRandomSampler(weights, 40_000, replacement, method=method).order()
    if not replacement:
        weights.fill_(1)
    expected = whole(order)
    assert expected.dtype == np.int64
    random = np.random.default_rng(0)
    for _ in range(60):
        start, stop = np.sort(random.integers(0, 40_001, 2)).tolist()
        step = int(random.integers(1, 9))
        assert np.array_equal(order.read(start, stop, step), expected[start:stop:step])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("own_generator", [True, False])
def test_a_state_makes_the_order_again_and_later_epochs_too(
    method: Any, replacement: bool, own_generator: bool
) -> None:
    def make(seed: int) -> WeightedRandomSampler:
        generator = seeded(seed) if own_generator else None
        return WeightedRandomSampler(WEIGHTS, 5, replacement, generator, method=method)

    sampler = make(1)
    sampler.order()
    order = sampler.order()
    text = json.dumps(order.state())
    assert len(text) < 20_000
    expected = whole(order).tolist()
    resumed = make(2)
    assert whole(resumed.order(state=json.loads(text))).tolist() == expected
    assert json.dumps(resumed.order(state=json.loads(text)).state()) == text
    if own_generator:
        assert list(resumed) == list(sampler)


def test_a_state_of_other_settings_is_refused_with_both_numbers() -> None:
    state = WeightedRandomSampler(WEIGHTS, 5).order().state()
    with pytest.raises(ValueError, match="weights=7, but this WeightedRandomSampler has weights=2"):
        WeightedRandomSampler([1.0, 2.0], 5).order(state=state)
    with pytest.raises(ValueError, match="num_samples=5, but this WeightedRandomSampler has num_samples=6"):
        WeightedRandomSampler(WEIGHTS, 6).order(state=state)


# --- beyond torch -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "weights",
    [
        WEIGHTS,
        [5.0],
        [3.0] * 8,
        [1.0, 2.0] * 50,
        [1e-310, 2e-310, 5e-324 * 2**40, 0.0],
        [1e308, 1.7e308, 0.5e308],
        [0.0, 0.0, 1.0],
        np.linspace(0.1, 1, 300) ** 2,
    ],
    ids=["mixed", "one", "equal", "two levels", "subnormal", "huge", "a single one", "three hundred"],
)
def test_alias_draws_are_distributed_as_the_weights_are(weights: Any) -> None:
    sampler = WeightedRandomSampler(weights, 1_000_000, generator=seeded(4), method="alias")
    drawn = whole(sampler.order())
    weights = np.asarray(weights) / np.max(weights)
    assert_distributed(np.bincount(drawn, minlength=len(weights)), weights / weights.sum())


def test_the_method_alias_differs_from_epoch_to_epoch() -> None:
    sampler = WeightedRandomSampler(WEIGHTS, 100, method="alias")
    assert list(sampler) != list(sampler)


def test_half_the_weights_of_two_to_the_24_twice_as_likely() -> None:
    size = TORCH_LIMIT
    weights = torch.ones(size, dtype=torch.float64)
    weights[size // 2 :] = 2
    drawn = whole(WeightedRandomSampler(weights, 3_000_000, generator=seeded(6), method="alias").order())
    parts = np.arange(64) // 32 + 1.0  # also within each half
    assert_distributed(np.bincount(drawn // (size // 64), minlength=64), parts / parts.sum())


@pytest.mark.parametrize("replacement", [True, False])
def test_more_weights_than_torch_takes(replacement: bool) -> None:
    size = TORCH_LIMIT + 5
    weights = torch.zeros(size, dtype=torch.float64)
    weights[-5:] = 1.0
    sampler = WeightedRandomSampler(weights, 5, replacement, generator=seeded(2))
    with pytest.raises(RuntimeError, match="number of categories cannot exceed"):
        torch.multinomial(weights, 5, replacement)
    drawn = list(sampler)
    assert set(drawn) <= set(range(TORCH_LIMIT, size))
    assert replacement or len(set(drawn)) == 5


def ordered_draws(weights: Sequence[float], count: int) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every ordered draw without replacement, with its probability."""
    for drawn in itertools.permutations(range(len(weights)), count):
        probability, rest = 1.0, sum(weights)
        for index in drawn:
            probability *= weights[index] / rest
            rest -= weights[index]
        yield drawn, probability


def test_draws_without_replacement_have_the_exact_probabilities() -> None:
    weights = [1.0, 2.0, 0.5, 4.0]
    expected = dict(ordered_draws(weights, 3))
    numbers = {drawn: number for number, drawn in enumerate(expected)}
    sampler = WeightedRandomSampler(weights, 3, False, method="alias")
    counts = np.zeros(len(numbers))
    for _ in range(10_000):
        counts[numbers[tuple(whole(sampler.order()).tolist())]] += 1
    assert_distributed(counts, np.array(list(expected.values())))


@pytest.mark.parametrize("num_samples", [1, 1000, 100_000, 299_000])
def test_draws_without_replacement_are_the_smallest_keys_in_order(num_samples: int) -> None:
    weights = weights_of(300_000, 3, zeros=False)
    weights[1000:2000] = 0
    drawn = whole(WeightedRandomSampler(weights, num_samples, False, seeded(1), method="alias").order())
    everything = whole(WeightedRandomSampler(weights, 299_000, False, seeded(1), method="alias").order())
    assert np.array_equal(np.sort(everything), np.flatnonzero(weights.numpy()))
    assert np.array_equal(drawn, everything[:num_samples])


# --- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 1), "weights must not be empty"),
        (([1.0, -0.5, 1.0], 1), r"got -0\.5 at index 1"),
        (([1.0, float("nan")], 1), "got nan at index 1"),
        (([float("inf")], 1), "got inf at index 0"),
        (([0.0, 0.0], 1), "all 2 weights are zero"),
        (([1.0], 0), "num_samples=0"),
        (([1.0], -3), "num_samples=-3"),
        (([1.0], True), "num_samples=True"),
        (([1.0], 1, "yes"), "replacement=yes"),
        (([[1.0]], 1), r"shape \(1, 1\)"),
        (([1.0, 0.0, 2.0], 3, False), "num_samples=3 without replacement from 2 weights above zero"),
    ],
)
def test_what_cannot_be_drawn_is_refused_when_the_sampler_is_made(
    arguments: tuple[Any, ...], message: str, method: Any
) -> None:
    with pytest.raises(ValueError, match=message):
        WeightedRandomSampler(*arguments, method=method)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="'torch' or 'alias', got 'vose'"):
        WeightedRandomSampler([1.0], 1, method="vose")  # type: ignore[arg-type]


def test_an_order_drawn_as_a_whole_is_an_array() -> None:
    assert isinstance(WeightedRandomSampler(WEIGHTS, 5, False).order(), ArrayOrder)
    assert not isinstance(WeightedRandomSampler(WEIGHTS, 5, True).order(), ArrayOrder)


@pytest.mark.parametrize("method", ["torch", "alias"])
@pytest.mark.parametrize("updated", [False, True])
def test_a_weight_of_negative_zero_is_never_drawn(method: Any, updated: bool) -> None:
    sampler = WeightedRandomSampler([1.0, -0.0, 1.0, 2.0], 1000, method=method)
    if updated:
        sampler.update(3, -0.0)
    assert set(sampler) == ({0, 2} if updated else {0, 2, 3})
    with pytest.raises(ValueError, match="from 3 weights above zero"):
        WeightedRandomSampler([1.0, -0.0, 1.0, 2.0], 4, replacement=False, method=method)
    once = WeightedRandomSampler([1.0, -0.0, 1.0, 2.0], 3, replacement=False, method=method)
    assert sorted(once) == [0, 2, 3]

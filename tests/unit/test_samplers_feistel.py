"""`RandomSampler(method="feistel")`: permutations, one for each key, of which any position is there at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fastload._core import keyed_draws, keyed_permutation
from fastload.samplers._random import RandomSampler

KEYS = st.integers(0, 2**64 - 1)
BILLION = 10**9


def feistel(n: int, **arguments: Any) -> RandomSampler:
    return RandomSampler(range(n), method="feistel", **arguments)


def chi_squared(counts: np.ndarray[Any, Any]) -> float:
    """How many standard deviations the statistic lies above what is expected of equally likely cells."""
    expected = counts.sum() / len(counts)
    freedom = len(counts) - 1
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom))


@settings(max_examples=30, deadline=None)
@given(n=st.one_of(st.integers(1, 3000), st.integers(1, 10**7)), key=KEYS)
def test_every_index_comes_once(n: int, key: int) -> None:
    counts = np.bincount(keyed_permutation(n, key, 0, n), minlength=n)
    assert counts.shape == (n,)
    assert (counts == 1).all()


def test_every_index_comes_once_for_every_small_length() -> None:
    for n in range(1, 2001):
        assert np.array_equal(np.sort(keyed_permutation(n, n, 0, n)), np.arange(n))


@settings(max_examples=100, deadline=None)
@given(n=st.integers(1, 2**62), key=KEYS, start=st.integers(0, 2**62), step=st.integers(1, 2**40))
def test_a_range_of_positions_is_the_single_ones(n: int, key: int, start: int, step: int) -> None:
    for read in (keyed_permutation, keyed_draws):
        stop = start + 9 * step
        part = read(n, key, start, stop, step).tolist()
        assert part == [read(n, key, at, at + 1).item() for at in range(start, stop, step)]
        assert all(0 <= index < n for index in part)


@pytest.mark.parametrize("n", [2, 3, 10, 256, 257, 1000])
@pytest.mark.parametrize("position", [0, 1, -1])
def test_over_the_keys_every_index_is_equally_likely_at_a_position(n: int, position: int) -> None:
    at = position % n
    indices = np.array([keyed_permutation(n, key, at, at + 1)[0] for key in range(200 * n if n < 100 else 20 * n)])
    assert chi_squared(np.bincount(indices, minlength=n)) < 4


@pytest.mark.parametrize("n", [4, 17, 257, 300])
def test_over_the_keys_every_pair_of_neighbours_is_equally_likely(n: int) -> None:
    number = 200_000 if n > 100 else 20_000
    pairs = np.array([keyed_permutation(n, key, 1, 3) for key in range(number)])
    cells = np.bincount(pairs[:, 0] * n + pairs[:, 1], minlength=n * n).reshape(n, n)
    assert (np.diag(cells) == 0).all()
    assert chi_squared(cells[~np.eye(n, dtype=bool)]) < 4


@pytest.mark.parametrize("n", [1000, 65_536, 1_000_003, BILLION])
def test_neighbours_are_not_correlated(n: int) -> None:
    order = keyed_permutation(n, 12, 0, min(n, 1_000_000)).astype(float) / n
    for distance in (1, 2, 31, 997):
        apart = len(order) - distance
        correlation = np.corrcoef(order[:-distance], order[distance:])[0, 1]
        assert abs(correlation) < 4 / np.sqrt(apart)


@pytest.mark.parametrize("n", [2**20, 2**20 + 1, BILLION])
def test_a_part_of_the_order_is_spread_evenly_and_without_a_lattice(n: int) -> None:
    order = keyed_permutation(n, 5, 1000, 101_000)
    assert abs(chi_squared(np.bincount(order * 1000 // n, minlength=1000))) < 4
    differences = np.diff(order) % n
    assert abs(chi_squared(np.bincount(differences * 1000 // n, minlength=1000))) < 4


def test_keys_that_differ_in_one_bit_give_unrelated_orders() -> None:
    n = 100_000
    first = keyed_permutation(n, 0, 0, n)
    for bit in range(64):
        other = keyed_permutation(n, 1 << bit, 0, n)
        assert (first == other).sum() < 12  # one is expected, by a Poisson law
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.02


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_draws_with_replacement_are_equally_likely_and_independent(n: int) -> None:
    draws = keyed_draws(n, 3, 0, 200_000)
    if n == 1:
        assert not draws.any()
        return
    assert abs(chi_squared(np.bincount(draws, minlength=n))) < 4
    if n < 100:
        assert abs(chi_squared(np.bincount(draws[:-1] * n + draws[1:], minlength=n * n))) < 4


def test_each_epoch_has_its_own_order_from_the_generator() -> None:
    torch.manual_seed(3)
    sampler = feistel(1000)
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(1000))
    assert first != second
    torch.manual_seed(3)
    assert [list(sampler), list(sampler)] == [first, second]


def test_an_epoch_draws_what_torchs_sampler_draws_for_its_seed() -> None:
    torch.manual_seed(3)
    list(torch.utils.data.RandomSampler(range(10)))
    expected = torch.get_rng_state()
    torch.manual_seed(3)
    list(feistel(10))
    assert torch.equal(torch.get_rng_state(), expected)


def test_the_sampler_is_read_by_position_in_the_epoch_that_runs() -> None:
    sampler = feistel(BILLION)
    order = sampler.order()
    assert sampler[0] == order.read(0, 1)[0]
    assert type(sampler[0]) is int
    assert sampler[-1] == order.read(BILLION - 1, BILLION)[0]
    assert sampler[5:100:7].tolist() == order.read(5, 100, 7).tolist()
    assert sampler[100:5:-7].tolist() == [sampler[position] for position in range(100, 5, -7)]
    assert sampler[5:5].tolist() == sampler[5:5:-1].tolist() == []
    with pytest.raises(IndexError):
        sampler[BILLION]
    sampler.order()
    assert sampler[0] != order.read(0, 1)[0]


def test_before_the_first_epoch_positions_are_those_of_the_first_epoch() -> None:
    sampler = feistel(50)
    peeked = sampler[:].tolist()
    assert list(sampler) == peeked
    assert list(sampler) != peeked


def test_fewer_samples_are_a_prefix_and_more_are_further_permutations() -> None:
    def indices(num_samples: int) -> list[int]:
        torch.manual_seed(1)
        return list(feistel(30, num_samples=num_samples))

    whole = indices(75)
    assert indices(10) == whole[:10]
    assert sorted(whole[:30]) == sorted(whole[30:60]) == list(range(30))
    assert whole[:30] != whole[30:60]
    assert len(set(whole[60:])) == 15


def test_with_replacement_any_position_is_there_at_once() -> None:
    sampler = feistel(10, replacement=True, num_samples=BILLION)
    order = sampler.order()
    assert len(order) == BILLION
    assert sampler[BILLION - 3 :].tolist() == order.read(BILLION - 3, BILLION).tolist()
    assert len(set(sampler[:10].tolist())) < 10  # 1 in 2,755 keys would give ten different ones


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="'torch' or 'feistel', got 'fast'"):
        RandomSampler(range(3), method="fast")  # type: ignore[arg-type]


def test_torchs_order_cannot_be_read_by_position() -> None:
    with pytest.raises(TypeError, match="method='feistel'"):
        RandomSampler(range(3))[0]


def test_lengths_and_positions_that_make_no_sense_are_refused() -> None:
    for read in (keyed_permutation, keyed_draws):
        for length in (0, -1, 2**62 + 1):
            with pytest.raises(ValueError, match=f"length must be 1 to {2**62}, got {length}"):
                read(length, 0, 0, 1)
        for start, step in ((-1, 1), (0, 0), (0, -1)):
            with pytest.raises(ValueError, match=f"got start {start}, step {step}"):
                read(5, 0, start, 5, step)
    with pytest.raises(ValueError, match="dataset of length 0"):
        feistel(0, num_samples=3).order()

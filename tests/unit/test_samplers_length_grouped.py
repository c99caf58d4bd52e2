"""LengthGroupedBatchSampler: limits are kept, nothing is lost, little is padded, and epochs can be repeated."""

import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fastload.samplers._distributed import DistributedSampler
from fastload.samplers._length_grouped import LengthGroupedBatchSampler
from fastload.samplers._packing import Limits, pack_sorted


def tokens(lengths, batch, multiple_of=1):
    return len(batch) * max(-(-lengths[index] // multiple_of) * multiple_of for index in batch)


def heavy_tailed(number):
    return np.random.default_rng(0).lognormal(4, 1, number).astype(np.int64) + 1


@settings(max_examples=200, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=80),
    batch_size=st.none() | st.integers(1, 9),
    max_tokens=st.none() | st.integers(1, 120),
    multiple_of=st.sampled_from([1, 2, 8]),
    shuffle=st.booleans(),
    window=st.none() | st.integers(1, 100),
)
def test_every_sample_comes_once_and_no_batch_is_over_its_limits(
    lengths, batch_size, max_tokens, multiple_of, shuffle, window
):
    if batch_size is None and max_tokens is None:
        return
    sampler = LengthGroupedBatchSampler(
        lengths,
        batch_size,
        max_tokens=max_tokens,
        multiple_of=multiple_of,
        shuffle=shuffle,
        window=window,
        oversize="alone",
    )
    for epoch in range(2):
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
        for batch in batches:
            assert batch_size is None or len(batch) <= batch_size
            assert max_tokens is None or len(batch) == 1 or tokens(lengths, batch, multiple_of) <= max_tokens
        if max_tokens is None:
            assert sum(len(batch) < batch_size for batch in batches) <= 1
        if not shuffle:
            assert [index for batch in batches for index in batch] == list(range(len(lengths)))
            for batch, following in itertools.pairwise(batches):
                full = batch_size is not None and len(batch) == batch_size
                assert full or tokens(lengths, [*batch, following[0]], multiple_of) > max_tokens


def test_without_shuffling_batches_are_the_longest_runs_that_fit():
    lengths = [100, 10, 10, 10, 100]
    sampler = LengthGroupedBatchSampler(lengths, max_tokens=150, shuffle=False)
    assert list(sampler) == [[0], [1, 2, 3], [4]]
    assert list(LengthGroupedBatchSampler(lengths, 2, max_tokens=150, shuffle=False)) == [[0], [1, 2], [3], [4]]
    assert list(LengthGroupedBatchSampler(lengths, 2, shuffle=False)) == [[0, 1], [2, 3], [4]]


def test_lengths_count_after_padding_to_a_multiple():
    assert list(LengthGroupedBatchSampler([9, 9, 9], max_tokens=27, shuffle=False)) == [[0, 1, 2]]
    assert list(LengthGroupedBatchSampler([9, 9, 9], max_tokens=27, multiple_of=8, shuffle=False)) == [[0], [1], [2]]


def test_a_batch_holds_neighbours_of_its_window():
    lengths = np.random.default_rng(0).permutation(1000)
    batches = list(LengthGroupedBatchSampler(lengths, 10, window=1000))
    assert sorted(sorted(lengths[batch]) for batch in batches) == [list(range(k, k + 10)) for k in range(0, 1000, 10)]
    assert [lengths[batch[0]] for batch in batches] != sorted((lengths[batch[0]] for batch in batches), reverse=True)


def test_windows_hold_whole_batches():
    batches = list(LengthGroupedBatchSampler(range(100), 10, window=15))
    assert all(batch == sorted(batch, reverse=True) for batch in batches)


def test_a_budget_with_a_batch_size_keeps_both():
    batches = list(LengthGroupedBatchSampler([1] * 20 + [50] * 4, 4, max_tokens=100, window=24))
    assert sorted(map(len, batches)) == [2, 2, 4, 4, 4, 4, 4]
    assert len(list(LengthGroupedBatchSampler([1] * 20, max_tokens=10))) == 2


def test_a_small_dataset_has_other_batches_in_every_epoch():
    sampler = LengthGroupedBatchSampler(range(1, 65), 4)
    epochs = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        epochs.append({frozenset(batch) for batch in sampler})
    assert len(epochs[0] & epochs[1]) < 4


def test_drop_last_drops_what_ran_out():
    assert list(LengthGroupedBatchSampler([5] * 7, 3, shuffle=False, drop_last=True)) == [[0, 1, 2], [3, 4, 5]]
    assert list(LengthGroupedBatchSampler([5] * 6, 3, shuffle=False, drop_last=True)) == [[0, 1, 2], [3, 4, 5]]
    assert list(LengthGroupedBatchSampler([5] * 3, max_tokens=10, shuffle=False, drop_last=True)) == [[0, 1]]
    assert list(LengthGroupedBatchSampler([5, 5, 8], max_tokens=10, shuffle=False, drop_last=True)) == [[0, 1], [2]]
    shuffled = LengthGroupedBatchSampler(range(50), 8, drop_last=True)
    assert [len(batch) for batch in shuffled] == [8] * 6
    assert len(shuffled) == 6
    assert list(LengthGroupedBatchSampler([1, 2], 3, drop_last=True)) == []
    assert LengthGroupedBatchSampler([1, 2], 3, drop_last=True).padding_waste().grouped == 0


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("number", [3, 40, 500, 5000])
def test_every_epoch_under_a_budget_has_as_many_batches(number, drop_last):
    sampler = LengthGroupedBatchSampler(heavy_tailed(number), max_tokens=6000, oversize="alone", drop_last=drop_last)
    told = len(sampler)
    orders = set()
    for epoch in range(12):
        sampler.begin_epoch()
        assert sampler.epoch == epoch
        batches = list(sampler)
        assert len(batches) == len(sampler) == told
        assert all(batches)
        orders.add(json.dumps(batches))
    assert number < 500 or len(orders) == 12
    late = LengthGroupedBatchSampler(heavy_tailed(number), max_tokens=6000, oversize="alone", drop_last=drop_last)
    late.set_epoch(11)
    assert list(late) == batches


def test_windows_that_never_fit_are_those_of_the_first_epoch(monkeypatch):
    monkeypatch.setattr("fastload.samplers._length_grouped.MOST_CUTS", 0)
    sampler = LengthGroupedBatchSampler(range(1, 200), max_tokens=500)
    epochs = []
    for _ in range(2):
        sampler.begin_epoch()
        epochs.append(list(sampler))
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) == sorted(epochs[1])


@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    max_tokens=st.integers(1, 120),
    batch_size=st.none() | st.integers(1, 9),
    window=st.none() | st.integers(1, 100),
)
def test_with_drop_last_too_epochs_have_as_many_batches(lengths, max_tokens, batch_size, window):
    sampler = LengthGroupedBatchSampler(
        lengths, batch_size, max_tokens=max_tokens, window=window, oversize="alone", drop_last=True
    )
    for _ in range(4):
        sampler.begin_epoch()
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert all(0 < len(batch) <= (batch_size or 60) for batch in batches)
        indices = list(itertools.chain(*batches))
        assert len(set(indices)) == len(indices)


def test_as_many_batches_cost_little_more_than_the_fewest():
    lengths = heavy_tailed(30_000)
    sampler = LengthGroupedBatchSampler(lengths, max_tokens=8000, oversize="alone")
    fewest = len(pack_sorted(np.sort(lengths)[::-1], Limits(None, 8000), len(lengths))) - 1
    assert fewest < len(sampler) < 1.1 * fewest


def test_no_epoch_exceeds_the_number_however_its_windows_fall():
    # One window of few: nearly every permutation has another number of batches.
    for seed in range(20):
        lengths = np.random.default_rng(seed).integers(1, 100, 30)
        sampler = LengthGroupedBatchSampler(lengths, max_tokens=130, window=4, seed=seed)
        for _ in range(20):
            sampler.begin_epoch()
            batches = list(sampler)
            assert len(batches) == len(sampler) == len(sampler.batches())
            assert sorted(itertools.chain(*batches)) == list(range(30))
            assert all(len(batch) == 1 or tokens(lengths, batch) <= 130 for batch in batches)


def test_the_epoch_and_the_seed_decide_and_nothing_else():
    def batches(seed, epoch):
        torch.manual_seed(epoch + 100)
        sampler = LengthGroupedBatchSampler(heavy_tailed(500), max_tokens=4000, seed=seed, oversize="alone")
        sampler.set_epoch(epoch)
        before = torch.get_rng_state()
        found = list(sampler)
        assert torch.equal(torch.get_rng_state(), before)
        assert list(sampler) == found
        return found

    assert batches(0, 0) == batches(0, 0)
    assert batches(0, 0) != batches(0, 1)
    assert batches(0, 0) != batches(1, 0)


def test_padding_waste_is_the_share_of_padding():
    lengths = [1, 3, 2, 2]
    assert LengthGroupedBatchSampler(lengths, 2, shuffle=False).padding_waste().grouped == pytest.approx(1 - 8 / 10)
    assert LengthGroupedBatchSampler([3, 3], 2, multiple_of=4).padding_waste() == (0.25, 0.25)
    assert LengthGroupedBatchSampler([0, 0], 2).padding_waste() == (0, 0)
    lengths = heavy_tailed(20_000)
    sampler = LengthGroupedBatchSampler(lengths, 32)
    waste = sampler.padding_waste()
    padded = sum(tokens(lengths, batch) for batch in sampler)
    assert waste.grouped == pytest.approx(1 - lengths.sum() / padded)
    order = np.random.default_rng(1).permutation(len(lengths))
    padded = sum(tokens(lengths, batch) for batch in order.reshape(-1, 32))
    assert waste.random == pytest.approx(1 - lengths.sum() / padded, abs=0.02)
    assert waste.grouped < waste.random / 3


def test_a_state_of_a_few_numbers_brings_the_epoch_back():
    lengths = heavy_tailed(300)
    sampler = LengthGroupedBatchSampler(lengths, 8, seed=3)
    sampler.set_epoch(4)
    state = json.loads(json.dumps(sampler.batches().state()))
    assert len(json.dumps(state)) < 300
    resumed = LengthGroupedBatchSampler(torch.from_numpy(lengths), 8, seed=3)
    assert resumed.rebase(state, 5, 1) == (state, 5)
    batches = resumed.batches(state=state)
    assert [batches.read(number).tolist() for number in range(5, len(batches))] == list(sampler)[5:]
    assert resumed.epoch == 4


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: LengthGroupedBatchSampler([1] * 7, 2), "length=6.*length=7"),
        (lambda: LengthGroupedBatchSampler([2] * 6, 2), "checksum="),
        (lambda: LengthGroupedBatchSampler([1] * 6, 3), "batch_size=2.*batch_size=3"),
        (lambda: LengthGroupedBatchSampler([1] * 6, 2, seed=5), "seed=0.*seed=5"),
    ],
)
def test_a_state_of_something_else_is_refused(other, message):
    state = LengthGroupedBatchSampler([1] * 6, 2).batches().state()
    with pytest.raises(ValueError, match=message):
        other().batches(state=state)
    with pytest.raises(ValueError, match=message):
        other().rebase(state, 1, 1)


def test_a_sample_over_the_budget_is_named_or_goes_alone():
    with pytest.raises(
        ValueError, match=r"sample 1 has 30 tokens, 32 when padded, .* max_tokens=31; it is one of 2 .*of 4"
    ):
        LengthGroupedBatchSampler([5, 30, 5, 40], max_tokens=31, multiple_of=8)
    sampler = LengthGroupedBatchSampler([5, 30, 5, 40], max_tokens=20, oversize="alone", shuffle=False)
    assert list(sampler) == [[0], [1], [2], [3]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 2), r"shape \(0,\)"),
        (([[1, 2]], 2), r"shape \(1, 2\)"),
        (([1.5], 2), "must be integers, got float64"),
        (([3, -1], 2), "got -1 for sample 1"),
        (([3],), "pass batch_size, max_tokens, or both"),
        (([3], 0), "batch_size must be at least 1, got 0"),
        (([3], None, -5), "max_tokens must be at least 1, got -5"),
        (([3], None, 5, 0), "multiple_of must be at least 1, got 0"),
        (([3], 2.5), "batch_size must be an int, got 2.5"),
        (([3], True), "batch_size must be an int, got True"),
        (([3], None, "5"), "max_tokens must be an int, got '5'"),
    ],
)
def test_settings_out_of_range_are_refused(arguments, message):
    names = ("lengths", "batch_size", "max_tokens", "multiple_of")
    with pytest.raises(ValueError, match=message):
        LengthGroupedBatchSampler(**dict(zip(names, arguments, strict=False)))
    with pytest.raises(ValueError, match="oversize must be 'error' or 'alone', got 'skip'"):
        LengthGroupedBatchSampler([3], 2, oversize="skip")


@pytest.mark.parametrize("tail", ["pad", "drop"])
def test_all_ranks_get_as_many_batches(tail):
    samplers = [
        DistributedSampler(LengthGroupedBatchSampler(range(1, 200), max_tokens=500), 4, rank, tail=tail)
        for rank in range(4)
    ]
    sizes = set()
    for _ in range(3):
        for sampler in samplers:
            sampler.begin_epoch()
        parts = [list(sampler) for sampler in samplers]
        assert len({len(part) for part in parts} | {len(sampler) for sampler in samplers}) == 1
        covered = {index for part in parts for batch in part for index in batch}
        assert tail == "drop" or covered == set(range(199))
        sizes.add(json.dumps(parts))
    assert len(sizes) == 3


def test_a_million_lengths_are_packed_within_their_budget():
    lengths = np.minimum(heavy_tailed(1_000_000), 4096)
    sampler = LengthGroupedBatchSampler(lengths, max_tokens=8192)
    batches = sampler.batches()
    samples = np.concatenate([batches.read(number) for number in range(len(batches))])
    assert np.array_equal(np.sort(samples), np.arange(1_000_000))
    assert all(lengths[batch].max() * len(batch) <= 8192 for batch in map(batches.read, range(0, len(batches), 97)))
    assert sampler.padding_waste().grouped < 0.05

"""RepeatedAugmentationSampler: each sample several times, side by side on different ranks."""

import itertools
import json
import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fastload.samplers._repeated_augmentation import RepeatedAugmentationSampler


def expected(length, repeats, world, rank, shuffle, epoch, selected_round, selected_ratio):
    """timm's rule, index by index: repeat, pad from the beginning, deal, keep the first ones."""
    generator = torch.Generator()
    generator.manual_seed(epoch)
    order = torch.randperm(length, generator=generator).tolist() if shuffle else list(range(length))
    repeated = [order[int(place // repeats)] for place in range(math.ceil(length * repeats))]
    size = math.ceil(length * repeats / world) * world
    dealt = list(itertools.islice(itertools.cycle(repeated), size))[rank::world]
    ratio = selected_ratio or world
    if selected_round:
        return dealt[: length // selected_round * selected_round // ratio]
    return dealt[: math.ceil(length / ratio)]


@settings(max_examples=150, deadline=None)
@given(
    length=st.integers(1, 60),
    repeats=st.sampled_from([1, 2, 3, 1.5, 2.25]),
    world=st.integers(1, 7),
    shuffle=st.booleans(),
    epoch=st.integers(0, 3),
    selected_round=st.sampled_from([0, 1, 8]),
    selected_ratio=st.sampled_from([0, 1, 2]),
)
def test_the_order_is_the_rules(length, repeats, world, shuffle, epoch, selected_round, selected_ratio):
    for rank in range(world):
        wanted = expected(length, repeats, world, rank, shuffle, epoch, selected_round, selected_ratio)
        arguments = (length, repeats, world, rank, shuffle)
        more = {"selected_round": selected_round, "selected_ratio": selected_ratio}
        if not wanted:
            with pytest.raises(ValueError, match="gives an epoch of none"):
                RepeatedAugmentationSampler(*arguments, **more)
            continue
        sampler = RepeatedAugmentationSampler(*arguments, **more)
        sampler.set_epoch(epoch)
        assert list(sampler) == wanted
        assert len(sampler) == sampler.num_selected_samples == len(wanted)


def test_the_repeats_of_a_sample_meet_on_different_ranks():
    parts = [list(RepeatedAugmentationSampler(range(512), 4, 4, rank)) for rank in range(4)]
    assert len(parts[0]) == 128
    assert parts[0] == parts[1] == parts[2] == parts[3]
    assert len(set(parts[0])) == 128


def test_alone_the_repeats_stand_side_by_side():
    sampler = RepeatedAugmentationSampler(range(256))
    indices = list(sampler)
    assert indices[0::3][:85] == indices[1::3] == indices[2::3]
    assert set(Counter(indices[:255]).values()) == {3}
    assert len(sampler) == 256
    assert (sampler.num_samples, sampler.total_size) == (768, 768)


def test_epochs_differ_and_the_seed_moves_them():
    first = RepeatedAugmentationSampler(1000, seed=1)
    second = RepeatedAugmentationSampler(1000)
    assert list(first) != list(second)
    second.begin_epoch()
    second.begin_epoch()
    assert list(first) == list(second)


@settings(max_examples=60, deadline=None)
@given(length=st.integers(16, 90), worlds=st.lists(st.integers(1, 5), min_size=2, max_size=4), steps=st.integers(0, 3))
def test_worlds_of_changing_size_go_on_in_the_same_order(length, worlds, steps):
    def samplers(world):
        return [RepeatedAugmentationSampler(length, 3, world, rank, selected_round=1) for rank in range(world)]

    whole = list(RepeatedAugmentationSampler(length, 3, 1, 0, selected_round=0, selected_ratio=1 / 3))
    assert len(whole) == length * 3
    state, consumed, delivered = None, 0, []
    for world in worlds:
        if state is not None:
            state, consumed = json.loads(json.dumps(samplers(world)[0].rebase(state, consumed, 2)))
        parts = [sampler.order(state=state) for sampler in samplers(world)]
        stop = min(consumed + 2 * steps, len(parts[0]) // 2 * 2)
        dealt = [part.read(consumed, max(stop, consumed)).tolist() for part in parts]
        delivered += list(itertools.chain.from_iterable(zip(*dealt, strict=True)))
        state, consumed = parts[0].state(), max(stop, consumed)
    assert delivered == whole[: len(delivered)]


def test_states_of_other_settings_are_refused():
    state = RepeatedAugmentationSampler(300, 3, 2, 0).order().state()
    with pytest.raises(ValueError, match=r"num_repeats=3.*num_repeats=2"):
        RepeatedAugmentationSampler(300, 2, 2, 0).order(state=state)
    with pytest.raises(ValueError, match=r"length=300.*length=301"):
        RepeatedAugmentationSampler(301, 3, 4, 0).rebase(state, 2, 1)
    with pytest.raises(ValueError, match=r"num_replicas=2.*num_replicas=4"):
        RepeatedAugmentationSampler(300, 3, 4, 0).order(state=state)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"num_repeats must be at least 1, got 0\.5"):
        RepeatedAugmentationSampler(300, 0.5)
    with pytest.raises(ValueError, match="must not be negative, got -1 and 0"):
        RepeatedAugmentationSampler(300, selected_round=-1)
    with pytest.raises(ValueError, match="a dataset of 100 samples gives an epoch of none with selected_round=256"):
        RepeatedAugmentationSampler(100)
    with pytest.raises(ValueError, match="a dataset of 0 samples"):
        RepeatedAugmentationSampler([], selected_round=0)
    with pytest.raises(ValueError, match="Invalid rank 4"):
        RepeatedAugmentationSampler(300, 3, 4, 4)

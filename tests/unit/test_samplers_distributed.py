"""DistributedSampler: torch's order, the parts of ranks around any sampler, and worlds that change their size."""

import itertools
import json
import pickle
import random
import sys

import numpy as np
import pytest
import torch
import torch.utils.data as torch_data
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ranks import (
    BATCH_SAMPLERS,
    SAMPLERS,
    OfPython,
    OwnBatches,
    interleaved,
    ranks,
)

from fastload.samplers._distributed import DistributedBatchSampler, DistributedSampler
from fastload.samplers._order import ArrayBatchSampler, ArrayOrder, ArraySampler, Order, array_sampler
from fastload.samplers._random import RandomSampler

TorchDistributed = torch_data.distributed.DistributedSampler


@pytest.mark.parametrize("length", [1, 2, 3, 7, 10, 64])
@pytest.mark.parametrize("world", [1, 2, 3, 5, 8])
def test_the_order_is_torchs(length, world):
    for shuffle, drop_last, seed, epoch in itertools.product([True, False], [True, False], [0, 5, -3], [0, 1, 7]):
        for rank in range(world):
            arguments = (range(length), world, rank, shuffle, seed, drop_last)
            theirs, ours = TorchDistributed(*arguments), DistributedSampler(*arguments)
            for sampler in (theirs, ours):
                sampler.set_epoch(epoch)
            assert list(ours) == list(theirs)
            assert list(array_sampler(theirs)) == list(theirs)
            for name in ("num_samples", "total_size", "num_replicas", "rank", "shuffle", "seed", "drop_last", "epoch"):
                assert getattr(ours, name) == getattr(theirs, name)
            assert len(ours) == len(theirs)


def test_the_order_of_many_indices_is_torchs():
    theirs, ours = TorchDistributed(range(100_003), 4, 3, seed=9), DistributedSampler(range(100_003), 4, 3, seed=9)
    assert list(ours) == list(theirs)
    order = ours.order()
    assert order.read(7, 20_001, 13).tolist() == list(theirs)[7:20_001:13]


def test_torchs_sampler_over_a_dataset_that_grew_or_is_empty_stays_torchs():
    items = [0] * 10
    grown = TorchDistributed(items, 3, 1, drop_last=True)
    items += [0] * 10
    assert array_sampler(grown) is None
    assert array_sampler(TorchDistributed([], 2, 0)) is None


@pytest.mark.parametrize("arguments", [(4, 4), (4, -1), (2, None), (None, 0), (None, None)])
def test_worlds_that_torch_refuses_are_refused_in_its_words(arguments):
    with pytest.raises(Exception) as theirs:  # noqa: PT011 - whatever it is
        TorchDistributed(range(5), *arguments)
    with pytest.raises(type(theirs.value)) as ours:
        DistributedSampler(range(5), *arguments)
    assert str(ours.value) == str(theirs.value)


def test_what_cannot_be_dealt_is_refused():
    with pytest.raises(ValueError, match="num_replicas must be at least 1, got 0"):
        DistributedSampler(range(5), 0, 0)
    with pytest.raises(ValueError, match="list is empty: there is nothing to deal to 2 ranks"):
        DistributedSampler([], 2, 0)
    with pytest.raises(ValueError, match="tail must be 'pad', 'drop' or 'uneven', got 'mask'"):
        DistributedSampler(range(5), 2, 0, tail="mask")
    with pytest.raises(ValueError, match="drop_last=True means tail='drop', got tail='uneven'"):
        DistributedSampler(range(5), 2, 0, drop_last=True, tail="uneven")
    with pytest.raises(ValueError, match="shuffle=False has no meaning around a OfPython"):
        DistributedSampler(OfPython(5), 2, 0, shuffle=False)
    with pytest.raises(ValueError, match="DistributedSampler already deals to 2 ranks"):
        DistributedSampler(TorchDistributed(range(5), 2, 0), 2, 0)
    with pytest.raises(ValueError, match="BatchSampler already deals to 3 ranks"):
        DistributedSampler(torch_data.BatchSampler(TorchDistributed(range(5), 3, 0), 2, False), 2, 0)
    with pytest.raises(TypeError):
        DistributedSampler(5, 2, 0)


def test_a_sampler_of_the_wrong_kind_is_named():
    with pytest.raises(ValueError, match=r"OwnBatches yielded .* which is no index; .* use DistributedBatchSampler"):
        list(DistributedSampler(OwnBatches(), 2, 0))
    with pytest.raises(ValueError, match=r"OfPython yielded .* no batch of indices; .* use DistributedSampler"):
        list(DistributedBatchSampler(OfPython(5), 2, 0))

    class Own(DistributedSampler):
        pass

    with pytest.raises(ValueError, match="Own gives single indices: use DistributedBatchSampler"):
        Own(torch_data.BatchSampler(range(5), 2, False), 2, 0)


@settings(max_examples=60, deadline=None)
@given(length=st.integers(1, 40), world=st.integers(1, 9), shuffle=st.booleans())
def test_every_tail_keeps_its_word(length, world, shuffle):
    def parts(tail):
        samplers = ranks(world, range(length), shuffle=shuffle, tail=tail)
        assert [len(sampler) for sampler in samplers] == [len(list(sampler)) for sampler in samplers]
        return [list(sampler) for sampler in samplers]

    uneven, dropped, padded = parts("uneven"), parts("drop"), parts("pad")
    whole = interleaved(uneven)
    assert sorted(whole) == list(range(length))
    assert max(map(len, uneven)) - min(map(len, uneven)) <= 1
    assert {len(part) for part in dropped} == {length // world}
    assert interleaved(dropped) == whole[: length // world * world]
    assert {len(part) for part in padded} == {-(-length // world)}
    assert interleaved(padded) == list(itertools.islice(itertools.cycle(whole), -(-length // world) * world))


@pytest.mark.parametrize("kind", SAMPLERS)
@pytest.mark.parametrize("tail", ["pad", "drop", "uneven"])
def test_ranks_around_a_sampler_share_one_order(kind, tail):
    wholes = []
    for epoch in range(2):
        parts = []
        for rank in range(3):
            torch.manual_seed(rank)  # ranks need not have drawn alike before
            random.seed(rank)
            np.random.seed(rank)
            sampler = DistributedSampler(SAMPLERS[kind](), 3, rank, seed=4, tail=tail)
            sampler.set_epoch(epoch)
            parts.append(list(sampler))
        alone = DistributedSampler(SAMPLERS[kind](), 1, 0, seed=4)
        alone.set_epoch(epoch)
        whole = list(alone)
        size = {"pad": -(-len(whole) // 3) * 3, "drop": len(whole) // 3 * 3, "uneven": len(whole)}[tail]
        assert interleaved(parts) == (whole * 2)[:size]
        wholes.append(whole)
    assert wholes[0] != wholes[1]


@pytest.mark.parametrize(
    "kind", ["subset", "feistel", "array", "user", "user's generator", "no length", "own generator"]
)
def test_a_wrapped_sampler_keeps_what_it_covers(kind):
    whole = list(DistributedSampler(SAMPLERS[kind](), 1, 0))
    assert sorted(whole) == sorted(int(index) for index in SAMPLERS[kind]())


def test_a_wrapped_sampler_leaves_all_generators_alone():
    own = torch.Generator()
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist(), own.get_state()
    for sampler in (OfPython(13, own), torch_data.RandomSampler(range(9)), torch_data.SubsetRandomSampler(range(9))):
        list(DistributedSampler(sampler, 2, 1))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]
    assert torch.equal(own.get_state(), before[3])


def test_the_weights_of_a_wrapped_sampler_hold_on_every_rank():
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0])
    sampler = torch_data.WeightedRandomSampler(weights, 40_000)
    for part in ranks(4, sampler):
        counts = np.bincount(list(part), minlength=4)
        expected = 10_000 * weights.numpy() / 10
        assert ((counts - expected) ** 2 / expected).sum() < 16.3  # chi-squared, 3 degrees of freedom, p = 0.001


@pytest.mark.parametrize("kind", BATCH_SAMPLERS)
@pytest.mark.parametrize("tail", ["pad", "drop", "uneven"])
def test_ranks_around_a_batch_sampler_share_its_batches(kind, tail):
    for epoch in range(2):
        parts = []
        for rank in range(2):
            torch.manual_seed(rank)
            sampler = DistributedBatchSampler(BATCH_SAMPLERS[kind](), 2, rank, tail=tail)
            sampler.set_epoch(epoch)
            length = len(sampler)
            parts.append(list(sampler))
            assert length == len(parts[-1])
        alone = DistributedBatchSampler(BATCH_SAMPLERS[kind](), 1, 0)
        alone.set_epoch(epoch)
        whole = list(alone)
        size = {"pad": -(-len(whole) // 2) * 2, "drop": len(whole) // 2 * 2, "uneven": len(whole)}[tail]
        assert interleaved(parts) == (whole * 2)[:size]
        if kind != "torch, full batches":
            covered = sorted({index for batch in BATCH_SAMPLERS[kind]() for index in batch})
            assert sorted(index for batch in whole for index in batch) == covered


def test_a_batch_sampler_makes_a_distributed_batch_sampler():
    batches = torch_data.BatchSampler(torch_data.SequentialSampler(range(10)), 3, False)
    sampler = DistributedSampler(batches, num_replicas=2, rank=1)
    assert isinstance(sampler, DistributedBatchSampler)
    assert isinstance(sampler, TorchDistributed)
    assert isinstance(sampler, ArrayBatchSampler)
    assert sampler.batch_size == 3
    loader = torch_data.DataLoader(torch.arange(10), batch_sampler=sampler)
    assert [batch.tolist() for batch in loader] == [[3, 4, 5], [9]]
    assert isinstance(DistributedSampler(range(10), 2, 1), TorchDistributed)


@pytest.mark.parametrize("source", [range(10), torch_data.BatchSampler(torch_data.RandomSampler(range(10)), 3, False)])
def test_samplers_go_through_pickle(source):
    sampler = DistributedSampler(source, 2, 1, seed=3, tail="uneven")
    sampler.set_epoch(2)
    assert list(pickle.loads(pickle.dumps(sampler))) == list(sampler)


def test_epochs_move_for_the_loader_but_not_by_hand():
    sampler = DistributedSampler(range(10), 1, 0)
    assert list(sampler) == list(sampler)
    epochs = []
    for _ in range(2):
        sampler.begin_epoch()
        epochs.append(sampler.epoch)
    sampler.set_epoch(7)
    for _ in range(2):
        sampler.begin_epoch()
        epochs.append(sampler.epoch)
    assert epochs == [0, 1, 7, 8]


class Watched(ArraySampler):
    """Knows what was read of its order."""

    def __init__(self, length):
        self.length = length
        self.seen = []

    def order(self, generator=None, state=None):
        return WatchedOrder(self)

    def __len__(self):
        return self.length


class WatchedOrder(Order):
    def __init__(self, sampler):
        self.sampler = sampler

    def __len__(self):
        return self.sampler.length

    def read(self, start, stop, step=1):
        assert 0 <= start <= stop <= len(self)
        self.sampler.seen.append((start, stop, step))
        return np.arange(start, stop, step, dtype=np.int64)

    def state(self):
        return {"kind": "watched"}


def test_no_more_is_read_of_an_order_than_a_rank_gets():
    source = Watched(10**15)
    order = DistributedSampler(source, 8, 5).order()
    assert order.read(10**12, 10**12 + 3).tolist() == [8 * (10**12 + k) + 5 for k in range(3)]
    assert source.seen == [(8 * 10**12 + 5, 8 * 10**12 + 22, 8)]


def test_the_index_that_pads_is_read_before_the_others():
    source = Watched(10)
    assert DistributedSampler(source, 4, 3).order().read(0, 3).tolist() == [3, 7, 1]
    assert source.seen == [(1, 2, 1), (3, 8, 4)]


@pytest.mark.parametrize("source", [range(1_000_000), RandomSampler(range(1_000_000), generator=torch.Generator())])
def test_a_state_is_small(source):
    assert len(json.dumps(DistributedSampler(source, 2, 0).order().state())) < 400


def test_an_order_without_end_is_dealt_without_end():
    class Endless(Watched):
        def __len__(self):
            raise TypeError("no end")

    source = Endless(sys.maxsize)
    order = DistributedSampler(source, 3, 1).order()
    assert len(order) == sys.maxsize
    assert order.read(5, 8).tolist() == [16, 19, 22]
    assert len(source.seen) == 1
    with pytest.raises(TypeError, match="no end"):
        len(DistributedSampler(Endless(sys.maxsize), 3, 1))


def test_an_order_that_is_known_as_a_whole_is_dealt_in_place():
    class Known(ArraySampler):
        def order(self, generator=None, state=None):
            return ArrayOrder(np.array([7, 3, 5, 1]), {"kind": "known"})

        def __len__(self):
            return 4

    assert [list(sampler) for sampler in ranks(3, Known())] == [[7, 1], [3, 7], [5, 3]]

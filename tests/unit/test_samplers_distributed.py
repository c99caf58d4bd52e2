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

from fastload.samplers._batch import BatchSampler
from fastload.samplers._class_balanced import ClassBalancedSampler
from fastload.samplers._distributed import DistributedBatchSampler, DistributedSampler
from fastload.samplers._length_grouped import LengthGroupedBatchSampler
from fastload.samplers._order import ArrayBatchSampler, ArrayOrder, ArraySampler, Order, array_sampler
from fastload.samplers._random import RandomSampler
from fastload.samplers._subset import SubsetRandomSampler
from fastload.samplers._weighted import WeightedRandomSampler

TorchDistributed = torch_data.distributed.DistributedSampler


class OfPython(torch_data.Sampler):
    """A user's own, that draws from all three global generators and, if it has one, its own."""

    def __init__(self, length, generator=None):
        self.length = length
        self.generator = generator

    def __iter__(self):
        indices = list(range(self.length))
        random.shuffle(indices)
        np.random.shuffle(indices)
        turned = torch.randperm(self.length)[torch.randperm(self.length, generator=self.generator)]
        return iter([indices[k] for k in turned])

    def __len__(self):
        return self.length


class WithoutLength(torch_data.Sampler):
    def __iter__(self):
        return iter(torch.randperm(11))


class OwnBatches(torch_data.Sampler):
    def __iter__(self):
        order = torch.randperm(10).tolist()
        return iter([order[:3], order[3:4], order[4:]])

    def __len__(self):
        return 3


def own_generator():
    """One that stands elsewhere on every rank."""
    generator = torch.Generator()
    generator.manual_seed(random.randrange(1 << 30))
    return generator


SAMPLERS = {
    "weighted": lambda: torch_data.WeightedRandomSampler([0.1, 2.0, 3.0, 1.0], 21),
    "subset": lambda: torch_data.SubsetRandomSampler(range(5, 40, 2)),
    "replacement": lambda: torch_data.RandomSampler(range(9), replacement=True, num_samples=50),
    "own generator": lambda: torch_data.RandomSampler(range(9), generator=own_generator()),
    "feistel": lambda: RandomSampler(range(23), method="feistel"),
    "alias": lambda: WeightedRandomSampler([0.1, 2.0, 3.0, 1.0], 21, method="alias"),
    "balanced": lambda: ClassBalancedSampler([0, 1, 1, 1, 2, 2], 20, replacement=False),
    "array": lambda: RandomSampler(range(23)),
    "user": lambda: OfPython(13),
    "user's generator": lambda: OfPython(13, own_generator()),
    "no length": WithoutLength,
}

BATCH_SAMPLERS = {
    "torch": lambda: torch_data.BatchSampler(torch_data.RandomSampler(range(23)), 4, False),
    "torch, full batches": lambda: torch_data.BatchSampler(OfPython(23), 4, True),
    "fastload": lambda: BatchSampler(SubsetRandomSampler(range(23)), 4, False),
    "user": OwnBatches,
    "fixed": lambda: [[0, 1], [2], [3, 4, 5]],
    "by length": lambda: LengthGroupedBatchSampler(range(1, 60), max_tokens=100),
}


def ranks(world, source, kind=DistributedSampler, **arguments):
    return [kind(source, world, rank, **arguments) for rank in range(world)]


def interleaved(parts):
    return [item for items in itertools.zip_longest(*parts) for item in items if item is not None]


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


def make_samplers(world, source, tail):
    kind = DistributedSampler if isinstance(source, range) else DistributedBatchSampler
    return ranks(world, source, kind, seed=6, tail=tail)


def parts_of(samplers, state):
    make = "order" if isinstance(samplers[0], ArraySampler) else "batches"
    return [getattr(sampler, make)(state=state) for sampler in samplers]


def read_all(part, start, stop):
    if isinstance(part, Order):
        return part.read(start, stop).tolist()
    return [tuple(part.read(number).tolist()) for number in range(start, stop)]


@settings(max_examples=150, deadline=None)
@given(
    length=st.integers(1, 90),
    stages=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(0, 4)), min_size=2, max_size=5),
    tail=st.sampled_from(["pad", "drop", "uneven"]),
    batches=st.booleans(),
)
def test_worlds_of_changing_size_deliver_an_epoch_exactly(length, stages, tail, batches):
    """stages: world size, batch size, and batches that each rank delivers before the world changes."""
    source = torch_data.BatchSampler(torch_data.RandomSampler(range(length)), 2, False) if batches else range(length)
    whole = read_all(parts_of(make_samplers(1, source, "pad"), None)[0], 0, len(source))
    state, consumed, delivered = None, 0, []
    for stage, (world, samples, steps) in enumerate(stages):
        size = 1 if batches else samples
        samplers = make_samplers(world, source, tail)
        if state is not None:
            rebased = {json.dumps(sampler.rebase(state, consumed, size)) for sampler in samplers}
            assert len(rebased) == 1
            state, consumed = json.loads(rebased.pop())
            assert consumed % size == 0
        parts = parts_of(samplers, state)
        assert [len(part) <= len(sampler) for part, sampler in zip(parts, samplers, strict=True)] == [True] * world
        shortest = min(map(len, parts))
        stop = min(consumed + steps * size, shortest // size * size)
        if stage == len(stages) - 1 or stop < consumed:
            break
        delivered += interleaved([read_all(part, consumed, stop) for part in parts])
        assert len({json.dumps(part.state(), sort_keys=True) for part in parts}) == 1
        state, consumed = json.loads(json.dumps(parts[-1].state())), stop
    delivered += interleaved([read_all(part, consumed, len(part)) for part in parts])
    exact = delivered[: len(whole)]
    assert exact == whole[: len(exact)]
    largest = max(stage[0] for stage in stages)
    if tail == "pad":
        assert delivered[len(whole) :] == (whole * largest)[: len(delivered) - len(whole)]
        assert len(whole) <= len(delivered) < len(whole) + largest
    elif tail == "drop":
        assert len(whole) - largest < len(delivered) <= len(whole)
    else:
        assert delivered == whole


def test_a_world_of_the_same_size_goes_on_as_it_was():
    sampler = DistributedSampler(range(100), 4, 2)
    state = sampler.order().state()
    assert sampler.rebase(state, 12, 4) == (state, 12)
    again = DistributedSampler(range(100), 4, 2).order(state=state)
    assert again.read(12, 25).tolist() == list(sampler)[12:]


def test_four_ranks_go_on_as_two():
    state = DistributedSampler(range(100), 4, 1, shuffle=False).order().state()
    state, consumed = DistributedSampler(range(100), 2, 0, shuffle=False).rebase(state, 9, 4)
    assert (state["start"], state["at"], consumed) == (36, 16, 16)
    order = DistributedSampler(range(100), 2, 1, shuffle=False).order(state=state)
    assert order.read(16, 19).tolist() == [37, 39, 41]
    assert len(order) == 16 + 32
    with pytest.raises(IndexError, match="begins at 16"):
        order.read(15, 17)


@pytest.mark.parametrize("tail", ["pad", "drop", "uneven"])
@pytest.mark.parametrize("length", [1, 10, 11])
def test_a_finished_epoch_leaves_nothing_for_another_world(tail, length):
    sampler = DistributedSampler(range(length), 8 if length == 1 else 4, 0, tail=tail)
    smaller = DistributedSampler(range(length), 3, 0, tail=tail)
    state, consumed = smaller.rebase(sampler.order().state(), len(sampler), 1)
    assert len(smaller.order(state=state)) == consumed


def test_torchs_own_sampler_goes_on_in_another_world():
    old = TorchDistributed(range(20), 2, 0)
    old.set_epoch(3)
    state = array_sampler(old).order().state()
    new = array_sampler(TorchDistributed(range(20), 4, 1))
    state, consumed = new.rebase(state, 4, 2)
    whole = TorchDistributed(range(20), 1, 0)
    whole.set_epoch(3)
    assert new.order(state=state).read(consumed, consumed + 3).tolist() == list(whole)[8 + 1 :: 4]


def test_the_state_brings_its_epoch():
    sampler = DistributedSampler(range(30), 2, 0)
    sampler.set_epoch(5)
    state, whole = sampler.order().state(), list(sampler)
    resumed = DistributedSampler(range(30), 2, 0)
    assert resumed.order(state=state).read(0, 15).tolist() == whole
    resumed.begin_epoch()
    assert resumed.epoch == 6


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: DistributedSampler(range(31), 2, 0), "length=30.*length=31"),
        (lambda: DistributedSampler(range(30), 2, 0, seed=1), "seed=0.*seed=1"),
        (lambda: DistributedSampler(range(30), 2, 0, shuffle=False), "shuffle=True.*shuffle=False"),
        (lambda: DistributedSampler(range(30), 3, 0), "num_replicas=2.*num_replicas=3"),
        (lambda: DistributedSampler(OfPython(30), 2, 0), "order="),
    ],
)
def test_a_state_of_something_else_is_refused(other, message):
    state = DistributedSampler(range(30), 2, 0).order().state()
    with pytest.raises(ValueError, match=message):
        other().order(state=state)


def test_a_state_of_another_sampler_names_what_differs():
    state = DistributedSampler(RandomSampler(range(30)), 2, 0).order().state()
    with pytest.raises(ValueError, match=r"num_samples=30.*num_samples=40"):
        DistributedSampler(RandomSampler(range(30), num_samples=40), 2, 0).order(state=state)
    state = DistributedSampler(LengthGroupedBatchSampler(range(9), 2), 2, 0).batches().state()
    with pytest.raises(ValueError, match=r"batch_size=2.*batch_size=3"):
        DistributedSampler(LengthGroupedBatchSampler(range(9), 3), 2, 0).batches(state=state)


def test_weights_that_changed_in_the_epoch_are_gone_on_with():
    def weighted(weights):
        return DistributedSampler(WeightedRandomSampler(weights, 600), 2, 1)

    sampler = weighted(torch.tensor([1.0, 2.0, 3.0]))
    order = sampler.order()
    order.read(0, 100)
    sampler.dataset.update(0, 30.0)
    state, rest = json.loads(json.dumps(order.state())), order.read(100, 300).tolist()
    resumed = weighted(torch.tensor([30.0, 2.0, 3.0])).order(state=state)
    assert resumed.read(100, 300).tolist() == rest


def test_rebase_refuses_what_it_cannot_continue():
    state = DistributedSampler(range(30), 2, 0).order().state()
    with pytest.raises(ValueError, match=r"seed=0.*seed=1"):
        DistributedSampler(range(30), 3, 0, seed=1).rebase(state, 4, 1)
    with pytest.raises(ValueError, match="kind="):
        DistributedSampler(range(30), 3, 0).rebase({"kind": "sequential"}, 4, 1)
    with pytest.raises(ValueError, match="begins after 5 indices for each rank, but 3 were consumed"):
        DistributedSampler(range(30), 3, 0).rebase({**state, "at": 5}, 3, 1)


def test_a_user_sampler_that_changed_is_refused():
    state = DistributedSampler(OfPython(30), 2, 0).order().state()

    class Sorted(OfPython):
        def __iter__(self):
            return iter(range(self.length))

    with pytest.raises(ValueError, match="checksum"):
        DistributedSampler(Sorted(30), 2, 0).order(state=state)


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

"""InfiniteSampler: pass after pass, from any position on, on any number of ranks."""

import itertools
import json
import sys

import pytest
import torch
import torch.utils.data as torch_data

from fastload.samplers._distributed import DistributedSampler
from fastload.samplers._infinite import InfiniteSampler
from fastload.samplers._random import RandomSampler


class Backwards(torch_data.Sampler):
    """A user's own, that knows its epoch."""

    def __init__(self, lengths):
        self.lengths = lengths
        self.epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        return iter(range(self.lengths[self.epoch % len(self.lengths)], 0, -1))


def passes(sampler, length, number):
    indices = list(itertools.islice(sampler, length * number))
    return [indices[start : start + length] for start in range(0, len(indices), length)]


def test_passes_are_permutations_one_after_the_other():
    found = passes(InfiniteSampler(range(10), seed=3), 10, 4)
    for number, one in enumerate(found):
        generator = torch.Generator()
        generator.manual_seed(3 + number)
        assert one == torch.randperm(10, generator=generator).tolist()
    assert passes(InfiniteSampler(4, shuffle=False), 4, 3) == [[0, 1, 2, 3]] * 3


def test_a_pass_is_an_epoch_and_the_next_iteration_goes_on_with_another():
    sampler = InfiniteSampler(10)
    sampler.begin_epoch()
    found = passes(sampler, 10, 3)
    assert sampler.epoch == 2
    sampler.begin_epoch()
    following = passes(sampler, 10, 1)
    assert following[0] not in found
    sampler.set_epoch(1)
    sampler.begin_epoch()
    assert passes(sampler, 10, 1) == found[1:2]


def test_it_has_no_length():
    sampler = InfiniteSampler(10)
    with pytest.raises(TypeError, match="no end"):
        len(sampler)
    with pytest.raises(TypeError):
        len(torch_data.DataLoader(range(10), sampler=sampler))
    assert len(sampler.order()) == sys.maxsize


@pytest.mark.parametrize(
    "make", [lambda: 7, lambda: torch_data.RandomSampler(range(7)), lambda: RandomSampler(range(7))]
)
def test_every_position_can_be_read_from_anywhere(make):
    whole = list(itertools.islice(InfiniteSampler(make()), 70))
    order = InfiniteSampler(make()).order()
    for start, stop, step in [(0, 5, 1), (33, 61, 1), (5, 9, 1), (50, 69, 3), (1, 64, 20), (8, 8, 1), (20, 22, 1)]:
        assert order.read(start, stop, step).tolist() == whole[start:stop:step]


def test_passes_of_a_sampler_are_drawn_anew_and_alike_everywhere():
    def of(sampler, seed):
        torch.manual_seed(seed)
        return passes(InfiniteSampler(sampler), 9, 3)

    def subset():
        return torch_data.SubsetRandomSampler(range(1, 10))

    assert of(subset(), 0) == of(subset(), 1)
    assert len({tuple(one) for one in of(subset(), 0)}) == 3
    assert all(sorted(one) == list(range(1, 10)) for one in of(subset(), 0))
    weighted = torch_data.WeightedRandomSampler([0.0, 1.0], 9)
    assert of(weighted, 0) == [[1] * 9] * 3
    assert passes(InfiniteSampler(Backwards([3])), 3, 2) == [[3, 2, 1]] * 2


def test_passes_of_different_length_are_refused():
    sampler = iter(InfiniteSampler(Backwards([3, 4])))
    assert list(itertools.islice(sampler, 3)) == [3, 2, 1]
    with pytest.raises(ValueError, match="pass 1 of the sampler has 4 indices, the first one had 3"):
        next(sampler)


def test_ranks_deal_the_passes_among_themselves():
    whole = list(itertools.islice(InfiniteSampler(10), 60))
    parts = [list(itertools.islice(InfiniteSampler(10, num_replicas=4, rank=rank), 15)) for rank in range(4)]
    assert [parts[k % 4][k // 4] for k in range(60)] == whole


def test_a_sampler_with_ranks_keeps_its_own():
    sampler = InfiniteSampler(DistributedSampler(range(10), 2, 1, seed=5))
    assert (sampler.num_replicas, sampler.rank) == (1, 0)
    inner = DistributedSampler(range(10), 2, 1, seed=5)
    for epoch, one in enumerate(passes(sampler, 5, 3)):
        inner.set_epoch(epoch)
        assert one == list(inner)
    with pytest.raises(ValueError, match="has ranks of its own: leave num_replicas=2 out"):
        InfiniteSampler(inner, num_replicas=2, rank=0)


def test_states_go_on_in_worlds_of_changing_size():
    whole = list(itertools.islice(InfiniteSampler(10), 200))
    state, consumed, delivered = None, 0, []
    for world, size, steps in [(4, 3, 3), (2, 4, 5), (3, 1, 7), (1, 2, 4)]:
        samplers = [InfiniteSampler(10, num_replicas=world, rank=rank) for rank in range(world)]
        if state is not None:
            state, consumed = samplers[-1].rebase(state, consumed, size)
            assert consumed % size == 0
        parts = [sampler.order(state=state) for sampler in samplers]
        dealt = [part.read(consumed, consumed + size * steps).tolist() for part in parts]
        delivered += list(itertools.chain.from_iterable(zip(*dealt, strict=True)))
        state, consumed = json.loads(json.dumps(parts[0].state())), consumed + size * steps
    assert delivered == whole[: len(delivered)]


def test_a_resumed_order_knows_its_epoch():
    sampler = InfiniteSampler(10)
    sampler.set_epoch(4)
    state = sampler.order().state()
    resumed = InfiniteSampler(10)
    resumed.order(state=state).read(25, 27)
    assert resumed.epoch == 6


def test_states_of_something_else_are_refused():
    state = InfiniteSampler(10).order().state()
    with pytest.raises(ValueError, match=r"length=10.*length=11"):
        InfiniteSampler(11).order(state=state)
    with pytest.raises(ValueError, match=r"seed=0.*seed=2"):
        InfiniteSampler(10, seed=2).rebase(state, 3, 1)
    with pytest.raises(ValueError, match=r"num_replicas=1.*num_replicas=2"):
        InfiniteSampler(10, num_replicas=2, rank=0).order(state=state)


def test_what_cannot_be_repeated_is_refused():
    with pytest.raises(ValueError, match="a dataset of 0 samples has nothing to repeat"):
        InfiniteSampler([])
    with pytest.raises(ValueError, match="BatchSampler gives batches"):
        InfiniteSampler(torch_data.BatchSampler(torch_data.SequentialSampler(range(4)), 2, False))
    with pytest.raises(ValueError, match="shuffle=False has no meaning around a RandomSampler"):
        InfiniteSampler(RandomSampler(range(4)), shuffle=False)
    with pytest.raises(ValueError, match="gives no index"):
        next(iter(InfiniteSampler(Backwards([0]))))

"""A distributed epoch goes on in worlds of another size: what no rank has delivered is dealt anew."""

import json

import pytest
import torch
import torch.utils.data as torch_data
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ranks import (
    OfPython,
    interleaved,
    ranks,
)

from fastload.samplers._distributed import DistributedBatchSampler, DistributedSampler
from fastload.samplers._length_grouped import LengthGroupedBatchSampler
from fastload.samplers._order import ArraySampler, Order, array_sampler
from fastload.samplers._random import RandomSampler
from fastload.samplers._weighted import WeightedRandomSampler

TorchDistributed = torch_data.distributed.DistributedSampler


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

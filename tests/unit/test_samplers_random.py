"""`RandomSampler` in torch's order: its indices, and what it draws from whom at each pull."""

from __future__ import annotations

import hashlib
import json
import pickle
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from hypothesis import given, settings
from hypothesis import strategies as st

from fastload.samplers._batch import BatchSampler
from fastload.samplers._order import CHUNK, Order, array_sampler
from fastload.samplers._random import RandomSampler

TorchRandom = torch.utils.data.RandomSampler
TorchBatches = torch.utils.data.BatchSampler

SETTINGS = {
    "n": st.integers(1, 70),
    "replacement": st.booleans(),
    "num_samples": st.one_of(st.none(), st.integers(1, 150)),
    "shared": st.booleans(),
}


def own_generator(shared: bool) -> torch.Generator | None:
    return torch.Generator().manual_seed(12) if shared else None


def pulled(sampler: Any, generator: torch.Generator | None) -> list[Any]:
    """Two epochs: each item, and the states of both generators before it and after the last."""
    seen: list[Any] = []
    for _ in range(2):
        seen.append(states(generator))
        for item in sampler:
            seen += [item, states(generator)]
        seen.append(states(generator))
    return seen


def states(generator: torch.Generator | None) -> bytes:
    mine = b"" if generator is None else generator.get_state().numpy().tobytes()
    return hashlib.sha256(torch.get_rng_state().numpy().tobytes() + mine).digest()


def indices_of(order: Order) -> list[int]:
    return order.read(0, len(order)).tolist()


def batches(sampler: Any, batch_type: Any, size: int, drop_last: bool) -> list[Any]:
    torch.manual_seed(11)
    return pulled(batch_type(sampler, size, drop_last), sampler.generator)


@settings(max_examples=60, deadline=None)
@given(**SETTINGS, size=st.integers(1, 40), drop_last=st.booleans())
def test_batches_and_draws_at_each_pull_are_those_of_torch(
    n: int, replacement: bool, num_samples: int | None, shared: bool, size: int, drop_last: bool
) -> None:
    torchs = TorchRandom(range(n), replacement, num_samples, own_generator(shared))
    ours = RandomSampler(range(n), replacement, num_samples, own_generator(shared))
    plain = TorchRandom(range(n), replacement, num_samples, own_generator(shared))
    expected = batches(torchs, TorchBatches, size, drop_last)
    assert batches(ours, BatchSampler, size, drop_last) == expected
    assert batches(ours_again(ours), TorchBatches, size, drop_last) == expected
    assert batches(plain, BatchSampler, size, drop_last) == expected


def ours_again(sampler: RandomSampler) -> RandomSampler:
    shared = own_generator(sampler.generator is not None)
    return RandomSampler(sampler.data_source, sampler.replacement, sampler._num_samples, shared)


@settings(max_examples=40, deadline=None)
@given(**SETTINGS)
def test_indices_and_draws_at_each_index_are_those_of_torch(
    n: int, replacement: bool, num_samples: int | None, shared: bool
) -> None:
    seen = []
    for sampler_type in (TorchRandom, RandomSampler):
        torch.manual_seed(11)
        generator = own_generator(shared)
        seen.append(pulled(sampler_type(range(n), replacement, num_samples, generator), generator))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("n", [623, 624, 625, 626, 1249, 70_000])
def test_long_orders_are_those_of_torch(n: int, shared: bool) -> None:
    seen = []
    for sampler_type in (TorchRandom, RandomSampler):
        torch.manual_seed(11)
        generator = own_generator(shared)
        seen.append([*list(sampler_type(range(n), num_samples=n + 3, generator=generator)), states(generator)])
    assert seen[0] == seen[1]


def test_the_random_numbers_of_others_may_come_between_the_permutations() -> None:
    seen = []
    for sampler_type in (TorchRandom, RandomSampler):
        generator = torch.Generator().manual_seed(3)
        indices = []
        for index in sampler_type(range(700), num_samples=2500, generator=generator):
            indices.append(index)
            if len(indices) % 601 == 0:
                torch.rand(3, generator=generator)
        seen.append((indices, states(generator)))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("replacement", [False, True])
def test_what_was_drawn_between_the_draws_of_others_is_read_again(replacement: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    order = RandomSampler(range(100), replacement, 650, generator).order()
    first = {}
    for start in range(0, 650, 50):
        first[start] = order.read(start, start + 50).tolist()
        torch.rand(1, generator=generator)
    after = states(generator)
    assert {start: order.read(start, start + 50).tolist() for start in reversed(first)} == first
    assert order.read(0, 650).tolist() == [index for part in first.values() for index in part]
    assert states(generator) == after


@pytest.mark.parametrize("replacement", [False, True])
def test_what_came_before_many_draws_of_others_is_forgotten_not_guessed(replacement: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    order = RandomSampler(range(32), replacement, 32 * 200, generator).order()
    first = {}
    for start in range(0, 32 * 200, 32):
        first[start] = order.read(start, start + 32).tolist()
        torch.rand(1, generator=generator)
    recent = range(32 * 190, 32 * 200, 32)
    assert {start: order.read(start, start + 32).tolist() for start in recent} == {at: first[at] for at in recent}
    for start in (0, 32 * 100):
        with pytest.raises(RuntimeError, match="a generator of its own"):
            order.read(start, start + 32)


def test_a_second_reading_that_falls_behind_is_refused_where_it_stands() -> None:
    generator = torch.Generator().manual_seed(3)
    order = RandomSampler(range(100), True, 32 * 200, generator).order()
    first = [*order.read(0, 320).tolist(), *order.read(320, 352).tolist()]
    assert order.read(0, 160).tolist() == first[:160]
    for start in range(352, 32 * 200, 32):
        torch.rand(1, generator=generator)
        order.read(start, start + 32)
    with pytest.raises(RuntimeError, match=r"draw 160 .* is forgotten"):
        order.read(160, 400)


@pytest.mark.parametrize("size", [1, 31, 32, 50, 100])
def test_draws_of_others_between_batches_of_any_size_are_those_of_torch(size: int) -> None:
    seen = []
    for batch_type, sampler_type in ((TorchBatches, TorchRandom), (BatchSampler, RandomSampler)):
        generator = torch.Generator().manual_seed(3)
        batches = []
        for batch in batch_type(sampler_type(range(100), True, 3000, generator), size, False):
            batches.append(batch)
            torch.rand(1, generator=generator)
        seen.append((batches, states(generator)))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("n", [7, 2**28 - 1, 2**28, 2**32 - 1, 2**32, 2**40])
@pytest.mark.parametrize("shared", [False, True])
def test_draws_from_ranges_of_every_length_are_those_of_torch(n: int, shared: bool) -> None:
    torch.manual_seed(4)
    expected = list(TorchRandom(Sized(n), True, 100, own_generator(shared)))
    torch.manual_seed(4)
    order = RandomSampler(Sized(n), True, 100, own_generator(shared)).order()
    assert [*order.read(0, 9), *order.read(9, 80), *order.read(80, 100)] == expected
    assert order.read(3, 100, 7).tolist() == expected[3::7]


class Sized:
    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("n", "replacement", "num_samples"), [(900, False, None), (900, False, 300), (90, False, 1000), (90, True, 1000)]
)
def test_positions_read_in_any_order_are_those_of_the_whole(
    n: int, replacement: bool, num_samples: int | None, shared: bool
) -> None:
    sampler = RandomSampler(range(n), replacement, num_samples, own_generator(shared))
    order = sampler.order()
    state = order.state()
    random = np.random.default_rng(0)
    parts = []
    for _ in range(60):
        start, stop = sorted(random.integers(0, len(order) + 1, 2).tolist())
        step = int(random.integers(1, 50))
        parts.append((start, stop, step, order.read(start, stop, step).tolist()))
    whole = indices_of(sampler.order(state=state))
    for start, stop, step, part in parts:
        assert part == whole[start:stop:step]


@pytest.mark.parametrize("method", ["torch", "feistel"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("replacement", "num_samples"), [(False, None), (False, 5), (False, 100), (True, 100)])
def test_a_state_gives_the_same_order_from_every_position_and_leaves_the_generator_where_it_was(
    method: Any, shared: bool, replacement: bool, num_samples: int | None
) -> None:
    generator = own_generator(shared)
    sampler = RandomSampler(range(31), replacement, num_samples, generator, method=method)
    list(sampler)
    order = sampler.order()
    state = json.loads(json.dumps(order.state()))
    whole = indices_of(order)
    order.finish()
    after = states(generator)
    for position in range(len(whole) + 1):
        resumed_generator = own_generator(shared)
        resumed_sampler = RandomSampler(range(31), replacement, num_samples, resumed_generator, method=method)
        resumed = resumed_sampler.order(state=state)
        assert resumed.state() == state
        assert resumed.read(position, len(whole)).tolist() == whole[position:]
        resumed.finish()
        assert states(resumed_generator) == after


@pytest.mark.parametrize("method", ["torch", "feistel"])
def test_the_generator_given_to_order_decides_it(method: Any) -> None:
    sampler = RandomSampler(range(50), generator=torch.Generator().manual_seed(1), method=method)
    before = states(sampler.generator)
    orders = [indices_of(sampler.order(torch.Generator().manual_seed(seed))) for seed in (7, 7, 8)]
    assert orders[0] == orders[1] != orders[2]
    assert states(sampler.generator) == before


def test_a_state_with_a_generator_is_resumed_without_one() -> None:
    order = RandomSampler(range(50), generator=torch.Generator().manual_seed(1)).order()
    before = states(None)
    assert indices_of(RandomSampler(range(50)).order(state=order.state())) == indices_of(order)
    assert states(None) == before


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (RandomSampler(range(10)), "length=9.*length=10"),
        (RandomSampler(range(9), num_samples=4), "num_samples=9.*num_samples=4"),
        (RandomSampler(range(9), True), "torch draws"),
        (RandomSampler(range(9), method="feistel"), "feistel permutation"),
    ],
)
def test_a_state_from_other_settings_is_refused(other: RandomSampler, what: str) -> None:
    state = RandomSampler(range(9)).order().state()
    with pytest.raises(ValueError, match=what):
        other.order(state=state)


def test_torchs_own_sampler_is_seen_with_the_settings_it_has_now() -> None:
    sampler = TorchRandom(range(40), num_samples=60)
    sampler.generator = torch.Generator().manual_seed(2)
    known = array_sampler(sampler)
    assert known is not None
    ours = indices_of(known.order())
    sampler.generator.manual_seed(2)
    assert ours == list(sampler)


class MyRandom(TorchRandom):
    pass


def test_a_subclass_of_torchs_sampler_is_left_alone() -> None:
    assert array_sampler(MyRandom(range(3))) is None


@pytest.mark.parametrize("arguments", [(1,), (False, 0), (False, -1), (False, 2.5)])
def test_bad_arguments_raise_what_torch_raises(arguments: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as torchs:
        TorchRandom(range(3), *arguments)
    with pytest.raises(torchs.type) as ours:
        RandomSampler(range(3), *arguments)
    assert str(ours.value) == str(torchs.value)


def test_an_empty_dataset_raises_what_torch_raises() -> None:
    with pytest.raises(ValueError, match="num_samples=0"):
        RandomSampler([])
    for sampler_type in (TorchRandom, RandomSampler):
        with pytest.raises(ZeroDivisionError):
            list(sampler_type([], num_samples=3))


def test_a_default_device_is_torchs_business() -> None:
    # No tensor of the meta device has values: torch's sampler fails, and so does ours, without another answer.
    with torch.device("meta"):
        for sampler_type in (TorchRandom, RandomSampler):
            generator = torch.Generator().manual_seed(0)
            with pytest.raises((RuntimeError, NotImplementedError)):
                list(sampler_type(range(5), generator=generator))


def test_a_sampler_can_be_pickled_in_mid_epoch() -> None:
    for method in ("torch", "feistel"):
        sampler = RandomSampler(range(2 * CHUNK), method=method)  # type: ignore[arg-type]
        iterator = iter(sampler)
        next(iterator)
        copy = pickle.loads(pickle.dumps(sampler))
        torch.manual_seed(5)
        expected = list(sampler)
        torch.manual_seed(5)
        assert list(copy) == expected

"""A job that goes on with another number of ranks, batch size and workers gives the samples still due, each once."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.loader import DataLoader
from support.stateful import run_epochs, stopped_after, taken

from fastload.samplers import DistributedSampler, RandomSampler


class World:
    """The loaders of all ranks."""

    def __init__(self, length: int, ranks: int, batch_size: int, tail: Any, around: bool, workers: int) -> None:
        def data() -> Any:
            return RandomSampler(range(length)) if around else range(length)

        self.loaders = [
            DataLoader(
                range(length),
                batch_size,
                sampler=DistributedSampler(data(), ranks, rank, seed=6, tail=tail),
                num_workers=workers,
                worker_type="thread",
            )
            for rank in range(ranks)
        ]

    def load(self, state: dict[str, Any]) -> None:
        for loader in self.loaders:
            loader.load_state_dict(state)

    def step(self, steps: int) -> tuple[list[int], list[dict[str, Any]]]:
        """What all ranks get in so many steps, fewer if one of them has no more, and their states."""
        # Asking how many are left must not end an epoch, so it is the loaders of another run that tell.
        results = [stopped_after(loader, steps) for loader in self.loaders]
        return flat(batches for batches, _ in results), [state for _, state in results]

    def rest(self) -> list[int]:
        return flat(run_epochs(loader, 1)[0] for loader in self.loaders)


def flat(ranks: Any) -> list[int]:
    return [index for batches in ranks for batch in batches for index in batch]


worlds = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(0, 6), st.sampled_from([0, 0, 0, 2]))


@settings(max_examples=300, deadline=None)
@given(
    length=st.integers(4, 60),
    tail=st.sampled_from(["uneven", "pad", "drop"]),
    around=st.booleans(),
    runs=st.lists(worlds, min_size=1, max_size=3),
    last=st.tuples(st.integers(1, 4), st.integers(1, 6)),
    whose=st.integers(0, 3),
)
def test_the_samples_still_due_come_once(
    length: int, tail: str, around: bool, runs: list[tuple[int, int, int, int]], last: tuple[int, int], whose: int
) -> None:
    seen: list[int] = []
    state: dict[str, Any] = {}
    allowed = 0  # padded or dropped
    before = (0, 0)
    for ranks, wanted_size, steps, workers in runs:
        size = before[1] if ranks == before[0] else wanted_size  # the same world goes on with the same batches
        world = World(length, ranks, size, tail, around, workers)
        world.load(state)
        most = min(len(taken(iter(copy), 99)) for copy in resumed(length, ranks, size, tail, around, state))
        batches, states = world.step(min(steps, most))
        seen += batches
        state = states[whose % ranks]
        allowed += ranks - 1
        before = (ranks, size)
    ranks = last[0]
    world = World(length, ranks, before[1] if ranks == before[0] else last[1], tail, around, 0)
    world.load(state)
    seen += world.rest()
    allowed += ranks - 1
    if tail == "uneven":
        assert sorted(seen) == list(range(length))
    elif tail == "pad":
        assert set(seen) == set(range(length))
        assert len(seen) - length <= allowed
    else:
        assert len(set(seen)) == len(seen)
        assert length - len(seen) <= allowed
    everything = world.rest()  # the next epoch is a whole one
    assert len(everything) >= length - ranks + 1
    assert tail == "drop" or set(everything) == set(range(length))


def resumed(length: int, ranks: int, size: int, tail: str, around: bool, state: dict[str, Any]) -> list[DataLoader]:
    world = World(length, ranks, size, tail, around, 0)
    world.load(state)
    return world.loaders


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(8, 80),
    before=st.sampled_from([1, 2, 4, 8]),
    after=st.sampled_from([1, 2, 4, 8]),
    steps=st.integers(0, 10),
)
def test_global_batches_of_one_size_hold_the_same_samples_in_any_world(
    length: int, before: int, after: int, steps: int
) -> None:
    def global_batches(ranks: int, number: int, state: dict[str, Any]) -> tuple[list[set[int]], dict[str, Any]]:
        world = World(length, ranks, 8 // ranks, "drop", False, 0)
        world.load(state)
        results = [stopped_after(loader, number) for loader in world.loaders]
        parts = [batches for batches, _ in results]
        return [set(flat([[part] for part in step])) for step in zip(*parts, strict=False)], results[0][1]

    whole, _ = global_batches(1, 99, {})
    whole = [batch for batch in whole if len(batch) == 8]
    first, state = global_batches(before, min(steps, len(whole)), {})
    rest, _ = global_batches(after, 99, state)
    assert [batch for batch in first + rest if len(batch) == 8] == whole

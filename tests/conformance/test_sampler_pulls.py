"""When the sampler is asked, and which worker gets what: checked against a model, not against torch's code."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from support.datasets import Numbers, Shard, WorkerReport, as_is
from support.loader import DataLoader, three_workers_are_fine

pytestmark = three_workers_are_fine


class Recorder:
    """A batch sampler that writes down each call of ``__iter__`` and of ``__next__``, also those after its end."""

    def __init__(self, batches: int) -> None:
        self.batches = batches
        self.log: list[str] = []
        self.threads: set[int] = set()

    def __iter__(self) -> "RecorderIterator":
        self.log.append("iter")
        return RecorderIterator(self)

    def count(self, what: str) -> int:
        return self.log.count(what)


class RecorderIterator:
    def __init__(self, owner: Recorder) -> None:
        self.owner = owner
        self.position = 0

    def __iter__(self) -> "RecorderIterator":
        return self

    def __next__(self) -> list[int]:
        self.owner.log.append("pull")
        self.owner.threads.add(threading.get_ident())
        if self.position == self.owner.batches:
            raise StopIteration
        self.position += 1
        return [self.position - 1]


def test_without_workers_there_is_one_pull_for_each_next() -> None:
    sampler = Recorder(3)
    iterator = iter(DataLoader(Numbers(9), batch_sampler=sampler))
    assert sampler.log == ["iter"]
    for done in range(1, 4):
        next(iterator)
        assert sampler.count("pull") == done
    assert next(iterator, None) is None
    assert sampler.log == ["iter"] + 4 * ["pull"]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("prefetch", [1, 2])
def test_with_workers_the_sampler_is_pulled_ahead_by_exactly_the_prefetch(prefetch: int, workers: int) -> None:
    sampler = Recorder(9)
    iterator = iter(DataLoader(Numbers(9), batch_sampler=sampler, num_workers=workers, prefetch_factor=prefetch))
    ahead = prefetch * workers
    assert sampler.log == ["iter", "iter"] + ahead * ["pull"]
    for done in range(1, 10):
        next(iterator)
        assert sampler.count("pull") == ahead + done
    assert next(iterator, None) is None
    assert sampler.count("pull") == ahead + 9


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_a_short_sampler_is_pulled_past_its_end_as_often(batches: int) -> None:
    sampler = Recorder(batches)
    assert len(list(DataLoader(Numbers(9), batch_sampler=sampler, num_workers=2))) == batches
    assert sampler.log == ["iter", "iter"] + (4 + batches) * ["pull"]


@pytest.mark.parametrize("workers", [0, 2])
def test_the_sampler_is_pulled_in_the_callers_thread(workers: int) -> None:
    sampler = Recorder(5)
    list(DataLoader(Numbers(9), batch_sampler=sampler, num_workers=workers))
    assert sampler.threads == {threading.get_ident()}


def test_the_next_pull_comes_before_the_batch_is_handed_out_and_before_an_error_is_raised() -> None:
    sampler = Recorder(8)

    def fails_at_one(samples: list[torch.Tensor]) -> int:
        if samples[0][0] == 1:
            raise ValueError("one")
        return int(samples[0][0])

    iterator = iter(
        DataLoader(Numbers(9), batch_sampler=sampler, num_workers=1, prefetch_factor=1, collate_fn=fails_at_one)
    )
    assert next(iterator) == 0
    assert sampler.count("pull") == 2
    with pytest.raises(ValueError, match="one"):
        next(iterator)
    assert sampler.count("pull") == 3


def test_a_persistent_loader_asks_for_one_iterator_in_each_further_epoch() -> None:
    sampler = Recorder(3)
    loader = DataLoader(Numbers(9), batch_sampler=sampler, num_workers=2, persistent_workers=True)
    list(loader)
    assert sampler.count("iter") == 2
    list(loader)
    assert sampler.log == (["iter", "iter"] + 7 * ["pull"]) + (["iter"] + 7 * ["pull"])


def test_a_sampler_under_torchs_batch_sampler_is_asked_once_at_the_first_pull() -> None:
    sampler = Recorder(4)
    loader: Any = DataLoader([torch.zeros(1)] * 9, sampler=SingleIndices(sampler), batch_size=2)
    iterator = iter(loader)
    assert sampler.log == []
    next(iterator)
    assert sampler.log == ["iter", "pull", "pull"]
    with_workers: Any = DataLoader([torch.zeros(1)] * 9, sampler=SingleIndices(sampler), batch_size=2, num_workers=1)
    sampler.log.clear()
    list(with_workers)
    assert sampler.count("iter") == 1


class SingleIndices:
    """The indices of a recorder's batches of one, each on its own."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def __iter__(self) -> Iterator[int]:
        return (index for (index,) in iter(self.recorder))


def test_the_base_seed_is_drawn_between_the_two_iterators_of_the_sampler() -> None:
    """One draw for each new iterator, at a known place; the constructor draws nothing."""
    states: list[bytes] = []

    class Watching(Recorder):
        def __iter__(self) -> RecorderIterator:
            states.append(torch.get_rng_state().numpy().tobytes())
            return super().__iter__()

    def after(draws: int) -> bytes:
        torch.manual_seed(5)
        for _ in range(draws):
            torch.empty((), dtype=torch.int64).random_()
        return torch.get_rng_state().numpy().tobytes()

    expected = [after(0), after(1)]
    torch.manual_seed(5)
    loader = DataLoader(Numbers(9), batch_sampler=Watching(1), num_workers=1)
    assert torch.get_rng_state().numpy().tobytes() == expected[0]
    list(loader)
    assert states == expected


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_batch_k_is_made_by_worker_k_modulo_the_workers_in_every_epoch(workers: int, persistent: bool) -> None:
    loader = DataLoader(
        WorkerReport(), batch_size=2, num_workers=workers, persistent_workers=persistent, collate_fn=as_is
    )
    for _ in range(2):
        makers = [{report["id"] for report in batch} for batch in loader]
        assert makers == [{k % workers} for k in range(4)]
    iterator = iter(loader)
    next(iterator)
    if persistent:
        makers = [{report["id"] for report in batch} for batch in loader]
        assert makers == [{k % workers} for k in range(4)]


@pytest.mark.parametrize("persistent", [False, True])
def test_streams_are_taken_in_turn_from_the_workers_that_have_not_ended(persistent: bool) -> None:
    loader = DataLoader(Shard(3, 7), batch_size=2, num_workers=2, persistent_workers=persistent)
    for _ in range(2):
        batches = [batch.tolist() for batch in loader]
        assert batches == [[0, 1], [100, 101], [2], [102, 103], [104, 105], [106]]


def test_streams_that_end_in_the_same_round_and_empty_ones() -> None:
    loader = DataLoader(Shard(2, 0, 2), batch_size=1, num_workers=3)
    assert [batch.item() for batch in loader] == [0, 200, 1, 201]


def test_no_more_samples_are_touched_than_were_asked_for(tmp_path: Any) -> None:
    log = tmp_path / "touched"

    class Touching(Numbers):
        def __getitem__(self, index: int) -> torch.Tensor:
            with log.open("a") as file:
                file.write(f"{index}\n")
            return super().__getitem__(index)

    iterator = iter(DataLoader(Touching(100), batch_size=1, num_workers=2, prefetch_factor=2))
    for _ in range(3):
        next(iterator)
    iterator._shutdown_workers()
    touched = [int(line) for line in log.read_text().split()]
    assert len(set(touched)) == len(touched)
    assert set(touched) <= set(range(2 * 2 + 3))
    assert set(touched) >= set(range(3))


def test_a_generator_that_is_set_late_is_drawn_from() -> None:
    loader = DataLoader(Numbers(4), num_workers=1)
    loader.generator = torch.Generator().manual_seed(5)
    before = torch.get_rng_state()
    expected = torch.empty((), dtype=torch.int64).random_(generator=torch.Generator().manual_seed(5)).item()
    assert iter(loader)._base_seed == expected
    assert torch.equal(torch.get_rng_state(), before)

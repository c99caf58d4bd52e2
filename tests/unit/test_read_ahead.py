"""Reading ahead in memory shows in nothing but the time: batches, draws, changes, errors and ends are torch's."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.compare import assert_same
from support.loader import TorchDataLoader
from support.scripts import run_script
from torch.utils.data import StackDataset, Subset, TensorDataset

from fastload import DataLoader, _core, _read_ahead, samplers
from fastload._read_ahead import BATCHES_AHEAD, LEAST_BYTES, MOST_BYTES, MOST_CHANGES, ReadAhead
from fastload.memory._arena import process_slots

ROWS, WIDTH, BATCH = 100, 8192, 8  # 256 KB a batch


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where other programs keep the thread from its work."""
    monkeypatch.setattr(_read_ahead, "MOST_UNHELPED", 1 << 30)


def images() -> torch.Tensor:
    return torch.arange(float(ROWS)).repeat_interleave(WIDTH).view(ROWS, WIDTH).clone()


def pictures() -> TensorDataset:
    return TensorDataset(images(), torch.arange(ROWS))


def begun(iterator: Any) -> int:
    """How many batches are begun and not taken."""
    getter = iterator._dataset_fetcher._get_batch
    return len(getter._jobs) if isinstance(getter, ReadAhead) else 0


def reads_ahead(dataset: Any, **options: Any) -> bool:
    iterator = iter(DataLoader(dataset, **{"batch_size": BATCH, **options}))
    next(iterator)
    return begun(iterator) > 0


def random(**options: Any) -> Callable[[Any], Any]:
    return lambda dataset: torch.utils.data.RandomSampler(dataset, **options)


LOADERS: dict[str, dict[str, Any]] = {
    "in order": {},
    "in order, drop_last": {"drop_last": True},
    "no short batch": {"batch_size": 10},
    "one batch": {"batch_size": ROWS},
    "shuffled": {"shuffle": True},
    "shuffled, drop_last": {"shuffle": True, "drop_last": True},
    "a shared generator": {"shuffle": True, "generator": True},
    "more than once": {"sampler": random(num_samples=3 * ROWS + 5)},
    "more than once, a shared generator": {"sampler": random(num_samples=2 * ROWS + 5), "generator": True},
    "fewer": {"sampler": random(num_samples=ROWS // 2), "generator": True},
    "with replacement": {"sampler": random(replacement=True), "generator": True},
    "chosen": {"sampler": lambda dataset: torch.utils.data.SubsetRandomSampler(range(5, 70)), "generator": True},
    "weighted": {
        "sampler": lambda dataset: torch.utils.data.WeightedRandomSampler(range(1, ROWS + 1), 2 * ROWS),
        "generator": True,
    },
}


def made(loader_type: Any, dataset: Any, options: dict[str, Any]) -> tuple[Any, list[torch.Generator]]:
    """A loader, and the generators that it draws from."""
    torch.manual_seed(3)
    options = {"batch_size": BATCH, **options}
    generators = [torch.default_generator]
    if options.pop("generator", False):
        generators.append(torch.Generator().manual_seed(4))
    if "sampler" in options:
        options["sampler"] = options["sampler"](dataset)
        options["sampler"].generator = generators[-1] if len(generators) > 1 else None
    elif len(generators) > 1:
        options["generator"] = generators[-1]
    return loader_type(dataset, **options), generators


def record(loader_type: Any, dataset: Any, options: dict[str, Any]) -> Iterator[tuple[Any, list[bytes]]]:
    """Each batch, and the state of the generators then; two epochs."""
    loader, generators = made(loader_type, dataset, options)
    for _ in range(2):
        for batch in loader:
            yield batch, [generator.get_state().numpy().tobytes() for generator in generators]
        yield None, [generator.get_state().numpy().tobytes() for generator in generators]


@pytest.mark.parametrize("kind", LOADERS)
def test_batches_and_draws_are_those_of_torch_at_every_step(kind: str) -> None:
    dataset, options = pictures(), LOADERS[kind]
    theirs = list(record(TorchDataLoader, dataset, options))
    ours = list(record(DataLoader, dataset, options))
    assert len(ours) == len(theirs)
    for step, ((batch, states), (expected, expected_states)) in enumerate(zip(ours, theirs, strict=True)):
        assert_same(batch, expected, f"step {step}")
        assert states == expected_states, f"step {step}"


def test_batches_are_begun_before_they_are_asked_for_but_the_last() -> None:
    iterator = iter(DataLoader(pictures(), batch_size=10, shuffle=True))
    left = [begun(iterator) for _ in iterator]
    assert left == [*[BATCHES_AHEAD] * 7, 1, 0, 0]


def test_the_batch_that_was_begun_is_handed_out() -> None:
    iterator = iter(DataLoader(pictures(), batch_size=10))
    next(iterator)
    reader: Any = iterator._dataset_fetcher._get_batch
    for step in range(1, 9):
        started = reader._jobs[0].batch
        batch = next(iterator)
        assert batch is started
        assert batch[1].tolist() == [*range(10 * step, 10 * step + 10)]


DATASETS: dict[str, Callable[[], Any]] = {
    "one tensor": lambda: TensorDataset(images()),
    "a plain tensor": images,
    "by name": lambda: StackDataset(image=images(), label=torch.arange(ROWS)),
    "a subset": lambda: Subset(pictures(), [*range(ROWS - 1, 5, -1)]),
    "a part of a larger tensor": lambda: TensorDataset(images()[::2]),
    "a subset and its labels": lambda: StackDataset(Subset(images(), range(50)), torch.arange(50)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("kind", DATASETS)
def test_any_tree_of_tensors_is_read_ahead(kind: str) -> None:
    dataset = DATASETS[kind]()
    assert reads_ahead(dataset)
    ours, theirs = DataLoader(dataset, BATCH), TorchDataLoader(dataset, BATCH)
    for batch, expected in zip(ours, theirs, strict=True):
        assert_same(batch, expected)


def add_one(tensor: torch.Tensor) -> None:
    tensor.add_(1)


def set_rows(tensor: torch.Tensor) -> None:
    tensor[10:60] = torch.rand(50, WIDTH)


def through_a_view(tensor: torch.Tensor) -> None:
    tensor.view(-1)[5::3].mul_(-1)


def through_detach(tensor: torch.Tensor) -> None:
    tensor.detach().fill_(2)


def as_output(tensor: torch.Tensor) -> None:
    torch.sub(torch.ones(ROWS, WIDTH), 3, out=tensor)


def in_inference_mode(tensor: torch.Tensor) -> None:
    with torch.inference_mode():
        tensor[40].fill_(9)


def new_data(tensor: torch.Tensor) -> None:
    tensor.data = torch.rand(ROWS, WIDTH)


def new_storage(tensor: torch.Tensor) -> None:
    tensor.set_(torch.rand(ROWS, WIDTH))  # type: ignore[call-overload]


def through_numpy(tensor: torch.Tensor) -> None:
    tensor.numpy()[:] += 1


CHANGES = [
    *(add_one, set_rows, through_a_view, through_detach, as_output, in_inference_mode),
    *(new_data, new_storage, through_numpy),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("every", [1, 4])
def test_changes_of_the_tensors_show_in_the_next_batch(change: Callable[[torch.Tensor], None], every: int) -> None:
    results: list[list[torch.Tensor]] = []
    for loader_type in (TorchDataLoader, DataLoader):
        torch.manual_seed(1)
        dataset = pictures()
        results.append([])
        for step, batch in enumerate(loader_type(dataset, BATCH, shuffle=True)):
            results[-1].append(batch[0].clone())
            if step % every == 0:
                change(dataset.tensors[0])
    for step, (expected, ours) in enumerate(zip(*results, strict=True)):
        assert_same(ours, expected, f"batch {step}")


def test_data_that_changes_all_the_time_is_not_read_ahead_for_long() -> None:
    dataset = pictures()
    iterator = iter(DataLoader(dataset, BATCH))
    left = []
    for _ in range(MOST_CHANGES + 2):
        next(iterator)
        left.append(begun(iterator))
        add_one(dataset.tensors[0])
    assert left == [*[BATCHES_AHEAD] * MOST_CHANGES, 0, 0]


def test_memory_that_can_change_unseen_is_not_read_ahead() -> None:
    array = np.zeros((ROWS, WIDTH), np.float32)
    shared = images().share_memory_()
    seen_by_numpy = images()
    seen_by_numpy.numpy()
    with torch.inference_mode():
        inference = images()
    for source in (array, torch.from_numpy(array), shared, seen_by_numpy, inference):
        assert not reads_ahead(StackDataset(source))
    assert not reads_ahead(StackDataset(images(), np.arange(ROWS)))


def test_reading_ahead_ends_when_numpy_gets_hold_of_the_memory() -> None:
    dataset = pictures()
    iterator = iter(DataLoader(dataset, BATCH))
    next(iterator)
    dataset.tensors[0].numpy()
    next(iterator)
    assert begun(iterator) == 0


def test_batches_that_are_small_or_huge_are_not_read_ahead() -> None:
    data = torch.zeros(40, LEAST_BYTES // 8, dtype=torch.uint8)
    assert reads_ahead(data, batch_size=8)
    assert not reads_ahead(data, batch_size=7)
    huge = torch.zeros(1, MOST_BYTES // 2 + 1, dtype=torch.uint8).expand(8, -1)
    iterator = iter(DataLoader(huge, batch_size=1))
    next(iterator)
    assert begun(iterator) == 1
    assert not reads_ahead(huge, batch_size=2)


def test_what_is_not_decided_yet_is_not_read_ahead() -> None:
    dataset = pictures()
    for sampler in (
        samplers.WeightedRandomSampler([1.0] * ROWS, ROWS),  # weights may be updated
        samplers.RandomSampler(dataset, num_samples=ROWS + 1, generator=torch.Generator()),
    ):
        assert not reads_ahead(dataset, sampler=sampler)


def test_errors_of_samples_and_generators_of_samples_rule_it_out() -> None:
    assert not reads_ahead(pictures(), on_error="skip")
    assert not reads_ahead(pictures(), rng="sample")


def test_one_processor_is_left_alone() -> None:
    threads = _core.num_threads()
    _core.set_num_threads(1)
    try:
        assert not reads_ahead(pictures())
    finally:
        _core.set_num_threads(threads)


def test_an_index_out_of_range_is_met_at_its_turn() -> None:
    dataset = Subset(pictures(), [*range(20), ROWS, *range(20, 40)])
    for loader_type in (TorchDataLoader, DataLoader):
        iterator = iter(loader_type(dataset, batch_size=8))
        labels = [next(iterator)[1].tolist() for _ in range(2)]
        assert labels == [[*range(8)], [*range(8, 16)]]
        with pytest.raises(IndexError):
            next(iterator)
        assert next(iterator)[1].tolist() == [*range(23, 31)]


def test_a_batch_made_in_inference_mode_is_not_handed_out_after_it() -> None:
    iterator = iter(DataLoader(pictures(), BATCH))
    with torch.inference_mode():
        assert next(iterator)[0].is_inference()
    assert not next(iterator)[0].is_inference()
    with torch.inference_mode():
        assert next(iterator)[0].is_inference()


def test_a_batch_that_was_given_up_is_made_anew() -> None:
    iterator = iter(DataLoader(pictures(), BATCH))
    next(iterator)
    reader: Any = iterator._dataset_fetcher._get_batch
    job = reader._jobs[0]
    job.gather = never_whole()
    batch = next(iterator)
    assert batch is not job.batch
    assert batch[1].tolist() == [*range(8, 16)]


def never_whole() -> _core.GatherAhead:
    """A job that is not finished, as if its thread had lost its processor for long."""
    source = torch.zeros(1000, 10_000)
    while True:
        job = _core.GatherAhead([(source, np.arange(1000), torch.zeros_like(source))])
        job.cancel()
        if not job.finish():
            return job


def test_nothing_is_begun_for_a_while_when_it_does_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_read_ahead, "MOST_UNHELPED", 4)
    monkeypatch.setattr(_read_ahead, "PAUSE_BATCHES", 5)
    iterator = iter(DataLoader(pictures(), batch_size=10))
    next(iterator)
    reader: Any = iterator._dataset_fetcher._get_batch
    for helped in (False, False, True, False, False):
        reader._count(helped)
    assert reader._pause == 0
    reader._count(False)
    left = []
    for step in range(1, 9):
        assert next(iterator)[1].tolist() == [*range(10 * step, 10 * step + 10)]
        left.append(begun(iterator))
    assert left == [1, 0, 0, 0, 0, 2, 1, 0]


def test_the_state_counts_what_was_handed_out() -> None:
    dataset = pictures()
    loader = DataLoader(dataset, BATCH, shuffle=True)
    iterator = iter(loader)
    for _ in range(4):
        next(iterator)
    state = loader.state_dict()
    rest = [batch[1].tolist() for batch in iterator]
    resumed = DataLoader(dataset, BATCH, shuffle=True)
    resumed.load_state_dict(state)
    assert [batch[1].tolist() for batch in resumed] == rest


def test_an_iterator_that_goes_takes_what_was_begun_with_it() -> None:
    leased = process_slots().leased
    for steps in range(6):
        iterator = iter(DataLoader(pictures(), BATCH, shuffle=True))
        for _ in range(steps):
            next(iterator)
        del iterator
    assert process_slots().leased == leased


def test_a_forked_child_goes_on_with_the_epoch() -> None:
    dataset = pictures()
    for steps in range(1, 6):
        iterator = iter(DataLoader(dataset, BATCH))
        for _ in range(steps):
            next(iterator)
        child = os.fork()
        if child == 0:
            labels = [label for batch in iterator for label in batch[1].tolist() if (batch[0][:, 0] == batch[1]).all()]
            again = [batch[1].tolist() for batch in DataLoader(dataset, BATCH)]
            os._exit(not (labels == [*range(BATCH * steps, ROWS)] and len(again) == 13))
        assert os.waitpid(child, 0)[1] == 0
        assert [label for batch in iterator for label in batch[1].tolist()] == [*range(BATCH * steps, ROWS)]


@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(0)", "del dataset, loader", "os._exit(0)"])
def test_a_program_may_end_in_mid_epoch(tmp_path: Path, ending: str) -> None:
    status, _, errors = run_script(
        tmp_path,
        f"""
        dataset = torch.utils.data.TensorDataset(torch.zeros(1000, 30000))
        loader = DataLoader(dataset, batch_size=100, shuffle=True)
        iterator = iter(loader)
        next(iterator)
        {ending}
        """,
    )
    assert (status, errors) == (0, "")

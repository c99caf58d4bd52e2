"""The same batches as torch's loader, bit for bit, and the same random state in the main process at every step."""

import hashlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from support.compare import assert_same
from support.datasets import Numbers, RandomBatches, RandomSamples, RandomStream, Shard
from support.loader import DataLoader, TorchDataLoader, three_workers_are_fine
from support.samplers import DROPPABLE, SAMPLERS, generator

pytestmark = three_workers_are_fine

LENGTH = 23
WORKERS = [0, 1, 2, 3]
# Every number of workers, and both kinds of samples in this process and in several others, with every sampler.
SAMPLES_AND_WORKERS = [
    (RandomSamples, 0),
    (RandomSamples, 1),
    (RandomSamples, 3),
    (RandomBatches, 0),
    (RandomBatches, 2),
]


def random_state(own: torch.Generator | None) -> str:
    """A fingerprint of the global generators of torch, random and numpy, and of the loader's own."""
    digest = hashlib.sha256(torch.get_rng_state().numpy().tobytes())
    digest.update(repr(random.getstate()).encode())
    kind, keys, position, *rest = np.random.get_state()
    digest.update(repr((kind, keys.tobytes(), position, rest)).encode())
    if own is not None:
        digest.update(own.get_state().numpy().tobytes())
    return digest.hexdigest()


def record(loader_class: Any, dataset: Any, arguments: dict[str, Any], stops: list[int | None]) -> list[Any]:
    """Every batch and the random state after every step, over one epoch for each entry of ``stops``.

    stops: after how many batches the loop breaks; None for never.
    """
    torch.manual_seed(7)
    random.seed(8)
    np.random.seed(9)
    loader = loader_class(dataset, **arguments)
    own = loader.generator
    events: list[Any] = [("constructed", random_state(own))]
    for stop in stops:
        events.extend(epoch(loader, own, stop))
    return events


def epoch(loader: Any, own: torch.Generator | None, stop: int | None) -> Iterator[Any]:
    iterator = iter(loader)
    yield "iter", random_state(own)
    count = 0
    while count != stop:
        try:
            batch = next(iterator)
        except StopIteration:
            break
        count += 1
        yield batch, random_state(own)
    yield "end", random_state(own)
    del iterator
    yield "closed", random_state(own)


def assert_same_run(dataset: Any, make_arguments: Any, stops: list[int | None]) -> None:
    theirs = record(TorchDataLoader, dataset, make_arguments(), stops)
    ours = record(DataLoader, dataset, make_arguments(), stops)
    assert len(ours) == len(theirs)
    for step, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        assert_same(mine[0], other[0], f"step {step}")
        assert mine[1] == other[1], f"step {step}: the random state differs after {mine[0]!r:.80}"


def with_workers(workers: int, persistent: bool, **more: Any) -> dict[str, Any]:
    if workers == 0:
        return more
    return {"num_workers": workers, "persistent_workers": persistent, **more}


@pytest.mark.parametrize("sampler", list(SAMPLERS))
@pytest.mark.parametrize(("dataset_class", "workers"), SAMPLES_AND_WORKERS)
def test_two_epochs_of_fresh_workers_are_torchs(dataset_class: Any, sampler: str, workers: int) -> None:
    def arguments() -> dict[str, Any]:
        return with_workers(workers, False, **SAMPLERS[sampler](LENGTH, 4))

    assert_same_run(dataset_class(LENGTH), arguments, [None, None])


@pytest.mark.parametrize("sampler", list(SAMPLERS))
@pytest.mark.parametrize(("dataset_class", "workers"), SAMPLES_AND_WORKERS)
def test_epochs_broken_off_and_taken_up_are_torchs(dataset_class: Any, sampler: str, workers: int) -> None:
    """Persistent workers carry out what was under way at the break, so their streams move on as torch's do."""

    def arguments() -> dict[str, Any]:
        drop = {"drop_last": True} if sampler in DROPPABLE else {}
        return with_workers(workers, True, **SAMPLERS[sampler](LENGTH, 3), **drop)

    assert_same_run(dataset_class(LENGTH), arguments, [2, None, 1, None])


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("sampler", ["sequential", "shuffle", "shuffle with a generator", "eager", "lazy", "weighted"])
def test_single_items_without_batches_are_torchs(sampler: str, workers: int) -> None:
    def arguments() -> dict[str, Any]:
        return with_workers(workers, workers == 2, **SAMPLERS[sampler](LENGTH, 4) | {"batch_size": None})

    assert_same_run(RandomSamples(LENGTH), arguments, [None, 3, None])


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("batch", [{"batch_size": 4}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}])
def test_streams_are_torchs(batch: dict[str, Any], persistent: bool, workers: int) -> None:
    def arguments() -> dict[str, Any]:
        return with_workers(workers, persistent, generator=generator() if persistent else None, **batch)

    # Long enough that no worker has come to its end where the second epoch is left: when its loader learns that is a
    # matter of chance, with torch too, and decides how much the other workers draw before the third.
    assert_same_run(RandomStream(3 * LENGTH), arguments, [None, 2, None])


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("prefetch", [1, 3])
def test_any_prefetch_factor_gives_torchs_batches(prefetch: int, workers: int) -> None:
    def arguments() -> dict[str, Any]:
        return {"batch_size": 4, "shuffle": True, "num_workers": workers, "prefetch_factor": prefetch}

    assert_same_run(RandomSamples(LENGTH), arguments, [None, 2])


def reseed(worker_id: int) -> None:
    """A worker_init_fn as frameworks have them: absolute seeds, and a draw."""
    random.seed(100 + worker_id)
    np.random.seed(torch.initial_seed() % 2**32)
    torch.rand(worker_id + 1)


def noisy_collate(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """A collate function that draws, so that its place in the stream shows."""
    return {"noise": torch.rand(2), "more": random.random(), "first": samples[0], "count": len(samples)}


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("sampler", ["shuffle", "own batch sampler"])
def test_own_init_and_collate_functions_draw_as_in_torchs_loader(sampler: str, workers: int) -> None:
    def arguments() -> dict[str, Any]:
        own = {"collate_fn": noisy_collate, "worker_init_fn": reseed}
        return with_workers(workers, workers == 3, **SAMPLERS[sampler](LENGTH, 4), **own)

    assert_same_run(RandomSamples(LENGTH), arguments, [None, None])


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_batches_out_of_order_are_the_same_set(workers: int, in_order: bool) -> None:
    def batches(loader_class: Any) -> list[Any]:
        loader = loader_class(Numbers(LENGTH), batch_size=4, num_workers=workers, in_order=in_order)
        found = [batch.tolist() for batch in loader]
        return found if in_order else sorted(found)

    assert batches(DataLoader) == batches(TorchDataLoader)


@pytest.mark.parametrize("workers", [1, 2])
def test_streams_out_of_order_are_the_same_set(workers: int) -> None:
    def batches(loader_class: Any) -> list[Any]:
        loader = loader_class(Shard(7, 2), batch_size=2, num_workers=workers, in_order=False)
        return sorted(batch.tolist() for batch in loader)

    assert batches(DataLoader) == batches(TorchDataLoader)


def test_epochs_of_a_distributed_sampler_are_torchs() -> None:
    def batches(loader_class: Any) -> list[Any]:
        sampler = torch.utils.data.DistributedSampler(range(LENGTH), 3, 1)
        loader = loader_class(Numbers(LENGTH), batch_size=2, sampler=sampler, num_workers=2)
        found = []
        for epoch_number in range(3):
            sampler.set_epoch(epoch_number)
            found.append([batch.tolist() for batch in loader])
        return found

    assert batches(DataLoader) == batches(TorchDataLoader)


def test_the_default_device_is_asked_for_the_base_seed() -> None:
    """torch draws the base seed on the default device, so a loader used with "meta" must fail there as torch's does."""

    def outcome(loader_class: Any) -> str:
        try:
            return str(list(loader_class(Numbers(2), batch_size=2)))
        except Exception as error:
            return type(error).__name__

    with torch.device("meta"):
        assert outcome(DataLoader) == outcome(TorchDataLoader)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("workers", [0, 2])
def test_data_pipes_give_torchs_batches(workers: int) -> None:
    def batches(loader_class: Any) -> list[Any]:
        torch.manual_seed(3)
        pipe = torch.utils.data.datapipes.iter.IterableWrapper(range(12)).shuffle().sharding_filter()
        loader = loader_class(pipe, batch_size=2, num_workers=workers, shuffle=True)
        return [[batch.tolist() for batch in loader] for _ in range(2)]

    assert batches(DataLoader) == batches(TorchDataLoader)

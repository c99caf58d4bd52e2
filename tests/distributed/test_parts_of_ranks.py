"""Each sample on one rank, through the loader, with real ranks."""

import os
from typing import Any

import pytest
import torch
from support.datasets import Numbers
from support.gloo import gloo_group, run_ranks
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader as TorchDataLoader
from torch.utils.data import IterableDataset
from torch.utils.data.distributed import DistributedSampler as TorchDistributedSampler

import fastload
from fastload._split import split_by_rank_and_worker
from fastload.samplers import DistributedSampler

LENGTH = 53  # a remainder with 2, 3 and 4 ranks, and a short last batch
BATCH = 5
SHARD = 4
EPOCHS = 3
TAILS: dict[Any, Any] = {  # and how many numbers a rank gets
    "pad": lambda rank, world_size: LENGTH // world_size + 1,
    "drop": lambda rank, world_size: LENGTH // world_size,
    "uneven": lambda rank, world_size: LENGTH // world_size + (rank < LENGTH % world_size),
}


class Stream(IterableDataset):
    def __iter__(self) -> Any:
        return iter(range(LENGTH))


class Shards(IterableDataset):
    """Four numbers in each shard, and one in the last."""

    def __iter__(self) -> Any:
        for shard in split_by_rank_and_worker(range(-(-LENGTH // SHARD))):
            yield from range(LENGTH)[SHARD * shard : SHARD * (shard + 1)]


def numbers_of(loader: Any) -> list[int]:
    return [number for batch in loader for number in batch.flatten().tolist()]


def parts(workers: int) -> dict[str, list[list[int]]]:
    """In a rank: the numbers of each epoch, by the way they were shared out."""
    with gloo_group():
        numbers = range(LENGTH)
        samplers = {tail: DistributedSampler(numbers, seed=3, tail=tail) for tail in TAILS}
        loaders = {
            **{
                tail: fastload.DataLoader(numbers, BATCH, sampler=samplers[tail], num_workers=workers) for tail in TAILS
            },
            "streamed": fastload.DataLoader(split_by_rank_and_worker(Stream()), BATCH, num_workers=workers),
            "sharded": fastload.DataLoader(Shards(), BATCH, num_workers=workers, persistent_workers=workers > 0),
        }
        return {way: [numbers_of(loader) for _ in range(EPOCHS)] for way, loader in loaders.items()}


def whole_order(epoch: int) -> list[int]:
    return torchs_order(epoch, 1, 0)


def torchs_order(epoch: int, world_size: int, rank: int, drop_last: bool = False) -> list[int]:
    sampler = TorchDistributedSampler(range(LENGTH), world_size, rank, seed=3, drop_last=drop_last)
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize("world_size", [2, 3, 4])
@pytest.mark.parametrize("workers", [0, 2])
def test_the_parts_of_the_ranks_are_together_the_whole(world_size: int, workers: int) -> None:
    found = run_ranks(world_size, parts, workers)
    over = LENGTH % world_size
    for epoch in range(EPOCHS):
        together = {way: [number for rank in found for number in rank[way][epoch]] for way in found[0]}
        order = whole_order(epoch)
        assert sorted(together["pad"]) == sorted(order + order[: world_size - over])  # the first ones once more
        assert sorted(together["drop"]) == sorted(order[: LENGTH - over])
        for way in ("uneven", "streamed", "sharded"):
            assert sorted(together[way]) == list(range(LENGTH)), way
        for tail, counts in TAILS.items():
            rounded = [counts(rank, world_size) for rank in range(world_size)]
            assert [len(rank[tail][epoch]) for rank in found] == rounded, tail


def test_the_loader_tells_the_sampler_which_epoch_it_is() -> None:
    for rank, found in enumerate(run_ranks(2, parts, 2)):
        for epoch in range(EPOCHS):
            assert found["pad"][epoch] == torchs_order(epoch, 2, rank)
            assert found["drop"][epoch] == torchs_order(epoch, 2, rank, drop_last=True)


def part_of_spawned_worker() -> list[int]:
    with gloo_group() as (rank, _):
        for name in ("RANK", "WORLD_SIZE"):  # as in a job that torchrun did not start
            del os.environ[name]
        dataset = split_by_rank_and_worker(Stream())
        return numbers_of(fastload.DataLoader(dataset, 5, num_workers=rank, multiprocessing_context=SPAWN[rank]))


SPAWN = [None, "spawn"]  # one is enough: such a worker takes seconds to start


def test_a_worker_that_is_not_forked_knows_its_rank() -> None:
    even, odd = run_ranks(2, part_of_spawned_worker)
    assert (even, odd) == (list(range(0, LENGTH, 2)), list(range(1, LENGTH, 2)))


def losses(loader_type: Any, workers: int) -> list[float]:
    torch.manual_seed(7)
    dataset = Numbers(LENGTH)
    loader = loader_type(dataset, 4, sampler=DistributedSampler(dataset), num_workers=workers)
    model = DistributedDataParallel(torch.nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
    found = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            optimizer.zero_grad()
            loss = (model(batch.float()).flatten() - batch.sum(1)).square().mean()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
    return found


def losses_of_both_loaders() -> list[list[float]]:
    with gloo_group():
        return [losses(loader, workers) for loader in (TorchDataLoader, fastload.DataLoader) for workers in (0, 2)]


def test_distributed_training_gives_the_losses_that_it_gives_with_torchs_loader() -> None:
    first_rank, second_rank = run_ranks(2, losses_of_both_loaders)
    assert len(first_rank[0]) == 2 * -(-(LENGTH + 1) // 8)  # of two epochs; the last batch is short
    assert first_rank == [first_rank[0]] * 4
    assert second_rank == [second_rank[0]] * 4
    assert first_rank != second_rank


def test_a_rank_that_fails_is_reported() -> None:
    with pytest.raises(AssertionError, match=r"rank 1 raised[\s\S]*only rank 0 is well"):
        run_ranks(2, fail_on_rank_1)


def fail_on_rank_1() -> None:
    if os.environ["RANK"] == "1":
        raise ValueError("only rank 0 is well")

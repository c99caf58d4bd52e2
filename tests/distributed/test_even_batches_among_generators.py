"""What `EvenBatches` fetched ahead was drawn from the global generators, and that is not drawn a second time."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from support.gloo import gloo_group, run_ranks
from torch.utils.data import Dataset, Sampler

import fastload
from fastload._even import EQUALIZE, EvenBatches
from fastload._rng import current_states, set_states


class DrawnAtFirst(Sampler[int]):
    """A user's own: the order is drawn when the first index is asked for."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __iter__(self) -> Iterator[int]:
        yield from random.sample(range(self.length), self.length)


class DrawnOneByOne(DrawnAtFirst):
    def __iter__(self) -> Iterator[int]:
        left = list(range(self.length))
        while left:
            yield left.pop(random.randrange(len(left)))


class Augmented(Dataset[float]):
    """Samples in which random numbers are."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> float:
        return index + float(torch.rand(()))


LOADERS: dict[str, Callable[[int, int], Any]] = {
    "global": lambda length, size: fastload.DataLoader(range(length), size, shuffle=True),
    "at first": lambda length, size: fastload.DataLoader(range(length), size, sampler=DrawnAtFirst(length)),
    "one by one": lambda length, size: fastload.DataLoader(range(length), size, sampler=DrawnOneByOne(length)),
    "generator": lambda length, size: fastload.DataLoader(
        range(length), size, shuffle=True, generator=torch.Generator().manual_seed(3)
    ),
    "augmented": lambda length, size: fastload.DataLoader(Augmented(length), size, shuffle=True),
}


def gone_on_and_resumed(kind: str, equalize: Any, length: int, size: int) -> tuple[list[Any], list[Any]]:
    """Three epochs, and what runs make of them that were resumed before the third: at a batch, or at an end."""

    def made() -> EvenBatches[Any]:
        return EvenBatches(LOADERS[kind](length, size), equalize=equalize)

    random.seed(1)
    torch.manual_seed(1)
    batches, whole, saved = made(), [], []
    for epoch in range(3):
        whole.append([])
        for step, batch in enumerate(batches, start=1):
            whole[-1].append(plain(batch))
            saved.append((json.dumps(batches.state_dict()), current_states(), epoch, step))
        saved.append((json.dumps(batches.state_dict()), current_states(), epoch + 1, 0))
    resumed = []
    for state, generators, epoch, step in saved:
        if epoch >= 2:
            continue
        fresh = made()
        fresh.load_state_dict(json.loads(state))
        set_states(generators)
        rest = [[plain(batch) for batch in fresh] for _ in range(epoch, 3)]
        resumed.append([*whole[:epoch], whole[epoch][:step] + rest[0], *rest[1:]])
    return whole, resumed


def plain(batch: Any) -> Any:
    return [plain(part) for part in batch] if isinstance(batch, list | tuple) else torch.as_tensor(batch).tolist()


@pytest.mark.parametrize("size", [4, 2], ids=["one batch an epoch", "two batches"])
@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.parametrize("equalize", EQUALIZE)
def test_a_resumed_process_draws_what_it_would_have_drawn(equalize: str, kind: str, size: int) -> None:
    whole, resumed = gone_on_and_resumed(kind, equalize, 4, size)
    assert whole[0] != whole[1] != whole[2]
    assert all(run == whole for run in resumed)


def on_a_rank(kind: str, lengths: dict[str, list[int]], size: int) -> Any:
    with gloo_group() as (rank, _):
        return {equalize: gone_on_and_resumed(kind, equalize, of[rank], size) for equalize, of in lengths.items()}


@pytest.mark.parametrize("kind", LOADERS)
def test_resumed_ranks_draw_what_they_would_have_drawn(kind: str) -> None:
    uneven = [4, 8]  # at a batch size of 4 the first rank repeats its only batch, or the other leaves one out
    lengths = {"truncate": uneven, "pad": uneven, "mask": uneven, "error": [4, 4]}
    for found in run_ranks(2, on_a_rank, kind, lengths, 4):
        for equalize, (whole, resumed) in found.items():
            assert len(whole[0]) == (2 if equalize in ("pad", "mask") else 1)
            assert all(run == whole for run in resumed), equalize

"""``rng="sample"``: a sample depends on seed, epoch and dataset index, and on nothing else."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from fastload import DataLoader
from fastload._seeding import mix64


class Dice(torch.utils.data.Dataset[Any]):
    """Draws from all three global generators."""

    def __getitem__(self, index: int) -> tuple[int, float, float, float]:
        return index, random.random(), float(torch.rand(())), float(np.random.rand())

    def __len__(self) -> int:
        return 12


class DiceByTheBatch(Dice):
    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [self[index] for index in indices]


def rolled(dataset: Any, epochs: int = 1, **arguments: Any) -> list[dict[int, tuple[float, ...]]]:
    """For each epoch, what every index drew."""
    torch.manual_seed(5)
    loader = DataLoader(dataset, rng="sample", **arguments)
    result = []
    for _ in range(epochs):
        samples = {}
        for batch in loader:
            for index, *draws in zip(*batch, strict=True):
                samples[int(index)] = tuple(map(float, draws))
        result.append(samples)
    return result


@pytest.mark.parametrize(
    "arguments",
    [
        {"batch_size": 3},
        {"batch_size": 5, "shuffle": True},
        {"batch_size": 4, "num_workers": 1},
        {"batch_size": 4, "num_workers": 2, "shuffle": True},
        {"batch_size": 4, "num_workers": 2, "persistent_workers": True},
    ],
    ids=str,
)
def test_samples_do_not_depend_on_workers_batches_or_order(arguments: dict[str, Any]) -> None:
    want = rolled(Dice(), epochs=2, batch_size=12)
    assert rolled(Dice(), epochs=2, **arguments) == want
    assert rolled(DiceByTheBatch(), epochs=2, **arguments) == want


def test_epochs_indices_and_seeds_differ() -> None:
    first, second = rolled(Dice(), epochs=2, batch_size=4)
    draws = [first[index] for index in first] + [second[index] for index in second]
    assert len({value for draw in draws for value in draw}) == 3 * 24
    torch.manual_seed(6)
    other = {int(i): float(x) for batch in DataLoader(Dice(), rng="sample") for i, x, _, _ in [batch]}
    assert all(other[index] != first[index][0] for index in first)


def test_mix64_spreads_neighbours_over_all_bits() -> None:
    values = [mix64(1, epoch, index) for epoch in range(8) for index in range(512)]
    assert len(set(values)) == len(values)
    for bit in range(64):
        ones = sum(value >> bit & 1 for value in values)
        assert abs(ones - 2048) < 5 * 32  # five standard deviations of 4096 tosses


@pytest.mark.parametrize("wrong", ["numpy", None, 3])
def test_another_contract_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="rng must be 'torch' or 'sample', got"):
        DataLoader(Dice(), rng=wrong)


def test_the_training_loops_own_numbers_go_on_as_if_nothing_was_drawn() -> None:
    def after_a_batch(seed: int) -> tuple[float, float, float]:
        iterator = iter(DataLoader(Dice(), rng="sample"))
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        next(iterator)
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    torch.manual_seed(0)
    first = after_a_batch(1)
    assert first != after_a_batch(2)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    assert first == (random.random(), float(np.random.rand()), float(torch.rand(())))


def test_the_order_of_later_epochs_does_not_depend_on_workers() -> None:
    def orders(**arguments: Any) -> list[list[int]]:
        torch.manual_seed(3)
        loader = DataLoader(Dice(), rng="sample", batch_size=4, shuffle=True, **arguments)
        return [[int(index) for batch in loader for index in batch[0]] for _ in range(3)]

    assert orders() == orders(num_workers=2)


class Keyed(Dice):
    def __getitem__(self, index: Any) -> Any:
        return str(index), random.random()


@pytest.mark.parametrize("indices", [[[0, 1], [2]], [torch.tensor(0), torch.tensor(1)], ["a", "b"]], ids=repr)
def test_indices_of_any_type_give_the_same_numbers_again(indices: list[Any]) -> None:
    def draws() -> list[Any]:
        torch.manual_seed(0)
        return list(DataLoader(Keyed(), rng="sample", batch_size=None, sampler=indices))

    assert draws() == draws()
    assert len({value for _, value in draws()}) == len(indices)


def test_threads_share_the_generators_and_are_refused() -> None:
    with pytest.raises(ValueError, match="rng='sample' seeds the generators of the process, which threads share"):
        DataLoader(Dice(), rng="sample", num_workers=2, worker_type="thread")

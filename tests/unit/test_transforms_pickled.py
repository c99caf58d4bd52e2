"""Arrays that have been pickled, whose type is equal to NumPy's own and another object, are images like others."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from support.resized import painted

from fastload import DataLoader
from fastload import transforms as T
from fastload.datasets import SharedList

CHAIN = [T.Resize((8, 9)), T.RandomHorizontalFlip(), T.ColorJitter(0.4), T.ToTensor()]


def arrays() -> list[Any]:
    return [painted(20, 30, 3), painted(17, 11, 3), painted(20, 30, 1), painted(20, 30, 4), painted(20, 30, 1)[..., 0]]


@pytest.mark.parametrize("number", range(5))
def test_a_pickled_array_is_transformed_as_it_was_before(number: int) -> None:
    array = arrays()[number]
    pickled = pickle.loads(pickle.dumps(array))
    assert pickled.dtype is not array.dtype
    chain = T.Compose(CHAIN if array.shape[2:] != (4,) else CHAIN[:2])
    for seed in range(3):
        torch.manual_seed(seed)
        expected = chain(array)
        torch.manual_seed(seed)
        assert np.array_equal(chain(pickled), expected)


class Arrays(torch.utils.data.Dataset[Any]):
    """Images of a list, transformed."""

    def __init__(self, images: Any) -> None:
        self.images = images
        self.transform = T.Compose(CHAIN)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.images[index])


def epoch(dataset: Any, **options: Any) -> Any:
    torch.manual_seed(0)
    return torch.cat(list(DataLoader(dataset, batch_size=2, **options)))


def test_images_of_a_shared_list_are_transformed() -> None:
    expected = epoch(Arrays(arrays()[:2]))
    assert torch.equal(epoch(Arrays(SharedList(arrays()[:2]))), expected)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_images_that_were_sent_to_workers_are_transformed(method: str) -> None:
    expected = epoch(Arrays(arrays()[:2]))
    assert torch.equal(epoch(Arrays(arrays()[:2]), num_workers=1, multiprocessing_context=method), expected)

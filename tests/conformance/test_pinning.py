"""``pin_memory=True``: pinned memory with an accelerator; without one torch's warning, and ordinary memory."""

import warnings
from typing import Any

import pytest
import torch
from support.datasets import Numbers
from support.loader import DataLoader

without_accelerator = pytest.mark.skipif(torch.accelerator.is_available(), reason="there is an accelerator here")
with_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")

NO_ACCELERATOR = "'pin_memory' argument is set as true but no accelerator is found"


class Batch:
    """A batch type of a user, which notes whether it was pinned."""

    def __init__(self, samples: list[Any]) -> None:
        self.stacked = torch.stack(samples)
        self.pinned = False

    def pin_memory(self) -> "Batch":
        self.pinned = True
        return self


@without_accelerator
@pytest.mark.parametrize("workers", [0, 1])
def test_each_new_iterator_warns_and_the_batches_are_right(workers: int) -> None:
    loader = DataLoader(Numbers(4), batch_size=2, num_workers=workers, pin_memory=True)
    for _ in range(2):
        with pytest.warns(UserWarning, match=NO_ACCELERATOR) as caught:
            batches = [batch.tolist() for batch in loader]
        assert len(caught) == 1
        assert batches == [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]


@without_accelerator
def test_a_persistent_iterator_warns_once() -> None:
    loader = DataLoader(Numbers(4), num_workers=1, pin_memory=True, persistent_workers=True)
    with pytest.warns(UserWarning, match=NO_ACCELERATOR):
        list(loader)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(loader)) == 4


@without_accelerator
@pytest.mark.parametrize("workers", [0, 1])
def test_a_pin_memory_device_is_deprecated_and_ignored(workers: int) -> None:
    loader = DataLoader(Numbers(2), num_workers=workers, pin_memory=True, pin_memory_device="cuda:7")
    with pytest.warns(UserWarning, match="pin_memory") as caught:
        assert len(list(loader)) == 2
    assert [str(one.message)[:20] for one in caught] == ["pin_memory_device is", "'pin_memory' argumen"]


@without_accelerator
@pytest.mark.parametrize("workers", [0, 1])
def test_an_own_batch_type_is_delivered_and_not_pinned(workers: int) -> None:
    loader = DataLoader(Numbers(2), batch_size=2, num_workers=workers, pin_memory=True, collate_fn=Batch)
    with pytest.warns(UserWarning, match=NO_ACCELERATOR):
        (batch,) = list(loader)
    assert type(batch) is Batch
    assert not batch.pinned
    assert batch.stacked.tolist() == [[0, 0], [1, 1]]
    assert not batch.stacked.is_pinned()


@with_cuda
@pytest.mark.parametrize("options", [{}, {"num_workers": 1}, {"num_workers": 1, "persistent_workers": True}])
def test_batches_are_pinned_without_a_warning(options: dict[str, Any]) -> None:
    loader = DataLoader(Numbers(4), batch_size=2, pin_memory=True, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            batches = list(loader)
            assert all(batch.is_pinned() for batch in batches)
            assert [batch.tolist() for batch in batches] == [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]


@with_cuda
@pytest.mark.parametrize("workers", [0, 1])
def test_an_own_batch_type_pins_itself(workers: int) -> None:
    loader = DataLoader(Numbers(2), batch_size=2, num_workers=workers, pin_memory=True, collate_fn=Batch)
    (batch,) = list(loader)
    assert type(batch) is Batch
    assert batch.pinned

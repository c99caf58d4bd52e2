"""fastload behind the loaders that accelerate makes for itself: the batches of torch, in one process."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from accelerate import Accelerator, DataLoaderConfiguration, skip_first_batches
from ranks import forget_accelerate
from rows import Rows, RowStream, flat, indices, seed_everything
from served import BOTH, serving
from support.compare import assert_same
from torch.utils.data import DataLoader as TorchDataLoader

from fastload import DataLoader

KINDS = [TorchDataLoader, DataLoader]


@pytest.fixture(autouse=True)
def fresh_state() -> Iterator[None]:
    forget_accelerate()
    yield
    forget_accelerate()


def prepared(loader: Any, **options: Any) -> Any:
    return Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(**options)).prepare(loader)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("seedable", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_prepared_loaders_give_the_same_batches(kind: Any, seedable: bool, workers: int) -> None:
    seen = []
    for who in BOTH:
        seed_everything()
        with serving(who) as makers:
            loader = prepared(
                kind(Rows(22), batch_size=4, shuffle=True, num_workers=workers), use_seedable_sampler=seedable
            )
            seen.append([list(loader), list(loader)])
        if (who, kind) != ("torch", DataLoader):
            assert set(makers) == {who}
        forget_accelerate()
    assert flat(seen[1][0]) != flat(seen[1][1])
    assert sorted(flat(seen[1][0])) == list(range(22))
    assert_same(seen[1], seen[0])


@pytest.mark.parametrize("persistent", [False, True])
def test_prepared_streams_give_the_same_batches(persistent: bool) -> None:
    seen = []
    for who in BOTH:
        seed_everything()
        with serving(who) as makers:
            loader = prepared(
                TorchDataLoader(RowStream(22), batch_size=4, num_workers=2, persistent_workers=persistent)
            )
            seen.append([list(loader), list(loader)])
            del loader
        assert set(makers) == {who}
        forget_accelerate()
    assert sorted(flat(seen[1][0])) == list(range(22))
    assert_same(seen[1], seen[0])


def test_a_loader_that_says_it_is_prepared_keeps_what_fastload_adds() -> None:
    class Holes(Rows):
        def __getitem__(self, index: int) -> dict[str, Any]:
            if index == 3:
                raise ValueError("row 3 is broken")
            return super().__getitem__(index)

    loader = DataLoader(Holes(6), batch_size=3, num_workers=1, on_error="skip")
    loader._is_accelerate_prepared = True
    assert prepared(loader) is loader
    assert indices(list(loader)) == [[0, 1, 2], [4, 5]]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("who", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_batches_are_skipped_before_and_after_prepare(kind: Any, who: str, workers: int) -> None:
    with serving(who) as makers:
        plain = kind(Rows(22), batch_size=4, num_workers=workers)
        of_plain = list(skip_first_batches(plain, 2))
        of_prepared = list(skip_first_batches(prepared(plain), 2))
    expected = [[8, 9, 10, 11], [12, 13, 14, 15], [16, 17, 18, 19], [20, 21]]
    assert indices(of_plain) == indices(of_prepared) == expected
    if (who, kind) != ("torch", DataLoader):
        assert set(makers) == {who}


def test_skipping_makes_no_row_of_the_batches_skipped() -> None:
    made: list[int] = []

    class Noting(Rows):
        def __getitem__(self, index: int) -> dict[str, Any]:
            made.append(index)
            return super().__getitem__(index)

    with serving("fastload"):
        loader = skip_first_batches(prepared(TorchDataLoader(Noting(12), batch_size=4)), 2)
        assert indices(list(loader)) == [[8, 9, 10, 11]]
    assert made == [8, 9, 10, 11]


def test_a_shuffled_epoch_goes_on_after_skipping_where_it_stopped() -> None:
    seen = []
    for who in BOTH:
        seed_everything()
        with serving(who):
            loader = prepared(TorchDataLoader(Rows(22), 4, shuffle=True, num_workers=2), use_seedable_sampler=True)
            loader.set_epoch(1)
            whole = indices(list(loader))
            again = skip_first_batches(loader, 3)
            again.set_epoch(1)
            assert indices(list(again)) == whole[3:]
            seen.append(whole)
        forget_accelerate()
    assert seen[0] == seen[1]


@pytest.mark.parametrize("workers", [0, 2])
def test_the_loaders_of_torchdata_are_left_alone(workers: int) -> None:
    plain = TorchDataLoader(Rows(22), batch_size=4, num_workers=workers)
    with serving("fastload") as makers:
        loader = prepared(plain, use_stateful_dataloader=True)
        iterator = iter(loader)
        assert indices([next(iterator), next(iterator)]) == [[0, 1, 2, 3], [4, 5, 6, 7]]
        state = loader.state_dict()
        del iterator
        loader.load_state_dict(state)
        assert flat(list(loader)) == list(range(8, 22))
        assert type(iter(loader.base_dataloader)).__module__.startswith("torchdata.")
    assert makers == []


def test_training_with_accumulated_gradients_has_the_same_losses() -> None:
    losses = []
    for who in BOTH:
        seed_everything()
        with serving(who):
            losses.append(train())
        forget_accelerate()
    assert losses[0] == losses[1]


def train() -> list[float]:
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    layer = torch.nn.Linear(4, 1)
    model, optimizer, loader = accelerator.prepare(
        layer,
        torch.optim.SGD(layer.parameters(), lr=1e-4),
        DataLoader(Rows(22), batch_size=4, shuffle=True, num_workers=2),
    )
    losses = []
    for _ in range(2):
        for batch in loader:
            with accelerator.accumulate(model):
                loss = model(batch["x"]).square().mean()
                accelerator.backward(loss)
                optimizer.step()
                optimizer.zero_grad()
            losses.append(loss.item())
    return losses

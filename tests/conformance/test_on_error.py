"""``on_error``: raise, leave the sample out, or ask for a replacement."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from support.datasets import Failing, FailingBatches, Numbers
from support.loader import DataLoader, only_fastload
from torch.utils.data import IterableDataset, TensorDataset

pytestmark = only_fastload

ENGINES = [
    pytest.param({}, id="inline"),
    pytest.param({"num_workers": 2}, id="processes"),
    pytest.param({"num_workers": 2, "worker_type": "thread"}, id="threads"),
]
every_engine = pytest.mark.parametrize("engine", ENGINES)
every_dataset = pytest.mark.parametrize("dataset_class", [Failing, FailingBatches])


def indices(loader: Any) -> list[list[int]]:
    return [batch[:, 0].tolist() for batch in loader]


def mentions(caplog: pytest.LogCaptureFixture, index: int) -> int:
    return sum(f"bad sample {index}" in one.getMessage() or f" {index}" in one.getMessage() for one in caplog.records)


@every_engine
@every_dataset
def test_skip_drops_the_sample_from_its_batch(dataset_class: Any, engine: dict[str, Any]) -> None:
    loader = DataLoader(dataset_class(9, bad=(1, 5)), batch_size=3, on_error="skip", **engine)
    assert indices(loader) == [[0, 2], [3, 4], [6, 7, 8]]
    assert loader.stats().skipped == 2
    assert loader.stats().batches == 3
    assert loader.stats().samples == 7


@every_engine
@every_dataset
def test_each_index_is_logged_once_over_epochs(
    dataset_class: Any, engine: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    loader = DataLoader(dataset_class(6, bad=(1, 5)), batch_size=3, on_error="skip", **engine)
    with caplog.at_level(logging.DEBUG, logger="fastload"):
        for _ in range(3):
            assert indices(loader) == [[0, 2], [3, 4]]
            assert loader.stats().skipped == 2
    assert {one.name for one in caplog.records} == {"fastload"}
    assert all(one.levelno >= logging.WARNING for one in caplog.records)
    assert (mentions(caplog, 1), mentions(caplog, 5)) == (1, 1)
    assert len(caplog.records) == 2


def test_persistent_workers_log_once_too(caplog: pytest.LogCaptureFixture) -> None:
    loader = DataLoader(Failing(4, bad=(1,)), batch_size=2, on_error="skip", num_workers=2, persistent_workers=True)
    with caplog.at_level(logging.DEBUG, logger="fastload"):
        for _ in range(3):
            assert indices(loader) == [[0], [2, 3]]
    assert len(caplog.records) == 1
    assert "ValueError" in caplog.records[0].getMessage() or "bad sample 1" in caplog.records[0].getMessage()


@every_engine
@every_dataset
def test_a_batch_of_nothing_but_failures_is_an_error_and_iteration_goes_on(
    dataset_class: Any, engine: dict[str, Any]
) -> None:
    iterator = iter(DataLoader(dataset_class(6, bad=(2, 3)), batch_size=2, on_error="skip", **engine))
    next(iterator)
    with pytest.raises(Exception, match=r"(?s)2.*3"):
        next(iterator)
    assert next(iterator)[:, 0].tolist() == [4, 5]


def replace_by_minus(index: int, error: Exception) -> torch.Tensor:
    assert isinstance(error, ValueError)
    assert str(error) == f"bad sample {index}"
    return torch.tensor([-index, -index])


@every_engine
@every_dataset
def test_a_callable_gets_index_and_exception_and_its_answer_takes_the_place(
    dataset_class: Any, engine: dict[str, Any]
) -> None:
    loader = DataLoader(dataset_class(9, bad=(1, 5)), batch_size=3, on_error=replace_by_minus, **engine)
    assert indices(loader) == [[0, -1, 2], [3, 4, -5], [6, 7, 8]]
    assert loader.stats().samples == 9


class Refused(Exception):
    pass


def refuse(index: int, error: Exception) -> None:
    raise Refused(f"no replacement for {index}") from error


@every_engine
def test_an_index_that_is_out_of_range_does_not_take_its_whole_batch_along(engine: dict[str, Any]) -> None:
    loader = DataLoader(TensorDataset(torch.arange(4)), batch_sampler=[[0, 9, 1], [2, 3]], on_error="skip", **engine)
    assert [numbers.tolist() for (numbers,) in loader] == [[0, 1], [2, 3]]
    assert loader.stats().skipped == 1


@every_engine
def test_a_callable_may_raise(engine: dict[str, Any]) -> None:
    iterator = iter(DataLoader(Failing(4, bad=(1,)), batch_size=2, on_error=refuse, **engine))
    with pytest.raises(Refused, match="no replacement for 1"):
        next(iterator)
    assert next(iterator)[:, 0].tolist() == [2, 3]


@every_engine
@every_dataset
def test_raise_is_the_default_and_raises(dataset_class: Any, engine: dict[str, Any]) -> None:
    for more in ({}, {"on_error": "raise"}):
        iterator = iter(DataLoader(dataset_class(4, bad=(1,)), batch_size=2, **engine, **more))
        with pytest.raises(ValueError, match="bad sample 1"):
            next(iterator)
        assert next(iterator)[:, 0].tolist() == [2, 3]


@every_engine
def test_single_items_are_left_out_or_replaced(engine: dict[str, Any]) -> None:
    skipping = DataLoader(Failing(5, bad=(1, 4)), batch_size=None, on_error="skip", **engine)
    assert [int(item[0]) for item in skipping] == [0, 2, 3]
    assert skipping.stats().skipped == 2
    replacing = DataLoader(Failing(3, bad=(1,)), batch_size=None, on_error=replace_by_minus, **engine)
    assert [int(item[0]) for item in replacing] == [0, -1, 2]


class Stumbling(IterableDataset):
    """An iterator that raises at item 2 and then goes on."""

    def __init__(self) -> None:
        self.position = -1

    def __iter__(self) -> Iterator[int]:
        self.position = -1
        return self

    def __next__(self) -> int:
        self.position += 1
        if self.position == 2:
            raise ValueError("bad sample 2")
        if self.position == 6:
            raise StopIteration
        return self.position


@pytest.mark.parametrize("engine", [{}, {"num_workers": 1}, {"num_workers": 1, "worker_type": "thread"}], ids=str)
@pytest.mark.parametrize("batch_size", [2, None])
def test_a_stream_goes_on_after_a_bad_item(batch_size: int | None, engine: dict[str, Any]) -> None:
    loader = DataLoader(Stumbling(), batch_size=batch_size, on_error="skip", **engine)
    items = [int(item) for batch in loader for item in torch.as_tensor(batch).reshape(-1)]
    assert items == [0, 1, 3, 4, 5]
    assert loader.stats().skipped == 1


@pytest.mark.parametrize("engine", [{}, {"num_workers": 1}], ids=str)
def test_a_batch_of_a_stream_that_lost_a_bad_item_is_not_a_last_batch_to_drop(engine: dict[str, Any]) -> None:
    loader = DataLoader(Stumbling(), batch_size=4, drop_last=True, on_error="skip", **engine)
    assert [batch.tolist() for batch in loader] == [[0, 1, 3]]


class StumblingTwice(Stumbling):
    """Raises at items 2 and 4."""

    def __next__(self) -> int:
        item = super().__next__()
        if item == 4:
            raise ValueError("bad sample 4")
        return item


@pytest.mark.parametrize("engine", [{}, {"num_workers": 1}], ids=str)
def test_the_index_of_a_bad_item_of_a_stream_is_its_number(
    engine: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    loader = DataLoader(StumblingTwice(), batch_size=3, on_error="skip", **engine)
    assert [batch.tolist() for batch in loader] == [[0, 1], [3, 5]]
    for record, index in zip(caplog.records, (2, 4), strict=True):
        assert f"dataset index {index}: ValueError: bad sample {index}" in record.getMessage()


@pytest.mark.parametrize("wrong", ["ignore", "", None, 3, True])
def test_anything_else_is_an_error_that_says_what_to_pass(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"(?s)on_error.*raise.*skip"):
        DataLoader(Numbers(2), on_error=wrong)


@every_engine
def test_skip_skips_samples_and_not_interrupts(engine: dict[str, Any]) -> None:
    class Ending(Numbers):
        def __getitem__(self, index: int) -> torch.Tensor:
            if index == 3:
                raise StopIteration
            return super().__getitem__(index)

    loader = DataLoader(Ending(8), batch_size=2, on_error="skip", **engine)
    assert indices(loader) == [[0, 1]]


class EndingBatches(Numbers):
    """Its second batch is the end; a batch after that would be there again."""

    calls = 0

    def __getitems__(self, indices: list[int]) -> list[torch.Tensor]:
        self.calls += 1
        if self.calls == 2:
            raise StopIteration
        return [self[index] for index in indices]


@every_engine
def test_a_batch_that_is_the_end_is_not_tried_again_sample_by_sample(engine: dict[str, Any]) -> None:
    workers = {**engine, "num_workers": 1} if engine else {}
    iterator = iter(DataLoader(EndingBatches(8), batch_size=2, on_error="skip", **workers))
    assert next(iterator).tolist() == [[0, 0], [1, 1]]
    with pytest.raises(StopIteration):
        next(iterator)


class BreakingOff(torch.utils.data.IterableDataset[int]):
    """A generator, which is over once it has raised."""

    def __iter__(self) -> Iterator[int]:
        for number in range(10):
            if number == 3:
                raise ValueError("no three")
            yield number


class Stuck(torch.utils.data.IterableDataset[int]):
    def __iter__(self) -> "Stuck":
        return self

    def __next__(self) -> int:
        raise OSError("the disk is gone")


@pytest.mark.parametrize("on_error", ["skip", lambda index, error: -1], ids=["skip", "replace"])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_generator_that_raises_does_not_silently_lose_the_rest(workers: int, on_error: Any) -> None:
    iterator: Any = iter(DataLoader(BreakingOff(), batch_size=2, num_workers=workers, on_error=on_error))
    assert next(iterator).tolist() == [0, 1]
    with pytest.raises(RuntimeError, match="is a generator, which ends when it raises"):
        next(iterator)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_iterator_that_never_gets_past_its_error_is_given_up(workers: int) -> None:
    iterator: Any = iter(DataLoader(Stuck(), batch_size=None, num_workers=workers, on_error="skip"))
    with pytest.raises(RuntimeError, match="1000 samples in a row failed, the last with OSError: the disk is gone"):
        next(iterator)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise TypeError("no text")


def test_an_error_without_a_text_can_be_skipped() -> None:
    def fail(index: int) -> int:
        if index == 1:
            raise Unspeakable
        return index

    loader: Any = DataLoader(Calling(fail), batch_size=4, on_error="skip")
    assert [batch.tolist() for batch in loader] == [[0, 2, 3]]


class Calling(torch.utils.data.Dataset[int]):
    def __init__(self, make: Callable[[int], int]) -> None:
        self.make = make

    def __getitem__(self, index: int) -> int:
        return self.make(index)

    def __len__(self) -> int:
        return 4


def test_what_was_skipped_counts_even_if_its_batch_fails() -> None:
    def fail(index: int) -> int:
        raise ValueError(index)

    loader: Any = DataLoader(Calling(fail), on_error="skip")
    with pytest.raises(RuntimeError, match="all 1 samples of this batch failed"):
        next(iter(loader))
    assert loader.stats().skipped == 1


def test_extra_arguments_set_later_are_checked_when_they_take_effect() -> None:
    loader: Any = DataLoader(range(3))  # type: ignore[arg-type]
    loader.on_error = "rais"
    with pytest.raises(ValueError, match="on_error must be 'raise' or 'skip' or a callable"):
        iter(loader)

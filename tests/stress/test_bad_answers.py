"""Errors and batches that are hard to send: they arrive, or an error says what they were; never a hang."""

import re
import threading
from typing import Any

import pytest
import torch
from support.datasets import Doing, Numbers, as_is, raises
from support.loader import TESTING_TORCH, DataLoader, only_fastload
from torch.utils.data import Dataset


class TakesTwo(Exception):
    """Its constructor takes other arguments than a text."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class HoldsALock(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


class ChangesItsText(Exception):
    def __str__(self) -> str:
        return "another text"


class FailsToPrint(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError("in __str__")


def error_of(error: BaseException) -> BaseException:
    iterator = iter(DataLoader(Doing(raises(error), 1), num_workers=1, collate_fn=as_is))
    next(iterator)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        next(iterator)
    assert int(next(iterator)[0][0]) == 2
    return caught.value


def whole_text(error: BaseException) -> str:
    parts = [str(error), *getattr(error, "__notes__", [])]
    return "\n".join(parts) + (whole_text(error.__cause__) if error.__cause__ is not None else "")


@only_fastload
def test_an_error_whose_constructor_takes_other_arguments_keeps_its_type() -> None:
    error = error_of(TakesTwo(404, "no such picture"))
    assert type(error) is TakesTwo
    assert "404: no such picture" in whole_text(error)
    assert "Caught TakesTwo in DataLoader worker process 0" in whole_text(error)


def test_an_error_that_holds_a_lock_keeps_its_type() -> None:
    error = error_of(HoldsALock("held"))
    assert type(error) is HoldsALock
    assert "held" in whole_text(error)


@only_fastload
def test_an_error_of_a_class_that_cannot_be_imported_is_told_in_words() -> None:
    class Local(Exception):
        pass

    error = error_of(Local("from nowhere"))
    assert isinstance(error, Exception)
    assert "Local" in whole_text(error)
    assert "from nowhere" in whole_text(error)
    assert "Original Traceback" in whole_text(error)


@only_fastload
@pytest.mark.parametrize("kind", [ChangesItsText, FailsToPrint])
def test_an_error_that_does_not_print_well_still_arrives(kind: type[Exception]) -> None:
    error = error_of(kind("hidden"))
    assert isinstance(error, Exception)


def test_an_error_with_a_huge_text_arrives() -> None:
    assert len(str(error_of(ValueError("x" * 3_000_000)))) > 3_000_000


def test_a_recursion_error_and_a_memory_error_arrive() -> None:
    def recurse() -> None:
        recurse()

    iterator = iter(DataLoader(Doing(recurse, 0), num_workers=1))
    with pytest.raises(RecursionError):
        next(iterator)
    assert type(error_of(MemoryError("no more"))) is MemoryError


@only_fastload
@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["a lock", "a local function", "a generator", "a tensor beside a lock"])
def test_a_batch_that_does_not_pickle_is_an_error_that_names_worker_and_what(kind: str) -> None:
    made: dict[str, Any] = {
        "a lock": threading.Lock,
        "a local function": lambda: lambda: None,
        "a generator": lambda: (one for one in ()),
        "a tensor beside a lock": lambda: (torch.zeros(1_000_000), threading.Lock()),
    }
    named = {
        "a lock": "lock",
        "a local function": "lambda",
        "a generator": "generator",
        "a tensor beside a lock": "lock",
    }
    iterator = iter(DataLoader(Doing(made[kind], 1), num_workers=1, collate_fn=as_is))
    next(iterator)
    with pytest.raises(Exception, match=rf"(?s)worker.*0.*{named[kind]}|{named[kind]}.*worker.*0"):
        next(iterator)
    assert int(next(iterator)[0][0]) == 2


class RaisesOnArrival:
    """Pickles, but cannot be rebuilt."""

    def __reduce__(self) -> Any:
        return refuse_to_be_rebuilt, (1,)


def refuse_to_be_rebuilt(value: int) -> None:
    raise LookupError("cannot be rebuilt here")


@only_fastload
def test_a_batch_that_cannot_be_rebuilt_is_an_error_and_iteration_goes_on() -> None:
    iterator = iter(DataLoader(Doing(RaisesOnArrival, 1), num_workers=1, collate_fn=as_is))
    next(iterator)
    with pytest.raises(Exception, match="cannot be rebuilt here"):
        next(iterator)
    assert int(next(iterator)[0][0]) == 2


class Ragged(Dataset):
    """A field deep inside has another shape at index 37."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> Any:
        return {"image": torch.zeros(3), "target": {"boxes": torch.zeros(5 if index == 37 else 2, 4)}}


@pytest.mark.parametrize("workers", [0, 1])
def test_samples_that_do_not_stack_are_a_runtime_error(workers: int) -> None:
    iterator = iter(DataLoader(Ragged(), batch_sampler=[[1, 2], [30, 37], [3]], num_workers=workers))
    next(iterator)
    with pytest.raises(RuntimeError) as caught:
        next(iterator)
    assert len(next(iterator)["image"]) == 1
    if not TESTING_TORCH:
        text = whole_text(caught.value)
        assert "37" in text
        assert "boxes" in text
        assert re.search(r"5, ?4", text)
        assert re.search(r"2, ?4", text)
        assert "collate" in text


def test_dtypes_that_differ_collate_or_fail_as_in_torchs_loader() -> None:
    class Mixed(Numbers):
        def __getitem__(self, index: int) -> torch.Tensor:
            return torch.ones(2, dtype=torch.float32 if index else torch.float64)

    def outcome(loader_class: Any, workers: int) -> Any:
        try:
            batch = next(iter(loader_class(Mixed(2), batch_size=2, num_workers=workers)))
        except Exception as error:
            return type(error).__name__
        return batch.dtype, batch.tolist()

    for workers in (0, 1):
        assert outcome(DataLoader, workers) == outcome(torch.utils.data.DataLoader, workers)

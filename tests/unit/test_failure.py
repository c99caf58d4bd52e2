"""Exceptions that cross processes keep type, text and attributes as far as they can."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest
import torch

from fastload._errors import WorkerError
from fastload._failure import Failure


class HttpError(Exception):
    def __init__(self, url: str, code: int) -> None:
        super().__init__(f"{url} said {code}")
        self.url = url
        self.code = code


class Tagged(ValueError):
    """Takes a text, and has more to say."""


class Picky(Exception):
    def __new__(cls, a: int, b: int) -> Any:
        return super().__new__(cls, a, b)

    def __init__(self, a: int, b: int) -> None:
        super().__init__(a, b)


def crossed(error: Exception) -> BaseException:
    """What the loader raises for ``error`` of a worker."""
    try:
        raise error
    except Exception as raised:
        failure = Failure.of(raised, "in DataLoader worker process 3", "dataset index 7, position 1 in the batch")
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - which one is the question
        pickle.loads(pickle.dumps(failure)).reraise()
    return caught.value


def test_text_is_torchs_and_names_the_sample() -> None:
    error = crossed(ValueError("too dark"))
    assert type(error) is ValueError
    assert str(error).startswith("Caught ValueError in DataLoader worker process 3.\nOriginal Traceback (most recent")
    assert "ValueError: too dark" in str(error)
    assert str(error).endswith("The sample: dataset index 7, position 1 in the batch.")


def test_it_is_the_text_of_torchs_own_wrapper() -> None:
    try:
        raise OSError("gone")
    except OSError as error:
        ours = Failure.of(error, "in DataLoader worker process 0").message()
        wrapper = torch._utils.ExceptionWrapper(where="in DataLoader worker process 0")
    with pytest.raises(OSError, match="gone") as theirs:
        wrapper.reraise()
    assert ours == str(theirs.value)


def test_attributes_survive_if_they_pickle() -> None:
    tagged = Tagged("x")
    tagged.code = 5  # type: ignore[attr-defined]
    tagged.lock = threading.Lock()  # type: ignore[attr-defined]
    error: Any = crossed(tagged)
    assert error.code == 5
    assert not hasattr(error, "lock")


def test_a_constructor_with_other_arguments_is_not_called() -> None:
    error: Any = crossed(HttpError("example", 404))
    assert type(error) is HttpError
    assert (error.url, error.code) == ("example", 404)
    assert "example said 404" in str(error)


def test_a_type_that_keeps_no_text_is_made_from_its_arguments() -> None:
    error = crossed(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"))
    assert type(error) is UnicodeDecodeError
    assert error.object == b"\xff"
    assert "Caught UnicodeDecodeError in DataLoader worker process 3" in str(error.__cause__)


def test_key_errors_print_their_lines() -> None:
    assert "\n" in str(crossed(KeyError("label")))


def test_a_type_that_cannot_be_sent_becomes_a_worker_error() -> None:
    class Local(Exception):
        pass

    error = crossed(Local("inside"))
    assert type(error) is WorkerError
    assert "Caught Local in" in str(error)
    assert "inside" in str(error)


def test_a_type_that_cannot_be_made_from_a_text_keeps_its_arguments() -> None:
    error = crossed(Picky(1, 2))
    assert type(error) is Picky
    assert error.args == (1, 2)


def test_exceptions_with_a_message_field_are_made_by_it() -> None:
    assert type(crossed(Messaged(message="m"))) is Messaged


class Messaged(Exception):
    message = "a field of the class"

    def __init__(self, *, message: str) -> None:
        super().__init__(message)

"""What default_collate says when samples do not go together: torch's words, the field, the sample, what to do."""

import gc
import pickle
import weakref
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from fastload._errors import CollateError
from fastload.collate import default_collate


class Pair(NamedTuple):
    left: Any
    right: Any


def nested(value: Any) -> dict[str, Any]:
    return {"target": {"boxes": (value, 1)}}


CASES: dict[str, tuple[list[Any], type[Exception], str, str, int]] = {
    "shape": (
        [torch.ones(3, 4), torch.ones(3, 4), torch.ones(3, 5)],
        CollateError,
        "stack expects each tensor to be equal size, but got [3, 4] at entry 0 and [3, 5] at entry 2",
        "",
        2,
    ),
    "shape of as many numbers": (
        [torch.ones(2, 3), torch.ones(3, 2)],
        CollateError,
        "stack expects each tensor to be equal size, but got [2, 3] at entry 0 and [3, 2] at entry 1",
        "",
        1,
    ),
    "array shape": (
        [{"x": np.ones(2)}, {"x": np.ones(3)}],
        CollateError,
        "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1",
        "['x']",
        1,
    ),
    "shape, three deep": (
        [nested(torch.ones(1, 5)), nested(torch.ones(2, 5))],
        CollateError,
        "batch['target']['boxes'][0], sample 1 has shape [2, 5] where sample 0 has [1, 5]",
        "['target']['boxes'][0]",
        1,
    ),
    "dtype": (
        [nested(torch.ones(2).to(torch.uint8)), nested(torch.ones(2).to(torch.uint16))],
        CollateError,
        "sample 1 is of torch.uint16 where sample 0 is of torch.uint8",
        "['target']['boxes'][0]",
        1,
    ),
    "missing key": ([nested(1), {"target": {}}], KeyError, "'boxes' is missing in sample 1", "['target']", 1),
    "None for a tensor": (
        [torch.ones(2), torch.ones(2), None],
        TypeError,
        "expected Tensor as element 2 in argument 0, but got NoneType",
        "",
        2,
    ),
    "None for an int": ([nested(1), nested(None)], CollateError, "sample 1 is None", "['target']['boxes'][0]", 1),
    "None for a float": ([1.0, None], TypeError, "must be real number", "", 1),
    "None for a dict": ([nested(1), nested(1), None], TypeError, "not subscriptable", "", 2),
    "None for a list": ([[1], None], TypeError, "has no len()", "", 1),
    "None for all": ([{"a": None}], TypeError, "found <class 'NoneType'>", "['a']", 0),
    "lengths": (
        [{"a": [[1, 2]]}, {"a": [[1, 2, 3]]}],
        CollateError,
        "each element in list of batch should be of equal size",
        "['a'][0]",
        1,
    ),
    "named tuple": (
        [Pair(1, torch.ones(1)), Pair(1, torch.ones(2))],
        CollateError,
        "in batch.right, sample 1",
        ".right",
        1,
    ),
    "another type": ([1, "a"], TypeError, "sample 1 is of type str where sample 0 is of type int", "", 1),
    "strings in an array": ([{"s": np.array(["a"])}], TypeError, "found <U1", "['s']", -1),
}


@pytest.mark.parametrize("name", CASES)
def test_an_error_says_what_where_and_who(name: str) -> None:
    batch, kind, words, path, position = CASES[name]
    with pytest.raises(kind) as raised:
        default_collate(batch)
    assert words in str(raised.value)
    assert f"batch{path}" in str(raised.value)
    assert raised.value.path == path  # type: ignore[attr-defined]
    assert raised.value.position == (position if position >= 0 else None)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["shape", "missing key", "None for a float"])
def test_position_and_path_survive_pickling(name: str) -> None:
    batch, kind, _, path, position = CASES[name]
    with pytest.raises(kind) as raised:
        default_collate(batch)
    copy: Any = pickle.loads(pickle.dumps(raised.value))
    assert (type(copy), str(copy)) == (type(raised.value), str(raised.value))
    assert (copy.path, copy.position) == (path, position)


def test_tensors_that_do_not_stack_name_what_to_use_instead() -> None:
    with pytest.raises(CollateError, match=r"pad_collate.*resize"):
        default_collate([torch.ones(2), torch.ones(3)])


def test_an_error_of_torch_is_the_cause() -> None:
    with pytest.raises(CollateError) as raised:
        default_collate([torch.ones(2), torch.ones(3)])
    assert type(raised.value.__cause__) is RuntimeError


class Lazy(dict):  # type: ignore[type-arg]
    def __getitem__(self, key: Any) -> Any:
        raise OSError("disk on fire")


def test_an_error_of_a_samples_own_code_comes_through() -> None:
    with pytest.raises(OSError, match="disk on fire"):
        default_collate([Lazy(a=1), Lazy(a=2)])


def test_an_error_in_the_middle_leaks_nothing() -> None:
    large = [torch.ones(300_000) for _ in range(4)]
    watched = [weakref.ref(t) for t in large]
    batch: Any = [{"a": t, "b": [torch.ones(9), t], "c": torch.ones(i)} for i, t in enumerate(large)]
    from fastload.memory._arena import process_slots

    with pytest.raises(CollateError):
        default_collate(batch)
    del batch, large
    gc.collect()
    assert [ref() for ref in watched] == [None] * 4
    assert process_slots().leased == 0

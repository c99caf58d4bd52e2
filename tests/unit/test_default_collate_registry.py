"""torch's default_collate_fn_map: asked at call time, with torch's rules."""

import collections
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from support.collated import assert_same
from torch.utils.data import default_collate as torch_collate
from torch.utils.data._utils.collate import collate_tensor_fn, default_collate_fn_map

from fastload.collate import default_collate, stack_into_slots


@pytest.fixture(autouse=True)
def _same_registry_afterwards() -> Iterator[None]:
    before = dict(default_collate_fn_map)
    yield
    default_collate_fn_map.clear()
    default_collate_fn_map.update(before)


class Own:
    pass


class SubOwn(Own):
    pass


calls: list[Any] = []


def remember(batch: Any, *, collate_fn_map: Any = None) -> Any:
    calls.append((type(batch), list(batch), collate_fn_map))
    return "remembered"


def test_a_registered_type_goes_to_its_function_with_the_map() -> None:
    calls.clear()
    default_collate_fn_map[Own] = remember
    batch = [(Own(), 1), (SubOwn(), 2)]
    assert default_collate(batch)[0] == "remembered"
    assert calls == [(tuple, [batch[0][0], batch[1][0]], default_collate_fn_map)]
    assert calls[0][2] is default_collate_fn_map


def test_a_subclass_of_a_registered_type_is_found_in_insertion_order() -> None:
    default_collate_fn_map[Own] = lambda batch, *, collate_fn_map: "first"
    default_collate_fn_map[SubOwn] = lambda batch, *, collate_fn_map: "exact"
    assert default_collate([SubOwn()]) == "exact"
    del default_collate_fn_map[SubOwn]
    assert default_collate([SubOwn()]) == "first"


@pytest.mark.parametrize(
    ("key", "batch"),
    [
        (dict, [{"a": 1}]),
        (list, [[1]]),
        (tuple, [(1,)]),
        (bool, [True]),
        (int, [3]),
        (int, [True]),
        (float, [1.5]),
        (float, [np.float64(1.5)]),
        (np.float32, [np.float32(1)]),
        (str, ["a"]),
        (np.ndarray, [np.ones(2)]),
        (torch.Tensor, [torch.ones(2)]),
        (torch.Tensor, [np.ones(2)]),
        ((dict, Own), [{"a": 1}]),
        (type(None), [None]),
        (collections.abc.Mapping, [{"a": [1, torch.ones(2)]}]),
        (object, [{"a": [1, torch.ones(2)]}, {"a": [1, torch.ones(2)]}]),
    ],
)
def test_any_entry_is_used_as_torch_uses_it(key: Any, batch: list[Any]) -> None:
    default_collate_fn_map[key] = remember
    assert_same(default_collate(batch), torch_collate(batch))
    assert_same(default_collate([batch, batch]), torch_collate([batch, batch]))


def test_removing_an_entry_is_seen() -> None:
    del default_collate_fn_map[str]
    with pytest.raises(RecursionError):
        torch_collate(["ab", "cd"])
    with pytest.raises(RecursionError):
        default_collate(["ab", "cd"])


def test_torchs_own_function_under_another_key_works() -> None:
    default_collate_fn_map[torch.nn.Parameter] = collate_tensor_fn
    batch = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    assert_same(default_collate(batch), torch_collate(batch))


def test_an_error_of_a_registered_function_comes_through_unchanged() -> None:
    def fail(batch: Any, *, collate_fn_map: Any) -> Any:
        raise RuntimeError("mine")

    default_collate_fn_map[Own] = fail
    with pytest.raises(RuntimeError, match=r"^mine$") as raised:
        default_collate([{"a": Own()}])
    assert type(raised.value) is RuntimeError


def test_results_are_filled_before_anybodys_code_can_see_them() -> None:
    seen: list[bool] = []

    class Looking(collections.UserDict):  # type: ignore[type-arg]
        def update(self, other: Any) -> None:  # type: ignore[override]
            seen.append(all(bool((value == 1).all()) for value in other.values()))
            super().update(other)

    batch = [Looking({"a": torch.ones(50_000)}) for _ in range(4)]
    seen.clear()
    default_collate(batch)
    assert seen == [True]


def test_stack_into_slots_stands_in_for_torchs_function() -> None:
    default_collate_fn_map[torch.Tensor] = stack_into_slots
    batch = [{"a": torch.full((300_000,), float(i)), "b": np.ones(3)} for i in range(3)]
    result = torch_collate(batch)
    assert result["a"].shape == (3, 300_000)
    assert result["a"][:, 7].tolist() == [0.0, 1.0, 2.0]
    assert_same(default_collate(batch), result)


def test_stack_into_slots_takes_a_tuple_and_a_map() -> None:
    assert stack_into_slots((torch.ones(2), torch.zeros(2)), collate_fn_map={}).tolist() == [[1, 1], [0, 0]]

"""How samples become a batch: ``__getitems__``, single items, streams, torch's collate registry."""

import collections
import itertools
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from support.compare import assert_same
from support.datasets import Failing, Numbers, Shard, as_is
from support.loader import DataLoader, TorchDataLoader
from torch.utils.data import Dataset, IterableDataset, TensorDataset, default_collate
from torch.utils.data._utils.collate import default_collate_fn_map


class Getitems(Numbers):
    """Answers a whole batch with what ``answer`` makes of the indices."""

    def __init__(self, length: int, answer: Any) -> None:
        super().__init__(length)
        self.answer = answer

    def __getitems__(self, indices: Any) -> Any:
        return self.answer(indices)


@pytest.mark.parametrize("workers", [0, 1])
def test_getitems_gets_the_samplers_own_batch_and_its_answer_goes_unchanged_to_collate(workers: int) -> None:
    batches = [[0, 1], (2, 3), [np.int64(1)]]
    loader = DataLoader(
        Getitems(4, lambda indices: ("answer", type(indices).__name__, type(indices[0]).__name__, indices)),
        batch_sampler=batches,
        collate_fn=as_is,
        num_workers=workers,
    )
    assert list(loader) == [
        ("answer", "list", "int", [0, 1]),
        ("answer", "tuple", "int", (2, 3)),
        ("answer", "list", "int64", [1]),
    ]


@pytest.mark.parametrize("workers", [0, 1])
def test_getitems_may_answer_with_something_that_is_no_list(workers: int) -> None:
    loader = DataLoader(
        Getitems(4, lambda indices: {"all": torch.tensor(indices)}),
        batch_size=2,
        collate_fn=as_is,
        num_workers=workers,
    )
    assert [batch["all"].tolist() for batch in loader] == [[0, 1], [2, 3]]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_false_getitems_is_as_good_as_none(workers: int) -> None:
    class Without(Numbers):
        __getitems__ = None

    assert [batch.tolist() for batch in DataLoader(Without(2), batch_size=2, num_workers=workers)] == [[[0, 0], [1, 1]]]


@pytest.mark.parametrize("workers", [0, 1])
def test_getitems_is_not_called_for_single_items(workers: int) -> None:
    loader = DataLoader(Getitems(2, "never called"), batch_size=None, num_workers=workers)
    assert [item.tolist() for item in loader] == [[0, 0], [1, 1]]


class Echo(Dataset):
    """Item i is i and its type."""

    def __getitem__(self, index: Any) -> Any:
        return index, type(index).__name__


@pytest.mark.parametrize("workers", [0, 2])
def test_single_items_are_what_the_sampler_yields_whatever_that_is(workers: int) -> None:
    keys = ["a", (1, 2), None, np.int32(4), [5, 6], torch.tensor(3), True]
    loader = DataLoader(Echo(), batch_size=None, sampler=keys, collate_fn=as_is, num_workers=workers)
    assert_same(list(loader), [(key, type(key).__name__) for key in keys])


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_of_keys_that_are_no_numbers(workers: int) -> None:
    loader = DataLoader(Echo(), batch_sampler=[["a", (1, 2)], [None]], collate_fn=as_is, num_workers=workers)
    assert list(loader) == [[("a", "str"), ((1, 2), "tuple")], [(None, "NoneType")]]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sampler_of_tensors_passes_tensors(workers: int) -> None:
    loader = DataLoader(Echo(), batch_size=2, sampler=torch.arange(3), collate_fn=as_is, num_workers=workers)
    assert next(iter(loader)) == [(0, "Tensor"), (1, "Tensor")]


@pytest.mark.parametrize("workers", [0, 2])
def test_index_batches_of_huge_and_negative_numbers_arrive_as_they_are(workers: int) -> None:
    batches = [[-1, 2**40], [2**63, 2**70], [-(2**63)]]
    loader = DataLoader(Echo(), batch_sampler=batches, collate_fn=as_is, num_workers=workers)
    assert [[key for key, _ in batch] for batch in loader] == batches
    assert {kind for batch in loader for _, kind in batch} == {"int"}


@pytest.mark.parametrize("workers", [0, 1])
def test_batch_size_none_converts_arrays_only(workers: int) -> None:
    class Mixed(Dataset):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> Any:
            return {"a": np.arange(3), "b": 1, "c": "x", "d": (np.float32(2), [None])}

    ours = list(DataLoader(Mixed(), batch_size=None, num_workers=workers))
    assert_same(ours, list(TorchDataLoader(Mixed(), batch_size=None)))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [[0, 1], [100, 101], [2], [102, 103], [104, 105], [106]]),
        ({"drop_last": True}, [[0, 1], [100, 101], [102, 103], [104, 105]]),
    ],
)
def test_short_batches_of_a_stream_belong_to_each_worker(arguments: dict[str, Any], expected: Any) -> None:
    loader = DataLoader(Shard(3, 7), batch_size=2, num_workers=2, **arguments)
    assert [batch.tolist() for batch in loader] == expected


class Resuming(IterableDataset):
    """Its iterator ends after three items, and would go on if it was asked again."""

    def __iter__(self) -> "Resuming":
        self.position = -1
        return self

    def __next__(self) -> int:
        self.position += 1
        if self.position == 3:
            raise StopIteration
        return self.position


@pytest.mark.parametrize("workers", [0, 1])
def test_a_stream_that_has_ended_is_not_asked_again(workers: int) -> None:
    batches = itertools.islice(DataLoader(Resuming(), batch_size=2, num_workers=workers), 4)
    assert [batch.tolist() for batch in batches] == [[0, 1], [2]]


def test_a_batch_sampler_that_yields_an_empty_batch_goes_to_collate() -> None:
    for workers in (0, 1):
        loader = DataLoader(Numbers(4), batch_sampler=[[0], [], [1]], collate_fn=len, num_workers=workers)
        assert list(loader) == [1, 0, 1]


class Point(NamedTuple):
    x: Any
    y: Any


class Bag(collections.UserDict):
    """A mapping of its own class."""


class Rows(collections.UserList):
    """A list of its own class."""


class Varied(Dataset):
    """Every kind of field that the default collate function knows."""

    def __init__(self, length: int = 5) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {
            "tensor": torch.full((2, 3), index, dtype=torch.float16),
            "scalar tensor": torch.tensor(index, dtype=torch.int16),
            "bool": index % 2 == 0,
            "int": index,
            "float": index / 3,
            "str": str(index),
            "bytes": bytes([index]),
            "array": np.full((2,), index, dtype=np.int8),
            "numpy scalar": np.float32(index),
            "numpy bool": np.bool_(index % 2),
            "point": Point(index, torch.tensor([index])),
            "tuple": (index, (torch.ones(2) * index, "x")),
            "list": [index, np.arange(3) + index],
            "ordered": collections.OrderedDict(b=index, a=torch.zeros(0)),
            "bag": Bag(k=torch.tensor([index])),
            "rows": Rows([index, index + 1]),
            "bfloat": torch.tensor([index], dtype=torch.bfloat16),
            "complex": torch.tensor([index + 1j]),
            "strided": torch.arange(12).reshape(3, 4).t()[1:, ::2] + index,
            "nothing": torch.zeros(0, 4),
        }


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("batch_size", [1, 2, None])
def test_every_kind_of_field_is_collated_as_torch_does(batch_size: int | None, workers: int) -> None:
    def batches(loader_class: Any) -> list[Any]:
        found = list(loader_class(Varied(), batch_size=batch_size, num_workers=workers))
        for batch in found:
            batch["bag"], batch["rows"] = (
                (type(batch["bag"]), dict(batch["bag"])),
                (type(batch["rows"]), list(batch["rows"])),
            )
        return found

    assert_same(batches(DataLoader), batches(TorchDataLoader))


class Odd:
    """A type that torch's collate function does not know until it is registered."""

    def __init__(self, value: int) -> None:
        self.value = value


class Odds(Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return {"odd": Odd(index), "number": torch.tensor(index)}


def collate_odd(batch: list[Odd], *, collate_fn_map: Any = None) -> list[int]:
    return [odd.value for odd in batch]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_type_that_is_registered_is_collated_and_an_unknown_one_is_torchs_error(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = DataLoader(Odds(), batch_size=2, num_workers=workers)
    with pytest.raises(TypeError, match="default_collate: batch must contain tensors, numpy arrays"):
        next(iter(loader))
    monkeypatch.setitem(default_collate_fn_map, Odd, collate_odd)
    assert [batch["odd"] for batch in loader] == [[0, 1], [2, 3]]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_registered_function_for_tensors_replaces_the_fast_path(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lists(batch: list[torch.Tensor], *, collate_fn_map: Any = None) -> list[Any]:
        return [tensor.tolist() for tensor in batch]

    monkeypatch.setitem(default_collate_fn_map, torch.Tensor, lists)
    loader = DataLoader(Numbers(2), batch_size=2, num_workers=workers)
    assert list(loader) == [[[0, 0], [1, 1]]]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_registered_function_replaces_batches_that_are_made_whole(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lists(batch: list[torch.Tensor], *, collate_fn_map: Any = None) -> list[Any]:
        return [tensor.tolist() for tensor in batch]

    monkeypatch.setitem(default_collate_fn_map, torch.Tensor, lists)
    loader = DataLoader(TensorDataset(torch.arange(4)), batch_size=2, num_workers=workers)
    assert list(loader) == [[[0, 1]], [[2, 3]]]


@pytest.mark.parametrize("workers", [0, 1])
def test_sequences_of_unequal_lengths_are_torchs_error(workers: int) -> None:
    class Ragged(Dataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> list[int]:
            return list(range(index + 1))

    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        next(iter(DataLoader(Ragged(), batch_size=2, num_workers=workers)))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_collate_function_may_call_default_collate_itself(workers: int) -> None:
    def collate(samples: list[Any]) -> Any:
        return default_collate(samples), os.getpid()

    batches = [batch[0] for batch in DataLoader(Varied(), batch_size=2, num_workers=workers, collate_fn=collate)]
    expected = [default_collate([Varied()[i] for i in chunk]) for chunk in ([0, 1], [2, 3], [4])]
    for ours, theirs in zip(batches, expected, strict=True):
        assert_same(ours["tuple"], theirs["tuple"])
        assert_same(ours["strided"], theirs["strided"])


class Meters(torch.Tensor):
    """A tensor of its own class."""


@pytest.mark.parametrize("workers", [0, 1])
def test_tensors_of_a_subclass_collate_as_in_torchs_loader(workers: int) -> None:
    class Lengths(Dataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> torch.Tensor:
            return torch.ones(2).as_subclass(Meters)

    (ours,), (theirs,) = (
        list(one(Lengths(), batch_size=2, num_workers=workers)) for one in (DataLoader, TorchDataLoader)
    )
    assert_same(ours, theirs)


class ArrayRows(torch.utils.data.Dataset[Any]):
    """Its samples tell what they were asked with."""

    def __getitem__(self, index: Any) -> Any:
        return torch.as_tensor(np.arange(10)[index + 1])

    def __len__(self) -> int:
        return 6


class AskedWith(ArrayRows):
    def __getitems__(self, indices: Any) -> list[str]:
        return [f"{type(indices).__name__} {type(index).__name__}" for index in indices]


class ArrayBatches:
    """A batch sampler of the user's that gives arrays."""

    def __iter__(self) -> Iterator[Any]:
        return iter([np.arange(3), np.arange(3, 6)])

    def __len__(self) -> int:
        return 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_users_own_index_arrays_reach_the_dataset_as_they_are(workers: int) -> None:
    rows: Any = DataLoader(ArrayRows(), batch_size=None, sampler=ArrayBatches(), num_workers=workers)  # type: ignore[arg-type]
    assert [batch.tolist() for batch in rows] == [[1, 2, 3], [4, 5, 6]]
    asked: Any = DataLoader(AskedWith(), batch_sampler=ArrayBatches(), num_workers=workers)  # type: ignore[arg-type]
    assert [set(batch) for batch in asked] == [{"ndarray int64"}, {"ndarray int64"}]


class OncePassed:
    """A batch sampler whose batches can be iterated once, and nothing else."""

    def __iter__(self) -> Iterator[Any]:
        return iter([iter([0, 1]), iter([2])])

    def __len__(self) -> int:
        return 2


def test_an_index_batch_may_be_anything_that_can_be_iterated() -> None:
    loader: Any = DataLoader(Numbers(3), batch_sampler=OncePassed())  # type: ignore[arg-type]
    same: Any = TorchDataLoader(Numbers(3), batch_sampler=OncePassed())  # type: ignore[arg-type]
    assert_same(list(loader), list(same))


def test_an_error_in_such_a_batch_is_the_users_own() -> None:
    loader: Any = DataLoader(Failing(3, bad=(1,)), batch_sampler=OncePassed())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="bad sample 1"):
        next(iter(loader))

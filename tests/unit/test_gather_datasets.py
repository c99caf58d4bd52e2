"""batch_getter: what it gathers equals torch's collate of the samples; what it cannot promise that for, it leaves."""

from typing import Any

import numpy as np
import pytest
import torch
from support.compare import assert_same
from torch.utils.data import ConcatDataset, Dataset, StackDataset, Subset, TensorDataset
from torch.utils.data import default_collate as torch_collate

from fastload._gather import TORCH_DTYPES, batch_getter
from fastload.datasets import ArrayDataset

N = 12
INDICES = [3, 0, 5, 11, -1, 7, -12, 3]


def allocate(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype)


def images() -> torch.Tensor:
    return torch.randn(N, 2, 3)


def labels() -> torch.Tensor:
    return torch.arange(N)


def array(dtype: str, *shape: int) -> np.ndarray:
    return (np.random.rand(N, *shape) * 100).astype(dtype)


def gathered(dataset: Any, indices: Any) -> Any:
    getter = batch_getter(dataset)
    assert getter is not None
    return getter(indices, allocate)


ARRAY_DTYPES = [str(dtype) for dtype in TORCH_DTYPES if dtype != np.uint64]

QUALIFYING: dict[str, Any] = {
    "two tensors": lambda: TensorDataset(images(), labels()),
    "one tensor": lambda: TensorDataset(images()),
    "bfloat16": lambda: TensorDataset(images().to(torch.bfloat16)),
    "float8": lambda: TensorDataset(images().to(torch.float8_e5m2)),
    "bool and complex": lambda: TensorDataset(images() > 0, torch.view_as_complex(torch.randn(N, 2))),
    "empty rows": lambda: TensorDataset(torch.zeros(N, 0, 3)),
    "every second row": lambda: TensorDataset(torch.arange(4 * N).view(2 * N, 2)[::2]),
    "an expanded tensor": lambda: TensorDataset(torch.arange(3).expand(N, 3)),
    "a plain tensor": images,
    "a plain array": lambda: array("float32", 4),
    "stack of tensors": lambda: StackDataset(images(), labels()),
    "stack of arrays": lambda: StackDataset(array("float32", 3), array("int16"), array("float16", 2, 2)),
    "stack by name": lambda: StackDataset(image=TensorDataset(images()), label=labels(), mask=array("bool")),
    "stack of stacks": lambda: StackDataset(StackDataset(a=labels()), Subset(TensorDataset(labels()), range(N))),
    "arrays": lambda: ArrayDataset(array("uint8", 5), array("int64")),
    "arrays by name": lambda: ArrayDataset(image=array("uint8", 5), label=labels()),
    "subset of a list": lambda: Subset(TensorDataset(images(), labels()), [*range(N - 2, -2, -1)]),
    "subset of a tuple": lambda: Subset(TensorDataset(labels()), tuple(range(N))),
    "subset of an array": lambda: Subset(TensorDataset(labels()), np.arange(N, dtype=np.int32)[::-1]),
    "subset of a tensor": lambda: Subset(TensorDataset(labels()), torch.arange(N).flip(0)),
    "subset of a subset": lambda: Subset(Subset(ArrayDataset(x=labels()), [1, -1] * N), [*range(N, 2 * N)]),
    "concat": lambda: ConcatDataset(
        [TensorDataset(labels()[:5]), TensorDataset(labels()[:0]), TensorDataset(labels()[5:])]
    ),
    "concat of dicts": lambda: ConcatDataset(
        [
            ArrayDataset(a=array("uint8", 2)[:7], b=array("float32")[:7]),
            ArrayDataset(a=array("uint8", 2)[7:], b=array("float32")[7:]),
        ]
    ),
    "subset of a concat of subsets": lambda: Subset(
        ConcatDataset([Subset(TensorDataset(images()), [2, 1]), Subset(TensorDataset(images()), [*range(N)])]), range(N)
    ),
}


@pytest.mark.parametrize("kind", QUALIFYING)
def test_a_batch_is_the_collated_samples(kind: str) -> None:
    dataset = QUALIFYING[kind]()
    assert_same(gathered(dataset, INDICES), torch_collate([dataset[index] for index in INDICES]))


@pytest.mark.parametrize("dtype", ARRAY_DTYPES)
@pytest.mark.parametrize("shape", [(), (3,)])
def test_an_array_of_each_number_type_is_collated_as_torch_does(dtype: str, shape: tuple[int, ...]) -> None:
    dataset = StackDataset(array(dtype, *shape))
    assert_same(gathered(dataset, INDICES), torch_collate([dataset[index] for index in INDICES]))


def test_indices_may_come_as_an_int64_array() -> None:
    dataset = TensorDataset(labels())
    assert_same(gathered(dataset, np.array(INDICES)), gathered(dataset, INDICES))


@pytest.mark.parametrize("indices", [[True, 0], [np.int64(1)], [1.0], [torch.tensor(1)], (1, 2), [], "ab", [2**80]])
def test_other_indices_are_left_to_the_dataset(indices: Any) -> None:
    assert gathered(TensorDataset(labels()), indices) is NotImplemented
    assert ArrayDataset(labels()).__getbatch__(indices, allocate) is NotImplemented


@pytest.mark.parametrize("bad", [N, -N - 1])
def test_an_index_out_of_range_is_an_index_error_as_with_torch(bad: int) -> None:
    for dataset in (TensorDataset(labels()), ArrayDataset(labels()), Subset(TensorDataset(labels()), range(N))):
        with pytest.raises(IndexError):
            dataset[bad]
        with pytest.raises(IndexError, match=f"index {bad}"):
            gathered(dataset, [0, bad])
    past_the_end = Subset(TensorDataset(labels()), [0, bad])
    with pytest.raises(IndexError, match=f"index {bad}"):
        gathered(past_the_end, [1])


def test_indices_out_of_range_of_a_concat_are_left_to_its_own_exceptions() -> None:
    dataset = ConcatDataset([TensorDataset(labels())])
    assert gathered(dataset, [N]) is NotImplemented
    assert gathered(dataset, [-N - 1]) is NotImplemented


class Doubled(TensorDataset):
    def __getitem__(self, index: Any) -> Any:
        return tuple(2 * tensor for tensor in super().__getitem__(index))


class Flipped(ArrayDataset):
    def __getitem__(self, index: Any) -> Any:
        return tuple(-array for array in super().__getitem__(index))


class Rows(Dataset):
    def __getitem__(self, index: int) -> int:
        return index

    def __len__(self) -> int:
        return N


class Batches(Rows):
    def __getbatch__(self, indices: Any, allocate: Any) -> Any:
        return torch.tensor(indices)


class NoBatches(Batches):
    __getbatch__ = None  # type: ignore[assignment]


LEFT_ALONE: dict[str, Any] = {
    "a subclass of TensorDataset": lambda: Doubled(labels()),
    "a subclass of ArrayDataset with other samples": lambda: Flipped(labels().numpy()),
    "a dataset": Rows,
    "a dataset that says no": NoBatches,
    "a tensor with a gradient": lambda: TensorDataset(images().requires_grad_()),
    "a parameter": lambda: TensorDataset(torch.nn.Parameter(images())),
    "a sparse tensor": lambda: TensorDataset(torch.eye(N).to_sparse()),
    "rows that are not dense": lambda: TensorDataset(images().transpose(1, 2)),
    "a conjugate": lambda: TensorDataset(torch.view_as_complex(torch.randn(N, 2)).conj()),
    "a meta tensor": lambda: TensorDataset(torch.zeros(N, device="meta")),
    "no tensors": TensorDataset,
    "scalars that torch refuses": lambda: StackDataset(array("uint64")),
    "another byte order": lambda: StackDataset(array(">f4", 2)),
    "strings": lambda: ArrayDataset(np.array(["a"] * N)),
    "a masked array": lambda: StackDataset(np.ma.masked_array(array("float32", 2))),
    "a stack with one other part": lambda: StackDataset(labels(), Rows()),
    "a stack with a list": lambda: StackDataset(labels(), [*range(N)]),
    "a subset of another dataset": lambda: Subset(Rows(), [1, 2]),
    "a subset of tensors": lambda: Subset(TensorDataset(labels()), [torch.tensor(1)]),
    "a subset by mask": lambda: Subset(TensorDataset(labels()), [True] * N),
    "a subset by uint8 tensor": lambda: Subset(TensorDataset(labels()), torch.zeros(N, dtype=torch.uint8)),
    "a concat of other shapes": lambda: ConcatDataset([TensorDataset(labels()), TensorDataset(images())]),
    "a concat of other dtypes": lambda: ConcatDataset([TensorDataset(labels()), TensorDataset(labels().int())]),
    "a concat of batches": lambda: ConcatDataset([Batches(), Batches()]),
    "a concat of other keys": lambda: ConcatDataset(
        [ArrayDataset(a=labels(), b=labels()), ArrayDataset(b=labels(), a=labels())]
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", LEFT_ALONE)
def test_what_may_be_collated_otherwise_is_left_alone(kind: str) -> None:
    assert batch_getter(LEFT_ALONE[kind]()) is None


def test_a_dataset_with_its_own_batches_gets_the_indices_as_they_are() -> None:
    class Keys(Batches):
        def __getbatch__(self, indices: Any, allocate: Any) -> Any:
            return indices

    indices = [("a", 1), None]
    assert gathered(Keys(), indices) is indices


def test_parts_with_their_own_batches_are_asked_for_them_with_ints() -> None:
    dataset = Subset(StackDataset(x=Batches(), y=labels()), [5, 4, 3])
    batch = gathered(dataset, [2, 0])
    assert {key: value.tolist() for key, value in batch.items()} == {"x": [3, 5], "y": [3, 5]}


def test_a_part_that_gives_no_batch_leaves_the_whole_to_the_slow_path() -> None:
    class Unwilling(Batches):
        def __getbatch__(self, indices: Any, allocate: Any) -> Any:
            return NotImplemented

    assert gathered(StackDataset(labels(), Unwilling()), [1]) is NotImplemented


def test_a_getter_is_made_for_the_tensors_of_its_epoch() -> None:
    dataset = TensorDataset(labels())
    before = batch_getter(dataset)
    dataset.tensors = (labels() * 10,)
    assert before is not None
    assert before([1], allocate)[0].tolist() == [1]
    assert gathered(dataset, [1])[0].tolist() == [10]


def test_rows_changed_in_place_are_seen() -> None:
    tensor = labels()
    getter = batch_getter(TensorDataset(tensor))
    assert getter is not None
    tensor[4] = 99
    assert getter([4], allocate)[0].tolist() == [99]


def test_every_tensor_of_a_batch_came_from_allocate() -> None:
    made: list[torch.Tensor] = []

    def remember(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        made.append(torch.empty(shape, dtype=dtype))
        return made[-1]

    getter = batch_getter(StackDataset(a=images(), b=ConcatDataset([TensorDataset(labels())])))
    assert getter is not None
    batch = getter(INDICES, remember)
    assert [batch["a"].data_ptr(), batch["b"][0].data_ptr()] == [tensor.data_ptr() for tensor in made]

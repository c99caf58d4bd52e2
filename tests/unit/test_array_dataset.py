"""ArrayDataset: rows of arrays, whole batches, memory maps that travel by name."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.compare import assert_same
from torch.utils.data import default_collate as torch_collate

from fastload.datasets import ArrayDataset

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
LABELS = np.arange(4)


def allocate(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype)


def test_a_sample_is_a_tuple_of_rows_or_a_dict_of_them() -> None:
    by_position = ArrayDataset(IMAGES, torch.from_numpy(LABELS))
    assert_same(by_position[1], (IMAGES[1], torch.tensor(1)))
    by_name = ArrayDataset({"image": IMAGES, "label": LABELS})
    assert_same(by_name[-1], {"image": IMAGES[3], "label": np.int64(3)})
    assert_same(ArrayDataset(image=IMAGES, label=LABELS)[-1], by_name[-1])
    assert len(by_position) == len(by_name) == 4


def test_a_slice_gives_slices() -> None:
    assert_same(ArrayDataset(IMAGES, LABELS)[1:3], (IMAGES[1:3], LABELS[1:3]))


@pytest.mark.parametrize("dataset", [ArrayDataset(IMAGES, LABELS), ArrayDataset(a=LABELS, b=torch.zeros(4, 2))])
def test_a_batch_is_the_collated_samples(dataset: ArrayDataset) -> None:
    indices = [2, -1, 0, 2]
    assert_same(dataset.__getbatch__(indices, allocate), torch_collate(dataset.__getitems__(indices)))


def test_an_index_out_of_range_is_an_index_error_which_also_ends_iteration() -> None:
    dataset = ArrayDataset(LABELS)
    with pytest.raises(IndexError):
        dataset[4]
    assert [int(label) for (label,) in dataset] == [0, 1, 2, 3]


def test_arrays_that_are_collated_sample_by_sample_give_no_batch() -> None:
    assert ArrayDataset(np.array(["a", "b"])).__getbatch__([0], allocate) is NotImplemented


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no arrays given"),
        (({},), "no arrays given"),
        ((IMAGES, LABELS[:3]), r"as many rows as each other, got \{0: 4, 1: 3\}"),
        (({"a": LABELS, "b": LABELS[1:]},), r"\{'a': 4, 'b': 3\}"),
        ((np.float32(1.0) * np.ones(()),), "numpy.asarray|no dimensions"),
        ((torch.tensor(1),), "no dimensions"),
        ((np.array([object()]),), "Python objects"),
    ],
)
def test_arrays_without_common_rows_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        ArrayDataset(*arguments)


def test_what_is_no_array_is_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"array 0 is a list; pass a NumPy array .* numpy.asarray"):
        ArrayDataset([1, 2])


def test_arrays_by_position_and_by_name_are_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        ArrayDataset(LABELS, label=LABELS)


def test_its_text_names_the_arrays() -> None:
    assert repr(ArrayDataset(x=IMAGES, y=LABELS)) == "ArrayDataset(x=uint8(4, 3, 2), y=int64(4,))"
    assert repr(ArrayDataset(LABELS)) == "ArrayDataset(int64(4,))"


@pytest.fixture
def memory_map(tmp_path: Path) -> np.memmap:
    mapped = np.memmap(tmp_path / "rows.bin", dtype=np.int32, mode="w+", offset=5000, shape=(5000, 4))
    mapped[:] = np.arange(20000).reshape(5000, 4)
    mapped.flush()
    return mapped


VIEWS: dict[str, Any] = {
    "whole": lambda mapped: mapped,
    "later rows": lambda mapped: mapped[1500:],
    "every third row, backwards": lambda mapped: mapped[::-3],
    "one column": lambda mapped: mapped[:, 2],
    "columns swapped": lambda mapped: mapped[10:, ::-1],
    "as an array": lambda mapped: np.asarray(mapped)[7:],
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_pickled_memory_map_is_opened_again_by_its_name(memory_map: np.memmap, view: str) -> None:
    rows = VIEWS[view](memory_map)
    pickled = pickle.dumps(ArrayDataset(rows))
    assert len(pickled) < 2000
    copy = pickle.loads(pickled)
    assert np.array_equal(copy.arrays[0], rows)
    memory_map[:] = 5
    memory_map.flush()
    assert (copy.arrays[0] == 5).all(), "not the same file"
    assert len(pickle.dumps(copy)) < 2000


def test_a_map_that_may_not_be_written_stays_so(memory_map: np.memmap) -> None:
    read_only = np.memmap(memory_map.filename, dtype=np.int32, mode="r")
    copy = pickle.loads(pickle.dumps(ArrayDataset(x=read_only)))
    assert not copy.arrays["x"].flags.writeable
    assert np.array_equal(copy.arrays["x"], read_only)


def test_a_private_map_travels_by_value_with_its_changes(memory_map: np.memmap) -> None:
    private = np.memmap(memory_map.filename, dtype=np.int32, mode="c", offset=5000)
    private[0] = -1
    copy = pickle.loads(pickle.dumps(ArrayDataset(private)))
    assert copy.arrays[0][0] == -1


def test_ordinary_arrays_and_tensors_travel_by_value() -> None:
    copy = pickle.loads(pickle.dumps(ArrayDataset({"a": IMAGES, "b": torch.arange(4)})))
    assert_same(copy[2], {"a": IMAGES[2], "b": torch.tensor(2)})
    assert_same(copy.__getbatch__([1], allocate)["b"], torch.tensor([1]))
    assert len(copy) == 4

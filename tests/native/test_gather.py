"""_core.gather and _core.index_array: rows by number, exactly as NumPy picks them."""

import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fastload import _core

ROW_BYTES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 64, 255, 256, 257, 4095, 4096, 4097, 9000]


def rows(count: int, row_bytes: int) -> np.ndarray:
    return np.random.randint(0, 256, (count, row_bytes), dtype=np.uint8)


@pytest.mark.parametrize("row_bytes", ROW_BYTES)
def test_rows_of_any_size_are_picked_as_numpy_picks_them(row_bytes: int) -> None:
    source = rows(37, row_bytes)
    indices = np.random.randint(-37, 37, 101)
    out = np.full((101, row_bytes), 7, dtype=np.uint8)
    _core.gather(source, indices, out)
    assert np.array_equal(out, source[indices])


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 70), st.integers(0, 2**32 - 1))
def test_any_table_is_picked_as_numpy_picks_it(count: int, row_bytes: int, batch: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    source = random.integers(0, 256, (count, row_bytes), dtype=np.uint8)
    indices = random.integers(-count, count, batch)
    out = np.empty((batch, row_bytes), dtype=np.uint8)
    _core.gather(source, indices, out)
    assert np.array_equal(out, source[indices])


def test_a_gather_large_enough_for_several_threads_is_the_same() -> None:
    threads = _core.num_threads()
    _core.set_num_threads(4)
    try:
        source = rows(300, 70_000)
        indices = np.random.permutation(300)
        out = np.empty_like(source)
        _core.gather(source, indices, out)
        assert np.array_equal(out, source[indices])
    finally:
        _core.set_num_threads(threads)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_tensors_of_any_dtype_are_gathered(dtype: torch.dtype) -> None:
    source = torch.randint(0, 2, (9, 2, 3)).to(dtype)
    out = torch.empty(4, 2, 3, dtype=dtype)
    _core.gather(source, np.array([8, -9, 3, 3]), out)
    assert torch.equal(out.view(torch.uint8), source[[8, 0, 3, 3]].view(torch.uint8))


def test_the_first_stride_is_free_on_both_sides() -> None:
    source = torch.arange(60).view(10, 6)[::2, 1:4]
    out = torch.zeros(6, 7, dtype=torch.int64)
    _core.gather(source, np.array([4, 0, -1]), out[::2, 2:5])
    assert torch.equal(out[::2, 2:5], source[[4, 0, 4]])
    assert int(out.count_nonzero()) == 9
    backwards = np.arange(10)[::-1]
    picked = np.empty(3, dtype=np.int64)
    _core.gather(backwards, np.array([0, 1, -1]), picked)
    assert picked.tolist() == [9, 8, 0]


def test_rows_go_to_the_positions_that_are_given() -> None:
    out = np.zeros(5, dtype=np.int64)
    _core.gather(np.arange(10, 20), np.array([3, 4]), out, np.array([4, 1]))
    assert out.tolist() == [0, 14, 0, 0, 13]


@pytest.mark.parametrize("positions", [[0], [0, 5], [0, -1]])
def test_positions_that_are_no_rows_of_out_are_refused(positions: list[int]) -> None:
    with pytest.raises((ValueError, IndexError), match="positions must be"):
        _core.gather(np.arange(4), np.array([0, 1]), np.zeros(5, dtype=np.int64), np.array(positions))


@pytest.mark.parametrize("bad", [10, -11, 2**63 - 1, -(2**63)])
def test_an_index_out_of_range_is_named_and_nothing_is_written(bad: int) -> None:
    out = np.zeros(3, dtype=np.int64)
    with pytest.raises(IndexError, match=f"index {bad} at position 2 is out of bounds for length 10"):
        _core.gather(np.arange(10), np.array([1, 2, bad]), out)
    assert not out.any()


def test_an_empty_table_has_no_row_in_range() -> None:
    with pytest.raises(IndexError, match="length 0"):
        _core.gather(np.empty((0, 3)), np.array([0]), np.empty((1, 3)))
    _core.gather(np.empty((0, 3)), np.array([], dtype=np.int64), np.empty((0, 3)))


@pytest.mark.parametrize(
    ("source", "indices", "out", "error"),
    [
        (np.arange(4), np.array([0]), np.empty((1, 2), dtype=np.int64), ValueError),
        (np.arange(4), np.array([0]), np.empty(1, dtype=np.int32), ValueError),
        (np.arange(4), np.array([0]), np.empty(2, dtype=np.int64), ValueError),
        (np.zeros((4, 3, 2)).transpose(0, 2, 1), np.array([0]), np.empty((1, 2, 3)), ValueError),
        (np.array(4), np.array([0]), np.empty(1, dtype=np.int64), ValueError),
        (torch.zeros(4, device="meta"), np.array([0]), torch.zeros(1), ValueError),
        (np.arange(4), np.array([0], dtype=np.int32), np.empty(1, dtype=np.int64), TypeError),
        (np.arange(4), np.arange(4)[::2], np.empty(2, dtype=np.int64), TypeError),
        (np.arange(4), [0], np.empty(1, dtype=np.int64), TypeError),
        ([1, 2], np.array([0]), np.empty(1, dtype=np.int64), TypeError),
    ],
)
def test_what_cannot_be_gathered_is_refused(source, indices, out, error) -> None:
    with pytest.raises(error):
        _core.gather(source, indices, out)


def test_an_array_that_must_not_be_written_is_refused() -> None:
    out = np.zeros(1, dtype=np.int64)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        _core.gather(np.arange(4), np.array([1]), out)


def test_gathers_in_several_threads_at_once_are_right() -> None:
    source = rows(200, 50_000)
    wrong: list[int] = []

    def work(seed: int) -> None:
        indices = np.random.default_rng(seed).integers(0, 200, 150)
        out = np.empty((150, 50_000), dtype=np.uint8)
        _core.gather(source, indices, out)
        if not np.array_equal(out, source[indices]):
            wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_exact_ints_become_an_int64_array() -> None:
    values = [0, -1, 2**63 - 1, -(2**63), 300]
    array = _core.index_array(values)
    assert array.dtype == np.int64
    assert array.tolist() == values
    assert _core.index_array([]).shape == (0,)


@pytest.mark.parametrize("odd", [True, 1.0, np.int64(1), torch.tensor(1), "1", None, 2**63, -(2**63) - 1, (1,)])
def test_a_list_with_anything_else_is_no_index_array(odd: object) -> None:
    assert _core.index_array([1, odd]) is None


def test_rows_of_another_shape_with_as_many_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="rows of one shape and item size"):
        _core.gather(torch.zeros(4, 2, 3), np.array([1]), torch.zeros(1, 3, 2))

"""Copies into leases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.slots import MIB, fill

from fastload._core import Slots, copy_into


@pytest.mark.parametrize("nbytes", [0, 1, 1000, 4 * MIB - 1, 4 * MIB, 9 * MIB + 13])
def test_copy_into_copies_exactly_the_source(nbytes: int) -> None:
    lease = Slots().acquire(10 * MIB)
    fill(lease, 255)
    source = np.random.default_rng(nbytes).integers(0, 255, nbytes, dtype=np.uint8)
    copy_into(lease, 3, source)
    got = np.frombuffer(memoryview(lease), np.uint8)
    assert np.array_equal(got[3 : 3 + nbytes], source)
    assert (got[:3] == 255).all()
    assert (got[3 + nbytes :] == 255).all()


@pytest.mark.parametrize(
    "source",
    [
        b"abcdefgh",
        bytearray(b"abcdefgh"),
        memoryview(b"__abcdefgh")[2:],
        np.frombuffer(b"abcdefgh", np.int16).reshape(2, 2),
        torch.tensor(list(b"abcdefgh"), dtype=torch.uint8),
        torch.frombuffer(bytearray(b"abcdefgh"), dtype=torch.bfloat16),
        torch.frombuffer(bytearray(b"abcdefgh"), dtype=torch.float32).requires_grad_(),
        torch.frombuffer(bytearray(b"abcdefgh"), dtype=torch.complex64)[0],
    ],
    ids=["bytes", "bytearray", "memoryview", "array", "uint8", "bfloat16", "requires grad", "complex scalar"],
)
def test_copy_into_takes_buffers_and_tensors(source: torch.Tensor) -> None:
    lease = Slots().acquire(8)
    copy_into(lease, 0, source)
    assert bytes(lease) == b"abcdefgh"


def test_copy_into_copies_within_a_lease() -> None:
    lease = Slots().acquire(8 * MIB)
    array = np.frombuffer(memoryview(lease), np.uint8)
    array[:] = np.arange(8 * MIB, dtype=np.uint32).astype(np.uint8)
    before = array.copy()
    copy_into(lease, 5, array[: 7 * MIB])
    assert np.array_equal(array[5 : 5 + 7 * MIB], before[: 7 * MIB])


@pytest.mark.parametrize(
    ("offset", "source", "error"),
    [
        (-1, b"x", ValueError),
        (9, b"", ValueError),
        (1, b"abcdefgh", ValueError),
        (0, torch.zeros(4, 2, dtype=torch.uint8).t(), ValueError),
        (0, torch.zeros(1, dtype=torch.complex64).conj(), ValueError),
        (0, torch.zeros(8, dtype=torch.uint8, device="meta"), ValueError),
        (0, np.zeros((2, 8), np.uint8)[:, ::2], (BufferError, ValueError)),
        (0, [1, 2], TypeError),
    ],
)
def test_copy_into_refuses_what_it_cannot_copy(offset: int, source: bytes, error: type[Exception]) -> None:
    lease = Slots().acquire(8)
    fill(lease, 1)
    with pytest.raises(error):
        copy_into(lease, offset, source)
    assert bytes(lease) == b"\x01" * 8


def test_copy_into_needs_a_lease() -> None:
    with pytest.raises(TypeError, match="must be a Lease, got bytearray"):
        copy_into(bytearray(8), 0, b"x")  # type: ignore[arg-type]

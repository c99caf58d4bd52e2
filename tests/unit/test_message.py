"""Messages between processes: what comes out equals what went in, and slots come back."""

from __future__ import annotations

import gc
import pickle
import resource
import select
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from fastload import _core
from fastload.memory import _arena
from fastload.memory._channel import _FRAME, _LENGTH, Incoming, frame

Point = namedtuple("Point", ["x", "y"])


@dataclass
class Record:
    image: torch.Tensor
    name: str


class Wire:
    """Both ends of a channel in one process."""

    def __init__(self) -> None:
        self.file = _core.SharedFile()
        self.slots = _core.Slots(self.file)
        self.remote = _core.RemoteSlots(self.file)

    def carry(self, message: Any, keep_messages: int = 8) -> Any:
        sent = memoryview(frame(7, message, self.slots))
        assert len(sent) <= select.PIPE_BUF
        assert _LENGTH.unpack_from(sent) == (len(sent) - _LENGTH.size,)
        content = sent[_LENGTH.size :]
        tag, in_slot = _FRAME.unpack_from(content)
        assert tag == 7
        return Incoming(tag, bool(in_slot), content[_FRAME.size :], self.remote).open(keep_messages)

    def take_back(self) -> None:
        self.slots.give_back(self.remote.returned())


@pytest.fixture
def wire() -> Any:
    wire = Wire()
    yield wire
    wire.file.close()
    del wire.slots, wire.remote  # pytest keeps the wire itself for a while


def assert_same(got: Any, want: Any) -> None:
    assert type(got) is type(want)
    if isinstance(want, torch.Tensor):
        assert (got.dtype, got.shape, got.stride()) == (want.dtype, want.shape, want.stride())
        assert torch.equal(got, want)
    elif isinstance(want, np.ndarray):
        assert got.dtype == want.dtype
        assert got.flags.writeable
        np.testing.assert_array_equal(got, want)
    elif isinstance(want, dict):
        assert list(got) == list(want)
        for key in want:
            assert_same(got[key], want[key])
    elif isinstance(want, (list, tuple)):
        assert len(got) == len(want)
        for one, other in zip(got, want, strict=True):
            assert_same(one, other)
    elif isinstance(want, Record):
        assert_same(vars(got), vars(want))
    else:
        assert got == want


LARGE = torch.arange(3 << 18, dtype=torch.int32)  # 3 MiB

MESSAGES = {
    "nothing": None,
    "numbers and strings": {"a": [1, 2.5, "three", b"four"], "b": (True, None)},
    "small tensors of many types": [
        torch.ones(3, dtype=d) for d in (torch.bool, torch.uint8, torch.bfloat16, torch.complex128)
    ],
    "0-d and empty tensors": [torch.tensor(3.5), torch.empty(0), torch.empty(2, 0, 3, dtype=torch.int64)],
    "a large tensor": LARGE,
    "large and small": {"image": LARGE.view(3, 512, 512), "label": torch.tensor([1, 2])},
    "a permuted large tensor": LARGE.view(3, 512, 512).permute(1, 2, 0),
    "channels last": torch.rand(2, 3, 400, 400).to(memory_format=torch.channels_last),
    "an expanded tensor": torch.ones(1, 3).expand(1000, 3),
    "part of a large storage": LARGE[7:13],
    "a named tuple": Point(torch.ones(2), [torch.zeros(1)]),
    "an object": Record(LARGE, "bus"),
    "arrays": [np.arange(5), np.zeros((600, 600)), np.float32(2), np.empty((0, 3))],
    "a Fortran array": np.asfortranarray(np.arange(600_000.0).reshape(600, 1000)),
    "five hundred tensors": [torch.full((4,), i) for i in range(500)],
    "a long string": "x" * 100_000,
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("keep_messages", [0, 8])
def test_what_comes_out_equals_what_went_in(wire: Wire, name: str, keep_messages: int) -> None:
    assert_same(wire.carry(MESSAGES[name], keep_messages), MESSAGES[name])


def test_read_only_arrays_arrive_writable_as_from_torch(wire: Wire) -> None:
    array = np.arange(4)
    array.flags.writeable = False
    assert_same(wire.carry(array), np.arange(4))


def test_tensors_that_share_memory_still_do(wire: Wire) -> None:
    row, whole, again = wire.carry((LARGE[256:512], LARGE, LARGE.view(torch.uint8)))
    row.zero_()
    assert whole[256:512].count_nonzero() == 0
    assert again[1024:2048].count_nonzero() == 0
    assert whole[255] == 255


def test_views_of_different_item_sizes_share_their_range(wire: Wire) -> None:
    base = torch.arange(64, dtype=torch.uint8)
    late, early = wire.carry((base[8:].view(torch.int64), base[3:9]))
    assert_same(late, base[8:].view(torch.int64))
    assert_same(early, base[3:9])


def test_the_same_object_twice_arrives_as_one(wire: Wire) -> None:
    tensor = torch.ones(2)
    one, other = wire.carry([tensor, tensor])
    assert one is other


def test_only_the_part_of_a_storage_that_is_used_travels(wire: Wire) -> None:
    got = wire.carry(LARGE[1000:1004])
    assert got.untyped_storage().nbytes() <= 32


@pytest.mark.filterwarnings("ignore:Sparse")
def test_other_kinds_of_tensors_arrive_as_with_torch(wire: Wire) -> None:
    parameter = torch.nn.Parameter(torch.ones(3))
    sparse = torch.eye(4).to_sparse()
    grown, thin, typed = wire.carry((parameter, sparse, torch.ones(2).untyped_storage()))
    assert isinstance(grown, torch.nn.Parameter)
    assert grown.requires_grad
    assert torch.equal(grown, parameter)
    assert torch.equal(thin.to_dense(), torch.eye(4))
    assert typed.nbytes() == 8


def test_a_tensor_that_needs_its_graph_is_refused_as_by_torch(wire: Wire) -> None:
    with pytest.raises(RuntimeError, match="non-leaf tensor which requires_grad"):
        wire.carry(torch.ones(2, requires_grad=True) * 2)


def test_a_tensor_collated_into_a_slot_is_not_copied(wire: Wire) -> None:
    before = _arena.process_slots()
    _arena.use_slots(wire.slots)
    try:
        batch = _arena.allocate((512, 1024), torch.float32)
    finally:
        _arena.use_slots(before)
    batch.fill_(3)
    got = wire.carry(batch)
    assert wire.slots.slots == 1
    batch.fill_(4)  # the same pages
    assert got[0, 0] == 4


def test_a_slot_sent_again_before_it_is_back_travels_as_a_copy(wire: Wire) -> None:
    before = _arena.process_slots()
    _arena.use_slots(wire.slots)
    try:
        batch = _arena.allocate((512, 1024), torch.float32).fill_(1)
    finally:
        _arena.use_slots(before)
    first, second = wire.carry(batch), wire.carry(batch)
    first.fill_(5)
    assert second[0, 0] == 1


def test_slots_come_back_when_the_last_view_dies(wire: Wire) -> None:
    gc.collect()
    gc.disable()  # reference counts alone have to do
    try:
        got = wire.carry({"image": LARGE, "label": torch.ones(3)})
        view = got["image"][5:7].numpy()
        del got
        assert wire.remote.returned() == []
        del view
        wire.take_back()
        assert wire.slots.free_bytes == wire.slots.bytes > 0
        assert wire.slots.leased == wire.remote.leased == 0
    finally:
        gc.enable()


def test_a_consumer_that_keeps_everything_gets_copies_in_the_end(wire: Wire) -> None:
    kept = []
    for number in range(20):
        kept.append(wire.carry(torch.full((1 << 18,), number), keep_messages=3))
        wire.take_back()
    assert wire.remote.leased == 3
    assert wire.slots.slots <= 4
    assert [int(tensor[0]) for tensor in kept] == list(range(20))


def test_small_parts_do_not_keep_a_slot(wire: Wire) -> None:
    kept = [wire.carry(torch.full((50_000,), number)) for number in range(5)]
    assert wire.remote.leased == 0
    assert [int(tensor[0]) for tensor in kept] == list(range(5))


def test_a_small_part_in_a_slot_is_copied_out_of_it(wire: Wire) -> None:
    before = _arena.process_slots()
    _arena.use_slots(wire.slots)
    try:
        batch = _arena.allocate((1 << 16,), torch.float32).fill_(1)
    finally:
        _arena.use_slots(before)
    got = wire.carry(batch)
    assert (wire.slots.slots, wire.remote.leased) == (1, 0)
    batch.fill_(2)
    assert got[0] == 1


def test_what_cannot_be_pickled_raises_and_holds_nothing(wire: Wire) -> None:
    gc.collect()
    with pytest.raises((pickle.PicklingError, AttributeError)):
        frame(0, [LARGE, lambda: 0], wire.slots)
    assert wire.slots.leased == 0
    assert wire.slots.free_bytes == wire.slots.bytes


@pytest.fixture
def four_mebibytes_a_file() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("four_mebibytes_a_file")
@pytest.mark.parametrize("second", [LARGE + 1, "x" * (2 << 20)], ids=["a part", "the blob"])
def test_a_message_that_there_is_no_room_for_holds_no_slot(wire: Wire, second: Any) -> None:
    with pytest.raises(MemoryError):
        frame(0, [LARGE, second], wire.slots)
    assert wire.slots.leased == 0
    assert wire.slots.free_bytes == wire.slots.bytes
    assert_same(wire.carry(LARGE), LARGE)


def test_read_only_fortran_arrays_keep_their_strides(wire: Wire) -> None:
    array = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    array.flags.writeable = False
    got = wire.carry(array)
    assert got.strides == array.strides
    np.testing.assert_array_equal(got, array)


class ReceivesInside:
    """Unpickling it receives another message, as a batch may that iterates a loader of its own."""

    wire: Wire

    def __reduce__(self) -> Any:
        return _receive_another, ()


def _receive_another() -> str:
    return str(ReceivesInside.wire.carry(torch.ones(2)).tolist())


def test_a_message_may_be_received_while_one_is(wire: Wire) -> None:
    ReceivesInside.wire = Wire()
    text, ones, threes = wire.carry((ReceivesInside(), torch.ones(3), torch.full((2,), 3.0)))
    ReceivesInside.wire.file.close()
    del ReceivesInside.wire
    assert text == "[1.0, 1.0]"
    assert_same(ones, torch.ones(3))
    assert_same(threes, torch.full((2,), 3.0))

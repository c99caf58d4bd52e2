"""Slots of warm memory: who holds them, when they are used again, and what happens when there is no more."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from fastload._core import Lease, RemoteSlots, SharedFile, Slots, copy_into

MIB = 1 << 20


@pytest.fixture(params=["memfd", "posix"])
def file(request: pytest.FixtureRequest) -> Iterator[SharedFile]:
    shared = SharedFile(kind=request.param)
    yield shared
    shared.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def mapped_bytes() -> int:
    """Bytes of this process mapped from shared memory files."""
    total = 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "fastload" in line and "(deleted)" in line:
            start, end = line.split()[0].split("-")
            total += int(end, 16) - int(start, 16)
    return total


def file_bytes(file: SharedFile) -> int:
    """Bytes of memory that the file holds."""
    return os.fstat(file.fileno()).st_blocks * 512


def fill(lease: Lease, value: int) -> None:
    memoryview(lease)[:] = bytes([value]) * lease.nbytes


def receive(owner: Slots, receiver: RemoteSlots, lease: Lease) -> Lease:
    """The receiver's lease of all bytes of the owner's."""
    place = owner.find(lease.address)
    assert place is not None
    slot, file_offset, capacity, offset = place
    assert owner.send(slot)
    return receiver.lease(slot, file_offset, capacity, offset, lease.nbytes)


def in_child(body: Callable[[], None]) -> None:
    """Run body in a forked child, which must leave without an error."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            body()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def test_what_the_owner_writes_the_receiver_reads(file: SharedFile) -> None:
    owner, receiver = Slots(file), RemoteSlots(file)
    sent = owner.acquire(3 * MIB)
    fill(sent, 7)
    got = receive(owner, receiver, sent)
    assert bytes(got) == b"\x07" * (3 * MIB)
    assert (got.nbytes, got.slot, len(got)) == (3 * MIB, sent.slot, 3 * MIB)


def test_a_slot_is_free_when_neither_side_holds_it(file: SharedFile) -> None:
    owner, receiver = Slots(file), RemoteSlots(file)
    sent = owner.acquire(MIB)
    slot = sent.slot
    got = receive(owner, receiver, sent)
    assert not owner.send(slot)
    del sent
    assert (owner.free_bytes, owner.leased, receiver.leased) == (0, 0, 1)
    assert receiver.returned() == []
    del got
    assert receiver.returned() == [slot]
    assert receiver.returned() == []
    owner.give_back([slot])
    assert owner.free_bytes == owner.bytes == MIB
    assert owner.acquire(MIB).slot == slot


def test_a_slot_given_back_before_its_lease_dies_waits_for_it(file: SharedFile) -> None:
    owner = Slots(file)
    lease = owner.acquire(MIB)
    assert owner.send(lease.slot)
    owner.give_back([lease.slot])
    assert owner.free_bytes == 0
    assert owner.acquire(MIB).slot != lease.slot
    assert owner.send(lease.slot)


def test_a_slot_leased_twice_is_returned_once_after_both(file: SharedFile) -> None:
    owner, receiver = Slots(file), RemoteSlots(file)
    sent = owner.acquire(MIB)
    slot, file_offset, capacity, _ = owner.find(sent.address) or pytest.fail("not found")
    owner.send(slot)
    first = receiver.lease(slot, file_offset, capacity, 0, 100)
    second = receiver.lease(slot, file_offset, capacity, 4096, 100)
    assert second.address - first.address == 4096
    del first
    assert receiver.returned() == []
    del second
    assert receiver.returned() == [slot]


@pytest.mark.parametrize("make", [Slots, lambda: Slots(SharedFile())], ids=["private", "shared"])
def test_sizes_that_differ_a_little_share_a_slot(make: Callable[[], Slots]) -> None:
    slots = make()
    number = slots.acquire(1_100_000).slot
    assert [slots.acquire(n).slot for n in (1_120_000, 1_050_000, 300_000)] == [number] * 3
    assert slots.acquire(100_000).slot != number  # too small for so large a slot
    assert slots.acquire(1_200_000).slot != number


def test_the_best_fit_comes_first_and_among_equals_the_last_freed() -> None:
    slots = Slots()
    large, small, small_too = (slots.acquire(n) for n in (2 * MIB, MIB, MIB))
    expected = small.slot
    del large, small_too, small
    assert slots.acquire(MIB).slot == expected


def test_a_batch_that_grows_replaces_the_slot_it_outgrew(file: SharedFile) -> None:
    slots = Slots(file)
    for size in range(1, 9):
        fill(slots.acquire(size * MIB), 1)
        assert (slots.slots, slots.bytes) == (1, size * MIB)
        assert file_bytes(file) == mapped_bytes() == size * MIB
    assert slots.retired() == list(range(7))
    assert slots.retired() == []


def test_free_memory_beyond_the_bound_goes_back_to_the_system() -> None:
    slots = Slots(keep_bytes=3 * MIB)
    held = [slots.acquire(MIB) for _ in range(6)]
    del held
    assert slots.free_bytes == slots.bytes == 3 * MIB
    none_kept = Slots(keep_bytes=0)
    held = [none_kept.acquire(MIB) for _ in range(6)]
    del held
    assert none_kept.slots == 2


def test_trim_leaves_only_what_is_held(file: SharedFile) -> None:
    slots = Slots(file)
    held = [slots.acquire(MIB) for _ in range(4)]
    fill(held[3], 4)
    del held[:3]
    slots.trim()
    assert (slots.slots, slots.bytes, slots.free_bytes) == (1, MIB, 0)
    assert sorted(slots.retired()) == [0, 1, 2]
    assert file_bytes(file) == mapped_bytes() == MIB
    assert bytes(held[0]) == b"\x04" * MIB


def test_a_retired_slot_is_unmapped_when_forgotten(file: SharedFile) -> None:
    owner, receiver = Slots(file), RemoteSlots(file)
    lease = receive(owner, receiver, owner.acquire(MIB))
    slot = lease.slot
    assert mapped_bytes() == 2 * MIB
    receiver.forget([slot, 99])
    assert mapped_bytes() == 2 * MIB  # its lease lives
    fill(lease, 1)
    del lease
    assert mapped_bytes() == MIB
    assert receiver.returned() == []


def test_find_knows_every_byte_of_a_slot_and_nothing_else(file: SharedFile) -> None:
    slots = Slots(file)
    lease = slots.acquire(MIB - 5)
    slot = lease.slot
    assert slots.find(lease.address) == (slot, 0, MIB, 0)
    assert slots.find(lease.address + MIB - 1) == (slot, 0, MIB, MIB - 1)
    assert slots.find(lease.address + MIB) is None
    assert slots.find(lease.address - 1) is None


@pytest.mark.parametrize("nbytes", [1, 5, 4096, MIB, 5 * MIB + 1])
@pytest.mark.parametrize("make", [Slots, lambda: Slots(SharedFile())], ids=["private", "shared"])
def test_leases_are_aligned_and_writable_to_their_last_byte(make: Callable[[], Slots], nbytes: int) -> None:
    lease = make().acquire(nbytes)
    assert lease.address % 4096 == 0
    fill(lease, 255)
    assert memoryview(lease)[-1] == 255
    assert memoryview(lease).format == "B"


def views() -> dict[str, Callable[[torch.Tensor], object]]:
    return {
        "a view": lambda t: t.view(2, -1)[1],
        "a slice": lambda t: t[10:20],
        "the storage": lambda t: t.untyped_storage(),
        "an array": lambda t: t.numpy()[3:],
        "a dlpack capsule": lambda t: t.__dlpack__(),
        "an array by dlpack": np.from_dlpack,
        "a tensor of an array": lambda t: torch.from_numpy(t.numpy()),
        "a parameter": torch.nn.Parameter,
        "a graph": lambda t: t.requires_grad_() * 2.0,
    }


@pytest.mark.parametrize("name", views())
def test_whatever_shows_the_memory_keeps_the_lease_alive(name: str) -> None:
    slots = Slots()
    tensor = torch.frombuffer(slots.acquire(MIB), dtype=torch.float32)
    tensor.zero_()
    view = views()[name](tensor)
    del tensor
    assert slots.leased == 1
    del view
    gc.collect()
    assert slots.leased == 0


def test_a_memoryview_and_an_array_keep_the_lease_alive() -> None:
    slots = Slots()
    held: list[object] = [memoryview(slots.acquire(MIB))[5:9], np.frombuffer(slots.acquire(MIB), np.uint8)]  # type: ignore[call-overload]
    assert slots.leased == 2
    held.clear()
    assert slots.leased == 0


def test_a_lease_can_be_referred_to_weakly_and_not_be_made() -> None:
    lease = Slots().acquire(10)
    reference = weakref.ref(lease)
    assert reference() is lease
    del lease
    assert reference() is None
    with pytest.raises(TypeError, match="cannot create"):
        Lease()


def test_leases_outlive_the_file_and_both_sides(file: SharedFile) -> None:
    owner, receiver = Slots(file), RemoteSlots(file)
    sent = owner.acquire(MIB)
    got = receive(owner, receiver, sent)
    idle = owner.acquire(MIB)
    del idle
    fill(sent, 3)
    del owner, receiver
    file.close()
    assert mapped_bytes() == 2 * MIB
    assert bytes(got) == bytes(sent) == b"\x03" * MIB
    del sent, got
    assert mapped_bytes() == 0


def test_nothing_is_left_behind() -> None:
    def use() -> None:
        for kind in ("memfd", "posix"):
            file = SharedFile(kind=kind)
            owner, receiver = Slots(file), RemoteSlots(file)
            kept = [receive(owner, receiver, owner.acquire(n * MIB)) for n in (1, 2, 3)]
            owner.trim()
            receiver.forget(owner.retired())
            del owner, receiver, file, kept

    use()
    before = descriptors()
    use()
    assert (descriptors(), mapped_bytes()) == (before, 0)


def test_a_closed_file_says_so_and_closes_twice() -> None:
    file = SharedFile()
    slots = Slots(file)
    kept = slots.acquire(10)
    file.close()
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.fileno()
    with pytest.raises(ValueError, match="closed"):
        slots.acquire(MIB)
    with pytest.raises(ValueError, match="closed"):
        RemoteSlots(file).lease(0, 0, 4096, 0, 1)
    fill(kept, 1)


def test_an_adopted_descriptor_is_owned_and_closed_on_exec() -> None:
    first = SharedFile()
    fill(Slots(first).acquire(10), 1)
    fd = os.dup(first.fileno())
    os.set_inheritable(fd, True)
    second = SharedFile(fd)
    assert second.fileno() == fd
    assert not os.get_inheritable(fd)
    second.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


def test_a_second_owner_does_not_touch_what_the_first_left(file: SharedFile) -> None:
    first = Slots(file)
    old = first.acquire(MIB)
    fill(old, 5)
    fill(Slots(file).acquire(MIB), 6)
    assert bytes(old) == b"\x05" * MIB


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Slots().acquire(0), "nbytes must be >= 1, got 0"),
        (lambda: Slots().acquire(-3), "nbytes must be >= 1, got -3"),
        (lambda: Slots(keep_bytes=-1), "keep_bytes must be >= 0"),
        (lambda: SharedFile(kind="disk"), "'disk'"),
        (lambda: Slots().send(0), "no slot 0"),
        (lambda: Slots().give_back([4]), "no slot 4"),
        (lambda: RemoteSlots(SharedFile()).lease(0, 0, 4096, 0, 0), "0 bytes at 0"),
        (lambda: RemoteSlots(SharedFile()).lease(0, 0, 4096, 4000, 97), "97 bytes at 4000"),
        (lambda: RemoteSlots(SharedFile()).lease(0, 0, 4096, 0, 1), "not inside the shared file"),
    ],
)
def test_a_wrong_argument_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_slot_that_was_not_sent_cannot_come_back(file: SharedFile) -> None:
    slots = Slots(file)
    lease = slots.acquire(10)
    with pytest.raises(ValueError, match="was not sent"):
        slots.give_back([lease.slot])
    slot = lease.slot
    del lease
    with pytest.raises(ValueError, match="is free"):
        slots.send(slot)


def test_a_descriptor_that_is_not_open_is_an_error() -> None:
    with pytest.raises(OSError, match="descriptor"):
        SharedFile(12345)


@pytest.mark.parametrize("make", [Slots, lambda: Slots(SharedFile())], ids=["private", "shared"])
@pytest.mark.parametrize("nbytes", [1 << 45, 1 << 62])
def test_more_than_the_machine_has_is_a_memory_error_with_numbers(make: Callable[[], Slots], nbytes: int) -> None:
    slots = make()
    kept = slots.acquire(MIB)
    if nbytes == 1 << 45 and Path("/proc/sys/vm/overcommit_memory").read_text().strip() == "1":
        pytest.skip("this machine promises any amount")
    with pytest.raises(MemoryError, match=rf"cannot get {nbytes} bytes .*1 slots hold {MIB} bytes, 1 leases"):
        slots.acquire(nbytes)
    assert (slots.slots, slots.leased) == (1, 1)
    fill(kept, 1)


def test_memory_that_is_refused_is_asked_for_again_without_the_free_slots(file: SharedFile) -> None:
    def body() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MIB, 4 * MIB))
        slots = Slots(file)
        for _ in range(3):
            both = [slots.acquire(2 * MIB), slots.acquire(2 * MIB)]
            fill(both[1], 1)
            with pytest.raises(MemoryError, match="File too large"):
                slots.acquire(MIB)
            del both
            fill(slots.acquire(4 * MIB), 1)
            slots.trim()

    in_child(body)


def test_leases_die_in_any_thread() -> None:
    slots = Slots(SharedFile())
    tensors = [torch.frombuffer(slots.acquire(MIB), dtype=torch.uint8) for _ in range(8)]

    def drop() -> None:
        with contextlib.suppress(IndexError):
            while True:
                tensors.pop()

    threads = [threading.Thread(target=drop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (slots.leased, slots.free_bytes) == (0, slots.bytes)


def test_autograd_threads_may_drop_the_last_view() -> None:
    slots = Slots()
    tensor = torch.frombuffer(slots.acquire(4 * MIB), dtype=torch.float32).fill_(1.0)
    weight = torch.ones(1, requires_grad=True)
    loss = (tensor * weight).sum()
    del tensor
    torch.autograd.backward(loss)
    del loss
    assert slots.leased == 0
    assert weight.grad is not None
    assert weight.grad.item() == MIB


def test_a_forked_child_leaves_the_parents_file_alone(file: SharedFile) -> None:
    slots = Slots(file)
    kept, idle = slots.acquire(MIB), slots.acquire(MIB)
    fill(kept, 1)
    fill(idle, 2)
    place = slots.find(idle.address)
    del idle

    def body() -> None:
        before = file_bytes(file)
        fresh = slots.acquire(MIB)
        fill(fresh, 9)
        fill(slots.acquire(8 * MIB), 9)
        assert slots.find(fresh.address) != place
        slots.trim()
        assert slots.retired() == []
        assert slots.find(kept.address) is None
        assert bytes(kept) == b"\x01" * MIB
        assert file_bytes(file) == before

    in_child(body)
    assert place is not None
    assert bytes(RemoteSlots(file).lease(place[0], place[1], place[2], 0, MIB)) == b"\x02" * MIB
    assert (slots.slots, slots.leased, slots.free_bytes) == (2, 1, MIB)
    assert slots.acquire(MIB).slot == place[0]


def test_a_forked_child_drops_leases_and_tables_without_harm(file: SharedFile) -> None:
    owner, receiver = Slots(file), RemoteSlots(file)
    held = [receive(owner, receiver, owner.acquire(MIB)) for _ in range(3)]
    owners = [owner]

    def body() -> None:
        held.clear()
        owners.clear()
        assert file_bytes(file) == 3 * MIB

    del owner
    in_child(body)
    assert len(held) == receiver.leased == 3
    assert receiver.returned() == []
    assert file_bytes(file) == 3 * MIB


def test_forks_while_threads_take_and_drop_leases() -> None:
    slots = Slots(SharedFile())
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            fill(slots.acquire(MIB), 1)

    threads = [threading.Thread(target=churn) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            in_child(lambda: fill(slots.acquire(2 * MIB), 2))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert slots.leased == 0


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

"""Slots of warm memory: who holds them, when they are used again, and what happens when there is no more."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from support.slots import MIB, descriptors, file_bytes, fill, in_child, mapped_bytes, receive

from fastload._core import Lease, RemoteSlots, SharedFile, Slots


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


def test_slots_that_are_to_be_kept_stay_beyond_the_bound() -> None:
    slots = Slots(keep_bytes=0)
    slots.keep(4)
    held = [slots.acquire(MIB) for _ in range(6)]
    kept = {lease.slot for lease in held[2:]}
    while held:
        del held[0]
    assert slots.slots == 4
    assert {lease.slot for lease in [slots.acquire(MIB) for _ in range(4)]} == kept  # the last used
    slots.keep(0)
    assert slots.slots == 2


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


def test_a_forgotten_slot_is_not_returned_any_more(file: SharedFile) -> None:
    owner, receiver = Slots(file), RemoteSlots(file)
    lease = receive(owner, receiver, owner.acquire(MIB))
    slot = lease.slot
    del lease
    receiver.forget([slot])
    assert receiver.returned() == []

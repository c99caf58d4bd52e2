"""Leases that die elsewhere: in other threads, and in forked children."""

from __future__ import annotations

import contextlib
import threading

import torch
from support.slots import MIB, file_bytes, fill, in_child, receive

from fastload._core import RemoteSlots, SharedFile, Slots


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

"""Any picklable object as a message: a small blob, with its large tensors and arrays in slots.

A message is pickled once. The pickler takes the memory of CPU tensors (and, by protocol 5, of NumPy arrays)
out of the stream; each piece of memory is a *part*. A large part travels in a slot of its own; a smaller one does,
too, if it is in a slot already, where it was collated. All others follow the pickle in the blob.

    blob:   lengths | places of the parts | pickle | small parts, each aligned
    place:  (slot, file offset, capacity, offset, nbytes)  of a part in a slot
            (position in the blob, nbytes)                 of any other

Parts are storages, not tensors: two tensors that share memory still share it on the other side, and strides,
dtypes and container types are what the pickle says they are.
"""

from __future__ import annotations

import io
import pickle
import struct
import threading
from collections.abc import Iterator
from itertools import compress, starmap
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch

from fastload import _core
from fastload.memory._arena import LEASE_BYTES, SLOT_BYTES

Place = tuple[int, ...]
Buffer = bytes | bytearray | memoryview

_LENGTHS = struct.Struct("<QQ")
_ALIGNMENT = 64  # what torch's allocator gives; some kernels round differently on unaligned memory

_dtype_names = {value: name for name, value in vars(torch).items() if isinstance(value, torch.dtype)}
_dtypes = {name: dtype for dtype, name in _dtype_names.items()}


def encode(message: Any, slots: _core.Slots, sent: list[int]) -> list[Buffer]:
    """The blob of ``message``, in pieces to be written one after the other.

    Large parts are in ``slots`` afterwards, held by the receiver until it gives them back. Their numbers are added to
    ``sent`` one by one, for a caller who has to take them back because the message goes nowhere.
    """
    stream = io.BytesIO()
    pickler = _Pickler(stream)
    pickler.dump(message)
    pickled = stream.getbuffer()
    # Positions depend on the length of the table of places, which depends on the positions: they count
    # from the end of the pickle.
    places: list[Place] = []
    trailer: list[Buffer] = []
    position = 0
    for memory, nbytes in pickler.memories():
        place = _place_in_slot(memory, nbytes, slots, sent)
        if place is None:
            place = (position, nbytes)
            padding = -nbytes % _ALIGNMENT
            trailer += [_bytes_of(memory), bytes(padding)]
            position += nbytes + padding
        places.append(place)
    table = pickle.dumps((places, pickler.storage_starts()), 5) if places else b""
    start = _LENGTHS.size + len(table) + len(pickled)
    lead = bytes(-start % _ALIGNMENT) if trailer else b""
    return [_LENGTHS.pack(len(table), len(pickled)), table, pickled, lead, *trailer]


def send_slot(number: int, slots: _core.Slots, sent: list[int]) -> bool:
    """Send a slot and add it to ``sent`` in the same call, which an interrupt cannot divide; False if it was out."""
    known = len(sent)
    sent.extend(compress((number,), map(slots.send, (number,))))
    return len(sent) > known


def decode(blob: Buffer, remote: _core.RemoteSlots, keep_messages: int, leases: list[_core.Lease]) -> Any:
    """The object that `encode` was given.

    Its large parts are leases on their slots, while the leases alive are no more than ``keep_messages`` messages
    like this one have; else private copies. Everything else is copied: ``blob`` may be overwritten afterwards.
    ``leases`` are those on all parts in slots afterwards, unless they are in it from an earlier try.
    """
    blob = memoryview(blob)
    table, pickled, small = _split(blob)
    if not table:
        return pickle.loads(pickled)
    places, storage_starts = pickle.loads(table)
    in_slots = [place for place in places if len(place) > 2]
    keep_slots = False
    if in_slots:
        if not leases:
            leases.extend(starmap(remote.lease, in_slots))  # made and kept in one call
        n_large = sum(place[-1] >= LEASE_BYTES for place in in_slots)
        keep_slots = remote.leased - len(leases) + n_large <= keep_messages * n_large
    of_parts = iter(leases)
    parts = [_part(place, small, of_parts, keep_slots) for place in places]
    n_storages = len(storage_starts)
    storages = [(part.untyped_storage(), start) for part, start in zip(parts[:n_storages], storage_starts, strict=True)]
    buffers = [part.numpy().data for part in parts[n_storages:]]
    outer = getattr(_receiving, "storages", None)  # what is unpickled may itself receive messages
    _receiving.storages = storages
    try:
        return pickle.loads(pickled, buffers=buffers)
    finally:
        _receiving.storages = outer


def _split(blob: memoryview) -> tuple[memoryview, memoryview, memoryview]:
    table_bytes, pickle_bytes = _LENGTHS.unpack_from(blob)
    start = _LENGTHS.size
    middle = start + table_bytes
    end = middle + pickle_bytes
    return blob[start:middle], blob[middle:end], blob[end + (-end % _ALIGNMENT) :]


def _place_in_slot(memory: Any, nbytes: int, slots: _core.Slots, sent: list[int]) -> Place | None:
    """Where the receiver finds ``memory``: the slot it is in, or a copy in another; None if it is too small."""
    if nbytes < SLOT_BYTES:
        return None
    found = slots.find(memory.data_ptr()) if isinstance(memory, torch.Tensor) else None
    # A slot goes out once at a time: what was sent before may be overwritten when the receiver is done with it.
    if found is not None and send_slot(found[0], slots, sent):
        return (*found, nbytes)
    if nbytes < LEASE_BYTES:
        return None
    lease = slots.acquire(nbytes)
    _core.copy_into(lease, 0, memory)
    send_slot(lease.slot, slots, sent)
    found = slots.find(lease.address)
    assert found is not None
    return (*found, nbytes)


def _bytes_of(memory: Any) -> Buffer:
    return memory.numpy().data if isinstance(memory, torch.Tensor) else memoryview(memory)


def _part(place: Place, small: memoryview, leases: Iterator[_core.Lease], keep_slots: bool) -> torch.Tensor:
    """The bytes at ``place``, as a tensor that owns them or holds the lease on them."""
    if len(place) == 2:
        position, nbytes = place
        return _copied(small[position : position + nbytes])
    lease = next(leases)
    if keep_slots and lease.nbytes >= LEASE_BYTES:
        return torch.frombuffer(lease, dtype=torch.uint8)
    return _copied(memoryview(lease))


def _copied(memory: Buffer) -> torch.Tensor:
    # NumPy copies in this thread, without the GIL. torch would share the work with threads, which then spin for the
    # next piece on processors that the workers need.
    source = np.frombuffer(memory, np.uint8)
    part = torch.empty(len(source), dtype=torch.uint8, device="cpu")
    np.copyto(part.numpy(), source)
    return part


class _Storages:
    """The storages of one message, each with the range of its bytes that the message's tensors see."""

    def __init__(self) -> None:
        self.index: dict[int, int] = {}
        self.storages: list[torch.UntypedStorage] = []
        self.starts: list[int] = []
        self.ends: list[int] = []

    def add(self, storage: torch.UntypedStorage, start: int, end: int) -> int:
        start -= start % 16  # so that a range found by one dtype can be addressed in another
        known = self.index.setdefault(storage._cdata, len(self.storages))
        if known == len(self.storages):
            self.storages.append(storage)
            self.starts.append(start)
            self.ends.append(end)
        else:
            self.starts[known] = min(self.starts[known], start)
            self.ends[known] = max(self.ends[known], end)
        return known

    def memories(self) -> list[tuple[Any, int]]:
        return [
            (_byte_tensor(storage, start, end - start), end - start)
            for storage, start, end in zip(self.storages, self.starts, self.ends, strict=True)
        ]


def _byte_tensor(storage: torch.UntypedStorage, start: int, nbytes: int) -> torch.Tensor:
    return torch.empty(0, dtype=torch.uint8, device="cpu").set_(storage, start, (nbytes,), (1,))


class _Pickler(ForkingPickler):
    """torch.multiprocessing's pickler, but for the memory of CPU tensors and arrays."""

    def __init__(self, stream: io.BytesIO) -> None:
        # A callback bound to self would be a cycle, which keeps the batch, and with it slots, until a collection.
        self._buffers: list[pickle.PickleBuffer] = []
        super().__init__(stream, 5, True, self._buffers.append)
        self._storages = _Storages()

    def memories(self) -> list[tuple[Any, int]]:
        """Every part with its size in bytes: storages first, then buffers."""
        raw = [buffer.raw() for buffer in self._buffers]
        return [*self._storages.memories(), *((memory, memory.nbytes) for memory in raw)]

    def storage_starts(self) -> list[int]:
        return self._storages.starts

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is torch.Tensor and _is_plain(obj):
            return self._reduce_tensor(obj)
        if kind is torch.UntypedStorage and obj.device.type == "cpu":
            return _receive_storage, (self._storages.add(obj, 0, obj.nbytes()),)
        if kind is np.ndarray and not obj.flags.writeable:
            return obj.copy(order="K").__reduce_ex__(5)  # protocol 5 alone would deliver it read-only
        return NotImplemented

    def _reduce_tensor(self, tensor: torch.Tensor) -> tuple[Any, ...]:
        size, stride = tuple(tensor.shape), tensor.stride()
        itemsize = tensor.element_size()
        start = end = int(tensor.storage_offset()) * itemsize
        if tensor.numel():
            end += itemsize + itemsize * sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        index = self._storages.add(tensor.untyped_storage(), start, end)
        return _receive_tensor, (index, _dtype_names[tensor.dtype], start, size, stride)


def _is_plain(tensor: torch.Tensor) -> bool:
    """Whether dtype, shape, strides and memory say everything about ``tensor``."""
    return (
        tensor.is_cpu
        and tensor.layout is torch.strided
        and not tensor.requires_grad
        and not tensor.is_quantized
        and not tensor.is_conj()
        and not tensor.is_neg()
        and not tensor.is_nested
    )


# What pickle.loads calls has no way to the message it is in, but by way of its thread.
_receiving = threading.local()


def _receive_tensor(index: int, dtype: str, start: int, size: tuple[int, ...], stride: tuple[int, ...]) -> torch.Tensor:
    storage, storage_start = _receiving.storages[index]
    tensor = torch.empty(0, dtype=_dtypes[dtype], device="cpu")
    return tensor.set_(storage, (start - storage_start) // tensor.element_size(), size, stride)


def _receive_storage(index: int) -> torch.UntypedStorage:
    storage: torch.UntypedStorage = _receiving.storages[index][0]
    return storage

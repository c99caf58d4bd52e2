"""One direction between two processes: a pipe for short frames, and the sender's slots for everything else.

    frame:  tag | 0 | blob                     a blob that fits
            tag | 1 | place of the blob        any other

A frame is never longer than what a pipe takes in one piece, so that a process which finds the pipe writable
writes without blocking, and two processes cannot block each other whatever they send.
"""

from __future__ import annotations

import select
import struct
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

from fastload import _core
from fastload.memory._message import Buffer, decode, encode

_FRAME = struct.Struct("<qB")
_PLACE = struct.Struct("<5Q")
_CONNECTION_HEADER_BYTES = 4
MAX_BLOB_IN_FRAME = getattr(select, "PIPE_BUF", 512) - _CONNECTION_HEADER_BYTES - _FRAME.size


def frame(tag: int, message: Any, slots: _core.Slots) -> bytes:
    """``message`` ready for the pipe: at most PIPE_BUF bytes; what does not fit is in ``slots``."""
    sent: list[int] = []
    try:
        pieces = encode(message, slots, sent)
        nbytes = sum(len(piece) for piece in pieces)
        if nbytes <= MAX_BLOB_IN_FRAME:
            return b"".join((_FRAME.pack(tag, 0), *pieces))
        return _FRAME.pack(tag, 1) + _PLACE.pack(*_write_to_slot(pieces, nbytes, slots))
    except BaseException:
        slots.give_back(sent)  # nobody else will
        raise


def _write_to_slot(pieces: list[Buffer], nbytes: int, slots: _core.Slots) -> tuple[int, ...]:
    lease = slots.acquire(nbytes)
    memory = memoryview(lease)
    position = 0
    for piece in pieces:
        memory[position : position + len(piece)] = piece
        position += len(piece)
    slots.send(lease.slot)
    place = slots.find(lease.address)
    assert place is not None
    return (*place, nbytes)


@dataclass(slots=True)
class Incoming:
    """A message that has arrived but is not looked into yet."""

    tag: int
    in_slot: bool
    content: memoryview
    remote: _core.RemoteSlots

    @staticmethod
    def receive(connection: Connection, remote: _core.RemoteSlots) -> Incoming:
        """The next message; EOFError when the sender is gone."""
        received = memoryview(connection.recv_bytes())
        tag, in_slot = _FRAME.unpack_from(received)
        return Incoming(tag, bool(in_slot), received[_FRAME.size :], remote)

    def open(self, keep_messages: int = 0) -> Any:
        """The message; its large parts stay in their slots while no more than so many messages keep theirs."""
        return decode(self._blob(), self.remote, keep_messages)

    def _blob(self) -> memoryview:
        if not self.in_slot:
            return self.content
        return memoryview(self.remote.lease(*_PLACE.unpack(self.content)))


def _reduce_shared_file(file: _core.SharedFile) -> tuple[Any, ...]:
    return _rebuild_shared_file, (reduction.DupFd(file.fileno()),)


def _rebuild_shared_file(descriptor: Any) -> _core.SharedFile:
    return _core.SharedFile(descriptor.detach())


# Shared memory reaches a process that is being started, by its descriptor.
reduction.register(_core.SharedFile, _reduce_shared_file)

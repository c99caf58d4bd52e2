"""One direction between two processes: a pipe for short frames, and the sender's slots for everything else.

    frame:  length of the rest | tag | 0 | blob                     a blob that fits
            length of the rest | tag | 1 | place of the blob        any other

A frame is written in one piece, and never longer than what a pipe takes in one piece, so that a process which finds
the pipe writable writes without blocking, and two processes cannot block each other whatever they send.
"""

from __future__ import annotations

import os
import select
import struct
from collections import deque
from dataclasses import dataclass, field
from itertools import starmap
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

from fastload import _core
from fastload.memory._message import Buffer, decode, encode, send_slot

_LENGTH = struct.Struct("<I")
_FRAME = struct.Struct("<qB")
_PLACE = struct.Struct("<5Q")
MAX_BLOB_IN_FRAME = getattr(select, "PIPE_BUF", 512) - _LENGTH.size - _FRAME.size


def frame(tag: int, message: Any, slots: _core.Slots) -> bytes:
    """``message`` ready for the pipe: at most PIPE_BUF bytes; what does not fit is in ``slots``."""
    sent: list[int] = []
    try:
        pieces = encode(message, slots, sent)
        nbytes = sum(len(piece) for piece in pieces)
        if nbytes <= MAX_BLOB_IN_FRAME:
            return b"".join((_LENGTH.pack(_FRAME.size + nbytes), _FRAME.pack(tag, 0), *pieces))
        place = _PLACE.pack(*_write_to_slot(pieces, nbytes, slots, sent))
        return _LENGTH.pack(_FRAME.size + _PLACE.size) + _FRAME.pack(tag, 1) + place
    except BaseException:
        slots.give_back(sent)  # nobody else will
        raise


def send(frame: bytes, connection: Connection) -> None:
    os.write(connection.fileno(), frame)


def send_first(frames: deque[bytes], connection: Connection) -> None:
    """Send the first of ``frames``, and take it out in the same call: an interrupt finds both done, or neither."""
    next(map(os.write, (connection.fileno(),), map(deque.popleft, (frames,))))


def _write_to_slot(pieces: list[Buffer], nbytes: int, slots: _core.Slots, sent: list[int]) -> tuple[int, ...]:
    lease = slots.acquire(nbytes)
    memory = memoryview(lease)
    position = 0
    for piece in pieces:
        memory[position : position + len(piece)] = piece
        position += len(piece)
    send_slot(lease.slot, slots, sent)
    place = slots.find(lease.address)
    assert place is not None
    return (*place, nbytes)


class Inbox:
    """What comes out of a pipe. An interrupt loses nothing of it: a message stays the first until it is taken out.

    pieces: of the first message, its length and the rest, as far as they are read. Emptied, they are taken out.
    """

    def __init__(self, connection: Connection, remote: _core.RemoteSlots) -> None:
        self.pieces: list[bytes] = []
        self._connection = connection  # open as long as this is there
        self._descriptor = (connection.fileno(),)
        self._remote = remote

    def first(self) -> Incoming:
        """The first message, which is waited for; EOFError when the sender is gone."""
        if not self.pieces:
            self._read(_LENGTH.size)
        if len(self.pieces) == 1:
            self._read(*_LENGTH.unpack(self.pieces[0]))
        content = memoryview(self.pieces[1])
        tag, in_slot = _FRAME.unpack_from(content)
        return Incoming(tag, bool(in_slot), content[_FRAME.size :], self._remote, [], [])

    def _read(self, nbytes: int) -> None:
        """Read one more piece, and keep it in the same call. No frame is in the pipe in part, so it comes whole."""
        pieces = self.pieces
        known = len(pieces)
        pieces.extend(filter(None, map(os.read, self._descriptor, (nbytes,))))
        if len(pieces) == known:
            raise EOFError


@dataclass(slots=True)
class Incoming:
    """A message that has arrived but is not looked into yet.

    blob_lease: on the slot of the blob, if it has one. part_leases: on those of the parts. The message holds them as
    long as it is there, so that it can be opened once more after an interrupt: nobody writes to these slots until then.
    """

    tag: int
    in_slot: bool
    content: memoryview
    remote: _core.RemoteSlots
    blob_lease: list[_core.Lease] = field(default_factory=list)
    part_leases: list[_core.Lease] = field(default_factory=list)

    def open(self, keep_messages: int = 0) -> Any:
        """The message; its large parts stay in their slots while no more than so many messages keep theirs."""
        return decode(self._blob(), self.remote, keep_messages, self.part_leases)

    def _blob(self) -> memoryview:
        if not self.in_slot:
            return self.content
        if not self.blob_lease:  # made and kept in one call
            self.blob_lease.extend(starmap(self.remote.lease, (_PLACE.unpack(self.content),)))
        return memoryview(self.blob_lease[0])


def _reduce_shared_file(file: _core.SharedFile) -> tuple[Any, ...]:
    return _rebuild_shared_file, (reduction.DupFd(file.fileno()),)


def _rebuild_shared_file(descriptor: Any) -> _core.SharedFile:
    return _core.SharedFile(descriptor.detach())


# Shared memory reaches a process that is being started, by its descriptor.
reduction.register(_core.SharedFile, _reduce_shared_file)

"""A read-only list whose items are bytes in one block of shared memory.

The block: the items' bytes one after the other, then, 8-aligned, one word more than there are items. Word i is
(offset of item i) << 2 | (kind of item i); the last one has the end of the bytes. A Python list of a million
strings is a million objects, and reading one changes its reference count: a forked worker that reads them all gets
a copy of every page. Here nothing is written by reading.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import sys
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from multiprocessing import context, reduction
from typing import Any, TypeVar, overload

from fastload import _core

T = TypeVar("T")

PICKLED, TEXT, RAW = 0, 1, 2
KIND_BITS = 2
KIND_MASK = (1 << KIND_BITS) - 1
WORD_BYTES = 8
WRITE_BYTES = 1 << 20
# Lone surrogates, as in file names that are no UTF-8, are kept; other text is encoded as it would be without this.
SURROGATES = "surrogatepass"


class SharedList(Sequence[T]):
    """The items of ``iterable`` in a Python object that forked and spawned workers share.

    Strings are kept as UTF-8, bytes as they are, everything else as a pickle: an item read twice is two equal
    objects, and changing one changes nothing here. A slice is a view of the same memory. Equal to any sequence
    (no str or bytes) of equal items. Pickled for a process that is being spawned, it goes as a descriptor of its
    memory; pickled for anything else, by value. Reading a string takes about 0.6 us, where a list takes 0.03.
    """

    def __init__(self, iterable: Iterable[T] = ()) -> None:
        self._adopt(*_store(map(_encode, iterable)), None)

    def _adopt(self, file: _core.SharedFile, length: int, order: range | None) -> None:
        size = os.fstat(file.fileno()).st_size
        self._file = file
        self._length = length
        self._order = range(length) if order is None else order
        self._bytes = mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED)
        self._words = memoryview(self._bytes)[size - (length + 1) * WORD_BYTES :].cast("q")

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> SharedList[T]: ...
    def __getitem__(self, index: int | slice) -> T | SharedList[T]:
        if isinstance(index, slice):
            return self._view(self._order[index])
        try:
            return self._item(self._order[index])
        except IndexError:
            raise IndexError(f"index {index} is out of range for {len(self)} items") from None

    def __iter__(self) -> Iterator[T]:
        return map(self._item, self._order)

    def __reversed__(self) -> Iterator[T]:
        return map(self._item, reversed(self._order))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, (str, bytes, bytearray, memoryview)):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which have none

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, islice(self, 3)))
        dots = ", ..." if len(self) > 3 else ""
        return f"SharedList([{shown}{dots}], {len(self)} items, {len(self._bytes)} bytes)"

    def __copy__(self) -> SharedList[T]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedList[T]:
        return self  # nothing that it hands out is part of it

    def __reduce__(self) -> tuple[Any, ...]:
        if context.get_spawning_popen() is not None:
            return _attached, (reduction.DupFd(self._file.fileno()), self._length, self._order)
        return _rebuilt, ([self._encoded(number) for number in self._order],)

    def _view(self, order: range) -> SharedList[T]:
        view: SharedList[T] = SharedList.__new__(SharedList)
        view.__dict__.update(self.__dict__)
        view._order = order
        return view

    def _encoded(self, number: int) -> tuple[int, bytes]:
        word = self._words[number]
        return word & KIND_MASK, self._bytes[word >> KIND_BITS : self._words[number + 1] >> KIND_BITS]

    def _item(self, number: int) -> T:
        words = self._words
        word = words[number]
        item: Any = self._bytes[word >> KIND_BITS : words[number + 1] >> KIND_BITS]
        kind = word & KIND_MASK
        if kind == TEXT:
            item = item.decode("utf-8", SURROGATES)
        elif kind == PICKLED:
            item = pickle.loads(item)
        return item  # type: ignore[no-any-return]


def _encode(item: Any) -> tuple[int, bytes]:
    kind = type(item)
    if kind is str:
        return TEXT, item.encode("utf-8", SURROGATES)
    if kind is bytes:
        return RAW, item
    return PICKLED, pickle.dumps(item, protocol=5)


def _store(encoded: Iterable[tuple[int, bytes]]) -> tuple[_core.SharedFile, int]:
    """A new block of those items, and how many they are; never more than a buffer of them lies elsewhere."""
    file = _new_file()
    words = array("q")
    end = 0
    with io.BufferedWriter(io.FileIO(file.fileno(), "w", closefd=False), WRITE_BYTES) as writer:
        for kind, data in encoded:
            words.append(end << KIND_BITS | kind)
            end += writer.write(data)
        words.append(end << KIND_BITS)
        writer.write(bytes(-end % WORD_BYTES))
        writer.write(words)
    return file, len(words) - 1


def _new_file() -> _core.SharedFile:
    if sys.platform == "linux":
        return _core.SharedFile()
    # POSIX shared memory cannot be written to as a file is elsewhere; a file without a name is shared as well.
    with tempfile.TemporaryFile() as file:
        return _core.SharedFile(os.dup(file.fileno()))


def _attached(descriptor: Any, length: int, order: range) -> SharedList[Any]:
    """In a spawned process: the list over its parent's memory."""
    items: SharedList[Any] = SharedList.__new__(SharedList)
    items._adopt(_core.SharedFile(descriptor.detach()), length, order)
    return items


def _rebuilt(encoded: list[tuple[int, bytes]]) -> SharedList[Any]:
    items: SharedList[Any] = SharedList.__new__(SharedList)
    items._adopt(*_store(encoded), None)
    return items

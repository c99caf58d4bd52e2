"""JSON of many megabytes, as the standard library reads it, but several times as quickly and no more than is needed."""

from __future__ import annotations

import codecs
import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

try:
    from msgspec import DecodeError
    from msgspec import Raw as Raw
    from msgspec.json import Decoder
except ImportError:  # there is no build of it for this platform
    Decoder = None  # type: ignore[assignment, misc]

Read = Callable[[bytes], Any]

CHUNK_BYTES = 1 << 16


def by_standard(text: bytes) -> Any:
    return json.loads(bytes(text))  # which may be a Raw


def reader(kind: Any, otherwise: Read = by_standard) -> Read:
    """A function of JSON in UTF-8 that gives what ``json.loads`` does, of ``kind``: of a TypedDict only its keys, and
    in place of a Raw the JSON of the value, which it has looked through for faults of grammar.

    What is not of that kind, or only the standard library takes for JSON (NaN, a byte order mark, half of a surrogate
    pair), is left to ``otherwise``. RecursionError for what is nested too deep.
    """
    if Decoder is None:
        return otherwise
    quick = Decoder(kind)

    def read(text: bytes) -> Any:
        try:
            return quick.decode(text)
        except DecodeError:
            return otherwise(text)

    return read


def is_utf8(text: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for begin in range(0, len(text), CHUNK_BYTES):  # all at once would take as much memory again
            decoder.decode(text[begin : begin + CHUNK_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def collector_paused() -> Iterator[None]:
    """Values are made without the garbage collector, which goes through all of them each time that there are a quarter
    more. For ten million numbers in lists that takes longer than reading them, and finds nothing: JSON has no circles.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

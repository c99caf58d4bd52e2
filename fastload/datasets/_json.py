"""JSON of many megabytes, as the standard library reads it, and several times as quickly."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

try:
    from orjson import loads as _fast_loads
except ImportError:  # there is no build of it for this platform
    from json import loads as _fast_loads  # type: ignore[assignment]


def parsed(raw: bytes) -> Any:
    """What ``json.loads`` gives, but that whole numbers which 64 bits do not hold may be floats.

    ValueError for what is no JSON, RecursionError for what is nested too deep.
    """
    try:
        return _fast_loads(raw)
    except ValueError:  # which it may be for orjson alone: NaN, a byte order mark, UTF-16, half of a surrogate pair
        return json.loads(raw)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Ten million numbers in lists are made without the garbage collector, which goes through all of them each time
    that there are a quarter more. That takes longer than reading them, and finds nothing: JSON has no circles.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

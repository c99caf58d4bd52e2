"""What a forked child inherits of a device is never let go of there: that would ask the parent's device."""

from __future__ import annotations

import ctypes
import os
import weakref
from contextlib import suppress
from typing import Any

_alive: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_held: list[Any] = []  # while a fork is under way


def keep_in_children(thing: Any) -> None:
    """Children that are forked while this is alive here keep it for good, if there are weak references to its type."""
    with suppress(TypeError):
        _alive[id(thing)] = thing


def _hold() -> None:
    _held.extend(_alive.values())


def _keep() -> None:
    for thing in _held:  # one reference more than there are: the interpreter's end does not free them either
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    _held.clear()


# Held before the fork: what others do in the child, first of all, may free memory.
os.register_at_fork(before=_hold, after_in_parent=_held.clear, after_in_child=_keep)

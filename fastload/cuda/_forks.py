"""What a forked child inherits of a device is never let go of there: that would ask the parent's device."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from typing import Any

_alive: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_inherited: list[Any] = []


def keep_in_children(thing: Any) -> None:
    """Children that are forked while this is alive here keep it for good, if there are weak references to its type."""
    with suppress(TypeError):
        _alive[id(thing)] = thing


def _keep() -> None:
    _inherited.extend(_alive.values())


os.register_at_fork(after_in_child=_keep)

"""What is made of a transform of another library to call it: a copy for each thread, anew where that has changed."""

from __future__ import annotations

import copy
import operator
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

_copies = threading.local()
_PLAIN = frozenset((bool, int, float, str, dict, set, type(None)))  # some libraries' classes are slow to ask for


class Copies:
    """Copies of what ``make`` makes of a transform: calling and seeding them leaves the transform alone.

    A change counts if it sets an attribute of the transform or of one in it, or adds to or takes from a list of them.
    What changes within an attribute, such as an item of a list of numbers, is not seen. kinds: the classes of whatever
    is a transform of that library, or what one draws from.
    """

    def __init__(self, original: Any, kinds: tuple[type, ...], make: Callable[[Any], Any]) -> None:
        self._original, self._kinds, self._make = original, kinds, make
        self._made = _parts_of(original, kinds), make(original)

    def __reduce__(self) -> tuple[Any, ...]:
        return Copies, (self._original, self._kinds, self._make)

    def version(self, original: Any) -> object:
        """Another object after each change, or for another transform."""
        parts = _parts_of(original, self._kinds)
        known = self._made[0]
        if len(parts) != len(known) or not all(map(operator.is_, parts, known)):
            self._original, self._made = original, (parts, self._make(original))
        return self._made

    def own(self, original: Any) -> Any:
        """This thread's."""
        made: Any = self.version(original)
        copies = _copies.__dict__.setdefault("of", WeakKeyDictionary())
        known = copies.get(self)
        if known is None or known[0] is not made:
            known = copies[self] = (made, copy.deepcopy(made[1]))
        return known[1]


def _parts_of(transform: Any, kinds: tuple[type, ...]) -> list[Any]:
    """A transform, those in it, and what each has as attributes: other objects as soon as one is set."""
    parts, opened = [transform], set()
    for part in parts:  # which grows meanwhile
        if type(part) in _PLAIN:
            continue
        if isinstance(part, kinds) and id(part) not in opened:
            opened.add(id(part))
            parts.extend(vars(part).values())
        if isinstance(part, list | tuple) and part and isinstance(part[0], kinds):
            parts.extend(part)
    return parts

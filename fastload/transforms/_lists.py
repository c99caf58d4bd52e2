"""Lists in transforms, of which a change counts as that of any other attribute."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable
from typing import Any

_CHANGES = (
    *("__setitem__", "__delitem__", "__iadd__", "__imul__"),
    *("append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse"),
)


class NotedList(list[Any]):
    """A list that has its owner's plans made anew when it is changed; a copy of it is a plain list."""

    __slots__ = ("_owner",)

    def __init__(self, values: Iterable[Any], owner: Any) -> None:
        super().__init__(values)
        self._owner = weakref.ref(owner)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return list, (list(self),)


def _noted(change: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(change)
    def noted(self: NotedList, *arguments: Any, **named: Any) -> Any:
        try:
            return change(self, *arguments, **named)
        finally:
            owner = self._owner()
            if owner is not None:
                owner.void_plans()

    return noted


for _name in _CHANGES:
    setattr(NotedList, _name, _noted(getattr(list, _name)))

"""Putting fastload behind every loader of a program, also those that libraries build themselves.

The method `torch.utils.data.DataLoader._get_iterator` is replaced, not the class: that reaches subclasses, and
code that bound the class before. A subclass with a ``_get_iterator`` of its own keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.utils.data

_replaced: Callable[[Any], Any] | None = None  # what `uninstall` puts back


def install() -> None:
    """From now on every `torch.utils.data.DataLoader` of this process iterates as `fastload.DataLoader` does.

    Iterators that exist already stay as they are. Installing twice is installing once: calls are not counted.
    """
    global _replaced  # noqa: PLW0603 - there is one method to replace
    if not is_installed():
        _replaced = torch.utils.data.DataLoader._get_iterator
        torch.utils.data.DataLoader._get_iterator = _get_iterator  # type: ignore[method-assign]


def uninstall() -> None:
    """Give every loader back what it had before `install`; nothing happens if that was not called.

    If other code has replaced the method after `install`, its replacement stays, and what it calls is torch's.
    """
    global _replaced  # noqa: PLW0603
    if is_installed():
        assert _replaced is not None
        torch.utils.data.DataLoader._get_iterator = _replaced  # type: ignore[method-assign,assignment]
    _replaced = None


def is_installed() -> bool:
    return torch.utils.data.DataLoader._get_iterator is _get_iterator


def _get_iterator(self: torch.utils.data.DataLoader[Any]) -> Any:
    if _replaced is None:  # called by a replacement that was put on top of this one
        from fastload._torch_compat import torch_get_iterator

        return torch_get_iterator(self)
    from fastload._loader import make_iterator

    return make_iterator(self)

"""Who serves the loaders of a piece of code: fastload's iterators or torch's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch.utils.data

import fastload

BOTH = ["torch", "fastload"]


@contextmanager
def serving(who: str) -> Iterator[list[str]]:
    """Installs fastload if that is ``who`` serves; gives the packages of the iterators that loaders then make."""
    makers: list[str] = []
    original = torch.utils.data.DataLoader.__iter__

    def noting(self: Any) -> Any:
        iterator = original(self)
        makers.append(type(iterator).__module__.partition(".")[0])
        return iterator

    torch.utils.data.DataLoader.__iter__ = noting  # type: ignore[method-assign]
    if who == "fastload":
        fastload.install()
    try:
        yield makers
    finally:
        fastload.uninstall()
        torch.utils.data.DataLoader.__iter__ = original  # type: ignore[method-assign]

"""What MODULE:NAME on a command line stands for: a data set or a transform, or a function or class that makes one."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from types import FunctionType
from typing import Any


def named_dataset(place: str, what: str) -> Any:
    """ValueError, with ``what`` it was for, for anything without samples by number."""
    value = _named(place, what)
    if isinstance(value, type | FunctionType):
        value = _made(value, place, what)
    if not hasattr(value, "__getitem__") or not hasattr(value, "__len__"):
        raise ValueError(f"{what}: {place} is no data set with samples by number, but {type(value).__name__}")
    return value


def named_transform(place: str, what: str) -> Any:
    """A function that takes arguments is a transform itself; one that takes none makes it."""
    value = _named(place, what)
    if isinstance(value, type) or (isinstance(value, FunctionType) and not _arguments(value)):
        value = _made(value, place, what)
    if not callable(value):
        raise ValueError(f"{what}: {place} is no transform, but {type(value).__name__}")
    return value


def _named(place: str, what: str) -> Any:
    module, _, name = place.partition(":")
    if not module or not name:
        raise ValueError(f"{what} must be MODULE:NAME, got {place!r}")
    sys.path.insert(0, os.getcwd())
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{what}: {error}") from error


def _made(maker: Any, place: str, what: str) -> Any:
    needed = _arguments(maker)
    if needed:
        raise ValueError(f"{what}: {place} needs arguments ({', '.join(needed)}): name what is made with them")
    return maker()


def _arguments(maker: Any) -> list[str]:
    """The names of those that it cannot be called without; *sample counts as one, for it takes samples."""
    try:
        parameters = inspect.signature(maker).parameters
    except (TypeError, ValueError):  # classes in C may not say
        return []
    return [name for name, one in parameters.items() if one.default is one.empty and one.kind is not one.VAR_KEYWORD]

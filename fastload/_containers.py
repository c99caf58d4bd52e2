"""Containers rebuilt with other contents, as torch's collate and pinning do: the type stays where it can."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import MutableMapping, MutableSequence
from typing import Any


def rebuild_mapping(elem: Any, fields: dict[Any, Any]) -> Any:
    """A mapping like ``elem`` with ``fields`` in it; a dict where its type cannot be copied or made from one."""
    try:
        if isinstance(elem, MutableMapping):
            clone = copy.copy(elem)
            clone.update(fields)
            return clone
        return type(elem)(fields)
    except TypeError:
        return fields


def rebuild_sequence(elem: Any, fields: list[Any]) -> Any:
    """A sequence like ``elem`` with ``fields`` in it; a list where its type cannot be copied or made from one."""
    try:
        if isinstance(elem, MutableSequence):
            clone = copy.copy(elem)
            for i, field in enumerate(fields):
                clone[i] = field
            return clone
        return type(elem)(fields)
    except TypeError:
        return fields


def is_dataclass(elem: Any) -> bool:
    return dataclasses.is_dataclass(elem) and not isinstance(elem, type)


def field_names(elem: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(elem)]


def rebuild_dataclass(elem: Any, fields: dict[str, Any]) -> Any:
    """An object of the class of ``elem`` with these fields, and its other attributes.

    Its ``__init__`` and ``__post_init__`` do not run: they were written for one sample. Works on frozen classes and
    on those with slots.
    """
    result = object.__new__(type(elem))
    if hasattr(elem, "__dict__"):
        result.__dict__.update(elem.__dict__)
    for name, value in fields.items():
        object.__setattr__(result, name, value)
    return result

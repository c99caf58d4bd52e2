"""Through the containers of a batch to what is in them, and back."""

from __future__ import annotations

import copy
import datetime
import enum
import inspect
import operator
import pathlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MemberDescriptorType
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree

from fastload._containers import field_names, is_dataclass, rebuild_dataclass, rebuild_mapping, rebuild_sequence

OnTensor = Callable[[torch.Tensor], Any]
OnOther = Callable[[Any], Any]
Build = Callable[[Sequence[Any]], Any]

_DEPTH = 4  # of the objects in a batch type of its own whose tensors are seen
_WITHOUT_SLOTS = {dict, list, tuple, torch.Tensor}
_PY_TPFLAGS_HEAPTYPE = 1 << 9
HIDDEN = object()  # in the place of what cannot be seen


def is_movable(value: Any) -> bool:
    """Whether this is a batch type of its own, which moves itself: ``value.to(device)``."""
    return not isinstance(value, type | torch.Tensor) and callable(getattr(value, "to", None))


def is_odd(tensor: torch.Tensor) -> bool:
    """Whether it is no plain range of memory: nobody can tell the allocator which queues use it."""
    has_own_rules = type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__
    return has_own_rules or tensor.layout != torch.strided or tensor.is_nested or tensor.is_quantized


_WHOLE = (torch.Tensor, str, bytes, bytearray, memoryview, range, array)  # sequences that are not gone through
_PLAIN = (
    *(str, bytes, bytearray, array, bool, int, float, complex, type(None), range, np.generic),
    *(datetime.date, datetime.time, datetime.timedelta, pathlib.PurePath),
    *(torch.dtype, torch.device, torch.layout, torch.memory_format),
)


def is_plain(value: Any, depth: int = _DEPTH) -> bool:
    """Whether this is no tensor or array and holds none, nor memory that somebody else might use."""
    if isinstance(value, set | frozenset | tuple | list):
        inside = depth and all(is_plain(part, depth - 1) for part in value)
        return bool(inside) and not getattr(value, "__dict__", None)
    if isinstance(value, slice):
        return is_plain((value.start, value.stop, value.step), depth)
    if isinstance(value, type | enum.Enum):
        return True
    return isinstance(value, _PLAIN) and not getattr(value, "__dict__", None)


def is_plain_array(leaf: Any) -> bool:
    """Whether this is an array of numbers or the like, and nothing besides."""
    return isinstance(leaf, np.ndarray) and not leaf.dtype.hasobject and not getattr(leaf, "__dict__", None)


def map_batch(batch: Any, on_tensor: OnTensor, on_movable: OnOther, is_copied: bool = False) -> Any:
    """The batch with ``on_tensor(t)`` for its tensors and ``on_movable(m)`` for types with a ``to`` of their own.

    is_copied: see `taken_apart`.
    """

    def mapped(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return on_tensor(value)
        return on_movable(value) if is_movable(value) else value

    leaves, build = taken_apart(batch, is_copied)
    return build([mapped(leaf) for leaf in leaves])


def taken_apart(batch: Any, is_copied: bool = False) -> tuple[list[Any], Build]:
    """What the batch's containers hold, in order, and what makes such a batch of as many other things.

    Containers are torch's of ``pin_memory``, in its order, and keep their types; so do data classes, those of attrs
    and what is registered as a pytree. One in which nothing is another stays itself, unless it is_copied. Each is asked
    for what it holds once, since some make it when they are asked. For each container or tensor that may hold more, in
    attributes or keys, there is a leaf `HIDDEN` besides.
    """
    leaves: list[Any] = []
    return leaves, _take_apart(batch, leaves, is_copied)


def _take_apart(value: Any, leaves: list[Any], is_copied: bool) -> Build:
    opened = _opened(value)
    if opened is None:
        leaves.append(value)
        place = len(leaves) - 1
        if isinstance(value, torch.Tensor) and (_has_more(value) or (value.is_leaf and value.grad is not None)):
            leaves.append(HIDDEN)
        return operator.itemgetter(place)
    parts, rebuilt, hides = opened
    if hides:
        leaves.append(HIDDEN)
    builds = [_take_apart(part, leaves, is_copied) for part in parts]

    def build(made: Sequence[Any]) -> Any:
        others = [part(made) for part in builds]
        return rebuilt(others) if is_copied or not all(map(operator.is_, parts, others)) else value

    return build


def _opened(value: Any) -> tuple[list[Any], Callable[[list[Any]], Any], bool] | None:
    """What a container holds, what makes such a one of as many other things, and whether it may hold more.

    None for what is no container.
    """
    if isinstance(value, _WHOLE) or is_movable(value):
        return None
    if isinstance(value, Mapping):
        items = dict(value.items())
        hides = _has_more(value) or not all(map(is_plain, items))
        return list(items.values()), lambda made: _mapping(value, dict(zip(items, made, strict=True))), hides
    if isinstance(value, Sequence):
        return list(value), lambda made: _sequence(value, made), _has_more(value)
    names = [name for name in _field_names(value) if hasattr(value, name)]
    if names:
        parts = [getattr(value, name) for name in names]
        more = _has_more(value, names)
        return parts, lambda made: rebuild_dataclass(value, dict(zip(names, made, strict=True))), more
    if type(value) in _pytree.SUPPORTED_NODES:
        parts, structure = _pytree.tree_flatten(value, is_leaf=lambda one: one is not value)
        return parts, lambda made: _pytree.tree_unflatten(made, structure), False  # its type has said what it holds
    return None


def _has_more(value: Any, fields: Sequence[str] = ()) -> bool:
    """Whether attributes beside those fields may hold memory."""
    attributes = getattr(value, "__dict__", None) or {}
    if any(name not in fields and not is_plain(part) for name, part in attributes.items()):
        return True
    return type(value) not in _WITHOUT_SLOTS and any(
        name not in fields and not is_plain(part) for name, part in _in_slots(value)
    )


def _in_slots(value: Any) -> Iterator[tuple[str, Any]]:
    """Attributes in the ``__slots__`` of classes written in Python."""
    for kind in type(value).__mro__:
        if kind.__flags__ & _PY_TPFLAGS_HEAPTYPE:
            for name, member in vars(kind).items():
                if isinstance(member, MemberDescriptorType) and hasattr(value, name):
                    yield name, member.__get__(value)


def _mapping(like: Any, fields: dict[Any, Any]) -> Any:
    if isinstance(like, Counter):  # its `update` adds
        made = copy.copy(like)
        dict.update(made, fields)
        return made
    return rebuild_mapping(like, fields)


def _sequence(like: Any, parts: list[Any]) -> Any:
    if not isinstance(like, tuple):
        return rebuild_sequence(like, parts)
    try:  # a `__new__` of its own may want other arguments
        made: Any = tuple.__new__(type(like), parts)
    except TypeError:  # made in C
        return type(like)(parts)
    if hasattr(like, "__dict__"):
        made.__dict__.update(like.__dict__)
    return made


def _field_names(value: Any) -> list[str]:
    """Those of an object of a data class, or of one that attrs made."""
    if isinstance(value, type):
        return []
    if is_dataclass(value):
        return field_names(value)
    return [field.name for field in getattr(type(value), "__attrs_attrs__", ())]


def moved(value: Any, device: torch.device, non_blocking: bool) -> Any:
    """``value.to(device)``, without waiting if its ``to`` knows how. Tensors are waited for."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    try:
        parameters = inspect.signature(value.to).parameters.values()
    except (TypeError, ValueError):
        return value.to(device)  # written in C, or odd otherwise
    knows = any(one.name == "non_blocking" or one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
    return value.to(device, non_blocking=True) if knows and non_blocking else value.to(device)


def host_bytes(value: Any) -> int:
    """Bytes of the host's memory in a tensor, or in the tensors that can be seen in a batch type of its own."""
    return sum(_stored_bytes(tensor) for tensor in tensors_in(value) if tensor.device.type == "cpu")


def tensors_in(value: Any, depth: int = _DEPTH) -> Iterator[torch.Tensor]:
    """The tensor, or those that can be seen in a batch type of its own."""
    if isinstance(value, torch.Tensor):
        yield value
    elif depth:
        inside: Any = [*getattr(value, "__dict__", {}).values(), *(part for _, part in _in_slots(value))]
        if isinstance(value, Mapping):
            inside = value.values()
        elif isinstance(value, tuple | list):
            inside = value
        for part in inside:
            yield from tensors_in(part, depth - 1)


def _stored_bytes(tensor: torch.Tensor) -> int:
    if tensor.layout == torch.sparse_coo:
        return tensor._indices().nbytes + tensor._values().nbytes
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return tensor.crow_indices().nbytes + tensor.col_indices().nbytes + tensor.values().nbytes
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return tensor.ccol_indices().nbytes + tensor.row_indices().nbytes + tensor.values().nbytes
    return tensor.numel() * tensor.element_size()

"""Through the containers of a batch to what is in them, and back."""

from __future__ import annotations

import datetime
import enum
import inspect
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree

from fastload._containers import field_names, is_dataclass, rebuild_dataclass, rebuild_mapping, rebuild_sequence

OnTensor = Callable[[torch.Tensor], Any]
OnOther = Callable[[Any], Any]
Build = Callable[[Sequence[Any]], Any]

_DEPTH = 4  # of the objects in a batch type of its own whose tensors are counted
HIDDEN = object()  # in the place of what cannot be seen


def is_movable(value: Any) -> bool:
    """Whether this is a batch type of its own, which moves itself: ``value.to(device)``."""
    return not isinstance(value, type | torch.Tensor) and callable(getattr(value, "to", None))


def is_odd(tensor: torch.Tensor) -> bool:
    """Whether it is no plain range of memory: nobody can tell the allocator which queues use it."""
    has_own_rules = type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__
    return has_own_rules or tensor.layout != torch.strided or tensor.is_nested or tensor.is_quantized


_PLAIN = (
    *(str, bytes, bool, int, float, complex, type(None), range, slice, np.generic),
    *(datetime.date, datetime.time, datetime.timedelta, pathlib.PurePath),
    *(torch.dtype, torch.device, torch.layout, torch.memory_format),
)


def is_plain(leaf: Any) -> bool:
    """Whether this is no tensor and holds none, nor memory that somebody else might use."""
    if isinstance(leaf, set | frozenset):
        return all(map(is_plain, leaf))
    if isinstance(leaf, type | enum.Enum):
        return True
    is_known = isinstance(leaf, _PLAIN) or (isinstance(leaf, np.ndarray) and not leaf.dtype.hasobject)
    return is_known and not getattr(leaf, "__dict__", None)


def map_batch(batch: Any, on_tensor: OnTensor, on_movable: OnOther) -> Any:
    """The batch with ``on_tensor(t)`` for its tensors and ``on_movable(m)`` for types with a ``to`` of their own."""

    def mapped(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return on_tensor(value)
        return on_movable(value) if is_movable(value) else value

    leaves, build = taken_apart(batch)
    return build([mapped(leaf) for leaf in leaves])


def taken_apart(batch: Any) -> tuple[list[Any], Build]:
    """What the batch's containers hold, in order, and what makes such a batch of as many other things.

    Containers are torch's of ``pin_memory``, in its order, and keep their types; so do data classes, those of attrs
    and what is registered as a pytree. Each is asked for what it holds once, since some make it when they are asked.
    For a container that has attributes besides, there is a leaf `HIDDEN` more.
    """
    leaves: list[Any] = []
    return leaves, _take_apart(batch, leaves)


def _take_apart(value: Any, leaves: list[Any]) -> Build:
    if isinstance(value, torch.Tensor | str | bytes) or is_movable(value):
        return _leaf(value, leaves)
    if isinstance(value, Mapping):
        _note_attributes(value, (), leaves)
        fields = {key: _take_apart(part, leaves) for key, part in value.items()}
        return lambda made: rebuild_mapping(value, {key: part(made) for key, part in fields.items()})
    if isinstance(value, Sequence):
        _note_attributes(value, (), leaves)
        parts = [_take_apart(part, leaves) for part in value]
        return lambda made: _sequence(value, [part(made) for part in parts])
    names = [name for name in _field_names(value) if hasattr(value, name)]
    if names:
        _note_attributes(value, names, leaves)
        fields = {name: _take_apart(getattr(value, name), leaves) for name in names}
        return lambda made: rebuild_dataclass(value, {name: part(made) for name, part in fields.items()})
    if type(value) in _pytree.SUPPORTED_NODES:
        found, structure = _pytree.tree_flatten(value, is_leaf=lambda one: one is not value)
        nodes = [_take_apart(part, leaves) for part in found]
        return lambda made: _pytree.tree_unflatten([part(made) for part in nodes], structure)
    return _leaf(value, leaves)


def _note_attributes(container: Any, fields: Sequence[str], leaves: list[Any]) -> None:
    if set(getattr(container, "__dict__", ())) - set(fields):
        leaves.append(HIDDEN)


def _leaf(value: Any, leaves: list[Any]) -> Build:
    place = len(leaves)
    leaves.append(value)
    return lambda made: made[place]


def _sequence(like: Any, parts: list[Any]) -> Any:
    if isinstance(like, tuple):
        return type(like)(*parts) if hasattr(like, "_fields") else type(like)(parts)
    return rebuild_sequence(like, parts)


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


def host_bytes(value: Any, depth: int = _DEPTH) -> int:
    """Bytes of the host's memory in a tensor, or in the tensors that can be seen in a batch type of its own."""
    if isinstance(value, torch.Tensor):
        return _stored_bytes(value) if value.device.type == "cpu" else 0
    if not depth:
        return 0
    inside: Any = getattr(value, "__dict__", {}).values()
    if isinstance(value, Mapping):
        inside = value.values()
    elif isinstance(value, tuple | list):
        inside = value
    return sum(host_bytes(part, depth - 1) for part in inside)


def _stored_bytes(tensor: torch.Tensor) -> int:
    if tensor.layout == torch.sparse_coo:
        return tensor._indices().nbytes + tensor._values().nbytes
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return tensor.crow_indices().nbytes + tensor.col_indices().nbytes + tensor.values().nbytes
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return tensor.ccol_indices().nbytes + tensor.row_indices().nbytes + tensor.values().nbytes
    return tensor.numel() * tensor.element_size()

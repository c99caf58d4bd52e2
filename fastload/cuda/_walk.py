"""Through the containers of a batch to its tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils import _pytree

from fastload._containers import field_names, is_dataclass, rebuild_dataclass, rebuild_mapping, rebuild_sequence

OnTensor = Callable[[torch.Tensor], Any]
OnOther = Callable[[Any], Any]


def is_movable(value: Any) -> bool:
    """Whether this is a batch type of its own, which moves itself: ``value.to(device)``."""
    return not isinstance(value, type) and callable(getattr(value, "to", None))


def map_batch(batch: Any, on_tensor: OnTensor, on_movable: OnOther) -> Any:
    """The batch with ``on_tensor(t)`` for its tensors and ``on_movable(m)`` for types with a ``to`` of their own.

    Containers are torch's of ``pin_memory``, in its order, and keep their types; so do data classes, those of attrs
    and what is registered as a pytree. Everything else, strings among it, is passed on as it is.
    """

    def mapped(value: Any) -> Any:
        return map_batch(value, on_tensor, on_movable)

    if isinstance(batch, torch.Tensor):
        return on_tensor(batch)
    if is_movable(batch):
        return on_movable(batch)
    if isinstance(batch, str | bytes):
        return batch
    if isinstance(batch, Mapping):
        return rebuild_mapping(batch, {key: mapped(value) for key, value in batch.items()})
    if isinstance(batch, tuple):
        parts = [mapped(value) for value in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    if isinstance(batch, Sequence):
        return rebuild_sequence(batch, [mapped(value) for value in batch])
    names = _field_names(batch)
    if names:
        return rebuild_dataclass(batch, {name: mapped(getattr(batch, name)) for name in names if hasattr(batch, name)})
    if type(batch) in _pytree.SUPPORTED_NODES:
        parts, structure = _pytree.tree_flatten(batch, is_leaf=lambda value: value is not batch)
        return _pytree.tree_unflatten([mapped(part) for part in parts], structure)
    return batch


def _field_names(value: Any) -> list[str]:
    """Those of an object of a data class, or of one that attrs made."""
    if isinstance(value, type):
        return []
    if is_dataclass(value):
        return field_names(value)
    return [field.name for field in getattr(type(value), "__attrs_attrs__", ())]


def moved(value: Any, device: torch.device, non_blocking: bool) -> Any:
    """``value.to(device)``, without waiting if its ``to`` knows how."""
    try:
        parameters = inspect.signature(value.to).parameters.values()
    except (TypeError, ValueError):
        return value.to(device)  # written in C, or odd otherwise
    knows = any(one.name == "non_blocking" or one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
    return value.to(device, non_blocking=True) if knows and non_blocking else value.to(device)

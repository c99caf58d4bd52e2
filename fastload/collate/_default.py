"""``default_collate`` in C++: torch's results, bit for bit, in warm memory and without the GIL where that pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info

from fastload import _core
from fastload._torch_compat import torch_collate
from fastload.collate import _tools

Registry = dict[Any, Callable[..., Any]]


def default_collate(batch: Any) -> Any:
    """The samples of ``batch`` as one batch: what `torch.utils.data.default_collate` returns, to the last bit.

    Tensors, NumPy arrays, numbers and NumPy scalars become a tensor with a new first dimension; strings and bytes stay
    as they are; mappings, sequences and named tuples keep their type (a tuple becomes a list) and are collated field
    by field. Beyond torch, dataclasses are too. Functions in torch's ``default_collate_fn_map`` are used as torch uses
    them.

    Raises what torch raises: TypeError for a type it does not know, KeyError for a missing key, and `CollateError`, a
    RuntimeError, for samples that do not go together. Each says the field and the sample, and has them as ``path``
    and ``position``.
    """
    registry = torch_collate.default_collate_fn_map
    if type(batch) not in (list, tuple) or mode_is_active():
        return torch_collate.collate(batch, collate_fn_map=without_shared_memory(registry))
    return collator.collate(batch, registry, get_worker_info() is not None)


def stack_into_slots(batch: Sequence[torch.Tensor], *, collate_fn_map: Registry | None = None) -> torch.Tensor:
    """The tensors of ``batch`` stacked in a slot: an entry for torch's ``default_collate_fn_map``.

    With it, torch's own ``default_collate`` does not allocate shared memory of torch's in workers.
    """
    in_worker = get_worker_info() is not None
    if type(batch) not in (list, tuple) or mode_is_active():
        return _tools.stack(batch, in_worker)
    return collator.stack(batch, in_worker)


def is_default(collate_fn: Any) -> bool:
    """Whether that is ``default_collate``, this one or torch's."""
    return collate_fn is default_collate or collate_fn is torch_collate.default_collate


def collates_as_torch() -> bool:
    """Whether torch's registry has torch's own rules for tensors, arrays and numbers, or fastload's for torch's."""
    registry = torch_collate.default_collate_fn_map
    return registry.get(torch.Tensor) in (torch_collate.collate_tensor_fn, stack_into_slots) and all(
        registry.get(kind) is rule for kind, rule in _TORCH_RULES.items()
    )


def has_users_rules() -> bool:
    """Whether functions that torch did not bring collate, for some types."""
    return not (collates_as_torch() and torch_collate.default_collate_fn_map.keys() <= _TORCH_TYPES)


def mode_is_active() -> bool:
    """Whether torch's functions are intercepted (``with torch.device(...)``, fake tensors): then all must see them."""
    return bool(torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack())


def without_shared_memory(registry: Registry) -> Registry:
    """``registry`` with torch's own entry for tensors replaced, for torch's own code."""
    if registry.get(torch.Tensor) is torch_collate.collate_tensor_fn:
        return {**registry, torch.Tensor: stack_into_slots}
    return registry


_TORCH_RULES: dict[Any, Callable[..., Any]] = {
    np.ndarray: torch_collate.collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): torch_collate.collate_numpy_scalar_fn,
    int: torch_collate.collate_int_fn,
    float: torch_collate.collate_float_fn,
}
_TORCH_TYPES = {torch.Tensor, str, bytes, *_TORCH_RULES}
collator = _core.Collator(_tools, stack_into_slots)

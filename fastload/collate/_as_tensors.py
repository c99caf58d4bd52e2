"""The values of targets as tensors: of arrays, and of lists of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._of_objects import has_entries, is_known
from fastload._target_names import BOX_NAMES

Target = dict[Any, Any]


def as_tensor(array: NDArray[Any]) -> Any:
    """The array's numbers; the array itself if it holds anything that torch has not."""
    if array.dtype.kind not in "biufc":
        return array
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    # torch warns of memory that must not be written to, and knows no steps backwards.
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    try:
        return torch.from_numpy(array)
    except TypeError:  # types that torch has not, such as long doubles
        return array


def with_tensors(target: Target) -> Target:
    """The target with tensors for arrays of numbers; other arrays stay."""
    return {name: as_tensor(value) if isinstance(value, np.ndarray) else value for name, value in target.items()}


def without_lists(targets: list[Target], fields: Sequence[str] | None) -> list[Target]:
    """The targets, of the same names, with tensors for lists of numbers where these are known to be of objects.

    Floats become float32, whole numbers int64. Lists of anything else stay what they are, in all targets.
    """
    made = [dict(target) for target in targets]
    for name in targets[0]:
        values = [target[name] for target in targets]
        if not is_known(name, values, fields):
            continue
        for target, value in zip(made, _of_lists(values), strict=True):
            # No box at all has no number of columns, unlike one.
            is_empty = name in BOX_NAMES and isinstance(value, torch.Tensor) and value.shape == (0,)
            target[name] = value.reshape(0, 4) if is_empty else value
    return made


def _of_lists(values: list[Any]) -> list[Any]:
    made = [_of_list(value) if has_entries(value) else value for value in values]
    tensors = [value for value in made if isinstance(value, torch.Tensor)]
    if len(tensors) < len(values):
        return values
    # Of the same boxes, one list may hold whole numbers and another one floats.
    dtypes = {tensor.dtype for tensor in tensors if tensor.numel()} or {torch.float32}
    dtype = reduce(torch.promote_types, dtypes)
    return [tensor.to(dtype) if has_entries(value) else tensor for tensor, value in zip(tensors, values, strict=True)]


def _of_list(values: Sequence[Any]) -> torch.Tensor | None:
    """None for lists that hold anything but numbers, or rows of several lengths."""
    if values and all(isinstance(value, torch.Tensor) for value in values):
        return torch.stack(list(values)) if len({(one.shape, one.dtype) for one in values}) == 1 else None
    try:
        array = np.array(values)
    except ValueError:  # rows of several lengths
        return None
    made = as_tensor(array)
    if not isinstance(made, torch.Tensor):
        return None
    return made.to(torch.float32) if made.dtype == torch.float64 else made

"""Numbers of targets, and entries of per-object values, in the containers that they came in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._target_names import tv_name
from fastload.transforms._kinds import numbers_of, tv_extras
from fastload.transforms._masks import Size


def float_rows(values: Any, what: str) -> NDArray[np.float64]:
    """float64 of a tensor, an array, or sequences of numbers."""
    if isinstance(values, torch.Tensor):
        values = numbers_of(values)
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must be numbers, rows of one length; got {type(values).__name__}: {error}") from error


def as_before(values: NDArray[np.float64], before: Any, size: Size) -> Any:
    """Numbers in the container that they came in; floats keep their type, and everything else becomes float32."""
    if isinstance(before, torch.Tensor):
        dtype = before.dtype if before.is_floating_point() else torch.float32
        moved = torch.from_numpy(np.ascontiguousarray(values)).to(dtype)
        if tv_name(before):
            kind: Any = type(before)
            return kind(moved, **{**tv_extras(before), "canvas_size": size})
        return moved.to(before.device)
    if isinstance(before, np.ndarray):
        return values.astype(before.dtype if before.dtype.kind == "f" else np.float32)
    rows: list[Any] = values.astype(np.float32).tolist()
    inner = next((type(row) for row in before if isinstance(row, list | tuple)), tuple)
    converted = [inner(row) for row in rows]
    return tuple(converted) if isinstance(before, tuple) else converted


def length_of(value: Any) -> int:
    if isinstance(value, torch.Tensor | np.ndarray):
        return int(value.shape[0]) if value.ndim else -1
    return len(value) if isinstance(value, list | tuple) else -1


def chosen_of(value: Any, kept: NDArray[np.bool_]) -> Any:
    if isinstance(value, torch.Tensor):
        chosen = value[torch.from_numpy(kept).to(value.device)]
        if tv_name(value) and type(chosen) is not type(value):
            kind: Any = type(value)
            return kind(chosen, **tv_extras(value))
        return chosen
    if isinstance(value, np.ndarray):
        return value[kept]
    return type(value)(one for one, keep in zip(value, kept.tolist(), strict=True) if keep)

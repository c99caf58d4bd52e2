"""Numbers of targets, and entries of per-object values, in the containers that they came in."""

from __future__ import annotations

import array
import copy
from collections import UserList, deque
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._of_objects import has_entries
from fastload._target_names import tv_name
from fastload.transforms._kinds import numbers_of, tv_extras
from fastload.transforms._masks import Size

_OTHER_SEQUENCES = (deque, UserList, array.array, bytearray)  # whose copies have entries of their own


def float_rows(values: Any, what: str) -> NDArray[np.float64]:
    """float64 of a tensor, an array, or sequences of numbers; TypeError for all else, complex numbers and text too."""
    if type(values) is np.ndarray and values.dtype.kind == "f":
        return values.astype(np.float64)
    try:
        rows = np.asarray(_without_tensors(values))
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must be real numbers, rows of one length; got {values!r:.80}: {error}") from error
    if not _are_real(rows):
        raise TypeError(f"{what} must be real numbers, got {values!r:.80}")
    try:
        return rows.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must be real numbers, got {values!r:.80}: {error}") from error


def _without_tensors(values: Any) -> Any:
    """Tensors, also those in sequences, as arrays."""
    if isinstance(values, torch.Tensor):
        return numbers_of(values)
    if isinstance(values, list | tuple) and any(isinstance(one, torch.Tensor | list | tuple) for one in values):
        return [_without_tensors(one) for one in values]
    return values


def _are_real(rows: NDArray[Any]) -> bool:
    """Whether these may become floats: NumPy would make some of text, and of complex numbers, too."""
    if rows.dtype.kind == "O":  # such as decimal.Decimal
        return not any(isinstance(one, str | bytes | complex | np.complexfloating) for one in rows.flat)
    return rows.dtype.kind in "buif"


def as_before(values: NDArray[np.float64], before: Any, size: Size) -> Any:
    """Numbers in the container that they came in; floats keep their type, and everything else becomes float32."""
    if isinstance(before, torch.Tensor):
        dtype = before.dtype if before.is_floating_point() else torch.float32
        moved = torch.from_numpy(np.ascontiguousarray(values).reshape(values.shape)).to(dtype)
        if tv_name(before):
            kind: Any = type(before)
            return kind(moved, **{**tv_extras(before), "canvas_size": size})
        return moved.to(before.device)
    if isinstance(before, np.ndarray):
        return values.astype(before.dtype if before.dtype.kind == "f" else np.float32)
    if isinstance(before, list | tuple):
        return _rows_as_before(values, before, size)
    rows: list[Any] = values.astype(np.float32).tolist()
    return [tuple(row) for row in rows] if values.ndim > 1 else rows


def _rows_as_before(values: NDArray[np.float64], before: Any, size: Size) -> Any:
    """The same for a sequence of rows, or of numbers."""
    rows: list[Any]
    if any(isinstance(one, torch.Tensor | np.ndarray | list | tuple) for one in before):
        # Not strict: an empty row may stand for no box at all.
        rows = [as_before(np.asarray(row), one, size) for row, one in zip(values, before, strict=False)]
    else:
        rows = values.astype(np.float32).tolist()
    if hasattr(before, "_fields"):
        return type(before)(*rows)
    return tuple(rows) if isinstance(before, tuple) else rows


def length_of(value: Any) -> int:
    """How many entries a value has; -1 for what has none, such as a number, a text or a named tuple."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return int(value.shape[0]) if value.ndim else -1
    return len(value) if has_entries(value) else -1


def is_single(value: Any) -> bool:
    """Whether this is one number or text, and nothing that has several."""
    return isinstance(value, str | bytes) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0


def chosen_of(value: Any, kept: NDArray[np.bool_]) -> Any:
    """The entries that are kept, in a value of the same type; of sequences of the user's own in a list."""
    if isinstance(value, torch.Tensor):
        chosen = value[torch.from_numpy(kept).to(value.device)]
        if tv_name(value) and type(chosen) is not type(value):
            kind: Any = type(value)
            return kind(chosen, **tv_extras(value))
        return chosen
    if isinstance(value, np.ndarray):
        return value[kept]
    if isinstance(value, _OTHER_SEQUENCES):
        left = copy.copy(value)
        for number in np.flatnonzero(~kept)[::-1].tolist():
            del left[number]
        return left
    return sequence_like(value, [one for one, keep in zip(value, kept.tolist(), strict=True) if keep])


def sequence_like(before: Any, entries: list[Any]) -> Any:
    """The entries in a list or tuple of the same type; a named tuple becomes a tuple, and another sequence a list."""
    if hasattr(before, "_fields"):
        return tuple(entries)
    return type(before)(entries) if isinstance(before, list | tuple) else entries

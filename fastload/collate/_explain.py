"""Errors that say which sample of a batch is at fault, in which field, and what to use instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch

from fastload._errors import CollateError
from fastload._torch_compat import torch_collate

E = TypeVar("E", bound=Exception)

# Errors whose type says what torch raises here and whose message is their only argument.
_RENEWABLE = (TypeError, ValueError, IndexError, AttributeError, OverflowError)


def explain(error: Exception, column: Sequence[Any], path: str, position: int = -1) -> Exception:
    """``error`` of torch about ``column`` again, with the place in the batch; others as they are."""
    if hasattr(error, "path") and hasattr(error, "position"):
        return error
    found = position if position >= 0 else _odd_one_out(column)
    message = f"{error}; in batch{path}{_difference(column, found)}"
    if type(error) is RuntimeError:
        renewed: Exception = CollateError(message)
    elif type(error) in _RENEWABLE:
        renewed = type(error)(message)
    else:
        return error
    renewed.__cause__ = error
    return located(renewed, found, path)


def missing_key(key: Any, column: Sequence[Any], path: str, position: int) -> KeyError:
    keys = list(column[position]) if hasattr(column[position], "keys") else []
    return located(
        KeyError(
            f"key {key!r} is missing in sample {position}, whose keys are {keys}; in batch{path}. Every sample needs "
            f"the keys of sample 0: give it a value there, or pass a collate_fn of your own"
        ),
        position,
        path,
    )


def unequal_lengths(column: Sequence[Any], path: str, position: int) -> CollateError:
    return located(
        CollateError(
            f"each element in list of batch should be of equal size; in batch{path}, sample {position} has "
            f"{len(column[position])} elements where sample 0 has {len(column[0])}. Give lists of varying length as "
            f"tensors and pass collate_fn=fastload.pad_collate, or pass a collate_fn of your own"
        ),
        position,
        path,
    )


def unknown_type(column: Sequence[Any], path: str) -> TypeError:
    words = torch_collate.default_collate_err_msg_format.format(type(column[0]))
    return located(TypeError(f"{words}; in batch{path}, sample 0"), 0, path)


def located(error: E, position: int | None, path: str) -> E:
    """``error`` with the two attributes of `CollateError`, whatever its type; pickling keeps them."""
    error.position = position  # type: ignore[attr-defined]
    error.path = path  # type: ignore[attr-defined]
    return error


def _odd_one_out(column: Sequence[Any]) -> int | None:
    """The first sample whose type, shape or dtype is not that of sample 0."""
    kind = _kind(column[0])
    return next((i for i, sample in enumerate(column) if _kind(sample) != kind), None)


def _kind(sample: Any) -> tuple[Any, ...]:
    if isinstance(sample, torch.Tensor) and not sample.is_nested:
        return type(sample), tuple(sample.shape), sample.dtype
    return (type(sample),)


def _difference(column: Sequence[Any], position: int | None) -> str:
    if position is None:
        return ""
    first, other = column[0], column[position]
    if not (isinstance(first, torch.Tensor) and isinstance(other, torch.Tensor)):
        return (
            f", sample {position} is {_article(other)} where sample 0 is {_article(first)}. "
            f"Return the same type for every sample"
        )
    if first.shape != other.shape:
        return (
            f", sample {position} has shape {list(other.shape)} where sample 0 has {list(first.shape)}. "
            f"Pass collate_fn=fastload.pad_collate to pad, or resize the samples to one size"
        )
    return f", sample {position} is of {other.dtype} where sample 0 is of {first.dtype}"


def _article(sample: Any) -> str:
    return "None" if sample is None else f"of type {type(sample).__qualname__}"

"""Padding for the tensors that are not padded natively, and the arguments of padding as torch understands them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from fastload._errors import CollateError

Number = bool | int | float | complex


def fill_value(value: Number, dtype: torch.dtype) -> bytes:
    """The bytes of ``value`` as one number of ``dtype``; ValueError if it is not exact in an integer type."""
    return _filled((1,), value, dtype).view(torch.uint8).numpy().tobytes()


def mask(stacked: torch.Tensor) -> torch.Tensor:
    """All True, for a field that is never padded."""
    return torch.ones(stacked.shape, dtype=torch.bool)


def pad(
    column: Sequence[Any],
    value: Number,
    multiples: list[int],
    per_dimension: bool,
    want_mask: bool,
    in_worker: bool,
    path: str,
) -> torch.Tensor:
    """What the native padding does, for any kind of tensor; also where its errors come from."""
    from fastload.collate._tools import stack

    samples = _as_tensors(column)
    _require_equal_ndim(samples, path)
    shape = padded_shape([tuple(t.shape) for t in samples], multiples, per_dimension)
    ragged = any(tuple(t.shape) != shape for t in samples)
    if want_mask:
        return _mask(samples, shape)
    if not ragged:
        return stack(samples, in_worker)
    _require_equal_dtype(samples, path)
    padded = []
    for sample in samples:
        row = _filled(shape, value, sample.dtype, sample.device)
        row[tuple(slice(size) for size in sample.shape)] = sample
        padded.append(row)
    return stack(padded, in_worker)


def padded_shape(shapes: Sequence[tuple[int, ...]], multiples: Sequence[int], per_dimension: bool) -> tuple[int, ...]:
    """The size of every dimension after padding, as `pad_collate` describes it."""
    result = []
    own = per_dimension and len(multiples) == len(shapes[0])
    for d, sizes in enumerate(zip(*shapes, strict=True)):
        differs = len(set(sizes)) > 1
        multiple = multiples[d] if own else multiples[0] if differs and not per_dimension else 1
        result.append(-(-max(sizes) // multiple) * multiple)
    return tuple(result)


def _filled(
    shape: tuple[int, ...], value: Number, dtype: torch.dtype, device: torch.device | None = None
) -> torch.Tensor:
    integral = not (dtype.is_floating_point or dtype.is_complex)
    try:
        filled = torch.full(shape, value, dtype=dtype, device=device)
        exact = not integral or not filled.numel() or filled.flatten()[0].item() == value
    except (RuntimeError, TypeError, OverflowError, ValueError):
        exact = False
    if not exact:
        raise ValueError(f"the padding value {value!r} is no {dtype}: pass a value that this field can hold")
    return filled


def _mask(samples: Sequence[torch.Tensor], shape: tuple[int, ...]) -> torch.Tensor:
    result = torch.zeros((len(samples), *shape), dtype=torch.bool)
    for row, sample in zip(result, samples, strict=True):
        row[tuple(slice(size) for size in sample.shape)] = True
    return result


def _as_tensors(column: Sequence[Any]) -> list[torch.Tensor]:
    if not isinstance(column[0], torch.Tensor):
        return [torch.as_tensor(sample) for sample in column]
    for i, sample in enumerate(column):
        if not isinstance(sample, torch.Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(sample).__name__}")
    return list(column)


def _require_equal_ndim(samples: Sequence[torch.Tensor], path: str) -> None:
    for i, sample in enumerate(samples):
        if sample.ndim != samples[0].ndim:
            raise CollateError(
                f"cannot pad tensors with different numbers of dimensions; in batch{path}, sample {i} has shape "
                f"{list(sample.shape)} where sample 0 has {list(samples[0].shape)}. Give every sample the same "
                f"number of dimensions, such as (0, 4) for no boxes",
                i,
                path,
            )


def _require_equal_dtype(samples: Sequence[torch.Tensor], path: str) -> None:
    for i, sample in enumerate(samples):
        if sample.dtype != samples[0].dtype:
            raise CollateError(
                f"cannot pad tensors of different types; in batch{path}, sample {i} is of {sample.dtype} where "
                f"sample 0 is of {samples[0].dtype}. Convert them in the dataset",
                i,
                path,
            )

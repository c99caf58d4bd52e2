"""Exact equality of batches: types, dtypes, shapes, strides and every bit."""

import collections.abc
import dataclasses
from typing import Any

import numpy as np
import torch


def assert_same(ours: Any, theirs: Any, where: str = "batch") -> None:
    """Nothing if both are the same bit for bit, container types included; else AssertionError naming the place."""
    assert type(ours) is type(theirs), f"{where}: {type(ours)} is not {type(theirs)}"
    if isinstance(ours, torch.Tensor):
        _assert_same_tensor(ours, theirs, where)
    elif isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype, f"{where}: {ours.dtype} is not {theirs.dtype}"
        assert ours.shape == theirs.shape, f"{where}: {ours.shape} is not {theirs.shape}"
        assert ours.strides == theirs.strides, f"{where}: strides {ours.strides} are not {theirs.strides}"
        assert ours.tobytes() == theirs.tobytes(), f"{where}: {ours} is not {theirs}"
    elif isinstance(ours, collections.abc.Mapping):
        assert list(ours) == list(theirs), f"{where}: keys {list(ours)} are not {list(theirs)}"
        for key in ours:
            assert_same(ours[key], theirs[key], f"{where}[{key!r}]")
    elif isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs), f"{where}: {len(ours)} entries, not {len(theirs)}"
        for position, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, f"{where}[{position}]")
    elif dataclasses.is_dataclass(ours):
        assert_same(vars(ours), vars(theirs), where)
    else:
        assert ours == theirs, f"{where}: {ours!r} is not {theirs!r}"


def _assert_same_tensor(ours: torch.Tensor, theirs: torch.Tensor, where: str) -> None:
    for name in ("dtype", "layout", "shape", "requires_grad", "device"):
        mine, other = getattr(ours, name), getattr(theirs, name)
        assert mine == other, f"{where}: {name} {mine} is not {other}"
    if ours.layout is torch.strided:
        assert ours.stride() == theirs.stride(), f"{where}: strides {ours.stride()} are not {theirs.stride()}"
        assert _bits(ours) == _bits(theirs), f"{where}: {ours} is not {theirs}"
    else:
        assert _bits(ours.to_dense()) == _bits(theirs.to_dense()), f"{where}: {ours} is not {theirs}"


def _bits(tensor: torch.Tensor) -> bytes:
    plain = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return plain.view(torch.uint8).numpy().tobytes() if plain.numel() else b""


def fills(images: torch.Tensor) -> list[int]:
    """The value of each image; AssertionError if one is not filled with a single value."""
    flat = images.flatten(1)
    values = flat[:, :1]
    assert torch.equal(flat, values.expand_as(flat)), "an image is not what it was"
    return [int(value) for value in values]

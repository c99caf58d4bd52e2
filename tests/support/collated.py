"""Comparison of collated batches to the last bit."""

from typing import Any

import torch
from torch.utils.data import default_collate as torch_collate


def torch_outcome(batch: Any) -> tuple[Any, Exception | None]:
    """What torch's default_collate returns, or raises."""
    try:
        return torch_collate(batch), None
    except Exception as error:
        return None, error


def assert_same(got: Any, expected: Any) -> None:
    """Equal types all the way down; tensors equal in dtype, shape, strides and bits."""
    assert type(got) is type(expected)
    if isinstance(expected, torch.Tensor):
        assert_same_tensor(got, expected)
    elif hasattr(expected, "keys"):
        assert list(got.keys()) == list(expected.keys())
        for key in expected:
            assert_same(got[key], expected[key])
        assert vars_of(got) == vars_of(expected)
    elif isinstance(expected, (list, tuple)) or type(expected).__name__ in ("deque", "UserList"):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            assert_same(one, other)
    else:
        assert got == expected


def vars_of(mapping: Any) -> dict[str, Any]:
    return {name: value for name, value in getattr(mapping, "__dict__", {}).items() if name != "data"}


def assert_same_tensor(got: torch.Tensor, expected: torch.Tensor) -> None:
    assert (got.dtype, got.shape, got.device) == (expected.dtype, expected.shape, expected.device)
    assert got.layout == expected.layout
    assert got.requires_grad == expected.requires_grad
    if got.device.type == "meta" or got.is_quantized:
        return
    assert got.stride() == expected.stride()
    assert got.is_conj() == expected.is_conj()
    assert got.is_neg() == expected.is_neg()
    assert bits(got) == bits(expected)


def bits(tensor: torch.Tensor) -> bytes:
    plain = tensor.detach().as_subclass(torch.Tensor).resolve_conj().resolve_neg().contiguous()
    return bytes(plain.reshape(-1).view(torch.uint8).numpy().tobytes())

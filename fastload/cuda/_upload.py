"""Tensors of one batch to a device, small ones together in one copy."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fastload.cuda._lane import Lane
from fastload.memory._arena import LEASE_BYTES

_ALIGNMENT = 64  # of each tensor in a common copy: no kernel asks for more


def upload(lane: Lane, tensors: Sequence[torch.Tensor]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The tensors on the device, in order, and the host memory that copies in the queue still read."""
    packed = [tensor for tensor in tensors if _packs(tensor)]
    together, staging = _upload_packed(lane, packed) if packed else ([], [])
    made = iter(together)
    found, held = [], list(staging)
    for tensor in tensors:
        if _packs(tensor):
            found.append(next(made))
            continue
        source = _readable(lane, tensor)
        held.append(source)
        found.append(lane.copied(source))
    return found, held


def _packs(tensor: torch.Tensor) -> bool:
    """Small, and nothing but its numbers in a row."""
    return _is_plain(tensor) and 0 < tensor.nbytes < LEASE_BYTES and tensor.is_contiguous()


def _is_plain(tensor: torch.Tensor) -> bool:
    is_dense = type(tensor) is torch.Tensor and tensor.layout == torch.strided and tensor.device.type == "cpu"
    is_as_stored = not (tensor.is_quantized or tensor.is_conj() or tensor.is_neg())
    return is_dense and is_as_stored and not tensor.requires_grad


def _readable(lane: Lane, tensor: torch.Tensor) -> torch.Tensor:
    """The tensor, in memory that the device reads by itself."""
    if not _is_plain(tensor) or not tensor.nbytes or lane.reads(tensor):
        return tensor
    copy = lane.staging(tensor.nbytes).view(tensor.dtype)
    # As many elements as there are places for them: strides without gaps or overlaps stay, others become plain ones.
    strides = torch.empty_like(tensor, device="meta").stride()
    return copy.as_strided(tensor.shape, strides).copy_(tensor)


def _upload_packed(lane: Lane, tensors: list[torch.Tensor]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    starts, end = [], 0
    for tensor in tensors:
        starts.append(end)
        end += -(-tensor.nbytes // _ALIGNMENT) * _ALIGNMENT
    staging = lane.staging(end)
    for tensor, start in zip(tensors, starts, strict=True):
        _part(staging, start, tensor).copy_(tensor)
    there = lane.copied(staging)
    return [_part(there, start, tensor) for tensor, start in zip(tensors, starts, strict=True)], [staging]


def _part(whole: torch.Tensor, start: int, like: torch.Tensor) -> torch.Tensor:
    return whole[start : start + like.nbytes].view(like.dtype).view(like.shape)

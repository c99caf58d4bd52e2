"""Tensors of one batch to a device, small ones together in one copy."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fastload.cuda._lane import Lane

# Integers of one to seven bits, which torch brings to devices and does not copy on the host.
_UNCOPIED = {getattr(torch, f"{kind}{bits}", None) for kind in ("int", "uint") for bits in range(1, 8)} - {None}
# Below this a tensor travels with others, and has its memory with them: who keeps it keeps all of theirs.
_SMALL_BYTES = 64 << 10
_ALIGNMENT = 64  # of each tensor in a common copy: no kernel asks for more


class Load:
    """Tensors, in memory that the device reads by itself where that can be: the host's work is done."""

    def __init__(self, lane: Lane, tensors: Sequence[torch.Tensor]) -> None:
        self._tensors = tensors
        self._starts: dict[int, int] = {}  # of those in the common copy, by place
        end = 0
        for place, tensor in enumerate(tensors):
            if _packs(tensor):
                self._starts[place] = end
                end += -(-tensor.nbytes // _ALIGNMENT) * _ALIGNMENT
        self._common = lane.staging(end) if end else None
        for place, start in self._starts.items():
            _part(self._common, start, tensors[place]).copy_(tensors[place])
        self._alone = {
            place: _readable(lane, tensor) for place, tensor in enumerate(tensors) if place not in self._starts
        }

    def sent(self, lane: Lane) -> list[torch.Tensor]:
        """The tensors on the device, in order, by copies that are queued. They read what is in here."""
        common = None if self._common is None else lane.copied(self._common)
        return [
            _part(common, self._starts[place], tensor) if place in self._starts else lane.copied(self._alone[place])
            for place, tensor in enumerate(self._tensors)
        ]


def _packs(tensor: torch.Tensor) -> bool:
    """Small, and nothing but its numbers in a row."""
    return _is_plain(tensor) and 0 < tensor.nbytes < _SMALL_BYTES and tensor.is_contiguous()


def _is_plain(tensor: torch.Tensor) -> bool:
    is_dense = type(tensor) is torch.Tensor and tensor.layout == torch.strided and tensor.device.type == "cpu"
    is_as_stored = not (tensor.is_quantized or tensor.is_conj() or tensor.is_neg() or tensor.dtype in _UNCOPIED)
    return is_dense and is_as_stored and not tensor.requires_grad


def _readable(lane: Lane, tensor: torch.Tensor) -> torch.Tensor:
    """The tensor, in memory that the device reads by itself."""
    if not _is_plain(tensor) or not tensor.nbytes or lane.reads(tensor):
        return tensor
    copy = lane.staging(tensor.nbytes).view(tensor.dtype)
    # As many elements as there are places for them: strides without gaps or overlaps stay, others become plain ones.
    strides = torch.empty_like(tensor, device="meta").stride()
    return copy.as_strided(tensor.shape, strides).copy_(tensor)


def _part(whole: torch.Tensor | None, start: int, like: torch.Tensor) -> torch.Tensor:
    assert whole is not None
    return whole.view(like.dtype).as_strided(like.shape, like.stride(), start // like.itemsize)

"""What the C++ collate asks of Python and torch: the rare types, the slow ways, and rebuilding containers.

``_core.Collator`` takes this module as a whole and looks its names up once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from fastload._containers import field_names, is_dataclass, rebuild_dataclass, rebuild_mapping, rebuild_sequence
from fastload._torch_compat import torch_collate
from fastload.collate._explain import explain, missing_key, unequal_lengths, unknown_type
from fastload.collate._ragged import fill_value, mask, pad
from fastload.memory._arena import SLOT_BYTES, allocate

__all__ = [
    "DEFAULT_KEYS",
    "OWN_FUNCTIONS",
    "SCALAR_TYPES",
    "SLOT_BYTES",
    "Mapping",
    "Sequence",
    "allocate",
    "empty",
    "explain",
    "field_names",
    "fill_value",
    "floats",
    "ints",
    "is_dataclass",
    "mask",
    "missing_key",
    "pad",
    "rebuild_dataclass",
    "rebuild_mapping",
    "rebuild_sequence",
    "scalars",
    "stack",
    "tensors",
    "unequal_lengths",
    "unknown_type",
]

# The numbers of csrc/bindings/collate_call.h, enum Rule.
_TENSOR, _ARRAY, _SCALAR, _FLOAT, _INT, _STRING = range(1, 7)

OWN_FUNCTIONS = [
    (torch_collate.collate_tensor_fn, _TENSOR),
    (torch_collate.collate_numpy_array_fn, _ARRAY),
    (torch_collate.collate_numpy_scalar_fn, _SCALAR),
    (torch_collate.collate_float_fn, _FLOAT),
    (torch_collate.collate_int_fn, _INT),
    (torch_collate.collate_str_fn, _STRING),
]

_SHIPPED_KEYS = [
    (torch.Tensor, _TENSOR),
    (np.ndarray, _ARRAY),
    ((np.bool_, np.number, np.object_), _SCALAR),
    (float, _FLOAT),
    (int, _INT),
    (str, _STRING),
    (bytes, _STRING),
]


def _default_keys() -> list[tuple[Any, int]]:
    """The registry's own key objects, in order; empty if it is not as torch ships it."""
    keys = list(torch_collate.default_collate_fn_map)
    if keys != [key for key, _ in _SHIPPED_KEYS]:
        return []
    return [(key, rule) for key, (_, rule) in zip(keys, _SHIPPED_KEYS, strict=True)]


DEFAULT_KEYS = _default_keys()

# (a scalar of the type, torch's dtype, bytes, whether torch may change the bits of a NaN). torch refuses uint64.
SCALAR_TYPES = [
    (np.bool_(True), torch.bool, 1, False),
    (np.int8(1), torch.int8, 1, False),
    (np.int16(1), torch.int16, 2, False),
    (np.int32(1), torch.int32, 4, False),
    (np.int64(1), torch.int64, 8, False),
    (np.uint8(1), torch.uint8, 1, False),
    (np.uint16(1), torch.uint16, 2, False),
    (np.uint32(1), torch.uint32, 4, False),
    (np.float16(1), torch.float16, 2, True),
    (np.float32(1), torch.float32, 4, True),
    (np.float64(1), torch.float64, 8, False),
]

_SPARSE = {torch.sparse_coo, torch.sparse_csr, torch.sparse_bsr, torch.sparse_csc, torch.sparse_bsc}
_UNSUPPORTED = (
    "Batches of {} tensors are not currently supported by the default collate_fn; "
    "please provide a custom collate_fn to handle them appropriately."
)

empty = torch.empty


# --- leaves that are not copied natively ----------------------------------------------------------------


def stack(batch: Sequence[torch.Tensor], in_worker: bool) -> torch.Tensor:
    """What torch's collate makes of tensors, without shared memory of torch's."""
    elem = batch[0]
    if elem.is_nested:
        raise RuntimeError(_UNSUPPORTED.format("nested"))
    if elem.layout in _SPARSE:
        raise RuntimeError(_UNSUPPORTED.format("sparse"))
    if _is_plain(elem) and (in_worker or _becomes_row_major(batch)):
        # A worker's result has the type and the strides of `out`, whatever the samples are.
        return torch.stack(list(batch), 0, out=allocate((len(batch), *elem.shape), elem.dtype))
    return torch.stack(batch, 0)  # type: ignore[arg-type]


def _is_plain(tensor: torch.Tensor) -> bool:
    return type(tensor) is torch.Tensor and tensor.is_cpu and tensor.layout == torch.strided and not tensor.is_quantized


def _becomes_row_major(batch: Sequence[torch.Tensor]) -> bool:
    """Whether this is a large batch that torch.stack makes row-major: then warm memory gives the same."""
    elem = batch[0]
    if elem.nbytes * len(batch) < SLOT_BYTES or elem.ndim > 3 or (elem.ndim == 3 and 1 in elem.shape[1:]):
        return False
    return all(
        isinstance(t, torch.Tensor)
        and _is_plain(t)
        and not t.requires_grad
        and t.dtype == elem.dtype
        and t.shape == elem.shape
        for t in batch
    )


def tensors(batch: Sequence[Any]) -> list[torch.Tensor]:
    dtype = batch[0].dtype
    if torch_collate.np_str_obj_array_pattern.search(dtype.str) is not None:
        raise TypeError(torch_collate.default_collate_err_msg_format.format(dtype))
    return [torch.as_tensor(sample) for sample in batch]


def scalars(batch: Sequence[Any]) -> torch.Tensor:
    return torch.as_tensor(batch)


def floats(batch: Sequence[Any]) -> torch.Tensor:
    return torch.tensor(batch, dtype=torch.float64)


def ints(batch: Sequence[Any]) -> torch.Tensor:
    return torch.tensor(batch)

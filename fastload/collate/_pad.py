"""``pad_collate``: default_collate for samples of different sizes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from torch.utils.data import get_worker_info

from fastload._torch_compat import torch_collate
from fastload.collate._default import collator

LARGEST_MULTIPLE = 1 << 31  # far beyond any use, and far from where sizes overflow


def pad_collate(
    batch: Sequence[Any],
    value: complex = 0,
    multiple_of: int | Sequence[int] = 1,
    return_mask: bool = False,
) -> Any:
    """`default_collate`, but tensors and arrays of one field that differ in size are padded to the largest.

    Padding of ``value`` goes to the end of each dimension that differs; a sample of size 0 is all padding. Samples of
    a field must have the same number of dimensions, and if they differ in size the same dtype (`CollateError`
    otherwise). ``value`` must be exact in the dtype of the fields that need it if that is an integer type.

    multiple_of: an int rounds up the size of every dimension that differs within the batch, and no other: with 32,
    images (3, 480, 500) and (3, 400, 640) give (2, 3, 480, 640). A tuple has one number per dimension of a sample and
    rounds up every dimension, also if all samples agree, so that shapes do not depend on the batch: (1, 32, 32);
    fields with another number of dimensions are then padded without rounding.

    return_mask: the result is ``(batch, mask)``, where ``mask`` has the containers of the batch and instead of each
    tensor a bool tensor of its shape, True where it holds data and False where padding. Fields that needed no padding
    have masks too, all True. Strings, bytes and fields collated by a registered function of yours have None.

    Use functools.partial to set the arguments in a ``collate_fn``.
    """
    multiples, per_dimension = _checked_multiples(multiple_of)
    samples = batch if isinstance(batch, (list, tuple)) else list(batch)
    samples = samples if type(samples) in (list, tuple) else list(samples)
    registry = torch_collate.default_collate_fn_map
    in_worker = get_worker_info() is not None

    def collate(masks: bool) -> Any:
        return collator.pad(samples, registry, in_worker, value, multiples, per_dimension, masks)

    return (collate(False), collate(True)) if return_mask else collate(False)


def _checked_multiples(multiple_of: int | Sequence[int]) -> tuple[list[int], bool]:
    per_dimension = isinstance(multiple_of, Sequence)
    try:
        multiples = [operator.index(m) for m in (multiple_of if isinstance(multiple_of, Sequence) else [multiple_of])]
    except TypeError:
        multiples = []
    if not multiples or not all(1 <= m <= LARGEST_MULTIPLE for m in multiples):
        raise ValueError(
            f"multiple_of must be an int from 1 to {LARGEST_MULTIPLE}, or one per dimension, got {multiple_of!r}"
        )
    return multiples, per_dimension

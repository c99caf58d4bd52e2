"""torch's index batches as arrays, where the samplers are torch's own.

The draws from the generator, and the pulls that make them, are those of torch's `BatchSampler` over a
`RandomSampler` or `SequentialSampler`; only the Python object for every index is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler

Indices = NDArray[np.int64]


class IndexBatch(np.ndarray[Any, np.dtype[np.int64]]):
    """An index batch made here. A user's own array is none, and goes to the dataset as it is."""


def index_batches(sampler: Any) -> Iterator[Any] | None:
    """What ``iter(sampler)`` gives, as int64 arrays; None unless all of it is exactly torch's.

    Nothing is drawn before the first batch is asked for.
    """
    if type(sampler) is not BatchSampler or vars(sampler).keys() != {"sampler", "batch_size", "drop_last"}:
        return None
    if type(sampler.sampler) is RandomSampler:
        return _batches(_random_chunks(sampler.sampler), sampler.batch_size, sampler.drop_last)
    if type(sampler.sampler) is SequentialSampler:
        return _batches(_sequential_chunks(sampler.sampler), sampler.batch_size, sampler.drop_last)
    return None


def as_list(indices: Any) -> Any:
    """An index batch as user code gets it: a list of ints if it is one of our arrays."""
    return indices.tolist() if type(indices) is IndexBatch else indices


def _batches(chunks: Iterator[Indices], size: int, drop_last: bool) -> Iterator[IndexBatch]:
    """The indices of all chunks in batches. A chunk is asked for when an index beyond the last one is needed."""
    pieces: list[Indices] = []
    have = 0
    while True:
        while have < size:
            chunk = next(chunks, None)
            if chunk is None:
                if have and not drop_last:
                    yield _joined(pieces).view(IndexBatch)
                return
            pieces.append(chunk)
            have += len(chunk)
        joined: Any = _joined(pieces).view(IndexBatch)
        end = have - have % size
        for start in range(0, end, size):
            yield joined[start : start + size]
        pieces, have = [joined[end:]], have - end


def _joined(pieces: list[Indices]) -> Indices:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _sequential_chunks(sampler: SequentialSampler) -> Iterator[Indices]:
    # In pieces, so that a billion samples need no array of a billion numbers.
    piece, length = 1 << 16, len(sampler.data_source)
    for start in range(0, length, piece):
        yield np.arange(start, min(start + piece, length), dtype=np.int64)


def _random_chunks(sampler: RandomSampler) -> Iterator[Indices]:
    """What torch's sampler draws, draw by draw."""
    n, generator = len(sampler.data_source), sampler.generator
    is_private = generator is None
    if generator is None:
        seed = int(torch.empty((), dtype=torch.int64).random_().item())
        generator = torch.Generator()
        generator.manual_seed(seed)
    if sampler.replacement:
        for draws in [32] * (sampler.num_samples // 32) + [sampler.num_samples % 32]:
            yield torch.randint(high=n, size=(draws,), dtype=torch.int64, generator=generator).numpy()
        return
    for _ in range(sampler.num_samples // n):
        yield torch.randperm(n, generator=generator).numpy()
    if sampler.num_samples % n or not is_private:  # torch permutes once more, which its generator remembers
        yield torch.randperm(n, generator=generator)[: sampler.num_samples % n].numpy()

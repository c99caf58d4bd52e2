"""`BatchSampler`: the indices of another sampler in batches of one size."""

from __future__ import annotations

from collections.abc import Iterator

import torch.utils.data

from fastload.samplers._order import FixedBatches, array_sampler


class BatchSampler(torch.utils.data.BatchSampler):
    """torch's BatchSampler, for any iterable of indices; from samplers of known order it takes arrays."""

    def __iter__(self) -> Iterator[list[int]]:
        known = array_sampler(self.sampler)
        if known is None:
            yield from super().__iter__()
            return
        batches = FixedBatches(known.order(), self.batch_size, self.drop_last)
        for number in range(len(batches)):
            yield batches.read(number).tolist()
        batches.finish()

"""The samples of a dataset by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


class Classes:
    """Which samples belong to which class.

    labels: the class of every sample, as a list, array or 1-d tensor of numbers or strings.
    names: (C,) the different labels, sorted. counts: (C,) int64, how many samples each has, all positive.
    Holds 8 bytes a sample.
    """

    def __init__(self, labels: Sequence[Any] | NDArray[Any] | torch.Tensor) -> None:
        array = np.asarray(labels.detach().cpu().numpy() if isinstance(labels, torch.Tensor) else labels)
        if array.ndim != 1:
            raise ValueError(f"labels must be one label for each sample, got an array of shape {array.shape}")
        if len(array) == 0:
            raise ValueError("labels must not be empty: there is nothing to draw")
        self.names, numbers, self.counts = _numbered(array)
        self._first = np.concatenate([[0], np.cumsum(self.counts)[:-1]])
        # Sorting small integers takes linear time.
        self._members = np.argsort(numbers.astype(np.min_scalar_type(len(self.names))), kind="stable")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def samples(self) -> int:
        """How many samples there are in all classes."""
        return len(self._members)

    def indices(self, classes: NDArray[np.int64], members: NDArray[np.int64]) -> NDArray[np.int64]:
        """The dataset index of member ``members[k]`` of class number ``classes[k]``, members in order of index."""
        found: NDArray[np.int64] = self._members[self._first[classes] + members]
        return found


def _numbered(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """The different labels, sorted; for each label its number among them; how often each occurs."""
    if labels.dtype.kind in "iu":
        low, high = int(labels.min()), int(labels.max())
        if high < 1 << 63 and high - low < 2 * len(labels) + 1024:  # counting is faster than sorting
            offsets = labels.astype(np.int64) - low
            counts = np.bincount(offsets).astype(np.int64)
            present = np.flatnonzero(counts)
            return present + low, (np.cumsum(counts > 0) - 1)[offsets], counts[present]
    try:
        names, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in labels})
        raise ValueError(
            f"labels must be all numbers or all strings, got {', '.join(kinds)}, which cannot be sorted: number the "
            "classes from 0"
        ) from error
    return names, numbers.reshape(-1), counts.astype(np.int64)

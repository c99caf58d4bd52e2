"""Cutting a sequence of samples into batches under a limit on their number and on their tokens after padding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastload.samplers._order import Indices

# Where batches begin, and the end of the last one: batch b is bounds[b] to bounds[b + 1], never empty.
Bounds = NDArray[np.int64]


class Limits(NamedTuple):
    """At most ``samples`` samples in a batch, and ``tokens`` as samples times the longest; None is no limit."""

    samples: int | None
    tokens: int | None

    def admit(self, samples: int, longest: int) -> bool:
        if self.samples is not None and samples > self.samples:
            return False
        return self.tokens is None or samples * longest <= self.tokens


def sorted_windows(samples: Indices, lengths: Indices, window: int) -> Indices:
    """``samples`` with each run of ``window`` of them sorted by length, the longest first."""
    whole = len(samples) // window * window
    pieces = (samples[:whole].reshape(-1, window), samples[whole:].reshape(1, -1))
    # Stable, for the same order on every machine.
    turned = (np.take_along_axis(rows, np.argsort(-lengths[rows], axis=1, kind="stable"), axis=1) for rows in pieces)
    return np.concatenate([rows.ravel() for rows in turned])


def pack_sorted(padded: Indices, limits: Limits, window: int) -> Bounds:
    """The batches of windows that are sorted, the longest first; every window begins with a new batch.

    padded: tokens of each sample after padding. A sample over the limit is a batch by itself.
    The first sample of a batch tells how many fit in, so all windows are packed at once, a batch of each at a time.
    """
    length = len(padded)
    if limits.tokens is None:
        return _even_bounds(length, limits)
    sizes = np.maximum(limits.tokens // np.maximum(padded, 1), 1)
    if limits.samples is not None:
        sizes = np.minimum(sizes, limits.samples)
    begins = np.arange(0, length, window, dtype=np.int64)
    ends = np.minimum(begins + window, length)
    found = []
    while len(begins):
        found.append(begins)
        begins = begins + sizes[begins]
        going = begins < ends
        begins, ends = begins[going], ends[going]
    return np.append(np.sort(np.concatenate(found)), length)


def pack_in_order(padded: Indices, limits: Limits) -> Bounds:
    """The batches of samples in the order they have: each is as long a run as fits.

    padded: as for `pack_sorted`.
    """
    if limits.tokens is None:
        return _even_bounds(len(padded), limits)
    most = limits.samples or len(padded)
    bounds, count, longest = [0], 0, 0
    for tokens in padded.data:  # Python ints one by one, without a list of them
        longest = max(longest, tokens)
        count += 1
        if count > 1 and (count > most or count * longest > limits.tokens):
            bounds.append(bounds[-1] + count - 1)
            count, longest = 1, tokens
    return np.array([*bounds, len(padded)], dtype=np.int64)


def split_to(bounds: Bounds, number: int) -> Bounds:
    """``bounds`` of ``number`` batches: the largest are halved, which keeps them within every limit.

    number: from as many as there are to as many as there are samples.
    """
    while len(bounds) <= number:
        sizes = np.diff(bounds)
        missing = min(number - len(sizes), int((sizes > 1).sum()))
        largest = np.argsort(-sizes, kind="stable")[:missing]
        bounds = np.sort(np.concatenate([bounds, bounds[largest] + sizes[largest] // 2]))
    return bounds


def padded_tokens(padded: Indices, bounds: Bounds) -> int:
    """Samples times the longest one, over all batches. padded: without what comes after the last batch."""
    if len(bounds) < 2:
        return 0
    return int((np.maximum.reduceat(padded, bounds[:-1]) * np.diff(bounds)).sum())


def _even_bounds(length: int, limits: Limits) -> Bounds:
    assert limits.samples is not None
    return np.append(np.arange(0, length, limits.samples, dtype=np.int64), length)

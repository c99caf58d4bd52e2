"""A fetcher for a worker: at the beginning, in the middle of an epoch, or at the beginning of another one."""

from __future__ import annotations

from collections.abc import MutableSequence

from fastload._fetch import FetchConfig, Fetcher, MapFetcher
from fastload._fetch_iterable import IterableFetcher
from fastload._rng import set_states, unchanged_generators
from fastload._stateful import WorkerState, is_stateful


def make_fetcher(
    config: FetchConfig, words: MutableSequence[int] | None = None, resume: WorkerState | None = None
) -> Fetcher:
    """A fetcher for the dataset; ``iter(dataset)`` is called here if it is iterable.

    resume: where the worker stood whose work this fetcher goes on with. Its generators are set to where they were when
    the dataset was iterated; where they are now is for the caller to set.
    """
    kind = IterableFetcher if config.iterable else MapFetcher
    if resume is None or not resume.ended:
        if resume is not None and resume.began is not None:
            set_states(resume.began)
        return kind(config, words, resume)
    if resume.snapshot is not None or is_stateful(config.dataset):
        with unchanged_generators():
            kind(config, words, resume).read_to_end()
    if resume.rng is not None:
        set_states(resume.rng)
    fetcher = kind(config, words)
    fetcher.take_snapshot_next()
    return fetcher

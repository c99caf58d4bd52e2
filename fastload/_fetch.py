"""From an index batch to a batch: samples are made one after the other, in order, then collated.

One fetcher serves one worker, or the loader itself when it has none. Fetchers keep torch's rules
(`torch.utils.data._utils.fetch`): ``__getitems__`` gets the sampler's list and its result goes on unchanged;
an iterable dataset is read batch by batch, and its end is a StopIteration.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, MutableSequence, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from torch.utils.data import StackDataset, Subset

from fastload import _core, _stream
from fastload._gather import NodeBatches, batch_getter
from fastload._index_batches import as_list
from fastload._read_ahead import Peek, reading_ahead
from fastload._rng import GeneratorStates
from fastload._seeding import seed_sample
from fastload._stateful import Snapshot, WorkerState, restore, snapshot_of
from fastload._stream import BatchInHand
from fastload.collate import (
    DetectionCollate,
    collates_as_torch,
    default_collate,
    has_users_rules,
    is_default,
    pad_collate,
)
from fastload.memory._arena import allocate, allocating_in

OnError = str | Callable[[Any, Exception], Any]

# A fetcher's two words to the outside, which may lie in memory that another process reads:
STOP = 0  # set by others: the batch in hand is not wanted any more
AT = 1  # the position in its batch of the sample being made; NOWHERE between batches
NOWHERE = -1


@dataclass(frozen=True)
class FetchConfig:
    """What a fetcher has to know; it goes to every worker once."""

    dataset: Any
    iterable: bool
    auto_collation: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool
    on_error: OnError = "raise"
    sample_seed: int | None = None  # None: rng="torch", nothing is seeded per sample
    stream_seed: int | None = None  # of the streams that fastload.transforms draw from; None: they are on their own
    slots: _core.Slots | None = None  # where large batches are made that no user's code sees; None: in the process's
    snapshot_every: int = 0  # after how many batches a dataset with a state is asked for it; 0: nobody wants to know

    @property
    def collate(self) -> Callable[[Any], Any]:
        """What collates: torch's default is done by fastload's."""
        return default_collate if is_default(self.collate_fn) else self.collate_fn

    @property
    def collate_slots(self) -> _core.Slots | None:
        """Where that makes its large tensors. A user's functions may keep what they have made, or change it later."""
        function = self.collate
        while isinstance(function, partial):
            function = function.func
        is_own = function is default_collate or function is pad_collate or type(function) is DetectionCollate
        return self.slots if is_own and not has_users_rules() else None


@dataclass(slots=True)
class FetchReport:
    """What making one batch took, and which samples were left out of it or replaced."""

    samples: int = 0
    fetch_s: float = 0.0
    collate_s: float = 0.0
    stages: dict[str, float] | None = None  # seconds of a native image pipeline's parts
    skipped: tuple[tuple[Any, str], ...] = ()  # (dataset index, error)
    replaced: tuple[tuple[Any, str], ...] = ()
    # Where the worker stands after this batch: see WorkerState. None: as before.
    consumed: int = 0
    exhausted: bool = False
    snapshot: Snapshot | None = None
    rng: GeneratorStates | None = None


class Skipped:
    """In the place of a batch: without auto-collation the sample is the batch, and it was skipped."""


class Interrupted(BaseException):
    """The loader stops; the batch in hand is not wanted any more. No error handler of user code sees it."""


class Fetcher:
    """Makes batches of one dataset. Not thread-safe: a fetcher belongs to one worker."""

    def __init__(self, config: FetchConfig, words: MutableSequence[int] | None = None) -> None:
        self.config = config
        self.dataset = config.dataset
        self.epoch = 0
        self.report = FetchReport()
        self._words = [0, NOWHERE] if words is None else words
        self._indices: Sequence[Any] = ()
        self._batches_since_snapshot = 0
        self._last_error: Exception | None = None
        self._collate = config.collate
        self._collate_slots = config.collate_slots

    def fetch(self, indices: Any) -> Any:
        """The batch for ``indices``, or `Skipped`. ``report`` then tells about this batch."""
        self.report = FetchReport()
        self._indices = indices if self.config.auto_collation else (indices,)
        self._words[AT] = NOWHERE
        outer, _stream.here.fetcher = _stream.here.fetcher, self  # a dataset may use a loader of its own
        try:
            batch = self._fetch(indices)
            if self.config.snapshot_every:
                self.report.snapshot = self._snapshot()
            return batch
        finally:
            _stream.here.fetcher = outer
            self._last_error = None  # its traceback holds the frames of this batch
            self.report.consumed, self.report.exhausted = self.consumed, self.exhausted

    def batch_in_hand(self) -> BatchInHand | None:
        """See `fastload._stream`."""
        return None

    def position_in_hand(self) -> int | None:
        return None

    @property
    def consumed(self) -> int:
        """How many samples of an iterable dataset are read."""
        return 0

    @property
    def exhausted(self) -> bool:
        """Whether an iterable dataset has been read to its end."""
        return False

    def read_to_end(self) -> None:
        """Leave the dataset as it is when an epoch is over."""

    def snapshot(self) -> Snapshot | None:
        """What the user's objects say of themselves now."""
        return snapshot_of(self.dataset, None, 0)

    def take_snapshot_next(self) -> None:
        """With the next batch: nobody outside knows how the dataset began."""
        self._batches_since_snapshot = self.config.snapshot_every

    def _snapshot(self) -> Snapshot | None:
        """The same if it is time to ask."""
        return self.snapshot()  # after every batch: no sample of a map-style dataset is made again on resuming

    def where(self, error: Exception) -> str:
        """Which sample ``error`` came from, in words; empty if that is not known."""
        position: Any = self._words[AT]
        if position == NOWHERE:  # not while a sample was made: collate errors know which one they mean
            position = getattr(error, "position", None)
        if not isinstance(position, int) or position < 0:
            return ""
        try:
            index = self._indices[position]
        except (IndexError, TypeError):  # an index batch may be anything that can be iterated
            return f"position {position} in the batch"
        return f"dataset index {index}, position {position} in the batch"

    def _fetch(self, indices: Any) -> Any:
        raise NotImplementedError

    def _collated(self, samples: Any, fetch_started: float) -> Any:
        self._words[AT] = NOWHERE
        collate_started = perf_counter()
        self.report.fetch_s = collate_started - fetch_started
        try:
            with allocating_in(self._collate_slots):
                return self._collate(samples)
        finally:
            self.report.collate_s = perf_counter() - collate_started

    def _guarded(self, make: Callable[[], Any], index: Any, position: int) -> Any:
        """What ``make()`` returns; if it fails, what ``on_error`` makes of that: `Skipped` or a replacement."""
        self._mark(position)
        if self.config.sample_seed is not None:
            seed_sample(self.config.sample_seed, self.epoch, index)
        try:
            return make()
        except StopIteration:  # the end of the data, not a fault
            raise
        except Exception as error:
            on_error = self.config.on_error
            if on_error == "raise":
                raise
            self._check_can_go_on(error)
            text = described(error)
            if callable(on_error):
                replacement = on_error(index, error)
                self.report.replaced += ((index, text),)
                return replacement
            self.report.skipped += ((index, text),)
            self._last_error = error
            return Skipped

    def _check_can_go_on(self, error: Exception) -> None:
        """Raise if leaving this sample out would leave out more than this sample."""

    def _mark(self, position: int) -> None:
        if self._words[STOP]:
            raise Interrupted
        self._words[AT] = position

    def _kept(self, made: list[tuple[Any, Any]]) -> list[Any]:
        """The samples of those (index, sample) pairs that were not skipped."""
        kept = [pair for pair in made if pair[1] is not Skipped]
        if made and not kept:
            raise RuntimeError(
                f"all {len(made)} samples of this batch failed, so that on_error='skip' leaves nothing to collate "
                f"(the last: {self.report.skipped[-1][1]}); repair the dataset, use larger batches, or pass "
                "on_error=callable(index, exception) to provide replacements"
            ) from self._last_error
        self._indices = [index for index, _ in kept]
        return [sample for _, sample in kept]


class MapFetcher(Fetcher):
    """Samples are ``dataset[index]``, or whole batches where the dataset can give them."""

    def __init__(
        self, config: FetchConfig, words: MutableSequence[int] | None = None, resume: WorkerState | None = None
    ) -> None:
        super().__init__(config, words)
        restore(self.dataset, None if resume is None else resume.snapshot, "dataset")
        self._get_batch: Callable[..., Any] | None = None
        if config.auto_collation and self._collate is default_collate and collates_as_torch():
            self._get_batch = batch_getter(config.dataset)

    def batch_in_hand(self) -> BatchInHand | None:
        seed = self.config.stream_seed
        return None if seed is None else BatchInHand(seed, self.epoch, self._indices)

    def position_in_hand(self) -> int | None:
        position = self._words[AT]
        return None if position == NOWHERE else position

    def read_ahead(self, peek: Peek) -> None:
        """Begin to gather batches before they are asked for, as far as ``peek`` tells which they will be."""
        plain = self.config.on_error == "raise" and self.config.sample_seed is None
        if plain and isinstance(self._get_batch, NodeBatches):
            self._get_batch = reading_ahead(self._get_batch, peek)

    def _fetch(self, indices: Any) -> Any:
        started = perf_counter()
        if not self.config.auto_collation:
            indices = as_list(indices)
            sample = self._guarded(lambda: self.dataset[indices], indices, 0)
            if sample is Skipped:
                return Skipped
            self.report.samples = 1
            return self._collated(sample, started)
        if self._get_batch is not None:
            batch = self._gathered(indices, started)
            if batch is not NotImplemented:
                return batch
        indices = self._indices = as_list(indices)
        samples = self._samples(indices)
        self.report.samples = len(samples) if hasattr(samples, "__len__") else 0
        return self._collated(samples, started)

    def _gathered(self, indices: Any, started: float) -> Any:
        assert self._get_batch is not None
        try:
            with allocating_in(self.config.slots):
                batch = self._get_batch(indices, allocate)
        except Exception:
            if self.config.on_error == "raise":
                raise
            return NotImplemented  # sample by sample, so that one of them does not take the others with it
        self.report.samples = len(indices)
        self.report.fetch_s = perf_counter() - started
        return batch

    def _samples(self, indices: Any) -> Any:
        dataset = self.dataset
        get_items = _items_getter(dataset)
        if self.config.sample_seed is not None or self.config.on_error != "raise":
            return self._guarded_samples(indices, get_items)
        if get_items:
            return get_items(indices)
        words = self._words
        samples: list[Any] = []
        for index in indices:
            if words[STOP]:
                raise Interrupted
            words[AT] = len(samples)
            samples.append(dataset[index])
        return samples

    def _guarded_samples(self, indices: Any, get_items: Callable[[Any], Any] | None) -> Any:
        """One call for all samples if that works; else one call a sample."""
        if get_items and self.config.sample_seed is None:
            try:
                return get_items(indices)
            except StopIteration:
                raise
            except Exception:  # it is met again below, by the sample that is at fault
                pass
        dataset = self.dataset
        make = (lambda index: get_items([index])[0]) if get_items else partial(operator.getitem, dataset)
        return self._kept(
            [(index, self._guarded(partial(make, index), index, position)) for position, index in enumerate(indices)]
        )


def _items_getter(dataset: Any) -> Callable[[Any], Any] | None:
    """The dataset's ``__getitems__``. None for a Subset of torch's whose own would call ``dataset[i]`` one by one: it
    would hide which sample is in hand. And for a StackDataset of those where one draws by samples; torch goes through
    its parts one after the other, which is as good only if each draws as it comes."""
    inner = _without_subsets(dataset)
    if type(inner) is StackDataset:
        parts = [_without_subsets(part) for part in _parts_of(inner)]
        calls = any(callable(getattr(part, "__getitems__", None)) for part in parts)
        if not calls and any(getattr(part, "draws_by_sample", False) for part in parts):
            return None
    elif inner is not dataset and not callable(getattr(inner, "__getitems__", None)):
        return None
    get_items: Callable[[Any], Any] | None = getattr(dataset, "__getitems__", None)
    return get_items


def _without_subsets(dataset: Any) -> Any:
    while type(dataset) is Subset:
        dataset = dataset.dataset
    return dataset


def _parts_of(stack: Any) -> Sequence[Any]:
    return list(stack.datasets.values()) if isinstance(stack.datasets, dict) else stack.datasets


def described(error: Exception) -> str:
    """Type and text of ``error``, whatever its ``__str__`` does."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__

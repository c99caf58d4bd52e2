"""Where the loader's index batches come from, and how far an epoch has come in them.

Pulls are the calls that ask for the next index batch. They run ahead of the batches that the user gets, by the depth
of the prefetch; a record tells how to come back to any batch in between. The record does not hold the order itself,
which may be large: it outlives the iterator.
"""

from __future__ import annotations

import copy
import itertools
import warnings
import weakref
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch.utils.data

from fastload._index_batches import IndexBatch, IndexSource
from fastload._rng import GeneratorStates, current_states, from_plain, set_states, to_plain, unchanged_generators
from fastload._stateful import is_stateful
from fastload._torch_compat import InfiniteConstantSampler
from fastload.samplers._generators import standing_at
from fastload.samplers._order import Batches, State


class ArrayPulls:
    """The index batches of a source. Nothing is drawn before the first is pulled."""

    def __init__(self, source: IndexSource) -> None:
        self.record = ArrayRecord(source.batch_size)
        self._make = source.make
        self._state: State | None = None
        self._replay: Replay | None = None
        self._batches: Batches | None = None
        self._number = 0
        self._early: deque[Any] = deque()  # the next ones, read before their turn
        self._finished = False

    @staticmethod
    def resumed(source: IndexSource, order: State | None, turns: int, replay: Replay | None) -> ArrayPulls:
        """The index batches from number ``turns`` on. replay: what had been pulled, if that has to be drawn again."""
        pulls = ArrayPulls(source)
        pulls.record.order = pulls._state = order
        pulls._number = turns
        pulls._replay = replay
        if replay is not None:
            pulls.record.pulled, pulls.record.ended = replay.pulled, replay.ended
        return pulls

    def __iter__(self) -> ArrayPulls:
        return self

    def __next__(self) -> Any:
        if self._batches is None:
            self._begin()
        batches, number = self._batches, self._number
        assert batches is not None
        if number < self._length:
            batch = self._early[0] if self._early else self._read(batches, number)
            pulled = max(self.record.pulled, number + 1)
            if self._early:  # no calls from here on: see fastload.engines._base
                del self._early[0]
            self._number = number + 1
            self.record.pulled = pulled
            return batch
        self._finish(batches)
        raise StopIteration

    def _begin(self) -> None:
        replay, self._replay = self._replay, None
        if replay is None or self._state is None:
            batches = self._made(self._make(self._state))
            if 0 < self._number >= self._length:
                self._draw_last(batches, self._length)
            return
        with standing_at(replay.generators, replay.states):
            batches = self._made(self._make(self._state))
            # What had been drawn is drawn again, as far as it had been pulled and no further.
            self.record.pulled = min(replay.pulled, self._length)
            for number in range(self._number, self.record.pulled):
                self._early.append(self._read(batches, number))
            if 0 < self.record.pulled <= self._number:
                self._draw_last(batches, self.record.pulled)
            if replay.ended:
                self._finish(batches)

    @staticmethod
    def _draw_last(batches: Batches, pulled: int) -> None:
        """Draw what the last of ``pulled`` batches was made of, which may be all, though it is dealt with."""
        with suppress(IndexError):  # an order dealt to other ranks has none here; it draws nothing
            batches.read(pulled - 1)

    def _made(self, batches: Batches) -> Batches:
        self._batches = batches
        self._length = len(batches)
        self.record.follow(batches)
        return batches

    def _finish(self, batches: Batches) -> None:
        if not self._finished:
            self._finished = self.record.ended = True
            batches.finish()

    def peek(self, ahead: int) -> Any:
        """The index batch that comes after ``ahead`` more pulls; None if it is not decided yet, or is the last one.

        Looking changes nothing: no random number is drawn that would not have been drawn by now.
        """
        batches = self._batches
        if batches is None or not batches.decided:
            return None
        while len(self._early) <= ahead:
            number = self._number + len(self._early)
            if number >= self._length - 1:  # reading the last one may end the order, which may draw
                return None
            self._early.append(self._read(batches, number))
        return self._early[ahead]

    @staticmethod
    def _read(batches: Batches, number: int) -> Any:
        batch = batches.read(number)
        return batch if isinstance(batch, int) else batch.view(IndexBatch)

    def __del__(self) -> None:
        if self._batches is not None:
            self.record.order = self._batches.state()


@dataclass
class Replay:
    """How far the pulls of an epoch had come, and where the shared generators stood when it began."""

    generators: list[torch.Generator]
    states: list[str]
    pulled: int
    ended: bool


class ArrayRecord:
    """Knows the state of an order; it may change while the epoch runs, as that of weights that are updated does."""

    def __init__(self, batch_size: int) -> None:
        self.order: State | None = None  # until it is drawn
        self.batch_size = batch_size
        self.pulled = 0
        self.ended = False
        self._batches: Callable[[], Batches | None] = lambda: None

    def follow(self, batches: Batches) -> None:
        """These are the batches it tells of, as long as they are there."""
        self._batches = weakref.ref(batches)
        self.order = batches.state()

    def passed(self, turns: int) -> None:
        """The first ``turns`` index batches are dealt with for good."""

    def state(self, turns: int) -> State:
        """What resuming after the first ``turns`` index batches takes."""
        batches = self._batches()
        if batches is not None:
            self.order = batches.state()
        return {
            "kind": "order",
            "order": self.order,
            "batch_size": self.batch_size,
            "pulled": self.pulled,
            "ended": self.ended,
        }


class ForeignPulls:
    """What iterating a sampler gives that only its own code knows.

    Where the sampler or its iterator has a state (see `fastload._stateful`), that is saved every ``every`` pulls.
    Of others the states of the global generators are kept as they were when they could first draw, which is when
    they were iterated or first pulled: resuming iterates them once more under these, and passes over what was dealt
    with. No sample is made for that.
    """

    def __init__(
        self, iterator: Iterator[Any], sampler: Any, every: int, before: GeneratorStates | None, shared: list[str]
    ) -> None:
        self.record = ForeignRecord(before, shared, getattr(sampler, "batch_size", None))
        self._iterator = iterator
        self._sampler = stateful_sampler(sampler)
        self._every = every
        self._count = 0  # of the next index batch; more may have been drawn
        self._is_stateful = every > 0 and (self._sampler is not None or is_stateful(iterator))
        self._next: list[Any] = []  # the next index batch, once it is drawn
        if self._is_stateful:
            self.record.snapshots.append(self._snapshot(0))

    def __iter__(self) -> ForeignPulls:
        return self

    def __next__(self) -> Any:
        record = self.record
        if self._count == 0 and self._every and record.first is None:
            record.first = current_states()
        if not self._next:
            self._next.extend(map(next, (self._iterator,)))  # drawn and kept in one call
        if not self._next:
            record.ended = True
            raise StopIteration
        batch, count = self._next[0], self._count + 1
        pulled = max(record.pulled, count)
        snapshots: list[State] = []
        checksums: list[tuple[int, int]] = []
        if self._is_stateful:
            if count % self._every == 0:
                snapshots.append(self._snapshot(count))
        elif self._every:
            checksums.append((count, _checksum(batch, record.checksums[-1][1])))
        self._next = []  # no calls from here on: see fastload.engines._base
        self._count = count
        record.pulled = pulled
        record.snapshots += snapshots
        record.checksums += checksums
        return batch

    def _snapshot(self, pulls: int) -> State:
        snapshot: State = {"pulls": pulls}
        if self._sampler is not None:
            snapshot["sampler"] = copy.deepcopy(self._sampler.state_dict())
        if is_stateful(self._iterator):
            snapshot["iterator"] = copy.deepcopy(self._iterator.state_dict())  # type: ignore[attr-defined]
        return snapshot

    @staticmethod
    def resumed(make: Callable[[], Iterator[Any]], sampler: Any, every: int, state: State, turns: int) -> ForeignPulls:
        """The pulls after the first ``turns`` of the epoch that ``state`` belongs to.

        make: iterates the loader's sampler. Warns if the sampler gives others than it gave before.
        """
        snapshot: State = state.get("snapshot") or {"pulls": 0}
        before, first = from_plain(state.get("before")), from_plain(state.get("first"))
        if first is None and state.get("begun"):
            first = before
        if "sampler" in snapshot:
            _require(stateful_sampler(sampler), sampler, "sampler").load_state_dict(copy.deepcopy(snapshot["sampler"]))
        with unchanged_generators():
            if before is not None:
                set_states(before)
            iterator = make()
            if "iterator" in snapshot:
                stateful = iterator if is_stateful(iterator) else None
                _require(stateful, iterator, "iterator").load_state_dict(copy.deepcopy(snapshot["iterator"]))
            if first is not None:
                set_states(first)
            checksum = _pass_over(iterator, turns - snapshot["pulls"], turns)
            # What was pulled was drawn. The first pull draws the most: it is made again even where it is still due.
            again = max(state["pulled"] - turns, 1 if first is not None and turns == snapshot["pulls"] else 0)
            early = [] if state.get("snapshot") else list(itertools.islice(iterator, again))
            if state["ended"] and not state.get("snapshot"):
                early.extend(iterator)
        if state.get("checksum") not in (None, checksum):
            warnings.warn(
                f"the sampler, {type(_innermost(sampler)).__name__}, gives another order than when the state was "
                "saved, so that samples may come twice in this epoch, or not at all; give it state_dict() and "
                "load_state_dict(), or let it draw from the global generators or from a torch.Generator that is its "
                "attribute 'generator'",
                stacklevel=2,
            )
        pulls = ForeignPulls(itertools.chain(early, iterator) if early else iterator, sampler, every, before, [])
        record = pulls.record
        pulls._count, record.pulled = turns, turns + len(early)
        record.shared, record.first = state.get("shared", []), first
        record.ended = state["ended"] and not pulls._is_stateful
        record.checksums = deque([(turns, checksum)])
        if pulls._is_stateful and "snapshot" in state:
            record.snapshots = deque([snapshot])
        return pulls


def end_foreign_epoch(make: Callable[[], Iterator[Any]], sampler: Any, state: State) -> None:
    """Let a sampler with a state be as it was when the epoch that ``state`` belongs to was over.

    make: as for `ForeignPulls.resumed`.
    """
    snapshot: State = state.get("snapshot") or {}
    if "sampler" in snapshot:
        owner = _require(stateful_sampler(sampler), sampler, "sampler")
        owner.load_state_dict(copy.deepcopy(snapshot["sampler"]))
        with unchanged_generators():
            deque(make(), maxlen=0)


class ForeignRecord:
    """What the generators that a sampler may draw from were like, and what it gave.

    before: global ones, and shared: the loader's and its samplers' own, when the sampler was iterated.
    first: global ones when it was first pulled.
    """

    def __init__(self, before: GeneratorStates | None, shared: list[str], batch_size: Any) -> None:
        self.before = before
        self.shared = shared
        self.batch_size = batch_size
        self.first: GeneratorStates | None = None
        self.pulled = 0
        self.ended = False
        self.snapshots: deque[State] = deque()
        self.checksums: deque[tuple[int, int]] = deque([(0, 0)])  # (pulls, of all index batches up to there)

    def passed(self, turns: int) -> None:
        while len(self.checksums) > 1 and self.checksums[1][0] <= turns:
            self.checksums.popleft()
        # The one before the latest pull is kept: a sampler that came to its end in that pull may call this the
        # beginning of its next epoch.
        while len(self.snapshots) > 1 and self.snapshots[1]["pulls"] < turns:
            self.snapshots.popleft()

    def state(self, turns: int) -> State:
        self.passed(turns)
        so_far: State = {"kind": "iterated", "batch_size": self.batch_size, "pulled": self.pulled, "ended": self.ended}
        if self.snapshots:
            return {**so_far, "snapshot": copy.deepcopy(self.snapshots[0])}
        first = self.first if self.first != self.before else None  # mostly they are the same
        pulls, checksum = self.checksums[0]
        return {
            **so_far,
            "before": to_plain(self.before),
            "first": to_plain(first),
            "begun": self.first is not None,
            "shared": self.shared,
            "checksum": checksum if pulls == turns else None,
        }


class UnknownPulls:
    """For iterable datasets: their index batches say no more than how many samples are wanted."""

    def __init__(self, iterator: Iterator[Any], sampler: Any) -> None:
        self.record = EmptyRecord()
        is_constant = isinstance(_innermost(sampler), InfiniteConstantSampler)
        # torch's iterator is a generator, which an interrupt would end, and with it the epoch.
        self._iterator = itertools.repeat(next(iterator)) if is_constant else iterator

    def __iter__(self) -> UnknownPulls:
        return self

    def __next__(self) -> Any:
        return next(self._iterator)


class EmptyRecord:
    def passed(self, turns: int) -> None:
        pass

    def state(self, turns: int) -> State:
        return {"kind": "stream"}


def stateful_sampler(sampler: Any) -> Any:
    """``sampler``, or what it takes its indices from, if one has a state; else None."""
    while sampler is not None and not is_stateful(sampler):
        sampler = getattr(sampler, "sampler", None)
    return sampler


def _innermost(sampler: Any) -> Any:
    """The sampler that decides the order."""
    while type(sampler) is torch.utils.data.BatchSampler:
        sampler = sampler.sampler
    return sampler


def _require(stateful: Any, what: Any, key: str) -> Any:
    if stateful is None:
        raise ValueError(
            f"the state to resume from has a state of the {key}, but {type(what).__name__} has no load_state_dict() "
            "to take it; resume with the class that it was saved with"
        )
    return stateful


def _pass_over(iterator: Iterator[Any], count: int, turns: int) -> int:
    """Leave out ``count`` index batches; their checksum."""
    checksum = 0
    for passed in range(count):
        try:
            checksum = _checksum(next(iterator), checksum)
        except StopIteration:  # noqa: PERF203 - the loop's way to end
            raise ValueError(
                f"the state to resume from is {turns} index batches into its epoch, but the sampler ends "
                f"{count - passed} before that; resume with the sampler, dataset and batch size it was saved with"
            ) from None
    return checksum


def _checksum(batch: Any, before: int) -> int:
    return zlib.crc32(repr(batch).encode(), before)

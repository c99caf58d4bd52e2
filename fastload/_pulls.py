"""Where the loader's index batches come from, and how far an epoch has come in them.

Pulls are the calls that ask for the next index batch. They run ahead of the batches that the user gets, by the depth
of the prefetch; a record tells how to come back to any batch in between. The record does not hold the order itself,
which may be large: it outlives the iterator.
"""

from __future__ import annotations

import copy
import itertools
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from fastload._index_batches import IndexBatch, IndexSource
from fastload._rng import GeneratorStates, current_states, from_plain, set_states, to_plain, unchanged_generators
from fastload._stateful import is_stateful
from fastload.samplers._order import Batches, State


class ArrayPulls:
    """The index batches of a source, from number ``first`` on. Nothing is drawn before the first is pulled."""

    def __init__(self, source: IndexSource, state: State | None, first: int) -> None:
        self.record = ArrayRecord(state, source.batch_size)
        self._make = source.make
        self._state = state
        self._batches: Batches | None = None
        self._number = first
        self._early: deque[Any] = deque()  # the next ones, read before their turn
        self._finished = False

    def __iter__(self) -> ArrayPulls:
        return self

    def __next__(self) -> Any:
        batches = self._batches
        if batches is None:
            batches = self._batches = self._make(self._state)
            self.record.follow(batches)
            self._length = len(batches)
            if 0 < self._number >= self._length:
                # What was drawn for the last batch, which may be all, is drawn again. An order dealt to other ranks
                # may have none here; it draws nothing.
                with suppress(IndexError):
                    batches.read(self._length - 1)
        number = self._number
        if number < self._length:
            self._number = number + 1
            return self._early.popleft() if self._early else self._read(batches, number)
        if not self._finished:
            self._finished = True
            batches.finish()
        raise StopIteration

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


class ArrayRecord:
    """Knows the state of an order; it may change while the epoch runs, as that of weights that are updated does."""

    def __init__(self, order: State | None, batch_size: int) -> None:
        self.order = order  # None until it is drawn
        self.batch_size = batch_size
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
        return {"order": self.order, "batch_size": self.batch_size}


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
        self.record = ForeignRecord(before, shared)
        self._iterator = iterator
        self._sampler = stateful_sampler(sampler)
        self._every = every
        self._count = 0
        self._is_stateful = every > 0 and (self._sampler is not None or is_stateful(iterator))
        if self._is_stateful:
            self._snap()

    def __iter__(self) -> ForeignPulls:
        return self

    def __next__(self) -> Any:
        if self._count == 0 and self._every and self.record.first is None:
            self.record.first = current_states()
        batch = next(self._iterator)
        self._count += 1
        if self._is_stateful and self._count % self._every == 0:
            self._snap()
        return batch

    def _snap(self) -> None:
        snapshot: State = {"pulls": self._count}
        if self._sampler is not None:
            snapshot["sampler"] = copy.deepcopy(self._sampler.state_dict())
        if is_stateful(self._iterator):
            snapshot["iterator"] = copy.deepcopy(self._iterator.state_dict())  # type: ignore[attr-defined]
        self.record.snapshots.append(snapshot)

    @staticmethod
    def resumed(make: Callable[[], Iterator[Any]], sampler: Any, every: int, state: State, turns: int) -> ForeignPulls:
        """The pulls after the first ``turns`` of the epoch that ``state`` belongs to.

        make: iterates the loader's sampler.
        """
        snapshot: State = state.get("snapshot") or {"pulls": 0}
        before, first = from_plain(state.get("before")), from_plain(state.get("first"))
        if first is None and state.get("begun"):
            first = before
        owner = stateful_sampler(sampler)
        if "sampler" in snapshot:
            _require(owner, sampler, "sampler").load_state_dict(copy.deepcopy(snapshot["sampler"]))
        with unchanged_generators():
            if before is not None:
                set_states(before)
            iterator = make()
            if "iterator" in snapshot:
                stateful = iterator if is_stateful(iterator) else None
                _require(stateful, iterator, "iterator").load_state_dict(copy.deepcopy(snapshot["iterator"]))
            if first is not None:
                set_states(first)
            passes = turns - snapshot["pulls"]
            _pass_over(iterator, passes, turns)
            if first is not None and passes == 0:  # what is drawn at the first pull is still to come
                iterator = itertools.chain(list(itertools.islice(iterator, 1)), iterator)
        pulls = ForeignPulls(iterator, sampler, every, before, state.get("shared", []))
        pulls._count = turns
        pulls.record.first = first
        if pulls._is_stateful and "snapshot" in state:
            pulls.record.snapshots = deque([snapshot])
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
    """What the generators that a sampler may draw from were like.

    before: global ones, and shared: the loader's and its samplers' own, when the sampler was iterated.
    first: global ones when it was first pulled.
    """

    def __init__(self, before: GeneratorStates | None, shared: list[str]) -> None:
        self.before = before
        self.shared = shared
        self.first: GeneratorStates | None = None
        self.snapshots: deque[State] = deque()

    def passed(self, turns: int) -> None:
        # The one before the latest pull is kept: a sampler that came to its end in that pull may call this the
        # beginning of its next epoch.
        while len(self.snapshots) > 1 and self.snapshots[1]["pulls"] < turns:
            self.snapshots.popleft()

    def state(self, turns: int) -> State:
        if self.snapshots:
            return {"snapshot": copy.deepcopy(self.snapshots[0])}
        first = self.first if self.first != self.before else None  # mostly they are the same
        return {
            "before": to_plain(self.before),
            "first": to_plain(first),
            "begun": self.first is not None,
            "shared": self.shared,
        }


class UnknownPulls:
    """For iterable datasets: their index batches say no more than how many samples are wanted."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self.record = EmptyRecord()
        self._iterator = iterator

    def __iter__(self) -> UnknownPulls:
        return self

    def __next__(self) -> Any:
        return next(self._iterator)


class EmptyRecord:
    def passed(self, turns: int) -> None:
        pass

    def state(self, turns: int) -> State:
        return {}


def stateful_sampler(sampler: Any) -> Any:
    """``sampler``, or what it takes its indices from, if one has a state; else None."""
    while sampler is not None and not is_stateful(sampler):
        sampler = getattr(sampler, "sampler", None)
    return sampler


def _require(stateful: Any, what: Any, key: str) -> Any:
    if stateful is None:
        raise ValueError(
            f"the state to resume from has a state of the {key}, but {type(what).__name__} has no load_state_dict() "
            "to take it; resume with the class that it was saved with"
        )
    return stateful


def _pass_over(iterator: Iterator[Any], count: int, turns: int) -> None:
    for passed in range(count):
        try:
            next(iterator)
        except StopIteration:  # noqa: PERF203 - the loop's way to end
            raise ValueError(
                f"the state to resume from is {turns} index batches into its epoch, but the sampler ends "
                f"{count - passed} before that; resume with the sampler, dataset and batch size it was saved with"
            ) from None

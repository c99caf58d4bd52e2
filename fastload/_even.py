"""The same number of batches on every rank, whatever each rank's loader has: the ranks ask each other.

Before a batch goes out, the next one is fetched and a vote on it is begun: how many ranks have one? The votes are
summed up in the background while the caller works on the batch, so that the answer is there when the next is wanted.

State: that of the loader before the batch that comes next, and a mark where that is not all. That batch has been
fetched when the state is saved, and it may have drawn random numbers here: its order, its indices, its samples. So
"generators" holds where the global generators stood before it. A resumed rank fetches it under these, and then goes on
with the generators as it found them.
"ended": this rank's batches have ended, and others go on. The state is that before its last batch, so that a resumed
    rank has the batch again that it repeats.
"over": the epoch has ended on all ranks, and the loader has batches left. A resumed rank lets it begin the rest, drops
    that and begins the next epoch, as a process does that was not interrupted. So that it works with any loader, the
    state of the loader itself is not changed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import torch
import torch.distributed as dist

from fastload._ranks import is_distributed
from fastload._rng import GeneratorStates, current_states, from_plain, set_states, to_plain, unchanged_generators
from fastload._stateful import is_stateful

T = TypeVar("T")
EQUALIZE = ("truncate", "pad", "mask", "error")

_MISSING: Any = object()


class EvenBatches(Generic[T]):
    """The batches of ``loader``, as many on every rank: for data of unknown length, where ranks end at other times.

        for batch in EvenBatches(loader):  # on all ranks
            train(batch)

    equalize: what happens when a rank has no more batches and others have.
        "truncate": all stop; what the others have left is left out.
        "pad": all go on until the last one has ended; the rank repeats its last batch.
        "mask": as "pad", and batches become pairs (batch, True), the repeated ones (batch, False).
        "error": all raise a ValueError.
    group: the ranks, as a process group that sums CPU tensors. By default all ranks, in a gloo group of its own that is
        made with the first iteration: these votes and the model's collectives never get in each other's way.

    Without torch.distributed, or with one rank, it hands on the loader's batches. Every rank has to iterate, and to
    leave a loop early at the same batch, as with any collective. The batch after the one in use is in memory, too; so
    take the state of a loader from here, not from the loader. Each rank has a state of its own. One taken after
    the end of an epoch lets the next one begin, also on a rank whose batches were cut short.

    Two other ways: `split_by_rank_and_worker` with ``equalize`` needs no communication, where lengths are known or
    every rank goes through all items. ``torch.distributed.algorithms.join.Join`` around the training loop leaves out
    and repeats nothing: ranks that have ended answer the collectives of the others; the model must support it.

    Raises ValueError, on all ranks, if batches have to be repeated and a rank has none.
    """

    def __init__(
        self,
        loader: Iterable[T],
        *,
        equalize: Literal["truncate", "pad", "mask", "error"] = "truncate",
        group: dist.ProcessGroup | None = None,
    ) -> None:
        if equalize not in EQUALIZE:
            raise ValueError(f"equalize must be {', '.join(map(repr, EQUALIZE))}, got {equalize!r}")
        self.loader = loader
        self.equalize = equalize
        self._group = group
        self._state: _State | None = None  # at the batch that is out, or loaded
        self._loaded = False  # the state, for the next iteration

    def __iter__(self) -> Iterator[Any]:
        world_size = self._ranks()
        loaded, self._loaded = self._state if self._loaded else None, False
        if loaded is not None and loaded.over:
            self._begin_rest()
        last: Any = _MISSING
        with _standing_where(loaded):
            batches = iter(self.loader)
            before = state = self._loader_state()
            batch: Any = next(batches, _MISSING)
            if loaded is not None and loaded.ended:
                last, batch = batch, next(batches, _MISSING)
        answer = ask_ranks(batch, last, self._group)
        while (votes := answer()).having:
            own = batch is not _MISSING
            if votes.having < world_size and self._ends_all(votes, world_size):
                self._state = replace(state, over=True) if own else None
                return
            if own:
                last, before, state = batch, state, self._loader_state()
                batch = next(batches, _MISSING)
            answer = ask_ranks(batch, last, self._group)
            ended = batch is _MISSING
            self._state = replace(before, ended=True) if ended else state
            yield (last, own) if self.equalize == "mask" else last
        self._state = None

    def _begin_rest(self) -> None:
        """Let the loader be within the epoch that is over. It may begin with the first batch only."""
        with unchanged_generators():  # those who saved the state had that behind them
            next(iter(self.loader), None)

    def _ranks(self) -> int:
        """How many ranks vote."""
        if not is_distributed():
            return 1
        if self._group is None and dist.get_world_size() > 1:
            self._group = dist.new_group(backend="gloo")  # type: ignore[assignment,unused-ignore]  # all are in it
        return dist.get_world_size(self._group)

    def _loader_state(self) -> _State:
        if not is_stateful(self.loader):
            return _State(None, None)
        return _State(self.loader.state_dict(), current_states())  # type: ignore[attr-defined]

    def _ends_all(self, votes: Votes, world_size: int) -> bool:
        """Whether all stop, now that only some have a batch. What is raised is raised on all ranks."""
        if self.equalize == "error":
            raise ValueError(
                f"{world_size - votes.having} of {world_size} ranks have no more batches and the others have; "
                "pass equalize='truncate' or 'pad'"
            )
        if self.equalize != "truncate" and votes.able < world_size:
            raise ValueError(
                f"{world_size - votes.able} of {world_size} ranks have no batch at all, and so none to repeat; "
                "give every rank data, or pass equalize='truncate'"
            )
        return self.equalize == "truncate"

    def state_dict(self) -> dict[str, Any]:
        """Where this rank is: behind the batch that was handed out last. The loader must have ``state_dict``."""
        return (self._state or _State(self.loader.state_dict(), None)).to_plain()  # type: ignore[attr-defined]

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next iteration go on behind that batch; until then it is the state of this object, too.

        Raises ValueError for what is no such state, and what the loader raises.
        """
        loaded = _State.from_plain(state)
        self.loader.load_state_dict(state["loader"])  # type: ignore[attr-defined]
        self._state, self._loaded = loaded, True


@dataclass(frozen=True)
class _State:
    """See the top of this file. generators: None if the loader has fetched nothing since."""

    loader: Any
    generators: GeneratorStates | None
    ended: bool = False
    over: bool = False

    def to_plain(self) -> dict[str, Any]:
        plain = {"loader": self.loader, "generators": to_plain(self.generators)}
        return copy.deepcopy({**plain, "ended": self.ended, "over": self.over})

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> _State:
        if not isinstance(plain, Mapping) or not plain.keys() >= {"loader", "generators", "ended", "over"}:
            raise ValueError(
                f"this is not a state of EvenBatches: {plain!r:.100}; one of its loader goes to the loader"
            )
        generators = from_plain(plain["generators"])
        return _State(copy.deepcopy(plain["loader"]), generators, plain["ended"], plain["over"])


@contextmanager
def _standing_where(loaded: _State | None) -> Iterator[None]:
    """Inside, the global generators stand where those of a state that was loaded did; afterwards as before."""
    if loaded is None or loaded.over or loaded.generators is None:
        yield
        return
    with unchanged_generators():
        set_states(loaded.generators)
        yield


class Votes(NamedTuple):
    having: int  # how many ranks have another batch
    able: int  # how many have one, or one to repeat


def ask_ranks(batch: Any, last: Any, group: dist.ProcessGroup | None) -> Callable[[], Votes]:
    """Begin to sum up what the ranks have; what is returned waits for the sum."""
    having = batch is not _MISSING
    own = Votes(having, having or last is not _MISSING)
    if group is None:
        return lambda: own
    total = torch.tensor(own, dtype=torch.int64)
    work = dist.all_reduce(total, group=group, async_op=True)

    def answer() -> Votes:
        work.wait()
        return Votes(*total.tolist())

    return answer

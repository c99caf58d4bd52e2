"""Each part of an iterable dataset in one place only: one worker of one rank.

Item j goes to rank ``j % ranks``, and there to worker ``(j // ranks) % workers``; the same for shards. So the ranks'
counts differ by one at most, and, being told only by position, every rank and worker knows what all others do: no
communication decides where an epoch ends.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from multiprocessing.context import get_spawning_popen
from typing import Any, Literal, TypeVar, overload

from torch.utils.data import Dataset, IterableDataset

from fastload._ranks import Place, find_rank, find_worker
from fastload._reader import LengthenedDataset, Reader

T = TypeVar("T")
Equalize = Literal["pad", "mask", "truncate", "error"] | None
EQUALIZE = ("pad", "mask", "truncate", "error")

_MISSING: Any = object()


@overload
def split_by_rank_and_worker(
    source: IterableDataset[T],
    *,
    rank: int | None = ...,
    world_size: int | None = ...,
    equalize: Equalize = ...,
    lengths: Sequence[int] | None = ...,
) -> IterableDataset[Any]: ...
@overload
def split_by_rank_and_worker(
    source: Sequence[T], *, rank: int | None = ..., world_size: int | None = ..., equalize: Equalize = ...
) -> list[T]: ...
def split_by_rank_and_worker(
    source: Any,
    *,
    rank: int | None = None,
    world_size: int | None = None,
    equalize: Equalize = None,
    lengths: Sequence[int] | None = None,
) -> Any:
    """This rank's and worker's part of ``source``: a list of shards, or an iterable dataset.

    **A list** (files, URLs, ...): the list of those that this worker of this rank has to read. Call it inside
    ``__iter__``, where the worker is known; ``source`` must be in the same order everywhere. Warns if there are fewer
    shards than workers in all.

    **An IterableDataset**: a dataset to give to the loader. Every worker of every rank goes through all items, which
    have to be the same ones in the same order everywhere, and yields its own; so this is for sources that cost little
    against what is done with their items, or that cannot be split. It is not for sources that split themselves between
    workers, as those of Hugging Face's datasets do: what such a worker leaves to others would be lost. The dataset has
    a length if ``source`` has one; ``set_epoch`` is handed on. Its iterators have ``state_dict`` and
    ``load_state_dict``: with those of ``source``, or its iterator, if it has any, else by going again through the
    items that were read.

    rank, world_size: by default those of torch.distributed if it is initialised, else of the environment (torchrun
        sets RANK and WORLD_SIZE), else one process. Pass both for a list in workers that are not forked, in a job
        that torchrun did not start: there is nothing that such a worker could know them from.
    equalize: what is done so that every rank yields the same number of items (of shards, for a list), and hence, with
        the same settings of the loader, of batches. No rank communicates with another for it.
        None: nothing; some ranks may yield one more. A loop with collectives then has to deal with the end
        itself: see `EvenBatches`, and torch's Join.
        "pad": the last item is repeated (for a list: the first ones) where one is missing.
        "mask": as "pad", and items become pairs (item, True), the repeated ones (item, False). Not for lists.
        "truncate": items beyond the last one that all ranks have are left out.
        "error": a ValueError; at once if the length is known, else at the end of the data.
    lengths: for an IterableDataset that yields this rank's own items, how many there are on each rank:
        ``lengths=[10, 7, 9, 10]``. The items are split between workers only; ``equalize``, which must be given, makes
        each rank yield as many as the longest or the shortest. Repeated items are the first ones.

    Raises ValueError for what does not fit together, TypeError for a source that is neither.
    """
    _check(source, equalize, lengths)
    if isinstance(source, IterableDataset):
        return _split_dataset(source, rank, world_size, equalize, lengths)
    return _split_shards(list(source), find_rank(rank, world_size), find_worker(), equalize)


def _check(source: Any, equalize: Any, lengths: Any) -> None:
    if equalize is not None and equalize not in EQUALIZE:
        raise ValueError(f"equalize must be {', '.join(map(repr, EQUALIZE))} or None, got {equalize!r}")
    if isinstance(source, IterableDataset):
        return
    if isinstance(source, Dataset):
        raise TypeError(
            f"{type(source).__name__} is a map-style dataset: split it by a sampler, "
            "fastload.samplers.DistributedSampler; workers share the batches of a rank without further ado"
        )
    if isinstance(source, (str, bytes)) or not isinstance(source, Sequence):
        raise TypeError(
            f"a list of shards or an IterableDataset is needed, got {type(source).__name__} {source!r:.80}; "
            "wrap a single shard in a list, and put shards in an order that is the same in every process"
        )
    if equalize == "mask":
        raise ValueError("equalize='mask' marks items, and a list of shards has none; pass 'pad'")
    if lengths is not None:
        raise ValueError("lengths is for an IterableDataset; for a list of shards it is not needed")


def _split_shards(shards: list[Any], rank: Place, worker: Place, equalize: Equalize) -> list[Any]:
    uneven = len(shards) % rank.of
    if uneven and equalize == "error":
        raise ValueError(_uneven("shards", len(shards), rank.of))
    if uneven and equalize == "truncate":
        shards = shards[: len(shards) - uneven]
    if uneven and equalize == "pad":
        shards = [shards[number % len(shards)] for number in range(len(shards) + rank.of - uneven)]
    readers = rank.of * worker.of
    slot = rank.number + rank.of * worker.number
    if slot == len(shards):  # one of those without a shard speaks for all
        warnings.warn(
            f"{len(shards)} shards for {rank.of} ranks with {worker.of} workers each: {readers - len(shards)} of "
            f"{readers} workers get none and stand idle; use fewer workers or more, smaller shards",
            stacklevel=3,
        )
    return shards[slot::readers]


def _uneven(what: str, count: int, ranks: int) -> str:
    return (
        f"{count} {what} cannot be shared evenly between {ranks} ranks: {count % ranks} left over; "
        "pass equalize='pad' or 'truncate'"
    )


def _split_dataset(
    source: IterableDataset[Any],
    rank: int | None,
    world_size: int | None,
    equalize: Equalize,
    lengths: Sequence[int] | None,
) -> SplitDataset:
    if lengths is not None:
        source = _with_even_length(source, find_rank(rank, world_size), equalize, list(lengths))
        rank, world_size, equalize = 0, 1, None
    elif rank is not None or world_size is not None:
        find_rank(rank, world_size)  # a mistake is best known here
    kind = SizedSplitDataset if hasattr(source, "__len__") else SplitDataset
    return kind(source, rank, world_size, equalize)


def _with_even_length(
    source: IterableDataset[Any], rank: Place, equalize: Equalize, lengths: list[int]
) -> IterableDataset[Any]:
    if len(lengths) != rank.of:
        raise ValueError(f"lengths has {len(lengths)} entries, and there are {rank.of} ranks: one for each is needed")
    if equalize is None:
        raise ValueError("lengths says how long the ranks' data is; say with equalize what to make of it")
    if min(lengths) < 0 or (min(lengths) == 0 < max(lengths) and equalize in ("pad", "mask")):
        raise ValueError(f"lengths is {lengths}: a rank without items has none to repeat; pass equalize='truncate'")
    if equalize == "error" and min(lengths) != max(lengths):
        raise ValueError(f"lengths is {lengths}: the ranks differ; pass equalize='pad' or 'truncate'")
    target = min(lengths) if equalize == "truncate" else max(lengths)
    return LengthenedDataset(source, length=lengths[rank.number], target=target, mask=equalize == "mask")


class SplitDataset(IterableDataset[Any]):
    """What `split_by_rank_and_worker` makes of an iterable dataset."""

    def __init__(
        self, source: IterableDataset[Any], rank: int | None, world_size: int | None, equalize: Equalize
    ) -> None:
        self.source = source
        self.rank = rank
        self.world_size = world_size
        self.equalize = equalize

    def __iter__(self) -> SplitIterator:
        rank = find_rank(self.rank, self.world_size)
        if self.equalize == "error" and hasattr(self.source, "__len__") and len(self.source) % rank.of:
            raise ValueError(_uneven("items", len(self.source), rank.of))
        return SplitIterator(Reader(self.source), rank, find_worker(), self.equalize)

    def set_epoch(self, epoch: int) -> None:
        """Hand the epoch on to the source, if it wants to know."""
        if hasattr(self.source, "set_epoch"):
            self.source.set_epoch(epoch)

    def __getstate__(self) -> dict[str, Any]:
        state = vars(self).copy()
        if get_spawning_popen() is not None:  # a worker that is not forked knows nothing of torch.distributed
            state["rank"], state["world_size"] = find_rank(self.rank, self.world_size)
        return state


class SizedSplitDataset(SplitDataset):
    """One whose source has a length, and so has this: the number of items of this rank."""

    def __len__(self) -> int:
        rank = find_rank(self.rank, self.world_size)
        count = len(self.source)  # type: ignore[arg-type]
        if self.equalize in ("pad", "mask"):
            return (count + rank.of - 1) // rank.of
        if self.equalize == "truncate":
            return count // rank.of
        return (count - rank.number + rank.of - 1) // rank.of


class SplitIterator(Iterator[Any]):
    """The items of one worker of one rank. A round is as many items as there are ranks; it is read as a whole."""

    def __init__(self, reader: Reader, rank: Place, worker: Place, equalize: Equalize) -> None:
        self._reader = reader
        self._rank = rank
        self._worker = worker
        self._equalize = equalize
        self._round = 0
        self._ended = False

    def __next__(self) -> Any:
        while not self._ended:
            item = self._next_of_rank()
            self._round += 1
            if item is not _MISSING and (self._round - 1) % self._worker.of == self._worker.number:
                return item
        raise StopIteration

    def _next_of_rank(self) -> Any:
        """This rank's item of the next round; ``_MISSING`` if it gets none."""
        mine = last = _MISSING
        count = 0
        for last in self._reader.read(self._rank.of):
            if count == self._rank.number:
                mine = last
            count += 1
        valid = mine is not _MISSING
        if count < self._rank.of:
            self._ended = True
            mine = self._completed(mine, last, count)
        return (mine, valid) if self._equalize == "mask" and mine is not _MISSING else mine

    def _completed(self, mine: Any, last: Any, count: int) -> Any:
        """What a rank gets of the last round, which has only ``count`` items."""
        if count == 0 or self._equalize == "truncate":
            return _MISSING
        if self._equalize == "error":
            raise ValueError(_uneven("items", self._reader.position, self._rank.of))
        return last if mine is _MISSING and self._equalize is not None else mine

    def state_dict(self) -> dict[str, Any]:
        """Where this worker of this rank is; for the same worker of the same rank, of as many."""
        return {"part": self._part(), "round": self._round, "ended": self._ended, "reader": self._reader.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state``. Raises ValueError for the state of another part: items would be lost or come twice."""
        if list(state["part"]) != self._part():
            names = "rank {} of {}, worker {} of {}"
            raise ValueError(
                f"this is the state of {names.format(*state['part'])}, and here is {names.format(*self._part())}; "
                "an iterable dataset is resumed with as many ranks and workers as before"
            )
        self._round = state["round"]
        self._ended = state["ended"]
        self._reader.load_state_dict(state["reader"])

    def _part(self) -> list[int]:
        return [*self._rank, *self._worker]

"""`DataLoader.state_dict` and `load_state_dict`: a position in an epoch as a plain value, and back.

The value has torchdata's keys where it has torchdata's meaning (`_num_yielded`, `_sampler_iter_yielded`,
`_iterator_finished`), since other libraries read and change those. Everything in it goes through JSON, if what the
user's own objects say of themselves does.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from fastload._delivery import nothing_to_settle
from fastload._epoch import ErrorLog
from fastload._index_batches import IndexSource, index_source
from fastload._progress import Progress
from fastload._rng import from_plain, to_plain
from fastload._stateful import WorkerState
from fastload._stats import LoaderStats
from fastload._torch_compat import DatasetKind
from fastload.memory._device_memory import DeviceMemory
from fastload.samplers._epochs import CountsEpochs
from fastload.samplers._generators import packed_state, set_generator_states
from fastload.samplers._order import State

VERSION = 1
# Where the index batches of a state came from, in words.
KINDS = {
    "order": "a sampler whose order fastload knows",
    "iterated": "a sampler that is iterated",
    "stream": "an iterable dataset",
}
_VERSION_KEY = "_fastload_state"


@dataclass
class LoaderState:
    """What a loader remembers from one iterator to the next."""

    epochs_begun: int = 0
    sample_seed: int | None = None  # the first iterator's base seed
    stats: LoaderStats = field(default_factory=LoaderStats)
    error_log: ErrorLog = field(default_factory=ErrorLog)
    settle: Callable[[], None] = nothing_to_settle  # in the stats, what a device has done by now
    progress: Progress | None = None  # of the iterator that began last
    loaded: State | None = None  # by load_state_dict, for the next iterator
    device_memory: DeviceMemory | None = None  # of a loader for a CUDA device

    def begin_epoch(self, at_least: int = 0) -> int:
        """The number of the epoch that begins, from 0, or from what is known to be over."""
        self.epochs_begun = max(self.epochs_begun, at_least) + 1
        return self.epochs_begun - 1

    def __getstate__(self) -> dict[str, Any]:
        # A copy of a loader, made to be sent or changed, is not in the middle of anything.
        return {**vars(self), "progress": None, "settle": nothing_to_settle, "device_memory": None}


def loader_state(loader: Any) -> LoaderState:
    """The loader's state, made when it is first asked for: the loader may be one of torch's own."""
    state: LoaderState | None = vars(loader).get("_fastload_state")
    if state is None:
        state = loader._fastload_state = LoaderState()
    return state


def device_memory(loader: Any) -> DeviceMemory:
    """That of a loader for a CUDA device, made when it is first asked for."""
    state = loader_state(loader)
    if state.device_memory is None:
        state.device_memory = DeviceMemory()
    return state.device_memory


def state_dict(loader: Any) -> State:
    """The state of ``loader`` now: a new dict, made without any side effect."""
    state = loader_state(loader)
    if state.loaded is not None:
        return copy.deepcopy(state.loaded)
    progress = state.progress
    plain: State = {
        _VERSION_KEY: VERSION,
        "_num_yielded": 0,
        "_sampler_iter_yielded": 0,
        "_iterator_finished": False,
        "_epoch": state.epochs_begun,
        "_sample_seed": state.sample_seed,
        "_dataset_length": _dataset_length(loader),
        "_batch_size": loader.batch_size,
        "_num_workers": loader.num_workers,
    }
    plain["_generators_now"] = [packed_state(generator.get_state()) for generator in shared_generators(loader)]
    if progress is None:
        return {**plain, "_sampler_epochs": [_coming_epoch(sampler) for sampler in epoch_samplers(loader)]}
    return {**plain, **_position(loader, progress)}


def _position(loader: Any, progress: Progress) -> State:
    return {
        "_num_yielded": progress.yielded,
        "_sampler_iter_yielded": progress.turns,
        "_iterator_finished": progress.finished,
        "_epoch": progress.epoch,
        "_base_seed": progress.base_seed,
        "_num_workers": len(progress.workers) if loader.num_workers else 0,
        "_sampler": progress.record.state(progress.turns),
        "_ahead": sorted(progress.ahead),
        "_next_worker": progress.next_worker,
        "_workers": [
            {
                "consumed": w.consumed,
                "snapshot": copy.deepcopy(w.snapshot),
                "rng": to_plain(w.rng),
                "began": to_plain(w.began),
                "ended": w.ended,
                "exhausted": w.exhausted,
            }
            for w in progress.workers
        ],
        "_generators": list(progress.generators),
        "_sampler_epochs": list(progress.sampler_epochs),
    }


def load_state_dict(loader: Any, state: Mapping[str, Any]) -> None:
    """Let the next iterator of ``loader`` go on from ``state``; an empty one means a fresh start."""
    mine = loader_state(loader)
    if not isinstance(state, Mapping):
        raise TypeError(f"load_state_dict() takes what state_dict() returned, a dict, got {type(state).__name__}")
    loaded = copy.deepcopy(dict(state)) if state else None
    if loaded is not None:
        check_state(loader, loaded)
        restore_loader(loader, Resume.of(loaded))
    loader._iterator = None  # persistent workers are where the state is not
    mine.loaded = loaded
    mine.progress = None
    if loaded is None:
        mine.epochs_begun, mine.sample_seed = 0, None


def restore_loader(loader: Any, resume: Resume) -> None:
    """Put in place what the caller may change again before iterating: generators, and the epoch to come."""
    generators = shared_generators(loader)
    for states in (resume.generators_now, resume.generators) if resume.in_an_epoch else (resume.generators_now,):
        if len(generators) != len(states):
            raise ValueError(
                f"the state to resume from has the states of {len(states)} torch.Generator objects, and this loader "
                f"and its samplers have {len(generators)}; pass the same generator arguments as when it was saved"
            )
    set_generator_states(generators, resume.generators_now)
    if resume.in_an_epoch:
        return
    for sampler, epoch in zip(epoch_samplers(loader), resume.sampler_epochs, strict=False):
        if isinstance(sampler, CountsEpochs):
            sampler.set_epoch(epoch + resume.finished)


def _coming_epoch(sampler: Any) -> int:
    return int(sampler.coming_epoch if isinstance(sampler, CountsEpochs) else sampler.epoch)


def check_state(loader: Any, state: State) -> None:
    """Raise ValueError if ``state`` is no state, or one of another kind of loader."""
    version = state.get(_VERSION_KEY)
    if version is None:
        keys = ", ".join(map(str, list(state)[:6]))
        raise ValueError(f"this is not a state of fastload.DataLoader: it has the keys {keys} and no {_VERSION_KEY!r}")
    if version != VERSION:
        raise ValueError(
            f"the state has version {version!r}, this fastload reads version {VERSION}; use the one it is of"
        )
    try:
        resume, was = Resume.of(state), state["_dataset_length"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the state is damaged: {type(error).__name__}: {error}") from error
    if min(resume.turns, resume.yielded, resume.epoch) < 0:
        raise ValueError(
            f"the state is damaged: it counts {resume.yielded} batches of {resume.turns} index batches in epoch "
            f"{resume.epoch}"
        )
    now = _dataset_length(loader)
    if was != now:
        raise ValueError(
            f"the state belongs to a dataset of {_described_length(was)}, and this loader's has "
            f"{_described_length(now)}; resume with the dataset that it was saved with, or start anew with {{}}"
        )
    if "_sampler" in state:
        _check_position(loader, state)


def _check_position(loader: Any, state: State) -> None:
    source = index_source(loader._index_sampler)
    is_stream = loader._dataset_kind == DatasetKind.Iterable
    kind, expected = state["_sampler"].get("kind"), "stream" if is_stream else "iterated" if source is None else "order"
    if kind != expected:
        raise ValueError(
            f"the state belongs to {KINDS.get(kind, repr(kind))}, and this loader has {KINDS[expected]}; resume with "
            "the dataset and the sampler that it was saved with"
        )
    was, now = state["_num_workers"], loader.num_workers
    if is_stream:
        if was != now:
            raise ValueError(
                f"the state belongs to a loader with num_workers={was}, and this one has num_workers={now}: each "
                "worker of an iterable dataset has a place of its own in the data; resume with the same number"
            )
        if state["_batch_size"] != loader.batch_size and not state["_iterator_finished"]:
            raise wrong_batch_size(state["_batch_size"], loader.batch_size)
    elif state["_iterator_finished"]:
        return
    elif source is not None:
        rebased(source, state)
    else:
        sampler_size = getattr(loader._index_sampler, "batch_size", None)
        if state["_sampler"]["batch_size"] != sampler_size:
            raise wrong_batch_size(state["_sampler"]["batch_size"], sampler_size)


def rebased(source: IndexSource, state: State) -> tuple[State | None, int, bool]:
    """The state of the order in this loader's terms, the number of the index batch to go on with, and whether another
    number of ranks shares the rest."""
    sampler, turns = state["_sampler"], state["_sampler_iter_yielded"]
    order, old_size, size = sampler["order"], sampler["batch_size"], source.batch_size
    if order is None:  # nothing was drawn, and so nothing delivered
        return None, turns, False
    new_order, consumed = source.rebase(order, turns * old_size, size)
    is_elsewhere = new_order.get("num_replicas") != order.get("num_replicas")
    if not is_elsewhere and old_size != size:
        raise wrong_batch_size(old_size, size)
    if is_elsewhere and state["_ahead"]:
        raise ValueError(
            f"the state counts {turns} batches in order, and batches {state['_ahead']} that went out before their turn "
            f"(in_order=False); what is left can be shared by {order.get('num_replicas')} ranks again, not by "
            f"{new_order.get('num_replicas')}; save with in_order=True to change the number of ranks"
        )
    return new_order, consumed // size, is_elsewhere


def wrong_batch_size(was: Any, now: Any) -> ValueError:
    return ValueError(
        f"the state belongs to a loader with batch_size={was}, and this one has batch_size={now}; resume with the same"
    )


@dataclass
class Resume:
    """A state on its way into an iterator."""

    plain: State
    finished: bool
    epoch: int
    turns: int
    yielded: int
    num_workers: int
    base_seed: int | None
    sample_seed: int | None
    workers: list[WorkerState]
    generators: list[str]
    generators_now: list[str]
    sampler_epochs: list[int]
    sampler: State
    ahead: list[int]
    next_worker: int

    @property
    def in_an_epoch(self) -> bool:
        """Whether an iterator had begun, and had not come to its end."""
        return self.base_seed is not None and not self.finished

    @staticmethod
    def of(plain: State) -> Resume:
        """KeyError, TypeError or ValueError if something of a state is not there, or is not what it should be."""
        return Resume(
            plain,
            bool(plain["_iterator_finished"]),
            int(plain["_epoch"]),
            int(plain["_sampler_iter_yielded"]),
            int(plain["_num_yielded"]),
            int(plain["_num_workers"]),
            plain.get("_base_seed"),
            plain["_sample_seed"],
            [
                WorkerState(
                    int(w["consumed"]),
                    w["snapshot"],
                    from_plain(w["rng"]),
                    from_plain(w["began"]),
                    bool(w["ended"]),
                    bool(w["exhausted"]),
                )
                for w in plain.get("_workers", ())
            ],
            [str(state) for state in plain.get("_generators", ())],
            [str(state) for state in plain["_generators_now"]],
            [int(epoch) for epoch in plain.get("_sampler_epochs", ())],
            dict(plain.get("_sampler", {})),
            [int(number) for number in plain.get("_ahead", ())],
            int(plain.get("_next_worker", 0)),
        )


def epoch_samplers(loader: Any) -> list[Any]:
    """The loader's samplers whose order depends on an epoch: those with ``set_epoch``, as torch's distributed one."""
    return [
        sampler
        for sampler in _samplers(loader)
        if callable(getattr(sampler, "set_epoch", None)) and isinstance(getattr(sampler, "epoch", None), int)
    ]


def shared_generators(loader: Any) -> list[torch.Generator]:
    """The generators of the loader and its samplers, each once."""
    generators: list[torch.Generator] = []
    for owner in (loader, *_samplers(loader)):
        generator = getattr(owner, "generator", None)
        if isinstance(generator, torch.Generator) and all(generator is not known for known in generators):
            generators.append(generator)
    return generators


def _samplers(loader: Any) -> Iterator[Any]:
    """The loader's index sampler, what it takes its indices from, and so on."""
    known: list[Any] = []
    sampler = loader._index_sampler
    while sampler is not None and all(sampler is not one for one in known):
        known.append(sampler)
        yield sampler
        inner = getattr(sampler, "sampler", None)
        sampler = inner if inner is not None else getattr(sampler, "batch_sampler", None)


def _dataset_length(loader: Any) -> int | None:
    if loader._dataset_kind == DatasetKind.Iterable:
        return None
    try:
        return len(loader.dataset)
    except TypeError:
        return None


def _described_length(length: int | None) -> str:
    return "unknown length" if length is None else f"length {length}"

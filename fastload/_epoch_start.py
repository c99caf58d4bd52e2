"""What an iterator begins with: a new epoch, or the rest of one whose state was loaded.

The draws from generators are those of torch's loader in both cases, so that what follows the resumed epoch is what
would have followed. Then the numbers that matter are put in place of the drawn ones. The global generators are left as
they were found where an epoch goes on: its draws are behind it, and the caller may have restored them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from fastload._index_batches import index_source
from fastload._progress import Progress
from fastload._pulls import ArrayPulls, ForeignPulls, UnknownPulls, end_foreign_epoch
from fastload._rng import GeneratorStates, current_states, set_states
from fastload._state import (
    Resume,
    check_state,
    epoch_samplers,
    loader_state,
    rebased,
    restore_generators,
    shared_generators,
)
from fastload._stateful import WorkerState
from fastload._torch_compat import DatasetKind
from fastload.samplers._epochs import CountsEpochs
from fastload.samplers._generators import generator_state

logger = logging.getLogger("fastload")

Pulls = ArrayPulls | ForeignPulls | UnknownPulls


class EpochStart:
    """Made before torch's base class iterates the sampler and draws the base seed."""

    def __init__(self, loader: Any) -> None:
        state = loader_state(loader)
        self._loader = loader
        self._every = snapshot_every(loader)
        self._is_map = loader._dataset_kind == DatasetKind.Map
        self._source = index_source(loader._index_sampler) if self._is_map else None
        self._before: GeneratorStates | None = None
        self._shared_before: list[str] = []
        plain = state.loaded
        if plain is not None:
            check_state(loader, plain)  # the loader may have changed since the state was loaded
        self._loaded = None if plain is None else Resume.of(plain)
        self._go_on = self._loaded is not None and self._loaded.in_an_epoch
        self._found = current_states() if self._go_on and not self._draws_anew() else None
        if self._loaded is not None:
            state.epochs_begun = self._loaded.epoch + self._loaded.finished
            state.sample_seed = self._loaded.sample_seed
        self.number = state.begin_epoch()
        self._begin_sampler_epochs()
        if self._loaded is not None and self._loaded.finished and self._is_map:
            sampler = loader._index_sampler
            end_foreign_epoch(lambda: iter(sampler), sampler, self._loaded.sampler)
        if self._loaded is not None and self._draws_anew():
            restore_generators(loader, self._loaded.generators)

    def _draws_anew(self) -> bool:
        """Whether the base seed that is drawn now counts: that of an epoch which had not begun."""
        loaded = self._loaded
        return loaded is not None and (loaded.base_seed is None or (loaded.finished and not self._keeps_workers()))

    def _keeps_workers(self) -> bool:
        """Whether the workers of a finished epoch would have served the next one."""
        return bool(self._loader.persistent_workers and self._loader.num_workers and self._same_workers())

    def _same_workers(self) -> bool:
        return self._loaded is not None and self._loaded.num_workers == self._loader.num_workers

    def _begin_sampler_epochs(self) -> None:
        samplers = epoch_samplers(self._loader)
        epochs = [] if self._loaded is None else self._loaded.sampler_epochs
        for sampler, epoch in zip(samplers, epochs, strict=False):
            if isinstance(sampler, CountsEpochs):
                sampler.resume_epoch(epoch)
            elif self._go_on:
                sampler.set_epoch(epoch)
        if not self._go_on or self._draws_anew():
            for sampler in samplers:
                if isinstance(sampler, CountsEpochs):
                    sampler.begin_epoch()

    def base_seed(self, drawn: int) -> int:
        """The seed of the workers; ``drawn`` is what torch's base class drew just now."""
        loaded = self._loaded
        if loaded is None or loaded.base_seed is None or self._draws_anew():
            return drawn
        restore_generators(self._loader, loaded.generators)
        return loaded.base_seed

    def workers(self) -> Sequence[WorkerState] | None:
        """Where new workers have to stand; None at the beginning."""
        loaded = self._loaded
        if loaded is None or not loaded.workers:
            return None
        if not self._same_workers():
            if self._go_on and any(worker.snapshot for worker in loaded.workers):
                logger.warning(
                    "the state holds what the datasets of num_workers=%d said of themselves; with num_workers=%d they "
                    "begin as this process has its dataset",
                    loaded.num_workers,
                    self._loader.num_workers,
                )
            return None
        if self._go_on:
            return loaded.workers
        if self._loader.num_workers and not self._keeps_workers():
            return None  # those of the next epoch would have been new ones
        return [replace(worker, ended=True) for worker in loaded.workers]

    def before_iter(self) -> None:
        """To be called before the sampler is iterated whose indices are used: it may draw in its ``__iter__``."""
        if self._every and self._is_map and self._source is None:
            self._before = current_states()
            self._shared_before = [generator_state(generator) for generator in shared_generators(self._loader)]

    def begin(self, iterator: Iterator[Any], base_seed: int, workers: list[WorkerState]) -> tuple[Pulls, Progress]:
        """The index batches to come, and the position from which they count.

        iterator: over the loader's index sampler, new. workers: where they stand.
        """
        loaded = self._loaded
        loader_state(self._loader).loaded = None  # it serves once; after an error it is still there
        if self._go_on and loaded is not None:
            restore_generators(self._loader, loaded.generators)  # iterating the sampler may have drawn
        generators = [generator.get_state() for generator in shared_generators(self._loader)]
        epochs = [sampler.epoch for sampler in epoch_samplers(self._loader)]
        if loaded is None or not self._go_on:
            pulls = self._pulls(iterator)
            return pulls, Progress(pulls.record, self.number, base_seed, workers, generators, epochs)
        pulls, turns = self._resumed_pulls(loaded, iterator)
        if self._found is not None:
            set_states(self._found)
        is_elsewhere = turns != loaded.turns  # in terms of another world size
        return pulls, Progress(
            pulls.record,
            self.number,
            base_seed,
            workers,
            generators,
            epochs,
            turns=turns,
            yielded=turns if is_elsewhere else loaded.yielded,
            ahead=set() if is_elsewhere else set(loaded.ahead),
            next_worker=turns % len(workers) if self._is_map else loaded.next_worker,
        )

    def _pulls(self, iterator: Iterator[Any]) -> Pulls:
        if not self._is_map:
            return UnknownPulls(iterator)
        if self._source is not None:
            return ArrayPulls(self._source, None, 0)
        sampler = self._loader._index_sampler
        return ForeignPulls(iterator, sampler, self._every, self._before, self._shared_before)

    def _resumed_pulls(self, loaded: Resume, iterator: Iterator[Any]) -> tuple[Pulls, int]:
        if not self._is_map:
            return UnknownPulls(iterator), loaded.turns
        if self._source is not None:
            order, turns = rebased(self._source, loaded.plain)
            return ArrayPulls(self._source, order, turns), turns
        sampler = self._loader._index_sampler

        def iterate_again() -> Iterator[Any]:
            if before := loaded.sampler.get("shared"):
                restore_generators(self._loader, before)
            again: Iterator[Any] = iter(sampler)
            restore_generators(self._loader, loaded.generators)
            return again

        pulls = ForeignPulls.resumed(iterate_again, sampler, self._every, loaded.sampler, loaded.turns)
        return pulls, loaded.turns


def snapshot_every(loader: Any) -> int:
    """After how many batches the states of the user's objects are taken; 0 for loaders that have no state."""
    return int(getattr(loader, "snapshot_every_n_steps", 0))

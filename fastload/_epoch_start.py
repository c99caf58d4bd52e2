"""What an iterator begins with: a new epoch, or the rest of one whose state was loaded.

Where an epoch goes on, all generators are left as they were found: its draws are behind it. `load_state_dict` has put
those that were given to the loader and its samplers where they had been when the state was saved; the global ones are
the caller's to restore.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from fastload._index_batches import index_source
from fastload._progress import Progress
from fastload._pulls import ArrayPulls, ForeignPulls, Replay, UnknownPulls, end_foreign_epoch
from fastload._rng import GeneratorStates, current_states, set_states
from fastload._state import (
    Resume,
    check_state,
    epoch_samplers,
    loader_state,
    rebased,
    shared_generators,
)
from fastload._stateful import WorkerState
from fastload._torch_compat import DatasetKind
from fastload.samplers._epochs import CountsEpochs
from fastload.samplers._generators import generator_state, packed_state, set_generator_states, standing_at

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
        # Of a resumed epoch all generators stay where the caller has them. Workers that are kept draw no second seed.
        keeps = self._go_on or self._keeps_workers()
        self._found = current_states() if keeps else None
        self._found_shared = [(g, g.get_state()) for g in shared_generators(loader)] if keeps else []
        if self._loaded is not None:
            state.epochs_begun = self._loaded.epoch + self._loaded.finished
            state.sample_seed = self._loaded.sample_seed
        self._begin_sampler_epochs()
        self.number = state.begin_epoch(0 if self._go_on else self._sampler_epoch())
        if self._loaded is not None and self._loaded.finished and self._is_map:
            sampler = loader._index_sampler
            end_foreign_epoch(lambda: iter(sampler), sampler, self._loaded.sampler)

    def _keeps_workers(self) -> bool:
        """Whether the workers of a finished epoch would have served the next one."""
        is_finished = self._loaded is not None and self._loaded.finished
        return bool(
            is_finished and self._loader.persistent_workers and self._loader.num_workers and self._same_workers()
        )

    def _same_workers(self) -> bool:
        return self._loaded is not None and self._loaded.num_workers == self._loader.num_workers

    def _begin_sampler_epochs(self) -> None:
        samplers = epoch_samplers(self._loader)
        if self._go_on and self._loaded is not None:
            for sampler, epoch in zip(samplers, self._loaded.sampler_epochs, strict=False):
                if isinstance(sampler, CountsEpochs):
                    sampler.resume_epoch(epoch)
                else:
                    sampler.set_epoch(epoch)
            return
        for sampler in samplers:
            if isinstance(sampler, CountsEpochs):
                sampler.begin_epoch()

    def _sampler_epoch(self) -> int:
        """A loader made anew in the middle of a training is told where that stands by ``sampler.set_epoch``."""
        return max((sampler.epoch for sampler in epoch_samplers(self._loader)), default=0)

    def base_seed(self, drawn: int) -> int:
        """The seed of the workers; ``drawn`` is what torch's base class drew just now."""
        loaded = self._loaded
        if loaded is None or loaded.base_seed is None or not (self._go_on or self._keeps_workers()):
            return drawn
        self._leave_generators_as_found()
        return loaded.base_seed

    def _leave_generators_as_found(self) -> None:
        for generator, state in self._found_shared:
            generator.set_state(state)
        if self._found is not None:
            set_states(self._found)

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
        generators = [packed_state(generator.get_state()) for generator in shared_generators(self._loader)]
        epochs = [sampler.epoch for sampler in epoch_samplers(self._loader)]
        if loaded is None or not self._go_on:
            pulls = self._pulls(iterator)
            return pulls, Progress(pulls.record, self.number, base_seed, workers, generators, epochs)
        self._leave_generators_as_found()  # iterating the sampler may have drawn
        pulls, turns, is_elsewhere = self._resumed_pulls(loaded, iterator)
        if self._found is not None:
            set_states(self._found)
        return pulls, Progress(
            pulls.record,
            self.number,
            base_seed,
            workers,
            loaded.generators,
            epochs,
            turns=turns,
            yielded=turns if is_elsewhere else loaded.yielded,
            ahead=set() if is_elsewhere else set(loaded.ahead),
            next_worker=turns % len(workers) if self._is_map else loaded.next_worker,
        )

    def _pulls(self, iterator: Iterator[Any]) -> Pulls:
        if not self._is_map:
            return UnknownPulls(iterator, self._loader._index_sampler)
        if self._source is not None:
            return ArrayPulls(self._source)
        sampler = self._loader._index_sampler
        return ForeignPulls(iterator, sampler, self._every, self._before, self._shared_before)

    def _resumed_pulls(self, loaded: Resume, iterator: Iterator[Any]) -> tuple[Pulls, int, bool]:
        """The pulls, the number of the first one, and whether that counts in terms of another world size."""
        if not self._is_map:
            return UnknownPulls(iterator, self._loader._index_sampler), loaded.turns, False
        generators, turns = shared_generators(self._loader), loaded.turns
        if self._source is not None:
            order, turns, is_elsewhere = rebased(self._source, loaded.plain)
            pulled, ended = (turns, False) if is_elsewhere else (loaded.sampler["pulled"], loaded.sampler["ended"])
            replay = Replay(generators, loaded.generators, pulled, ended)
            return ArrayPulls.resumed(self._source, order, turns, replay), turns, is_elsewhere
        sampler = self._loader._index_sampler

        def iterate_again() -> Iterator[Any]:
            set_generator_states(generators, loaded.sampler.get("shared", loaded.generators))
            again: Iterator[Any] = iter(sampler)
            set_generator_states(generators, loaded.generators)
            return again

        with standing_at(generators, loaded.generators):
            pulls = ForeignPulls.resumed(iterate_again, sampler, self._every, loaded.sampler, turns)
        return pulls, turns, False


def snapshot_every(loader: Any) -> int:
    """After how many batches the states of the user's objects are taken; 0 for loaders that have no state."""
    return int(getattr(loader, "snapshot_every_n_steps", 0))

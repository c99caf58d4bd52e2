"""The protocol of objects that can be saved and restored: ``state_dict()`` and ``load_state_dict(state)``.

torchdata's StatefulDataLoader looks for it on the dataset, on ``iter(dataset)`` and on samplers, and so does
fastload's loader.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastload._rng import GeneratorStates

# What a dataset and its iterator said of themselves after ``consumed`` samples: {"consumed": int, "dataset": state,
# "iterator": state}, without the key of what has no state.
Snapshot = dict[str, Any]


@dataclass
class WorkerState:
    """Where a worker stands: all it needs to go on in another process.

    consumed: how many samples of an iterable dataset its batches were made of. exhausted: these were all there are.
    rng: its random generators; None as long as they are as they were seeded.
    began: the same when its iterable dataset was iterated, which may have drawn an order.
    ended: all of that is from the end of an epoch, and another one begins.
    """

    consumed: int = 0
    snapshot: Snapshot | None = None
    rng: GeneratorStates | None = None
    began: GeneratorStates | None = None
    ended: bool = False
    exhausted: bool = False

    def begin(self) -> None:
        """The epoch after the ended one has begun."""
        self.began, self.snapshot, self.ended, self.exhausted = self.rng, None, False, False


def fresh_states(resume: Sequence[WorkerState] | None, num_workers: int) -> list[WorkerState]:
    """Where new workers stand: copies of what they are resumed from, or the beginning."""
    if resume is None:
        return [WorkerState() for _ in range(num_workers)]
    return [replace(state) for state in resume]


def is_stateful(thing: Any) -> bool:
    return callable(getattr(thing, "state_dict", None)) and callable(getattr(thing, "load_state_dict", None))


def snapshot_of(dataset: Any, iterator: Any, consumed: int) -> Snapshot | None:
    """What there is to be said now; None if neither the dataset nor its iterator can."""
    snapshot: Snapshot = {}
    if iterator is not None and is_stateful(iterator):
        snapshot["iterator"] = copy.deepcopy(iterator.state_dict())
    if iterator is not dataset and is_stateful(dataset):
        snapshot["dataset"] = copy.deepcopy(dataset.state_dict())
    return {"consumed": consumed, **snapshot} if snapshot else None


def restore(thing: Any, snapshot: Snapshot | None, key: str) -> None:
    """Give ``thing`` its part of the snapshot, if there is one."""
    if snapshot is None or key not in snapshot:
        return
    if not is_stateful(thing):
        raise ValueError(
            f"the state to resume from has a state of the {key}, but {type(thing).__name__} has no load_state_dict() "
            "to take it; resume with the class that it was saved with"
        )
    thing.load_state_dict(copy.deepcopy(snapshot[key]))

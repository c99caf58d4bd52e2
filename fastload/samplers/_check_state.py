"""Whether the state of an order fits the sampler that is to go on with it."""

from __future__ import annotations

from typing import Any

from fastload.samplers._order import State


def checked_state(state: State, settings: dict[str, Any], sampler: str) -> State:
    """``state``; ValueError, with both values, if one of the settings is another in it."""
    for name, value in settings.items():
        if name not in state or state[name] != value:
            raise ValueError(
                f"the state is of an order with {name}={state.get(name)!r}, but this {sampler} has {name}={value!r}; "
                "resume with the dataset and the settings that the state was saved with"
            )
    return state

"""The key of an order that is a function of a key and a position."""

from __future__ import annotations

import torch

from fastload.samplers._generators import drawn_seed, generator_state, set_generator_state
from fastload.samplers._order import State


def order_key(settings: State, shared: torch.Generator | None, state: State | None) -> tuple[int, State]:
    """The key of a new order, or of the one of ``state``, and the state that it is made from again.

    shared: the generator to draw the key from. It is part of the state: it draws the keys of later epochs, too, and
        is set to where it was. None draws from torch's default one, which is everybody's: the state has the key alone.
    """
    if state is not None and "key" in state:
        key = int(state["key"])
        return key, {**settings, "key": key}
    if state is not None:
        shared = torch.Generator() if shared is None else shared
        set_generator_state(shared, state["generator"])
    if shared is None:
        key = drawn_seed()
        return key, {**settings, "key": key}
    made = {**settings, "generator": generator_state(shared)}
    return drawn_seed(shared), made

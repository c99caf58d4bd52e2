"""The states of the three global generators as values, and who notices that they moved."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch

from fastload._rng import Watch, current_states, from_plain, set_states, to_plain, unchanged_generators

DRAWS: dict[str, Callable[[], object]] = {
    "random": random.random,
    "random.gauss": lambda: random.gauss(0, 1),
    "torch": lambda: torch.rand(()),
    "numpy": np.random.rand,
    "numpy normal": np.random.randn,
}


def draw_all() -> list[float]:
    return [float(draw()) for draw in DRAWS.values() for _ in range(3)]  # type: ignore[arg-type]


@pytest.mark.parametrize("first", DRAWS)
def test_restored_states_give_the_same_numbers(first: str) -> None:
    DRAWS[first]()  # of normal numbers a second one is kept
    states = current_states()
    drawn = draw_all()
    set_states(states)
    assert draw_all() == drawn
    set_states(from_plain(json.loads(json.dumps(to_plain(states)))) or states)
    assert draw_all() == drawn


def test_plain_states_are_equal_to_what_they_were_made_of() -> None:
    draw_all()
    states = current_states()
    assert from_plain(to_plain(states)) == states
    assert to_plain(None) is None
    assert from_plain(None) is None


@pytest.mark.parametrize("plain", [{}, 3, "x", {"random": [3, "zz", None]}, {"random": 1, "torch": 2, "numpy": 3}])
def test_other_values_are_refused(plain: object) -> None:
    with pytest.raises(ValueError, match="not the states of random generators"):
        from_plain(plain)


@pytest.mark.parametrize("name", DRAWS)
def test_the_watch_sees_every_draw_once(name: str) -> None:
    watch = Watch()
    first = watch.look()
    assert first == current_states()
    assert watch.look() is None
    for _ in range(5):  # pairs of normal numbers: every other one moves no word
        DRAWS[name]()
        seen = watch.look()
        assert seen == current_states()
        assert watch.look() is None
    assert watch.look_again() == seen


def test_the_watch_sees_another_seed() -> None:
    watch = Watch()
    watch.look()
    np.random.randn()
    watch.look()
    np.random.seed(0)
    assert watch.look() == current_states()


def test_draws_inside_do_not_show_outside() -> None:
    before = current_states()
    with unchanged_generators():
        draw_all()
    assert current_states() == before

    def draw_and_fail() -> None:
        with unchanged_generators():
            draw_all()
            raise KeyError

    with pytest.raises(KeyError):
        draw_and_fail()
    assert current_states() == before

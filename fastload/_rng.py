"""Where the global generators of random, torch and NumPy stand, as a value."""

from __future__ import annotations

import ctypes
import random
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch


class GeneratorStates(NamedTuple):
    """The three states, as raw as they come: they have to be quick to take."""

    random: Any  # (version, 624 words and a position, next normal number)
    torch: bytes
    numpy: Any  # (name, words as bytes, position, whether there is a next normal number, that number)

    def __reduce__(self) -> Any:
        version, words, gauss = self.random
        # A tuple of 625 ints takes longer to pickle than all the rest of a small batch.
        return _unpickled, (version, array("I", words).tobytes(), gauss, self.torch, self.numpy)


def _unpickled(version: int, words: bytes, gauss: float | None, torch_state: bytes, numpy_state: Any) -> Any:
    return GeneratorStates((version, tuple(array("I", words)), gauss), torch_state, numpy_state)


def current_states() -> GeneratorStates:
    return GeneratorStates(random.getstate(), _torch_state(), _numpy_state())


def set_states(states: GeneratorStates) -> None:
    name, keys, *rest = states.numpy
    random.setstate(states.random)
    torch.set_rng_state(torch.frombuffer(bytearray(states.torch), dtype=torch.uint8))
    np.random.set_state((name, np.frombuffer(keys, dtype=np.uint32), *rest))


class Watch:
    """Tells whether the global generators have moved since it last looked; that is asked after every batch."""

    def __init__(self) -> None:
        self._seen: GeneratorStates | None = None
        self._random_mark: Any = None
        self._numpy_words = b""

    def look(self) -> GeneratorStates | None:
        """The states if they are others than at the last look, and at the first one; else None."""
        seen, random_state, torch_state = self._seen, random.getstate(), _torch_state()
        _, words, gauss = random_state
        # The position moves with every number; it comes back to where it was with all words changed. (The first
        # word is the same after every seeding.)
        random_mark = (words[624], words[1:4], gauss)
        numpy_state = self._numpy_state()
        as_before = seen is not None and torch_state == seen.torch and numpy_state == seen.numpy
        if as_before and random_mark == self._random_mark:
            return None
        self._random_mark = random_mark
        self._seen = GeneratorStates(random_state, torch_state, numpy_state)
        return self._seen

    def _numpy_state(self) -> Any:
        """NumPy's state. Unpacking it takes longer than all the rest, so it is done only if it may have moved.

        Words that did not move are enough, unless it holds the second half of a pair of normal numbers, which it gives
        out without them.
        """
        words, before = _numpy_words(), self._numpy_words
        self._numpy_words = words
        seen = self._seen
        return seen.numpy if seen is not None and words and words == before and not seen.numpy[3] else _numpy_state()

    def look_again(self) -> GeneratorStates:
        """The states, changed or not."""
        self.look()
        assert self._seen is not None
        return self._seen


@contextmanager
def unchanged_generators() -> Iterator[None]:
    """Whatever is done inside, the three global generators go on afterwards as if it had not been."""
    states = current_states()
    try:
        yield
    finally:
        set_states(states)


def to_plain(states: GeneratorStates | None) -> Any:
    """The states in values that JSON takes; None stays None."""
    if states is None:
        return None
    version, words, gauss = states.random
    name, keys, *rest = states.numpy
    return {
        "random": [version, _packed(np.array(words, dtype=np.uint32).tobytes()), gauss],
        "torch": _packed(states.torch),
        "numpy": [name, _packed(keys), *rest],
    }


def from_plain(plain: Any) -> GeneratorStates | None:
    """What `to_plain` was given; ValueError if ``plain`` does not come from there."""
    if plain is None:
        return None
    try:
        version, words, gauss = plain["random"]
        name, keys, *rest = plain["numpy"]
        words = tuple(np.frombuffer(_unpacked(words), dtype=np.uint32).tolist())
        return GeneratorStates((version, words, gauss), _unpacked(plain["torch"]), (name, _unpacked(keys), *rest))
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise ValueError(f"these are not the states of random generators: {plain!r:.100}") from error


def _torch_state() -> bytes:
    return torch.get_rng_state().numpy().tobytes()


def _numpy_state() -> tuple[Any, ...]:
    state: Any = np.random.get_state()
    name, keys, *rest = state
    return (name, keys.tobytes(), *rest)


def _numpy_words() -> bytes:
    """The words of NumPy's Mersenne Twister and its position in them; empty if another generator is in its place."""
    generator = np.random.get_bit_generator()  # type: ignore[attr-defined]
    if type(generator) is not np.random.MT19937:
        return b""
    return ctypes.string_at(generator.ctypes.state_address, 625 * 4)  # struct { uint32 key[624]; int pos; }


def _packed(state: bytes) -> str:
    return zlib.compress(state, 1).hex()


def _unpacked(text: str) -> bytes:
    return zlib.decompress(bytes.fromhex(text))

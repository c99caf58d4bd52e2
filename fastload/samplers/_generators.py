"""The state of a torch generator as text, and the seeds of private ones."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch


def generator_state(generator: torch.Generator) -> str:
    """Where ``generator`` stands, as text that JSON takes."""
    return packed_state(generator.get_state())


def packed_state(state: torch.Tensor) -> str:
    """What ``generator.get_state()`` returned, as text that JSON takes."""
    return zlib.compress(state.numpy().tobytes(), 1).hex()


def set_generator_state(generator: torch.Generator, text: str) -> None:
    """Let ``generator`` go on from where it stood; ValueError if ``text`` is no such state."""
    try:
        state = np.frombuffer(zlib.decompress(bytes.fromhex(text)), dtype=np.uint8).copy()
        generator.set_state(torch.from_numpy(state))
    except (zlib.error, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"this is not the state of a torch.Generator: {text!r:.80}") from error


def drawn_seed(generator: torch.Generator | None = None) -> int:
    """A seed from ``generator``, or from torch's default one: the draw that torch's RandomSampler makes."""
    return int(torch.empty((), dtype=torch.int64).random_(generator=generator).item())


def seeded(seed: int) -> torch.Generator:
    """A private generator."""
    generator = torch.Generator()
    generator.manual_seed(seed)
    return generator


def set_generator_states(generators: Sequence[torch.Generator], states: Sequence[str]) -> None:
    """Let each generator go on from its state."""
    for generator, state in zip(generators, states, strict=True):
        set_generator_state(generator, state)


@contextmanager
def standing_at(generators: Sequence[torch.Generator], states: Sequence[str]) -> Iterator[None]:
    """Inside, the generators stand where ``states`` say, or go on from there; afterwards where they were found."""
    found = [generator.get_state() for generator in generators]
    try:
        set_generator_states(generators, states)
        yield
    finally:
        for generator, before in zip(generators, found, strict=True):
            generator.set_state(before)

"""torch.randperm again and again from one generator, drawn when torch draws it, computed as far as it is read.

A torch generator's stream is followed natively: a permutation is known by where the stream stands when it begins.
A generator that others use, too, is at once left where torch would leave it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._core import Mt19937, Shuffle, shuffle_draws
from fastload.samplers._generators import seeded
from fastload.samplers._order import Indices

# How many times others may draw in between before what came first is forgotten. Each takes 2.5 KB.
KEPT_RUNS = 64


class Permutations(Protocol):
    """Numbered from 0. Those of a shared generator are drawn when they, or later ones, are first asked for."""

    def read(self, number: int, start: int, stop: int, step: int = 1) -> Indices:
        """Positions ``range(start, stop, step)`` of permutation ``number``."""

    def draw(self, count: int) -> None:
        """Let the shared generator stand where it does after ``count`` permutations, or further on."""


def permutations(length: int, generator: torch.Generator | None, seed: int) -> Permutations:
    """Permutations of ``range(length)`` from ``generator``, which others use, too; else from a private one's seed."""
    if not on_cpu(generator):
        return TorchPermutations(length, generator, seed)
    stream = Stream(shuffle_draws(length), generator, seed)
    return NativePermutations(length, stream)


def on_cpu(generator: torch.Generator | None) -> bool:
    """Whether torch would make index tensors on the CPU, with this generator."""
    by_default = torch.get_default_device().type == "cpu"
    return by_default and (generator is None or generator.device.type == "cpu")


class Stream:
    """Where the numbers of a generator begin, for units of so many draws each.

    generator: shared with others; None for a private one, which begins at ``seed``.
    """

    def __init__(self, draws: int, generator: torch.Generator | None, seed: int) -> None:
        self._draws = draws
        self._generator = generator
        self._drawn = 0  # units, from a shared generator
        # Starts of some units, in order. Between them every unit begins where the one before ends.
        self._starts = [] if generator is not None else [(0, Mt19937(seed))]
        self._end: Mt19937 | None = None  # of the last unit drawn from a shared generator
        self._latest: tuple[int, Mt19937] | None = None  # start of the unit that was last asked for

    def draw(self, count: int) -> None:
        """Let the shared generator stand behind ``count`` units, or further on."""
        if self._generator is not None and count > self._drawn:
            state = self._generator.get_state().numpy()
            end = self._follow(state, count)
            if self._draws:
                self._generator.set_state(torch.from_numpy(end.state(state)))

    def drawing(self, count: int) -> None:
        """The shared generator is about to be drawn from, until it stands behind ``count`` units."""
        if self._generator is not None and count > self._drawn:
            self._follow(self._generator.get_state().numpy(), count)

    def _follow(self, state: NDArray[np.uint8], count: int) -> Mt19937:
        """Where the generator will stand behind ``count`` units, if it stands at ``state`` behind the last one."""
        end = Mt19937.from_state(state)
        if self._end is None or self._end != end:  # the first time, or others have drawn since
            self._starts.append((self._drawn, end.copy()))
            del self._starts[:-KEPT_RUNS]
        end.skip((count - self._drawn) * self._draws)
        self._drawn, self._end = count, end
        return end

    def start(self, number: int) -> Mt19937:
        """A generator that stands where unit ``number`` begins."""
        self.draw(number + 1)
        self._require_known(number)
        unit, generator = next(entry for entry in reversed(self._starts) if entry[0] <= number)
        if self._latest is not None and unit < self._latest[0] <= number:
            unit, generator = self._latest
        generator = generator.copy()
        generator.skip((number - unit) * self._draws)
        self._latest = (number, generator.copy())
        return generator

    def run_end(self, number: int) -> int:
        """The first unit after ``number`` that does not begin where the one before ends."""
        self._require_known(number)
        return min((unit for unit, _ in self._starts if unit > number), default=sys.maxsize)

    def _require_known(self, number: int) -> None:
        if number < self._starts[0][0]:
            raise RuntimeError(
                f"draw {number} from a generator that others draw from, too, lies more than {KEPT_RUNS} of their draws "
                "back and is forgotten: read an order onwards, or give the sampler a generator of its own"
            )


class NativePermutations:
    def __init__(self, length: int, stream: Stream) -> None:
        self._length = length
        self._stream = stream
        self._number = -1
        self._shuffle: Shuffle | None = None

    def draw(self, count: int) -> None:
        self._stream.draw(count)

    def read(self, number: int, start: int, stop: int, step: int = 1) -> Indices:
        if self._shuffle is None or number != self._number:
            self._shuffle = None  # its memory first
            self._shuffle = Shuffle(self._length, self._stream.start(number))
            self._number = number
        return self._shuffle.read(start, stop, step)


class TorchPermutations:
    """torch's own, as a whole, for generators and default devices that are not the CPU. None is forgotten."""

    def __init__(self, length: int, generator: torch.Generator | None, seed: int) -> None:
        self._length = length
        self._generator = generator if generator is not None else seeded(seed)
        self._drawn: list[Indices] = []

    def draw(self, count: int) -> None:
        while len(self._drawn) < count:
            drawn = torch.randperm(self._length, generator=self._generator)
            self._drawn.append(drawn.cpu().numpy())

    def read(self, number: int, start: int, stop: int, step: int = 1) -> Indices:
        self.draw(number + 1)
        return self._drawn[number][start:stop:step]


def read_passes(
    read: Callable[[int, int, int, int], Indices], length: int, start: int, stop: int, step: int
) -> Indices:
    """Positions ``range(start, stop, step)`` of passes of one length, one behind the other.

    read: of the pass of this number, positions from a start to a stop by a step, as `Permutations.read`.
    """
    pieces: list[Indices] = []
    while start < stop:
        number, first = divmod(start, length)
        last = min(length, first + stop - start)
        piece = read(number, first, last, step)
        pieces.append(piece)
        start += len(piece) * step
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int64)

"""What torch's RandomSampler gives with replacement: torch.randint, 32 at a time."""

from __future__ import annotations

import numpy as np
import torch

from fastload._core import Mt19937
from fastload.samplers._generators import seeded
from fastload.samplers._order import CHUNK, Indices, Order, State
from fastload.samplers._permutations import Stream, on_cpu

TORCH_CHUNK = 32


class DrawnOrder(Order):
    """Independent draws from ``range(length)``, from a shared generator in torch's chunks.

    The numbers of a chunk do not depend on how many chunks one call draws.
    """

    def __init__(self, state: State, generator: torch.Generator | None, seed: int) -> None:
        self._state = state
        self._length: int = state["length"]
        self._count: int = state["num_samples"]
        self._stream: Stream | None = None  # of the shared or private generator, if it can be followed
        if on_cpu(generator):
            self._stream = Stream(_numbers_per_draw(self._length), generator, seed)
        elif generator is None:
            generator = seeded(seed)
        self.chunk = CHUNK if generator is None else TORCH_CHUNK
        self._shared = generator
        self._drawn = 0  # from the shared generator
        self._recent: Indices = np.empty(0, dtype=np.int64)  # the last of these; all if it cannot be followed
        self._own = torch.Generator()  # for a private order, and for reading a shared one again
        self._own_at = -1  # the position that comes next from it

    def __len__(self) -> int:
        return self._count

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        if self._shared is not None:
            self._draw_shared(stop)
            recent = self._drawn - len(self._recent)
            if start >= recent:
                return self._recent[start - recent : stop - recent : step].copy()
        return self._read_own(start, stop)[::step]

    def _draw_shared(self, stop: int) -> None:
        """Draw the chunks up to the one that position ``stop`` - 1 is in."""
        end = min(-(-stop // TORCH_CHUNK) * TORCH_CHUNK, self._count)
        if end <= self._drawn:
            return
        if self._stream is not None:
            self._stream.drawing(end)
        drawn = self._draw(end - self._drawn, self._shared)
        # Of what was drawn before, whoever reads onwards wants no more than the rest of the last chunk.
        before = self._recent if self._stream is None else self._recent[-TORCH_CHUNK:]
        self._recent = np.concatenate([before, drawn])
        self._drawn = end

    def _read_own(self, start: int, stop: int) -> Indices:
        assert self._stream is not None
        pieces: list[Indices] = []
        while start < stop:
            run_end = self._stream.run_end(start)
            if start != self._own_at:
                place = self._stream.start(start)
                self._own.set_state(torch.from_numpy(place.state(self._own.get_state().numpy())))
            end = min(stop, run_end)
            pieces.append(self._draw(end - start, self._own))
            start = end
            self._own_at = -1 if end == run_end else end
        return np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int64)

    def _draw(self, count: int, generator: torch.Generator | None) -> Indices:
        drawn = torch.randint(high=self._length, size=(count,), dtype=torch.int64, generator=generator)
        return drawn.cpu().numpy()

    def state(self) -> State:
        return self._state


def _numbers_per_draw(length: int) -> int:
    """How many 32-bit numbers torch.randint takes for one index: 1, or 2 for long ranges."""
    generator = seeded(0)
    one = Mt19937.from_state(generator.get_state().numpy())
    one.skip(1)
    torch.randint(high=length, size=(1,), dtype=torch.int64, generator=generator)
    return 1 if one == Mt19937.from_state(generator.get_state().numpy()) else 2

"""`RandomSampler`: torch's order at any scale, or a keyed order that takes no memory."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, Literal, overload

import torch
import torch.utils.data

from fastload._core import keyed_draws, keyed_permutation
from fastload.samplers._check_state import checked_state
from fastload.samplers._draws import DrawnOrder
from fastload.samplers._generators import drawn_seed, generator_state, set_generator_state
from fastload.samplers._order import CHUNK, EQUIVALENTS, ArraySampler, Indices, Order, State
from fastload.samplers._permutations import permutations, read_passes

METHODS = ("torch", "feistel")


class RandomSampler(ArraySampler, torch.utils.data.RandomSampler):
    """Indices of ``data_source`` in random order, or with ``replacement`` drawn at random.

    The arguments, the order and the numbers drawn are those of torch's RandomSampler. The order is computed as it is
    read, in 4 bytes for each index (8 from 2^32 on). But from 214,748,364 indices on torch shuffles in another way,
    in which no index is known before the last step: the first one waits for all. method="feistel" has no such wait.

    method="feistel": another order, which is a function of a key and a position. It takes no memory and any position
        is there at once: ``sampler[k]`` is the k-th index of the epoch, ``sampler[i:j]`` an array. Each epoch has a
        key of its own, drawn as torch's sampler draws its seed. Beyond ``len(data_source)`` samples a permutation
        follows another.

    Raises what torch raises for torch's arguments, and ValueError for an unknown method.
    """

    _state: State | None = None  # of the epoch that sampler[k] speaks of
    _begun = True  # False if sampler[k] drew the key of an epoch that is still to come

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
        *,
        method: Literal["torch", "feistel"] = "torch",
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"method must be 'torch' or 'feistel', got {method!r}")
        self.method = method
        super().__init__(data_source, replacement, num_samples, generator)

    def order(self, generator: torch.Generator | None = None, state: State | None = None) -> Order:
        if self.method == "torch":
            return self._torch_order(generator, state)
        if state is None and generator is None and self._state is not None and not self._begun:
            state = self._state  # sampler[k] has looked into this epoch
            order: Order = KeyedOrder(self._settings(), state)
        else:
            order = self._keyed_order(generator, state)
        self._state, self._begun = order.state(), True
        return order

    def _settings(self) -> State:
        kind = "draws" if self.replacement else "permutation"
        return {
            "kind": f"{self.method} {kind}",
            "length": len(self.data_source),
            "num_samples": self.num_samples,
        }

    def _source(
        self, generator: torch.Generator | None, state: State | None
    ) -> tuple[State, torch.Generator | None, int]:
        """State of a new order, the shared generator it draws from, or the seed of a private one."""
        settings = self._settings()
        shared = self.generator if generator is None else generator
        if state is not None:
            checked_state(state, settings, "RandomSampler")
            if "seed" in state:
                return {**settings, "seed": state["seed"]}, None, state["seed"]
            shared = torch.Generator() if shared is None else shared
            set_generator_state(shared, state["generator"])
            return {**settings, "generator": state["generator"]}, shared, 0
        if shared is None:
            seed = drawn_seed()
            return {**settings, "seed": seed}, None, seed
        return {**settings, "generator": generator_state(shared)}, shared, 0

    def _torch_order(self, generator: torch.Generator | None, state: State | None) -> Order:
        made, shared, seed = self._source(generator, state)
        make = DrawnOrder if self.replacement else ShuffledOrder
        return make(made, shared, seed)

    def _keyed_order(self, generator: torch.Generator | None, state: State | None) -> Order:
        made, shared, seed = self._source(generator, state)
        if shared is not None:
            seed = drawn_seed(shared)
        if made["length"] == 0:
            raise ValueError("method='feistel' cannot draw from a dataset of length 0")
        return KeyedOrder(self._settings(), {**made, "key": seed})

    @overload
    def __getitem__(self, position: int) -> int: ...

    @overload
    def __getitem__(self, position: slice) -> Indices: ...

    def __getitem__(self, position: int | slice) -> int | Indices:
        """The index, or the array of indices, at these positions of the running epoch; before the first, of that."""
        if self.method != "feistel":
            raise TypeError("only RandomSampler(..., method='feistel') can be read by position")
        if self._state is None:
            self._state = self._keyed_order(None, None).state()
            self._begun = False
        order = KeyedOrder(self._settings(), self._state)
        if isinstance(position, slice):
            start, stop, step = position.indices(len(order))
            if step > 0:
                return order.read(start, max(start, stop), step)
            positions = range(start, stop, step)[::-1]
            return order.read(positions.start, positions.stop, positions.step)[::-1] if positions else order.read(0, 0)
        at = range(len(order))[position]
        return int(order.read(at, at + 1)[0])


class ShuffledOrder(Order):
    """What torch's RandomSampler gives without replacement: permutations, the last one cut off."""

    def __init__(self, state: State, generator: torch.Generator | None, seed: int) -> None:
        self._state = state
        self._length: int = state["length"]
        self._count: int = state["num_samples"]
        self._whole = self._count // self._length
        self._permutations = permutations(self._length, generator, seed)
        self.decided = generator is None or self._count <= self._length  # the first permutation is drawn as a whole
        if generator is not None and self._count > self._length:
            self.chunk = _chunk_within(self._length)

    def __len__(self) -> int:
        return self._count

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        return read_passes(self._permutations.read, self._length, start, stop, step)

    def finish(self) -> None:
        self._permutations.draw(self._whole + 1)  # torch permutes once more, if only to take nothing of it

    def state(self) -> State:
        return self._state


class KeyedOrder(Order):
    """Indices that are a function of a key and their position."""

    decided = True

    def __init__(self, settings: State, state: State) -> None:
        self._state = state
        self._length: int = settings["length"]
        self._count: int = settings["num_samples"]
        self._read = keyed_draws if settings["kind"].endswith("draws") else keyed_permutation

    def __len__(self) -> int:
        return self._count

    def read(self, start: int, stop: int, step: int = 1) -> Indices:
        return self._read(self._length, self._state["key"], start, stop, step)

    def state(self) -> State:
        return self._state


def _chunk_within(length: int) -> int:
    """How many may be read at a time without beginning the next permutation early: a divisor of its length."""
    largest = max(size for size in range(1, CHUNK + 1) if length % size == 0)
    return largest if largest >= 32 else length


def _equivalent(sampler: Any) -> ArraySampler:
    # Not by the constructor, whose checks are over: the dataset may have become another length since.
    equivalent = RandomSampler.__new__(RandomSampler)
    vars(equivalent).update(vars(sampler), method="torch")
    return equivalent


EQUIVALENTS[torch.utils.data.RandomSampler] = _equivalent

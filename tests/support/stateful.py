"""Resuming: loaders that stop anywhere, states that travel, and data and samplers with a state of their own."""

import io
import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, Sampler, get_worker_info

from fastload import DataLoader

Make = Callable[[int], DataLoader]  # from a number of workers
Codec = Callable[[dict[str, Any]], dict[str, Any]]


def through_json(state: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(state))


def through_torch(state: dict[str, Any]) -> dict[str, Any]:
    """As in a checkpoint, read without trust."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def as_plain(batch: Any) -> Any:
    """A batch, comparable by ``==``, bit for bit."""
    if isinstance(batch, (torch.Tensor, np.ndarray)):
        return batch.tolist()
    if isinstance(batch, dict):
        return {key: as_plain(value) for key, value in batch.items()}
    return [as_plain(part) for part in batch] if isinstance(batch, (list, tuple)) else batch


def set_seeds(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


def run_epochs(loader: DataLoader, number: int) -> list[list[Any]]:
    return [[as_plain(batch) for batch in loader] for _ in range(number)]


def taken(iterator: Iterator[Any], number: int) -> list[Any]:
    """So many batches; more than there are is asking for the end."""
    return [as_plain(batch) for batch in itertools.islice(iterator, number)]


def stopped_after(loader: DataLoader, steps: int, codec: Codec = through_json) -> tuple[list[Any], dict[str, Any]]:
    """The first ``steps`` batches and the state behind them; the iterator is gone."""
    batches = taken(iter(loader), steps)
    state = codec(loader.state_dict())
    loader._iterator = None
    return batches, state


def run_with_stops(
    make: Make, stops: Sequence[int], workers: Sequence[int], epochs: int, codec: Codec = through_json
) -> list[list[Any]]:
    """The epochs of a run that stops ``stops[i]`` batches after it was resumed, each time in "another process".

    The first one has the caller's random state. workers: the numbers of workers; one more than there are stops. A
    stop of more batches than are left in an epoch is one at its end.
    """
    seen: list[list[Any]] = [[]]
    state: dict[str, Any] = {}
    for number, (stop, count) in enumerate(zip(stops, workers[:-1], strict=True)):
        loader = make(count)
        if number:
            set_seeds(1000 + number)
        loader.load_state_dict(state)
        batches, state = stopped_after(loader, stop, codec)
        seen[-1] += batches
        if state["_iterator_finished"]:
            seen.append([])
    loader = make(workers[-1])
    set_seeds(2000)
    loader.load_state_dict(state)
    while len(seen) <= epochs:
        seen[-1] += [as_plain(batch) for batch in loader]
        seen.append([])
    return seen[:epochs]


class CallCounts(Dataset):
    """Item i is i; how often each was made is counted over all processes."""

    def __init__(self, length: int) -> None:
        self.calls = torch.zeros(length, dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return len(self.calls)

    def __getitem__(self, index: int) -> int:
        self.calls[index] += 1
        return index


class Draws(Dataset):
    """Item i is i with a number of each global generator, one normal number that comes in pairs among them."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        normal = float(np.random.randn()) if index % 3 == 1 else 0.0
        return index, float(torch.rand(())), random.random(), random.gauss(0, 1), float(np.random.rand()), normal


class Countdown:
    """An iterator over a range with a state."""

    def __init__(self, numbers: range, log: list[str]) -> None:
        self.numbers = numbers
        self.log = log

    def __iter__(self) -> "Countdown":
        return self

    def __next__(self) -> int:
        if not self.numbers:
            raise StopIteration
        self.log.append("next")
        number, self.numbers = self.numbers[0], self.numbers[1:]
        return number

    def state_dict(self) -> dict[str, Any]:
        return {"start": self.numbers.start, "stop": self.numbers.stop, "step": self.numbers.step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.log.append("iterator.load_state_dict")
        self.numbers = range(state["start"], state["stop"], state["step"])


class Sharded(IterableDataset):
    """Worker w of n gives w, w + n, ... below ``length``."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.log: list[str] = []

    def numbers(self) -> range:
        info = get_worker_info()
        return range(self.length) if info is None else range(info.id, self.length, info.num_workers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.numbers())


class StatefulIterators(Sharded):
    """The iterator has a state."""

    def __iter__(self) -> Iterator[Any]:
        self.log.append("iter")
        return Countdown(self.numbers(), self.log)


class StatefulBoth(StatefulIterators):
    """The dataset has one, too: the number of its iterations, which is added to what it gives as hundreds."""

    iterations = 0

    def __iter__(self) -> Iterator[Any]:
        self.iterations += 1
        return super().__iter__()

    def numbers(self) -> range:
        shard = super().numbers()
        shift = 100 * self.iterations
        return range(shard.start + shift, shard.stop + shift, shard.step)

    def state_dict(self) -> dict[str, Any]:
        return {"iterations": self.iterations - 1}  # iter() is called again behind load_state_dict

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.log.append("dataset.load_state_dict")
        self.iterations = state["iterations"]


class OwnIterator(Sharded):
    """A dataset that is its own iterator, and has a state."""

    at = 0

    def __iter__(self) -> Iterator[Any]:
        self.log.append("iter")
        self.at = 0
        return self

    def __next__(self) -> int:
        self.log.append("next")
        numbers = self.numbers()
        if self.at >= len(numbers):
            raise StopIteration
        self.at += 1
        return numbers[self.at - 1]

    def state_dict(self) -> dict[str, Any]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.log.append("load_state_dict")
        self.at = state["at"]


class StatefulNumbers(Dataset):
    """A map dataset whose items count how many this copy of it has made."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.made = 0

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[int, int]:
        self.made += 1
        return index, self.made

    def state_dict(self) -> dict[str, Any]:
        return {"made": self.made}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.made = state["made"]


class StatefulSampler(Sampler):
    """Another order in each epoch, by a generator of its own. Its state is its place; iterating goes on from there."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.epoch = -1
        self.at = 0

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        if self.at == 0:
            self.epoch += 1
        order = np.random.default_rng(self.epoch).permutation(self.length).tolist()
        while self.at < self.length:
            self.at += 1
            yield order[self.at - 1]
        self.at = 0

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "at": self.at}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.at = state["epoch"], state["at"]


class StatefulSamplerIterators(Sampler):
    """The sampler's iterator has the state."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.log: list[str] = []

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        return Countdown(range(self.length - 1, -1, -1), self.log)


class AtFirstPull(Sampler):
    """A generator that draws from all three global generators when its first index is asked for, and then no more."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        shift = random.randrange(self.length) + int(np.random.randint(self.length))
        for index in torch.randperm(self.length).tolist():
            yield (index + shift) % self.length


class OwnGeneratorEagerly(Sampler):
    """Draws from a generator of its own as soon as ``__iter__`` is called."""

    def __init__(self, length: int, generator: torch.Generator) -> None:
        self.length = length
        self.generator = generator

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        return iter(torch.randperm(self.length, generator=self.generator).tolist())


class OwnGeneratorLazily(OwnGeneratorEagerly):
    """Draws an index when it is asked for."""

    def __iter__(self) -> Iterator[int]:
        for _ in range(self.length):
            yield int(torch.randint(self.length, (), generator=self.generator))

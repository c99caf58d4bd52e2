"""Small datasets that can be pickled: they live at the top level of a module that every worker can import."""

import os
import random
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info


def draw_everything(index: int) -> dict[str, Any]:
    """A sample that shows its index, three random streams, and the worker that made it."""
    info = get_worker_info()
    return {
        "index": index,
        "torch": torch.rand(3),
        "numpy": np.random.rand(2),
        "random": random.random(),
        "normal": np.float32(np.random.randn()),
        "bytes": torch.randint(0, 256, (2, 3), dtype=torch.uint8),
        "worker": (-1, -1, 0) if info is None else (info.id, info.num_workers, info.seed),
        "name": f"sample {index}",
        "pair": [torch.tensor([index, index + 1]), index / 7],
    }


class RandomSamples(Dataset):
    """Draws from every global generator; lists of indices are the job of ``__getitem__``."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return draw_everything(index)


class RandomBatches(RandomSamples):
    """The same with ``__getitems__``, which draws once more for each batch, and notes how it was called."""

    def __getitems__(self, indices: list[int]) -> list[dict[str, Any]]:
        shift = random.random()
        kind = type(indices).__name__
        return [{**draw_everything(index), "shift": shift, "kind": kind} for index in indices]


class RandomStream(IterableDataset):
    """Shards itself over the workers, unevenly: worker w of n makes the items w, w + n, ..., and w more."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __iter__(self) -> Iterator[dict[str, Any]]:
        info = get_worker_info()
        start, step = (0, 1) if info is None else (info.id, info.num_workers)
        for index in range(start, self.length + start * step, step):
            yield draw_everything(index)


class Numbers(Dataset):
    """Item i is the tensor [i, i]."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> torch.Tensor:
        if not 0 <= index < self.length:
            raise IndexError(index)
        return torch.tensor([index, index])


class Slow(Numbers):
    """Numbers that take ``seconds`` each."""

    def __init__(self, length: int, seconds: float) -> None:
        super().__init__(length)
        self.seconds = seconds

    def __getitem__(self, index: int) -> torch.Tensor:
        time.sleep(self.seconds)
        return super().__getitem__(index)


class Images(Dataset):
    """Item i is (an image filled with i mod 251, the label i); 0.3 MB each by default, so batches take slots."""

    def __init__(self, length: int, shape: tuple[int, ...] = (3, 320, 320)) -> None:
        self.length = length
        self.shape = shape

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.full(self.shape, index % 251, dtype=torch.uint8), index


class Failing(Numbers):
    """Numbers of which some raise ValueError("bad sample i")."""

    def __init__(self, length: int, bad: tuple[int, ...]) -> None:
        super().__init__(length)
        self.bad = bad

    def __getitem__(self, index: int) -> torch.Tensor:
        if index in self.bad:
            raise ValueError(f"bad sample {index}")
        return super().__getitem__(index)


class FailingBatches(Failing):
    """The same with ``__getitems__``."""

    def __getitems__(self, indices: list[int]) -> list[torch.Tensor]:
        return [self[index] for index in indices]


class WorkerReport(Dataset):
    """Item i is what the worker that made it knows about itself."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, Any]:
        info = get_worker_info()
        return {
            "index": index,
            "pid": os.getpid(),
            "id": None if info is None else info.id,
            "same_dataset": info is not None and info.dataset is self,
            "note": getattr(self, "note", None),
        }


class Shard(IterableDataset):
    """Worker w yields 100 w + k for k < lengths[w]; outside of workers the first shard."""

    def __init__(self, *lengths: int) -> None:
        self.lengths = lengths

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        worker = 0 if info is None else info.id
        return iter(range(100 * worker, 100 * worker + self.lengths[worker]))


class Raising(Dataset):
    """Item 0 calls ``action``, the others are numbers."""

    def __init__(self, action: Any, length: int = 6) -> None:
        self.action = action
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.action() if index == 0 else index


class Doing(Numbers):
    """Numbers; at index ``when`` it does something first."""

    def __init__(self, what: Any, when: int, length: int = 400) -> None:
        super().__init__(length)
        self.what = what
        self.when = when

    def __getitem__(self, index: int) -> Any:
        if index == self.when:
            found = self.what()
            return super().__getitem__(index) if found is None else found
        return super().__getitem__(index)


def raises(error: BaseException) -> Any:
    """A function that raises ``error``."""

    def action() -> None:
        raise error

    return action


def first(batch: list[Any]) -> Any:
    """A collate function that hands on the only sample."""
    return batch[0]


def as_is(batch: Any) -> Any:
    """A collate function that changes nothing."""
    return batch

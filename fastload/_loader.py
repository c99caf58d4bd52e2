"""`DataLoader`: torch's, with another iterator inside."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

import torch.multiprocessing
import torch.utils.data

from fastload._cpus import auto_num_workers
from fastload._iterators import InlineIterator, WorkerIterator
from fastload._state import load_state_dict, loader_state, state_dict
from fastload._stats import LoaderStats
from fastload._torch_compat import is_data_pipe, torch_get_iterator
from fastload.engines._forkserver import start_forkserver_early

logger = logging.getLogger("fastload")

# What fastload adds to a loader, and what each means by default: torch's behaviour.
EXTRA_ARGUMENTS = {
    "worker_type": "process",
    "on_error": "raise",
    "rng": "torch",
    "snapshot_every_n_steps": 1,
    "device": None,
    "device_transform": None,
}

T_co = TypeVar("T_co", covariant=True)


class DataLoader(torch.utils.data.DataLoader[T_co]):
    """The same batches as `torch.utils.data.DataLoader` with the same arguments, sooner.

    Every argument of torch's has torch's meaning. The others are keyword-only, and off by default:

    num_workers="auto": one worker for each processor this process may use but one, at least 1, shared between the
        ranks of one machine (LOCAL_WORLD_SIZE). The attribute reads the number.
    worker_type: "process", or "thread": workers in this process, which share the dataset, pickle nothing and start
        at once. Good where samples are made outside the GIL. Their random generators are the process's own: a
        dataset that draws from them gives other, and not reproducible, samples.
    on_error: what a sample that raises does. "raise": `next` raises it, as with torch. "skip": its batch goes out
        without it. A callable gets the dataset index and the exception and returns a sample in its place, or
        raises. For iterable datasets the index is the sample's number in its worker. Samples left out or replaced
        are counted in `stats`, and logged once each.
    rng: "torch": workers are seeded as torch's. "sample": the generators of torch, random and numpy are seeded
        before every sample from the first iterator's seed, the epoch and the dataset index, so that it comes out
        the same for any number of workers and any batch size.
    snapshot_every_n_steps: after how many batches a worker asks an iterable dataset with ``state_dict`` for its
        state. Resuming reads again what came after the last one; `state_dict` is exact in any case.
    device: where batches are delivered, anything that ``torch.device`` takes; "cuda" is the device that is current
        when the iterator is made. To CUDA they are copied on a stream of their own, up to ``prefetch_factor`` batches
        ahead of their turn, from memory locked in place; the caller's current stream waits for them, the caller does
        not. ``pin_memory`` is of no use then. A type that is no container of torch's is moved by its own ``to``.
    device_transform: is called with each batch when it is on the device, and what it returns is delivered. On CUDA
        it runs on the stream of the copies.

    Raises what torch raises for torch's arguments, and ValueError for the others; iterating raises RuntimeError if
    there is no such device.
    """

    worker_type: Literal["process", "thread"]
    on_error: str | Callable[[Any, Exception], Any]
    rng: Literal["torch", "sample"]
    snapshot_every_n_steps: int
    device: torch.device | str | int | None
    device_transform: Callable[[Any], Any] | None

    def __init__(
        self,
        dataset: torch.utils.data.Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int | Literal["auto"] = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: torch.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
        worker_type: Literal["process", "thread"] = "process",
        on_error: str | Callable[[Any, Exception], Any] = "raise",
        rng: Literal["torch", "sample"] = "torch",
        snapshot_every_n_steps: int = 1,
        device: torch.device | str | int | None = None,
        device_transform: Callable[[Any], Any] | None = None,
        **future_arguments: Any,
    ) -> None:
        check_extra_arguments(worker_type, on_error, rng, snapshot_every_n_steps, device, device_transform)
        if isinstance(num_workers, str):
            _check_one_of("num_workers", num_workers, ("auto",), " or a number")
            num_workers = auto_num_workers()
        self.worker_type = worker_type
        self.on_error = on_error
        self.rng = rng
        self.snapshot_every_n_steps = snapshot_every_n_steps
        self.device = device
        self.device_transform = device_transform
        if future_arguments:
            self._future_arguments = future_arguments
        super().__init__(
            dataset,
            batch_size,
            shuffle,
            sampler,
            batch_sampler,
            num_workers,
            collate_fn,
            pin_memory,
            drop_last,
            timeout,
            worker_init_fn,
            multiprocessing_context,
            generator,
            prefetch_factor=prefetch_factor,
            persistent_workers=persistent_workers,
            pin_memory_device=pin_memory_device,
            in_order=in_order,
            **future_arguments,
        )
        if self.num_workers > 0 and worker_type == "process":
            start_forkserver_early(self.multiprocessing_context or torch.multiprocessing)

    def _get_iterator(self) -> Any:
        return make_iterator(self)

    def stats(self) -> LoaderStats:
        """Counts and seconds of the running epoch, or of the last one; a snapshot."""
        state = loader_state(self)
        state.settle()
        stats = state.stats
        return replace(stats, stages=dict(stats.stages))

    def state_dict(self) -> dict[str, Any]:
        """Where the iteration that began last stands, in batches that `next` has returned: a new, plain dict.

        It goes through JSON and ``torch.save`` (what a dataset, iterator or sampler of the user's says of itself in a
        ``state_dict`` of its own has to, too), and making it changes nothing. For map-style datasets its size does
        not depend on theirs. Keys are torchdata's where the meaning is. Data pipes are served by torch's iterator,
        which has no state: for them it is ``{}``.
        """
        if belongs_to_torch(self):
            logger.warning("torch's own iterator serves this loader, so its state_dict() has nothing to say")
            return {}
        return state_dict(self)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Let the next iteration go on with the batch after the last one that ``state_dict`` counts.

        The state of an iteration that had come to its end lets the next epoch begin; ``{}`` lets the first one begin.
        A map-style dataset makes no sample again, and may be resumed with another ``num_workers``; with a
        distributed sampler of fastload's or torch's also on another number of ranks, which then share what none of
        the old ones had delivered. The random generators of worker processes go on where they were, if
        their number is the same. Those of this process are the caller's to save.

        Raises ValueError for what is no state, and for one of another dataset length, batch size or, for iterable
        datasets, number of workers.
        """
        load_state_dict(self, state_dict)


def make_iterator(loader: Any) -> Any:
    """fastload's iterator for any loader of torch's type; torch's own where `belongs_to_torch`."""
    if belongs_to_torch(loader):
        return torch_get_iterator(loader)
    check_extra_arguments(*(getattr(loader, name, default) for name, default in EXTRA_ARGUMENTS.items()))
    if getattr(loader, "device", None) is not None:
        from fastload.cuda import _device

        _device.check_there(torch.device(loader.device))
    if loader.num_workers == 0:
        return InlineIterator(loader)
    loader.check_worker_number_rationality()
    return WorkerIterator(loader)


def belongs_to_torch(loader: Any) -> bool:
    """Whether torch's own iterator has to serve this loader.

    It does for data pipes, for arguments that only a newer torch knows, and, where fastload's shared memory has not
    been tried, for worker processes that nothing of fastload's is asked of.
    """
    if is_data_pipe(loader.dataset) or getattr(loader, "_future_arguments", None):
        return True
    extras = {name: getattr(loader, name, default) for name, default in EXTRA_ARGUMENTS.items()}
    return sys.platform != "linux" and loader.num_workers > 0 and extras == EXTRA_ARGUMENTS


def check_extra_arguments(
    worker_type: Any, on_error: Any, rng: Any, snapshot_every_n_steps: Any, device: Any, device_transform: Any
) -> None:
    """Raise ValueError unless fastload knows the values; attributes may be set long after the constructor."""
    _check_device(device, device_transform)
    _check_one_of("worker_type", worker_type, ("process", "thread"))
    _check_one_of("rng", rng, ("torch", "sample"))
    if not callable(on_error):
        _check_one_of("on_error", on_error, ("raise", "skip"), " or a callable(index, exception)")
    every = snapshot_every_n_steps
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise ValueError(f"snapshot_every_n_steps must be a number of batches, 1 or more, got {every!r}")
    if rng == "sample" and worker_type == "thread":
        raise ValueError(
            "rng='sample' seeds the generators of the process, which threads share: "
            "pass worker_type='process', or rng='torch'"
        )


def _check_device(device: Any, device_transform: Any) -> None:
    if device is None:
        if device_transform is not None:
            raise ValueError("device_transform is called with batches on a device: pass device= too")
        return
    try:
        index = torch.device(device).index
    except (RuntimeError, TypeError) as error:
        text = str(error).partition("\n")[0]
        raise ValueError(f"device must be what torch.device takes, such as 'cuda:0', got {device!r}: {text}") from error
    if index is not None and index < 0:  # torch keeps it in eight bits, and does not look
        raise ValueError(f"device has no number that torch can keep, got {device!r}")
    if device_transform is not None and not callable(device_transform):
        raise ValueError(f"device_transform must be callable, got {device_transform!r}")


def _check_one_of(name: str, value: Any, allowed: tuple[str, ...], more: str = "") -> None:
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be {' or '.join(map(repr, allowed))}{more}, got {value!r}")

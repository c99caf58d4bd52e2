"""The private names of torch's data loading that fastload touches, in one place; run with torch 2.13 and 2.14.

torch's data loading machinery is de-facto API: other libraries read ``_worker_info``, test for
``_MultiProcessingDataLoaderIter`` and call ``_shutdown_workers``. fastload keeps those meanings.
"""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import numpy.random  # lazy in NumPy 2: once here, not in every forked worker
import torch
import torch.nn.modules.module as _of_all_modules
import torch.utils.data
from torch._utils import KeyErrorMessage
from torch.utils.data import IterDataPipe, MapDataPipe
from torch.utils.data._utils import collate as torch_collate
from torch.utils.data._utils import worker as torch_worker
from torch.utils.data._utils.pin_memory import pin_memory
from torch.utils.data.dataloader import (
    _BaseDataLoaderIter as BaseIterator,
)
from torch.utils.data.dataloader import (
    _DatasetKind as DatasetKind,
)
from torch.utils.data.dataloader import (
    _InfiniteConstantSampler as InfiniteConstantSampler,
)
from torch.utils.data.dataloader import (
    _MultiProcessingDataLoaderIter as MultiProcessingIterator,
)
from torch.utils.data.dataloader import (
    _SingleProcessDataLoaderIter as SingleProcessIterator,
)

__all__ = [
    "BaseIterator",
    "DatasetKind",
    "InfiniteConstantSampler",
    "KeyErrorMessage",
    "MultiProcessingIterator",
    "SingleProcessIterator",
    "forget_worker_info",
    "has_forward_hooks",
    "is_call_hooked",
    "is_data_pipe",
    "pin_memory",
    "prepare_worker_process",
    "profiling",
    "seed_worker",
    "set_thread_name",
    "set_thread_worker_info",
    "set_worker_info",
    "torch_collate",
    "torch_get_iterator",
    "worker_info",
    "workers_let_go",
]

# torch's own method, kept before anyone can replace it.
torch_get_iterator = torch.utils.data.DataLoader._get_iterator


def has_forward_hooks(module: torch.nn.Module) -> bool:
    """Whether functions were registered on this module that its call runs before or after the forward."""
    own = module.__dict__  # there, and quicker to look up
    return bool(own["_forward_hooks"] or own["_forward_pre_hooks"])


def is_call_hooked(module: torch.nn.Module) -> bool:
    """Whether a call of this module runs functions beside its forward, registered on it or on all modules, or another
    one in its place, as after `torch.nn.Module.compile`."""
    return bool(
        has_forward_hooks(module)
        or module._compiled_call_impl
        or module._backward_hooks
        or module._backward_pre_hooks
        or _of_all_modules._global_forward_hooks
        or _of_all_modules._global_forward_pre_hooks
        or _of_all_modules._global_backward_hooks
        or _of_all_modules._global_backward_pre_hooks
    )


def is_data_pipe(dataset: Any) -> bool:
    return isinstance(dataset, (IterDataPipe, MapDataPipe))


def profiling() -> bool:
    """Whether a profiler listens; entering a `record_function` range for nobody costs microseconds.

    The first knows of this thread's, the second of those that listen to all threads. An ExecutionTraceObserver by
    itself is known to neither, and torch has no way to ask for it.
    """
    return torch._C._autograd._profiler_enabled() or torch.autograd.profiler._is_profiler_enabled


def seed_worker(base_seed: int, worker: int) -> int:
    """Seed random, torch and numpy as torch's workers are; returns the worker's seed."""
    seed = base_seed + worker
    random.seed(seed)
    torch.manual_seed(seed)
    np.random.seed(torch_worker._generate_state(base_seed, worker))
    return seed


def set_worker_info(worker: int, num_workers: int, seed: int, dataset: Any) -> None:
    """Make this process a worker in the eyes of `torch.utils.data.get_worker_info`."""
    torch_worker._worker_info = worker_info(worker, num_workers, seed, dataset)


def forget_worker_info() -> None:
    """Make this process no worker any more in the eyes of `torch.utils.data.get_worker_info`."""
    torch_worker._worker_info = None


def workers_let_go() -> bool:
    """Whether torch's workers forget their info and let go of the dataset when they end, as from version 2.14 on.

    Until then the Process object keeps the dataset of a worker that was not forked to the end of the process, so that
    the dataset's own clean-up never runs there.
    """
    return "dataset_holder" in torch_worker._worker_loop.__code__.co_varnames


def worker_info(worker: int, num_workers: int, seed: int, dataset: Any, *, in_thread: bool = False) -> Any:
    more: dict[str, Any] = {}
    if in_thread and hasattr(torch_worker.WorkerInfo, "worker_method"):  # newer versions tell
        more["worker_method"] = "thread"
    return torch_worker.WorkerInfo(id=worker, num_workers=num_workers, seed=seed, dataset=dataset, **more)  # type: ignore[no-untyped-call,unused-ignore]


def prepare_worker_process() -> None:
    """What torch's worker does first: signal handlers that report a crash, one thread, a name."""
    torch._C._set_worker_signal_handlers()
    set_thread_name("pt_data_worker")
    torch.set_num_threads(1)


def set_thread_name(name: str) -> None:
    if hasattr(torch.multiprocessing, "_set_thread_name"):
        torch.multiprocessing._set_thread_name(name)


# --- get_worker_info() inside worker threads -----------------------------------------------------------
#
# torch keeps the worker's info in a global of one process, and hands it out by a function that others
# import by name. Replacing the function's code, not the function, reaches every one of those names.

_thread_info = threading.local()


def set_thread_worker_info(info: Any) -> None:
    """Make this thread a worker in the eyes of `torch.utils.data.get_worker_info`."""
    _see_threads_in_get_worker_info()
    _thread_info.value = info


def _see_threads_in_get_worker_info() -> None:
    if hasattr(torch_worker, "_fastload_thread_info"):
        return

    def get_worker_info():  # type: ignore[no-untyped-def]
        return getattr(_fastload_thread_info, "value", _worker_info)  # type: ignore[name-defined]  # noqa: F821

    torch_worker._fastload_thread_info = _thread_info  # type: ignore[attr-defined]
    torch_worker.get_worker_info.__code__ = get_worker_info.__code__

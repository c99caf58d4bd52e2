"""What ``fastload doctor`` prints: the facts about a machine that decide how fast loading can be."""

from __future__ import annotations

import multiprocessing
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

CGROUP = Path("/sys/fs/cgroup")
UNLIMITED_BYTES = 1 << 60  # what version 1 of control groups says for "no limit" is more than this


def report() -> str:
    """One line a fact; a fact that cannot be told says why not."""
    lines = list(_lines())
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in lines)


def _lines() -> Iterator[tuple[str, str]]:
    from fastload._cli import version

    facts: list[tuple[str, Callable[[], str]]] = [
        ("fastload", version),
        ("python", lambda: f"{platform.python_version()} ({sys.executable})"),
        ("torch", lambda: str(torch.__version__)),
        ("numpy", lambda: np.__version__),
        ("system", platform.platform),
        ("extension", _extension),
        ("torch exchange table", _exchange_table),
        ("start method", multiprocessing.get_start_method),
        ("cores", _cores),
        ("cpu limit", cpu_limit),
        ("memory limit", memory_limit),
        ("memfd", _memfd),
        ("/dev/shm", _dev_shm),
        ("open files", _open_files),
        ("cuda", _cuda),
    ]
    for name, fact in facts:
        yield name, _told(fact)


def _told(fact: Callable[[], str]) -> str:
    try:
        return fact()
    except Exception as error:  # a broken part is what one looks for here
        return f"not known: {type(error).__name__}: {error}"


def _extension() -> str:
    from fastload import _core

    return str(_core.__file__)


def _exchange_table() -> str:
    if hasattr(torch.Tensor, "__dlpack_c_exchange_api__"):
        return "yes"
    return "no: torch 2.10 or later reads small tensors faster"


def _cores() -> str:
    if not hasattr(os, "sched_getaffinity"):
        return f"{os.cpu_count()}"
    return f"{len(os.sched_getaffinity(0))} usable of {os.cpu_count()}"


def cpu_limit(root: Path = CGROUP) -> str:
    quota = _first_of(root / "cpu.max", root / "cpu" / "cpu.cfs_quota_us")
    if quota is None or quota[0] in ("max", "-1"):
        return "none"
    period = quota[1] if len(quota) > 1 else (root / "cpu" / "cpu.cfs_period_us").read_text()
    return f"{int(quota[0]) / int(period):g} cores"


def memory_limit(root: Path = CGROUP) -> str:
    limit = _first_of(root / "memory.max", root / "memory" / "memory.limit_in_bytes")
    if limit is None or limit[0] == "max" or int(limit[0]) >= UNLIMITED_BYTES:
        return "none"
    return _size(int(limit[0]))


def _memfd() -> str:
    from fastload import _core

    if not sys.platform.startswith("linux"):
        return "no: POSIX shared memory is used"
    _core.SharedFile(kind="memfd").close()
    return "yes"


def _dev_shm() -> str:
    if not os.path.isdir("/dev/shm"):
        return "none (fastload does not need it)"
    space = os.statvfs("/dev/shm")
    size, free = space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize
    return f"{_size(size)}, {_size(free)} free (fastload does not need it)"


def _open_files() -> str:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"{soft}, may be raised to {hard}"


def _cuda() -> str:
    if not torch.cuda.is_available():
        return "no"
    return ", ".join(torch.cuda.get_device_name(device) for device in range(torch.cuda.device_count()))


def _first_of(*files: Path) -> list[str] | None:
    for file in files:
        if file.exists():
            return file.read_text().split()
    return None


def _size(nbytes: int) -> str:
    return f"{nbytes / 2**30:.2f} GiB" if nbytes >= 2**30 else f"{nbytes / 2**20:.0f} MiB"

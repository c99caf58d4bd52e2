"""Where and with what a run was made."""

import importlib.metadata
import os
import platform
import re
import sys
from pathlib import Path

import numpy
import torch


def machine() -> dict[str, str]:
    """Name of the fact: the fact, in the order to print them."""
    return {
        "CPU": f"{cpu_model()}, {len(os.sched_getaffinity(0))} cores",
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        **gpu(),
        "memory": f"{memory_kib() / 2**20:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "huge pages": f"private {setting('enabled')}, shared {setting('shmem_enabled')}",
    }


def versions() -> dict[str, str]:
    return {
        "Python": sys.version.split()[0],
        "torch": f"{torch.__version__} ({torch.get_num_threads()} threads)",
        "numpy": numpy.__version__,
        "fastload": fastload_version(),
        "pytest-benchmark": importlib.metadata.version("pytest-benchmark"),
        "glibc": platform.libc_ver()[1] or "none",
    }


def gpu() -> dict[str, str]:
    if not torch.cuda.is_available():
        return {}
    properties = torch.cuda.get_device_properties(0)
    return {"GPU": f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"}


def fastload_version() -> str:
    try:
        return importlib.metadata.version("fastload")
    except importlib.metadata.PackageNotFoundError:
        return "checkout, not installed"


def cpu_model() -> str:
    found = re.search(r"model name\s*:\s*(.+)", read("/proc/cpuinfo"))
    return found[1] if found else platform.processor() or "unknown"


def memory_kib() -> int:
    found = re.search(r"MemTotal:\s+(\d+)", read("/proc/meminfo"))
    return int(found[1]) if found else 0


def setting(name: str) -> str:
    """The choice in brackets of a transparent huge page setting."""
    found = re.search(r"\[(\w+)\]", read(f"/sys/kernel/mm/transparent_hugepage/{name}"))
    return found[1] if found else "unknown"


def read(path: str) -> str:
    file = Path(path)
    return file.read_text() if file.exists() else ""

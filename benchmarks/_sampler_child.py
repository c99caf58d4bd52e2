"""Measures samplers in new processes: a fork for every line it is sent, which holds the sampler and the length.

Argument: torch or fastload. The fork has imported what it needs, and nothing else has happened in it; a new Python
for every measurement would take seconds for its imports.
"""

import gc
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks._child import say
from benchmarks._peers import peer
from benchmarks._samplers import MOST_INDICES, Case, Report, make_loader, pull, weights

PAGE = 4096


def main() -> None:
    name = sys.argv[1]
    peer(name)
    for line in sys.stdin:
        sampler, length = line.split()
        child = os.fork()
        if not child:
            say(measured(name, Case(sampler, int(length))))
            os._exit(0)
        if status := os.waitpid(child, 0)[1]:
            sys.exit(f"{name}, {line.strip()}: the measuring process ended with {os.waitstatus_to_exitcode(status)}")


def measured(name: str, case: Case) -> Report:
    measure(name, Case(case.sampler, 10_000))  # what is loaded and cached at first use
    return measure(name, case)


def measure(name: str, case: Case) -> Report:
    """Seconds and peak memory from the constructors to the first batch, and what it costs to read on."""
    weighted = weights(case)
    torch.manual_seed(0)
    gc.collect()
    before = forget_peak()
    begin = time.perf_counter()
    iterator = iter(make_loader(name, case, weighted))
    first = next(iterator)
    seconds = time.perf_counter() - begin
    at_first = peak() - before
    parts = [part for part in (read_on(iterator), read_on(iterator)) if part[0]]
    return {
        "first": first.tolist(),
        "seconds": seconds,
        "first_bytes": max(at_first, PAGE),
        "bytes": max(peak() - before, PAGE),
        "parts": parts,
    }


def read_on(iterator: Any) -> tuple[int, float]:
    """How many indices were read, a million or what is left, and the seconds it took."""
    count, begin = 0, time.perf_counter()
    try:
        while count < MOST_INDICES:
            count += len(pull(iterator))
    except StopIteration:
        pass
    return count, time.perf_counter() - begin


def forget_peak() -> int:
    """Let `peak` begin anew; the memory that this process has now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def peak() -> int:
    """The most memory this process has had, in bytes."""
    return status("VmHWM")


def status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, f"/proc/self/status has no {name}"
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()

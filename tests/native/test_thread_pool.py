"""The number of threads, and pools across forks and exits, seen from Python."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from fastload._core import Slots, copy_into, num_threads, set_num_threads

MIB = 1 << 20


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    before = num_threads()
    yield
    set_num_threads(before)


def copy_in_parallel() -> bool:
    """Whether a copy that is large enough for several threads is exact."""
    lease = Slots().acquire(8 * MIB)
    source = np.arange(8 * MIB, dtype=np.uint32).astype(np.uint8)
    copy_into(lease, 0, source)
    return bool(np.array_equal(np.frombuffer(memoryview(lease), np.uint8), source))


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_number_of_threads_is_kept() -> None:
    assert 1 <= num_threads() <= 8
    set_num_threads(3)
    assert num_threads() == 3


@pytest.mark.parametrize("n", [0, -1])
def test_fewer_threads_than_one_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"n must be >= 1, got {n}"):
        set_num_threads(n)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_any_number_of_threads_gives_the_same_bytes(n: int) -> None:
    set_num_threads(n)
    assert copy_in_parallel()


def test_there_is_no_thread_before_the_first_use_and_none_with_one_thread() -> None:
    program = (
        "import os, numpy; before = len(os.listdir('/proc/self/task'))\n"
        "from fastload._core import Slots, copy_into, set_num_threads\n"
        "count = lambda: len(os.listdir('/proc/self/task')) - before\n"
        "lease, source = Slots().acquire(8 << 20), bytes(8 << 20)\n"
        "set_num_threads(1); copy_into(lease, 0, source); assert count() == 0, count()\n"
        "set_num_threads(3); copy_into(lease, 0, source); assert count() == 2, count()\n"
        "for _ in range(20): copy_into(lease, 0, source)\n"
        "assert count() == 2, count()\n"
    )
    done = run_python(program)
    assert done.returncode == 0, done.stderr


def test_a_forked_child_copies_with_threads_of_its_own() -> None:
    set_num_threads(2)
    assert copy_in_parallel()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if copy_in_parallel() and len(os.listdir("/proc/self/task")) == 2 else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def test_leases_and_threads_do_not_hold_up_the_exit() -> None:
    program = (
        "import threading, time, torch\n"
        "from fastload._core import RemoteSlots, SharedFile, Slots, copy_into, set_num_threads\n"
        "set_num_threads(4)\n"
        "slots = Slots(SharedFile()); kept = torch.frombuffer(slots.acquire(8 << 20), dtype=torch.uint8)\n"
        "torch.kept = kept.view(2, -1)  # dies with the modules\n"
        "source = kept.numpy()  # torch's own methods abort in a daemon thread at exit\n"
        "def churn():\n"
        "    while True:\n"
        "        copy_into(slots.acquire(8 << 20), 0, source)\n"
        "for _ in range(3): threading.Thread(target=churn, daemon=True).start()\n"
        "time.sleep(0.2)\n"
    )
    for _ in range(3):
        done = run_python(program)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_copy_lets_go_of_the_gil() -> None:
    program = (
        "import os, sys, threading, time\n"
        "from fastload._core import Slots, copy_into, set_num_threads\n"
        "set_num_threads(1); sys.setswitchinterval(1000)  # a thread that keeps the GIL keeps it for good\n"
        "lease, source, ticks, stop = Slots().acquire(1 << 20), bytes(1 << 20), [0], []\n"
        "def tick():\n"
        "    while not stop: ticks[0] += 1; time.sleep(0)\n"
        "thread = threading.Thread(target=tick); thread.start(); start = ticks[0]\n"
        "while ticks[0] < start + 3: copy_into(lease, 0, source)\n"
        "stop.append(1); thread.join()\n"
    )
    done = run_python(program)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="this sanitizer brings a malloc of its own")
def test_freed_memory_stays_with_malloc_where_asked() -> None:
    program = (
        "import resource, numpy as np\n"
        "from fastload import _core\n"
        "_core.keep_freed_memory()\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(2): np.ones(80 << 20, np.uint8)\n"
        "before = faults()\n"
        "for _ in range(5): np.ones(80 << 20, np.uint8)\n"
        "assert faults() - before < 1000, faults() - before\n"
    )
    done = run_python(program)
    assert done.returncode == 0, done.stderr


def test_a_process_dies_with_its_parent_where_asked() -> None:
    read_end, write_end = os.pipe()
    parent = os.fork()
    if parent == 0:
        if os.fork() == 0:
            from fastload._core import die_with_parent

            die_with_parent()
            os.write(write_end, b"ready")
            while True:
                os.sched_yield()
        os.waitpid(-1, 0)
    os.close(write_end)
    assert os.read(read_end, 5) == b"ready"
    os.kill(parent, 9)
    os.waitpid(parent, 0)
    assert os.read(read_end, 1) == b""  # the last holder of the other end is gone
    os.close(read_end)

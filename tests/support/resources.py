"""What this process holds that could be left behind: descriptors, descendants, threads, shared memory."""

import os
import threading
import time
from collections.abc import Callable
from multiprocessing import forkserver, resource_sharer, resource_tracker
from pathlib import Path

GRACE_S = 6.0
_DRIVER_FILES = "/dev/nvidia"  # open from the first use of a device to the end of the process


def is_running(pid: int) -> bool:
    """False once the process has ended; a zombie that nobody has reaped has ended too."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def wait_until(condition: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    """True as soon as ``condition`` holds, False if it does not within ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def descendants(root: int | None = None) -> set[int]:
    """Processes below ``root`` (this one), zombies included; multiprocessing's own servers are not counted."""
    parents = {pid: parent for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if (parent := _parent(pid))}
    found = {os.getpid() if root is None else root}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            break
        found |= more
    return found - {os.getpid() if root is None else root} - _server_pids()


def descriptors() -> set[tuple[int, str]]:
    """(number, target) of every open descriptor; not those of multiprocessing's servers and of CUDA's driver."""
    folder = os.open("/proc/self/fd", os.O_RDONLY)
    try:
        numbers = {int(name) for name in os.listdir(folder)} - _server_descriptors() - {folder}
        found = {(number, target) for number in numbers if (target := _target(number)) is not None}
        return {(number, target) for number, target in found if not target.startswith(_DRIVER_FILES)}
    finally:
        os.close(folder)


def shared_mappings() -> list[tuple[str, int]]:
    """(name, bytes) of every mapping of a memfd or of /dev/shm in this process."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "memfd:" not in line and "/dev/shm/" not in line:
            continue  # most lines, and every test reads them twice
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and ("memfd:" in fields[5] or fields[5].startswith("/dev/shm/")):
            start, end = (int(part, 16) for part in fields[0].split("-"))
            found.append((fields[5], end - start))
    return found


def held() -> dict[str, object]:
    """What is held now, by kind. Semaphores of multiprocessing are left out: those of other processes show too."""
    return {
        "descriptors": descriptors(),
        "processes": descendants(),
        "threads": set(threading.enumerate()) - {resource_sharer._resource_sharer._thread},
        "/dev/shm": {name for name in os.listdir("/dev/shm") if not name.startswith("sem.mp-")},
        "mappings": sorted(shared_mappings()),
    }


def left_behind(before: dict[str, object]) -> dict[str, object]:
    """What is held now and was not before, by kind; empty if all is as it was."""
    found: dict[str, object] = {}
    for kind, now in held().items():
        was = before[kind]
        if isinstance(now, set) and isinstance(was, set):
            if now - was:
                found[kind] = now - was
        elif isinstance(now, list) and isinstance(was, list) and len(now) > len(was):
            found[kind] = now
    return found


def _parent(pid: int) -> int | None:
    """The process that ``pid`` is a child of; None if it has ended and is reaped."""
    try:
        stat = os.open(f"/proc/{pid}/stat", os.O_RDONLY)  # every test asks twice for all: open() takes thrice as long
    except FileNotFoundError:
        return None
    try:
        return int(os.read(stat, 1024).rpartition(b")")[2].split()[1])
    except ProcessLookupError:
        return None
    finally:
        os.close(stat)


def _target(number: int) -> str | None:
    """None for a descriptor that is closed by now: that of the listing itself, or one of another thread's."""
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except FileNotFoundError:
        return None


def _server_pids() -> set[int]:
    pids = {getattr(forkserver._forkserver, "_forkserver_pid", None), resource_tracker._resource_tracker._pid}
    return {pid for pid in pids if pid is not None}


def _server_descriptors() -> set[int]:
    numbers = {
        getattr(forkserver._forkserver, "_forkserver_alive_fd", None),
        resource_tracker._resource_tracker._fd,
    }
    if resource_sharer._resource_sharer._listener is not None:
        numbers.add(resource_sharer._resource_sharer._listener._listener._socket.fileno())
    return {number for number in numbers if number is not None}

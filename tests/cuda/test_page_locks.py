"""Slots locked in place, by a driver that is compiled here and writes down what it is asked."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

DRIVER = r"""
#include <stdio.h>
#include <stdlib.h>

static void *current = NULL;  // as in a thread that is new

static int note(const char *what, void *at, size_t bytes) {
  FILE *file = fopen(getenv("DRIVER_NOTES"), "a");
  fprintf(file, "%s %p %zu %p\n", what, at, bytes, current);
  fclose(file);
  return 0;
}

int cuDeviceGet(int *device, int number) { *device = number + 100; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = device == 100 ? (void *)0x11 : (void *)0x33;
  return 0;
}
int cuCtxPushCurrent_v2(void *context) { current = context; return 0; }
int cuCtxPopCurrent_v2(void **context) { *context = current; current = NULL; return 0; }
int cuMemHostRegister_v2(void *at, size_t bytes, unsigned flags) {
  const char *limit = getenv("DRIVER_LIMIT");
  if (getenv("DRIVER_ERROR") != NULL) return atoi(getenv("DRIVER_ERROR"));
  if (limit != NULL && bytes > strtoull(limit, NULL, 10)) return 2;
  return note(flags == 1 ? "lock" : "odd flags", at, bytes);
}
int cuMemHostUnregister(void *at) { return note("unlock", at, 0); }
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.c").write_text(DRIVER)
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    command = [compiler[0], "-shared", "-fPIC", "-o", str(folder / "libdriver.so"), str(folder / "driver.c")]
    subprocess.run(command, check=True)
    return folder / "libdriver.so"


def noted(driver: Path, tmp_path: Path, script: str, limit: str = "") -> tuple[list[list[str]], str]:
    """What the driver was asked by a process of its own, and what that printed."""
    notes = tmp_path / "notes"
    notes.touch()
    lead = """
        import gc, os, warnings, torch
        from fastload import _core
        from fastload.memory._page_locks import PageLocks
        from fastload.memory import _arena
        from fastload.memory._arena import allocate
        slots = _arena._here.slots = _core.Slots(lock_owner=7)

        class Reader:
            @staticmethod
            def synchronize():
                with open(os.environ["DRIVER_NOTES"], "a") as notes:
                    notes.write("wait - 0 -\\n")

        def lock(locks, tensor):
            return locks.lock(tensor, 0, Reader)
    """
    environment = {**os.environ, "DRIVER_NOTES": str(notes), **({"DRIVER_LIMIT": limit} if limit else {})}
    code = textwrap.dedent(lead) + f"driver = {str(driver)!r}\n" + textwrap.dedent(script)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in notes.read_text().splitlines()], done.stdout


def test_a_slot_is_locked_once_and_unlocked_before_it_goes_and_nothing_else_is(driver: Path, tmp_path: Path) -> None:
    notes, printed = noted(
        driver,
        tmp_path,
        """
        locks = PageLocks(7, driver)
        assert not lock(locks, torch.zeros(1 << 20))  # in no slot
        _arena._here.slots = None
        assert not lock(locks, allocate((1 << 20,), torch.float32))  # in one that users get
        _arena._here.slots = slots
        for _ in range(3):
            batch = allocate((1 << 20,), torch.float32)  # the same slot each time
            assert lock(locks, batch) and lock(locks, batch[5:])
            del batch
        print(_core.locked_bytes())
        slots.trim()
        print(_core.locked_bytes())
        """,
    )
    assert printed.split() == [str(4 << 20), "0"]
    assert [note[0] for note in notes] == ["lock", "unlock"]
    assert notes[0][1] == notes[1][1]
    assert notes[0][2] == str(4 << 20)
    assert notes[0][3] == notes[1][3] == "0x11", "not in the context of the device"


def test_copies_are_waited_for_before_all_is_unlocked(driver: Path, tmp_path: Path) -> None:
    notes, _ = noted(
        driver,
        tmp_path,
        """
        locks = PageLocks(7, driver)
        batches = [allocate((1 << 20,), torch.float32) for _ in range(2)]
        assert all(lock(locks, batch) for batch in batches)
        locks.stop()
        assert _core.locked_bytes() == 0
        assert not lock(locks, batches[0])
        """,
    )
    assert [note[0] for note in notes] == ["lock", "lock", "wait", "unlock", "unlock"]


def test_all_who_read_are_waited_for_and_those_who_are_about_to(driver: Path, tmp_path: Path) -> None:
    notes, printed = noted(
        driver,
        tmp_path,
        """
        import threading, time

        class Other(Reader):
            pass

        locks = PageLocks(7, driver)
        batches = [allocate((1 << 20,), torch.float32) for _ in range(2)]
        assert lock(locks, batches[0]) and locks.lock(batches[1], 0, Other)
        stopping = threading.Thread(target=locks.stop)
        with locks.reading:
            stopping.start()
            time.sleep(0.5)
            print(_core.locked_bytes() >> 20)
        stopping.join()
        print(_core.locked_bytes())
        """,
    )
    assert printed.split() == ["8", "0"]
    assert [note[0] for note in notes] == ["lock", "lock", "wait", "wait", "unlock", "unlock"]


def test_memory_that_others_have_locked_is_not_read_in_place(
    driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIVER_ERROR", "712")
    _, printed = noted(
        driver,
        tmp_path,
        """
        print(lock(PageLocks(7, driver), allocate((1 << 20,), torch.float32)), _core.locked_bytes())
        """,
    )
    assert printed == "False 0\n"


def test_a_fork_leaves_locked_pages_to_the_parent(driver: Path, tmp_path: Path) -> None:
    """Copied on the next write, they would be others than those that the device reads."""
    _, printed = noted(
        driver,
        tmp_path,
        """
        def is_shared(address):
            for line in open("/proc/self/maps"):
                start, end = (int(one, 16) for one in line.split()[0].split("-"))
                if start <= address < end:
                    return line.split()[1].endswith("s")

        locks = PageLocks(7, driver)
        batch = allocate((1 << 20,), torch.float32).fill_(1)
        warm = allocate((1 << 20,), torch.float32).fill_(2)
        assert lock(locks, batch) and lock(locks, warm)
        print(is_shared(batch.data_ptr()), flush=True)
        address = warm.data_ptr()
        del warm
        child = os.fork()
        if not child:
            assert batch[-1] == 1
            for _ in range(3):
                allocate((1 << 20,), torch.float32)[:100].fill_(3)
            del batch
            gc.collect()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        again = allocate((1 << 20,), torch.float32)
        print(again.data_ptr() == address, again[0].item(), batch[0].item(), _core.locked_bytes() >> 20)
        """,
    )
    assert printed.splitlines() == ["True", "True 2.0 1.0 8"]


def test_nobody_locks_slots_of_others(driver: Path, tmp_path: Path) -> None:
    notes, _ = noted(
        driver,
        tmp_path,
        """
        from fastload import DataLoader
        assert not lock(PageLocks(8, driver), allocate((1 << 20,), torch.float32))
        data = [torch.full((1 << 18,), float(number)) for number in range(12)]
        for batch in DataLoader(data, 4, num_workers=1):
            assert not lock(PageLocks(7, driver), batch)
        """,
    )
    assert not notes


def test_slots_of_worker_processes_are_locked_in_the_loaders_process(driver: Path, tmp_path: Path) -> None:
    notes, _ = noted(
        driver,
        tmp_path,
        """
        from fastload import DataLoader, _iterators
        from fastload._state import device_memory
        _iterators.goes_to_cuda = lambda loader: True
        data = [torch.full((1 << 18,), float(number)) for number in range(12)]
        loader = DataLoader(data, 4, num_workers=1)
        locks = PageLocks(device_memory(loader).owner, driver)
        for _ in range(3):
            for batch in loader:
                assert lock(locks, batch)
            del batch
        del loader
        gc.collect()
        assert _core.locked_bytes() == 0, _core.locked_bytes()
        """,
    )
    kinds = [note[0] for note in notes]
    assert kinds.count("lock") == kinds.count("unlock") >= 3
    assert all(note[2] == str(4 << 20) for note in notes if note[0] == "lock")


def test_a_forked_child_unlocks_nothing(driver: Path, tmp_path: Path) -> None:
    notes, printed = noted(
        driver,
        tmp_path,
        """
        locks = PageLocks(7, driver)
        batch = allocate((1 << 20,), torch.float32)
        assert lock(locks, batch)
        child = os.fork()
        if not child:
            print(_core.locked_bytes(), flush=True)
            del batch
            slots.trim()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
    )
    assert printed.split() == ["0"]
    assert [note[0] for note in notes].count("lock") == 1
    # The parent's own slot may be given back when it leaves; the child's copy of it was not.
    assert [note[0] for note in notes].count("unlock") <= 1


def test_a_limit_is_told_once_and_nothing_else_changes(driver: Path, tmp_path: Path) -> None:
    notes, printed = noted(
        driver,
        tmp_path,
        """
        locks = PageLocks(7, driver)
        small, large = (allocate((size << 20,), torch.uint8) for size in (1, 8))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(lock(locks, small), lock(locks, large), lock(PageLocks(7, driver), large), lock(locks, small))
        print(len(caught), caught[0].message)
        """,
        limit=str(4 << 20),
    )
    assert printed.startswith("True False False False\n1 memory for batches could not be locked in place")
    assert "out of memory" in printed
    assert "RLIMIT_MEMLOCK" in printed
    assert notes[0][0] == "lock"


def test_a_machine_without_the_driver_is_told_once(driver: Path, tmp_path: Path) -> None:
    libraries = ["libno_such_driver.so", "libm.so.6"]
    _, printed = noted(
        driver,
        tmp_path,
        f"""
        for library in {libraries}:
            if os.fork():  # each library in a process of its own, that has said nothing yet
                assert os.wait()[1] == 0
                continue
            locks = PageLocks(7, library)
            batch = allocate((1 << 20,), torch.uint8)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                assert not lock(locks, batch) and not lock(locks, batch)
            print(len(caught), caught[0].message, flush=True)
            os._exit(0)
        """,
    )
    lines = printed.splitlines()
    assert len(lines) == len(libraries)
    for library, line in zip(libraries, lines, strict=True):
        assert line.startswith("1 memory for batches could not be locked in place")
        assert library in line

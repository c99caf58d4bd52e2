"""Workers that die, hang, or cannot deliver: an error that says who, of what and over which samples; never a hang."""

import ctypes
import itertools
import os
import re
import signal
import subprocess
import threading
import time
from typing import Any

import pytest
from support.datasets import Doing, Numbers, raises
from support.loader import TESTING_TORCH, DataLoader, only_fastload
from support.resources import descendants, wait_until
from torch.utils.data import IterableDataset, get_worker_info


def kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    os._exit(7)


def leave_as_if_all_were_well() -> None:
    os._exit(0)


def crash() -> None:
    ctypes.string_at(0)


def abort() -> None:
    os.abort()


def death_of(loader: Any) -> tuple[RuntimeError, list[int]]:
    """(the error, the pids of the workers) of a loader whose worker dies; it comes before torch's 5 s poll."""
    iterator = iter(loader)
    pids = [worker.pid for worker in iterator._workers]
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"exited unexpectedly|is killed by signal") as caught:
        list(iterator)
    assert time.monotonic() - start < 4
    return caught.value, pids


DEATHS = [
    pytest.param(kill_myself, "SIGKILL", id="SIGKILL"),
    pytest.param(crash, "SIGSEGV", id="segmentation fault"),
    pytest.param(abort, "SIGABRT", id="abort"),
    pytest.param(leave, "7", id="exit code 7"),
    pytest.param(leave_as_if_all_were_well, "0", id="exit code 0"),
]


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize(("what", "named"), DEATHS)
def test_a_dead_worker_is_an_error_that_names_all(what: Any, named: str, persistent: bool) -> None:
    batches = [[10, 11, 12], [313, 317, 319], [20, 21, 22], [23, 24, 25]]
    loader = DataLoader(
        Doing(what, 317),
        batch_sampler=batches,
        num_workers=2,
        persistent_workers=persistent,
        prefetch_factor=1,
    )
    if TESTING_TORCH and what is leave_as_if_all_were_well:
        pytest.skip("torch needs its 5 s poll to see this one")
    error, pids = death_of(loader)
    assert isinstance(error, RuntimeError)
    if TESTING_TORCH:
        return
    text = str(error)
    assert f"DataLoader worker (pid(s) {pids[1]}) exited unexpectedly" in text
    assert re.search(r"worker 1\b", text)
    assert re.search(rf"\b{named}\b", text)
    assert all(str(index) in text for index in (313, 317, 319))
    assert not re.search(r"\b(10|20)\b", text.replace(str(pids[1]), ""))


def test_a_worker_killed_while_it_waits_for_work_is_noticed() -> None:
    loader = DataLoader(Numbers(8), batch_size=1, num_workers=2, persistent_workers=True)
    list(loader)
    worker = loader._iterator._workers[1]
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=f"{worker.pid}"):
        list(itertools.chain(loader, loader))


@only_fastload
def test_batches_made_before_the_death_are_delivered_first() -> None:
    iterator = iter(DataLoader(Doing(kill_myself, 9), batch_size=1, num_workers=1, prefetch_factor=4))
    found = []
    with pytest.raises(RuntimeError, match="exited unexpectedly"):  # noqa: PT012
        for batch in iterator:
            found.append(int(batch[0][0]))  # noqa: PERF401
    assert found == list(range(9))


def test_after_a_death_the_loader_starts_anew() -> None:
    dataset = Doing(kill_myself, 2, length=6)
    loader = DataLoader(dataset, batch_size=2, num_workers=2)
    with pytest.raises(RuntimeError, match=r"exited unexpectedly|is killed by signal"):
        list(loader)
    dataset.when = -1
    assert wait_until(lambda: len(list(loader)) == 3)


@only_fastload
def test_after_a_death_a_persistent_loader_starts_anew_too() -> None:
    dataset = Doing(kill_myself, 2, length=6)
    loader = DataLoader(dataset, batch_size=2, num_workers=2, persistent_workers=True)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(loader)
    dataset.when = -1
    assert [batch.tolist()[0][0] for batch in loader] == [0, 2, 4]


def test_a_death_in_the_init_function_and_one_in_iter_of_the_dataset() -> None:
    def init(worker_id: int) -> None:
        if worker_id == 1:
            kill_myself()

    with pytest.raises(RuntimeError, match=r"exited unexpectedly|is killed by signal"):
        list(DataLoader(Numbers(40), num_workers=2, worker_init_fn=init))

    class Deadly(IterableDataset):
        def __iter__(self) -> Any:
            kill_myself()

    with pytest.raises(RuntimeError, match=r"exited unexpectedly|is killed by signal"):
        list(DataLoader(Deadly(), num_workers=1))


def test_two_loaders_of_which_one_loses_a_worker() -> None:
    good = iter(DataLoader(Numbers(30), batch_size=3, num_workers=1))
    next(good)
    with pytest.raises(RuntimeError, match=r"exited unexpectedly|is killed by signal"):
        list(DataLoader(Doing(kill_myself, 1), num_workers=1))
    assert len(list(good)) == 9


def test_a_death_is_seen_from_another_thread_too() -> None:
    errors: list[str] = []

    def iterate() -> None:
        try:
            list(DataLoader(Doing(kill_myself, 1), num_workers=1, timeout=20))
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=iterate)
    thread.start()
    thread.join(30)
    assert len(errors) == 1
    assert "exited unexpectedly" in errors[0]


def hang() -> None:
    time.sleep(3600)


@pytest.mark.parametrize("persistent", [False, True])
def test_a_hanging_worker_is_a_timeout_and_is_ended_with_the_loader(persistent: bool) -> None:
    loader = DataLoader(Doing(hang, 1), num_workers=2, timeout=0.5, persistent_workers=persistent)
    iterator = iter(loader)
    next(iterator)
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.5 seconds"):
        next(iterator)


@only_fastload
@pytest.mark.timeout(40)
def test_a_worker_that_ignores_sigterm_is_ended_too() -> None:
    def deaf() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        hang()

    iterator = iter(DataLoader(Doing(deaf, 0), num_workers=1, timeout=0.5))
    with pytest.raises(RuntimeError, match="timed out"):
        next(iterator)
    iterator._shutdown_workers()
    assert wait_until(lambda: not descendants(), 15)


@only_fastload
def test_a_stopped_worker_does_not_hold_up_the_end() -> None:
    iterator = iter(DataLoader(Numbers(100), num_workers=2))
    next(iterator)
    os.kill(iterator._workers[0].pid, signal.SIGSTOP)
    iterator._shutdown_workers()
    assert wait_until(lambda: not descendants(), 15)


@only_fastload
def test_exit_and_interrupt_raised_by_a_sample_end_the_worker_and_not_the_program() -> None:
    for kind in (SystemExit, KeyboardInterrupt):
        with pytest.raises(RuntimeError, match="exited unexpectedly"):
            list(DataLoader(Doing(raises(kind()), 1), num_workers=1, timeout=20))


def test_the_programs_own_handler_for_ended_children_is_still_called() -> None:
    calls: list[int] = []
    previous = signal.signal(signal.SIGCHLD, lambda number, frame: calls.append(number))
    try:
        iterator = iter(DataLoader(Numbers(40), num_workers=1))
        next(iterator)
        calls.clear()
        subprocess.run(["true"], check=True)
        assert wait_until(lambda: len(calls) > 0)
        assert len(list(iterator)) == 39
    finally:
        signal.signal(signal.SIGCHLD, previous)


def test_worker_info_is_still_none_here() -> None:
    assert get_worker_info() is None

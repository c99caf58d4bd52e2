"""How a program may end while a loader is at work: interrupted, killed, by itself. Nothing stays behind."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from support.loader import only_fastload
from support.resources import is_running, wait_until
from support.scripts import assert_ctrl_c_ends, finish_script, run_script, start_script

OPTIONS = {"processes": "num_workers=2", "persistent": "num_workers=2, persistent_workers=True"}

LOOP = """
loader = DataLoader({dataset}, {options})
iterator = iter(loader)
next(iterator)
print(*[worker.pid for worker in iterator._workers], flush=True)
"""

# Each start of a program takes seconds, so one has loaders of all kinds at work where they do not disturb each other.
LOOPS = """
ways = [{ways}]
loaders = [DataLoader({dataset}, **way) for way in ways]
iterators = [iter(loader) for loader in loaders]
for iterator in iterators:
    next(iterator)
workers = [worker for iterator in iterators for worker in iterator._workers]
print(*[worker.pid for worker in workers if worker.pid is not None], flush=True)
"""


def loop(dataset: str, options: str, then: str) -> str:
    return LOOP.format(dataset=dataset, options=options) + then


def loops(dataset: str, then: str, ways: tuple[str, ...] = tuple(OPTIONS.values())) -> str:
    return LOOPS.format(dataset=dataset, ways=", ".join(f"dict({way})" for way in ways)) + then


def worker_pids(process: Any) -> list[int]:
    pids = [int(word) for word in process.stdout.readline().split()]
    assert pids, process.stderr.read()
    return pids


def assert_gone(pids: list[int], within_s: float = 5) -> None:
    assert wait_until(lambda: not any(is_running(pid) for pid in pids), within_s), [p for p in pids if is_running(p)]


WAITING = {
    f"waiting for a long sample, {options}": loop("Slow(1000, 30)", OPTIONS[options], "next(iterator)").replace(
        "next(iterator)\nprint",
        "print",  # no first batch to wait for
    )
    for options in OPTIONS
}


@pytest.mark.parametrize(
    "body",
    [
        *(pytest.param(body, id=name) for name, body in WAITING.items()),
        pytest.param(loops("Numbers(100000)", "for _ in zip(*iterators): time.sleep(0.01)"), id="busy loop"),
        pytest.param(loops("Numbers(1000)", "time.sleep(60)"), id="workers idle"),
    ],
)
def test_ctrl_c_is_one_keyboard_interrupt_and_leaves_nothing(body: str, tmp_path: Path) -> None:
    with start_script(tmp_path, body) as process:
        pids = worker_pids(process)
        time.sleep(0.5)
        assert_ctrl_c_ends(process)
    assert_gone(pids)


def test_ctrl_c_that_the_program_catches_lets_it_go_on(tmp_path: Path) -> None:
    body = """
    loader = DataLoader(Slow(1000, 0.2), num_workers=2)
    try:
        print("ready", flush=True)
        for _ in loader:
            pass
    except KeyboardInterrupt:
        print("caught", flush=True)
    del loader
    print(len(list(DataLoader(Numbers(6), num_workers=2))))
    """
    with start_script(tmp_path, body) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.7)
        os.killpg(process.pid, signal.SIGINT)
        status, out, err = finish_script(process, 20)
    assert (status, out, err) == (0, "caught\n6\n", "")


@pytest.mark.parametrize(
    ("dataset", "then"),
    [
        pytest.param("Numbers(1000)", "time.sleep(60)", id="workers idle"),
        pytest.param("Numbers(1000)", "while True: pass", id="program busy"),
        pytest.param("Numbers(100000)", "for _ in zip(*iterators): pass\ntime.sleep(60)", id="batches under way"),
        pytest.param("Images(100000)", "for _ in zip(*iterators): pass", id="big batches under way"),
    ],
)
def test_workers_end_when_the_program_is_killed(dataset: str, then: str, tmp_path: Path) -> None:
    with start_script(tmp_path, loops(dataset, then)) as process:
        pids = worker_pids(process)
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGKILL)
        assert_gone(pids, 8)
        process.communicate()


@only_fastload
def test_a_worker_in_a_long_sample_ends_when_the_program_is_killed(tmp_path: Path) -> None:
    body = loop("Slow(1000, 600)", "num_workers=2", "time.sleep(60)").replace("next(iterator)\nprint", "print")
    with start_script(tmp_path, body) as process:
        pids = worker_pids(process)
        time.sleep(0.5)
        os.kill(process.pid, signal.SIGKILL)
        assert_gone(pids)
        process.communicate()


@only_fastload
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_workers_of_other_start_methods_end_when_the_program_is_killed(method: str, tmp_path: Path) -> None:
    options = f"num_workers=1, multiprocessing_context={method!r}"
    with start_script(tmp_path, loop("Numbers(1000)", options, "time.sleep(60)")) as process:
        pids = worker_pids(process)
        os.kill(process.pid, signal.SIGKILL)
        assert_gone(pids, 10)
        process.communicate()


def test_sigterm_to_the_program_ends_its_workers(tmp_path: Path) -> None:
    with start_script(tmp_path, loops("Numbers(1000)", "time.sleep(60)")) as process:
        pids = worker_pids(process)
        process.terminate()
        status, _, err = finish_script(process, 20)
    assert (status, err) == (-signal.SIGTERM, "")
    assert_gone(pids, 8)


ENDS = {
    "end of the script": "",
    "sys.exit": "sys.exit(0)",
    "exit in a function": "def leave():\n    inner = iterators\n    sys.exit(0)\nleave()",
    "batches kept": "kept = [next(iterator) for iterator in iterators for _ in range(9)]",
    "reference cycles": """
cycles = [[iterator] for iterator in iterators]
for cycle in cycles:
    cycle.append(cycle)
del iterator, iterators, loaders
""",
}
THREADS = ("num_workers=2, worker_type='thread', persistent_workers=True",)


@pytest.mark.parametrize(
    ("ways", "processes"),
    [
        pytest.param(tuple(OPTIONS.values()), 4, id="processes"),
        # Alone: the end of others gives them the time in which they end by themselves.
        pytest.param(THREADS, 0, id="threads", marks=only_fastload),
    ],
)
@pytest.mark.parametrize("end", list(ENDS))
def test_a_program_that_ends_in_mid_epoch_ends_quietly(
    end: str, ways: tuple[str, ...], processes: int, tmp_path: Path
) -> None:
    body = loops("Images(1000)", ENDS[end], ways).replace("**way)", "**way, batch_size=4)")
    start = time.monotonic()
    status, out, err = run_script(tmp_path, body, timeout_s=40)
    assert (status, err) == (0, "")
    assert time.monotonic() - start < 30
    pids = [int(word) for word in out.split()]
    assert len(pids) == processes
    assert_gone(pids)


@only_fastload
def test_a_program_that_ends_while_workers_sit_in_long_samples_does_not_wait_for_them(tmp_path: Path) -> None:
    body = loop("Slow(1000, 600)", "num_workers=2, persistent_workers=True", "time.sleep(0.5)")
    body = body.replace("next(iterator)\nprint", "print")
    status, out, err = run_script(tmp_path, body, timeout_s=30)
    assert (status, err) == (0, "")
    assert_gone([int(word) for word in out.split()])


def test_an_error_that_ends_the_program_shows_alone(tmp_path: Path) -> None:
    body = loop("Numbers(1000)", "num_workers=2, persistent_workers=True", "raise ValueError('mine')")
    status, out, err = run_script(tmp_path, body, timeout_s=40)
    assert status == 1
    assert err.count("Traceback") == 1
    assert err.strip().endswith("ValueError: mine")
    assert_gone([int(word) for word in out.split()])


@only_fastload
def test_a_forked_child_leaves_the_loader_of_its_parent_alone(tmp_path: Path) -> None:
    body = """
    import multiprocessing, gc

    loader = DataLoader(Images(24), batch_size=4, num_workers=2, persistent_workers=True)
    iterator = iter(loader)
    kept = [next(iterator)]
    pid = os.fork()
    if pid == 0:
        images, labels = kept[0]
        images.fill_(255)
        del images, labels
        kept.clear()
        del iterator
        loader._iterator = None
        gc.collect()
        assert len(list(DataLoader(Numbers(4), num_workers=1))) == 4
        os._exit(0)  # sys.exit would have multiprocessing end the workers of the parent, whoever started them
    assert os.waitpid(pid, 0)[1] == 0
    kept.extend(iterator)
    assert [labels.tolist()[0] for _, labels in kept] == [0, 4, 8, 12, 16, 20]
    assert all(int(images[i].max()) == int(labels[i]) for images, labels in kept[1:] for i in range(4))
    assert all(worker.is_alive() for worker in iterator._workers)
    assert len(list(loader)) == 6
    print("well")
    """
    assert run_script(tmp_path, body, timeout_s=60) == (0, "well\n", "")


@only_fastload
def test_a_child_process_of_multiprocessing_may_iterate_a_loader_of_its_own(tmp_path: Path) -> None:
    body = """
    import multiprocessing

    def child(queue):
        queue.put([int(labels[0]) for _, labels in DataLoader(Images(8), batch_size=4, num_workers=1)])

    iterator = iter(DataLoader(Images(16), batch_size=4, num_workers=1))
    next(iterator)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    print(queue.get(timeout=30), len(list(iterator)))
    process.join()
    print(process.exitcode)
    """
    assert run_script(tmp_path, body, timeout_s=60) == (0, "[0, 4] 3\n0\n", "")

"""How a program may end, or fork, while threads make its images: at once, quietly, without waiting."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from support.photo_folder import make_folder
from support.scripts import assert_ctrl_c_ends, finish_script, run_script, start_script

PREPARE = """
from fastload.datasets import ImageFolder
from fastload.transforms import Compose, RandomResizedCrop, ToTensor
images = ImageFolder({folder!r}, Compose([RandomResizedCrop(96), ToTensor()]))
images.samples = images.samples * 1000
def make(**options):
    return DataLoader(images, 8, num_workers=2, **options)
loader = make({options})
iterator = iter(loader)
next(iterator)
"""
WAYS = ["", "persistent_workers=True"]
BOTH = """
iterators = [iterator, iter(make(persistent_workers=True))]
next(iterators[1])
"""  # one program for loaders of both kinds: each start takes seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("images"))


def script(folder: Path, then: str, options: str = "") -> str:
    return PREPARE.format(folder=str(folder), options=options) + then


@pytest.mark.parametrize(
    ("before", "then", "options"),
    [*(("", "for _ in iterator: pass", way) for way in WAYS), (BOTH, "time.sleep(60)", "")],
    ids=["busy", "busy, persistent", "idle"],
)
def test_ctrl_c_is_one_keyboard_interrupt(folder: Path, before: str, then: str, options: str, tmp_path: Path) -> None:
    body = f"{before}print('ready', flush=True)\n{then}"
    with start_script(tmp_path, script(folder, body, options)) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        assert_ctrl_c_ends(process)


def test_ctrl_c_that_the_program_catches_lets_it_go_on(folder: Path, tmp_path: Path) -> None:
    body = """
try:
    print("ready", flush=True)
    for _ in iterator:
        pass
except KeyboardInterrupt:
    print("caught", flush=True)
for _ in range(20):
    next(iterator)
del iterator
print(len(next(iter(make()))[1]))
"""
    with start_script(tmp_path, script(folder, body)) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)
        assert finish_script(process, 20) == (0, "caught\n8\n", "")


@pytest.mark.parametrize(
    "end",
    [
        "",
        "sys.exit(0)",
        "def leave():\n    inner = iterators\n    sys.exit(0)\nleave()",
        "kept = [next(iterator) for iterator in iterators for _ in range(9)]",
        "cycles = [[it] for it in iterators]\n[it.append(it) for it in cycles]\ndel iterator, iterators, loader",
    ],
)
def test_a_program_that_ends_in_mid_epoch_ends_quietly(folder: Path, end: str, tmp_path: Path) -> None:
    assert run_script(tmp_path, script(folder, BOTH + end), timeout_s=40) == (0, "", "")


def test_an_error_that_ends_the_program_shows_alone(folder: Path, tmp_path: Path) -> None:
    status, _, err = run_script(tmp_path, script(folder, "raise ValueError('mine')"), timeout_s=40)
    assert status == 1
    assert err.count("Traceback") == 1
    assert err.strip().endswith("ValueError: mine")


def test_a_forked_child_leaves_the_loader_of_its_parent_alone(folder: Path, tmp_path: Path) -> None:
    body = """
import gc
pid = os.fork()
if pid == 0:
    del iterator
    loader._iterator = None
    gc.collect()
    own = iter(make())
    assert [len(next(own)[1]) for _ in range(30)] == [8] * 30
    del own
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert [len(next(iterator)[1]) for _ in range(30)] == [8] * 30
print("well")
"""
    status = run_script(tmp_path, script(folder, body, "persistent_workers=True"), timeout_s=60)
    assert status == (0, "well\n", "")


def test_processes_forked_while_images_are_made_make_the_same_images(folder: Path, tmp_path: Path) -> None:
    body = """
import torch
def first(**options):
    torch.manual_seed(3)
    return next(iter(make(**options)))[0]
for _ in range(5):  # worker processes are forked beside the threads at work
    assert first(worker_init_fn=print_nothing, multiprocessing_context="fork").equal(first())
    next(iterator)
print("well")
"""
    body = body.replace("import torch\n", "import torch\ndef print_nothing(worker):\n    pass\n")
    assert run_script(tmp_path, script(folder, body), timeout_s=60) == (0, "well\n", "")

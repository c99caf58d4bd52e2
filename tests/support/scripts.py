"""Programs in processes of their own, for what a test cannot do to itself: being killed, interrupted, or starved."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent

PREAMBLE = """\
import os, sys, time, warnings
warnings.simplefilter("error")
import torch
from support.loader import DataLoader
from support.datasets import *
"""


def write_script(folder: Path, body: str) -> Path:
    """A program of the shared preamble and ``body``; statements under a main guard, so that spawn works too."""
    path = folder / "script.py"
    guarded = textwrap.indent(textwrap.dedent(body), "    ")
    path.write_text(f'{PREAMBLE}\nif __name__ == "__main__":\n{guarded}')
    return path


def start_script(folder: Path, body: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """The running program, leader of its own process group; ``prefix`` is put before the interpreter."""
    path = write_script(folder, body)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    return subprocess.Popen(
        [*prefix, sys.executable, "-u", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=environment,
        start_new_session=True,
    )


def run_script(folder: Path, body: str, prefix: tuple[str, ...] = (), timeout_s: float = 90) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of the program; a program that does not end is killed with its children."""
    with start_script(folder, body, prefix) as process:
        return finish_script(process, timeout_s)


def finish_script(process: subprocess.Popen[str], timeout_s: float = 60) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) once the program has ended and every process that shares its output with it."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"still running after {timeout_s} s\n{out}\n{err}") from None
    return process.returncode, out, err


def assert_ctrl_c_ends(process: subprocess.Popen[str], timeout_s: float = 20) -> None:
    """Ctrl-C, as a terminal sends it to the whole group, is one KeyboardInterrupt with one traceback."""
    os.killpg(process.pid, signal.SIGINT)
    status, _, err = finish_script(process, timeout_s)
    assert status == -signal.SIGINT, err
    assert err.count("Traceback") == 1, err
    assert err.count("KeyboardInterrupt") == 1, err

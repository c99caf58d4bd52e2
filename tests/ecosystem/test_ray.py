"""fastload behind the loaders that Ray Train makes for its workers: each worker the rows that torch gives it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.resources import wait_until

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join(map(str, (ROOT, HERE.parent, HERE))),
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
}
START_AND_STOP_S = 300  # half a minute where nothing else runs


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Short, since Ray puts sockets there, whose names may have a hundred letters at most."""
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def ranks(folder: Path) -> list[dict[str, Any]]:
    """What each worker of one run of train_with_ray.py has seen."""
    done = subprocess.run(
        [sys.executable, str(HERE / "train_with_ray.py"), str(folder)],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=START_AND_STOP_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(2)]


pytestmark = pytest.mark.timeout(START_AND_STOP_S + 20)


@pytest.mark.parametrize("loader", ["torch's", "fastload's", "no workers", "dropping the last"])
def test_workers_get_the_rows_that_torch_gives_them(loader: str, ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        ours, theirs = rank[f"{loader}, served by fastload"], rank[f"{loader}, served by torch"]
        assert ours["epochs"] == theirs["epochs"]
        assert ours["makers"] == ["fastload"]
        assert theirs["makers"] == ["torch"]


@pytest.mark.parametrize("loader", ["torch's", "fastload's", "no workers"])
@pytest.mark.parametrize("epoch", [0, 1])
def test_workers_share_all_rows_and_none_twice(loader: str, epoch: int, ranks: list[dict[str, Any]]) -> None:
    epochs = [rank[f"{loader}, served by fastload"]["epochs"][epoch] for rank in ranks]
    assert sorted(row for seen in epochs for batch in seen["rows"] for row in batch) == list(range(22))


def test_each_epoch_has_its_own_order(ranks: list[dict[str, Any]]) -> None:
    first, second = ranks[0]["torch's, served by fastload"]["epochs"]
    assert first["rows"] != second["rows"]


def test_nothing_of_ray_goes_on_running(folder: Path, ranks: list[dict[str, Any]]) -> None:
    assert wait_until(lambda: not processes_that_mention(str(folder)), 20), processes_that_mention(str(folder))


def processes_that_mention(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if text in command:
                found.append(command.replace("\0", " "))
    return found

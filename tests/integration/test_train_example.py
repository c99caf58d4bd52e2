"""The example as a user runs it, on a few small files."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
CROPS = 5


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "photos"
    prepare(folder)
    return folder


def prepare(folder: Path) -> None:
    code = f"import pathlib, sys, photos; photos.prepare_photos(pathlib.Path(sys.argv[1]), {CROPS})"
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=EXAMPLES, check=True)


def train(photos: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / "train.py"), "--data", str(photos), "--pixels", "32", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.jpg"))}


def test_the_photographs_are_made_alike_each_time(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    importlib.import_module("photos").prepare_photos(tmp_path / "again", CROPS)  # the others were in another process
    files = files_of(photos)
    assert len(files) == 50
    assert sum(name.startswith("val/") for name in files) == 10
    assert len(set(files.values())) == 50
    assert files_of(tmp_path / "again") == files


def test_both_loaders_train_to_the_same_losses(photos: Path) -> None:
    result = train(photos, "--epochs", "2", "--workers", "2", "--batch-size", "8")
    assert result.returncode == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("loss, epoch")]
    assert len(rows) == 2
    assert [row[3] for row in rows] == [row[4] for row in rows]
    assert result.stdout.splitlines()[1].split() == ["torch", "fastload", "native"]


def test_the_native_way_learns_alike_with_any_number_of_workers(photos: Path) -> None:
    results = [
        train(photos, "--epochs", "3", "--workers", workers, "--batch-size", "8", "--loader", "native")
        for workers in ("0", "2")
    ]
    assert [result.returncode for result in results] == [0, 0], results[0].stderr
    assert [result.stdout.splitlines()[1].split() for result in results] == [["native"], ["native"]]
    losses = [[line.split()[-1] for line in result.stdout.splitlines() if "loss" in line] for result in results]
    assert losses[0] == losses[1]
    assert float(losses[0][-1]) < float(losses[0][0])

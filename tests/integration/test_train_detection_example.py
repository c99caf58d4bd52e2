"""The example of detection as a user runs it, on few small images: it learns, and only if boxes move with pixels."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data") / "objects"


def train(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = ["--images", "360", "--epochs", "6", "--pixels", "96"]
    return subprocess.run(
        [sys.executable, str(ROOT / "examples/train_detection.py"), "--data", str(data), *settings, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=False,
    )


def precisions(result: subprocess.CompletedProcess[str]) -> list[float]:
    """At an overlap of 0.5, after each epoch."""
    assert result.returncode == 0, result.stderr
    return [float(line.split()[3]) for line in result.stdout.splitlines() if line.split()[0].isdigit()]


@pytest.mark.timeout(600)
def test_precision_rises_only_if_boxes_move_with_the_image(data: Path) -> None:
    moved = precisions(train(data))
    assert len(moved) == 6
    assert moved[0] < 0.1
    assert moved[-1] > 0.12
    assert precisions(train(data, "--boxes-stay"))[-1] < 0.07


@pytest.mark.parametrize(
    "argument", ["--pixels=100", "--pixels=0", "--pixels=-32", "--epochs=0", "--images=0", "--workers=-1"]
)
def test_bad_arguments_are_refused(tmp_path: Path, argument: str) -> None:
    result = train(tmp_path / "objects", argument)
    assert result.returncode == 2
    assert not (tmp_path / "objects").exists()
    assert f"error: {argument.partition('=')[0]} must be" in result.stderr


@pytest.mark.parametrize("there", [[], ["train/", "train.json", "val/"]])
def test_a_folder_without_the_data_is_advice(tmp_path: Path, there: list[str]) -> None:
    for name in there:
        path = tmp_path / name
        path.mkdir() if name.endswith("/") else path.write_text("{}")
    result = train(tmp_path)
    assert result.returncode == 2
    missing = next(name for name in ("train/", "train.json", "val/", "val.json") if name not in there)
    assert f"error: --data {tmp_path} has no {missing.rstrip('/')}: " in result.stderr
    assert "a folder that is not there yet" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_is_no_folder_of_data(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    result = train(tmp_path / "data")
    assert result.returncode == 2
    assert f"error: --data {tmp_path / 'data'} has no train: " in result.stderr

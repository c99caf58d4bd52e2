"""The example of detection as a user runs it, on few small images: it learns, and only if boxes move with pixels."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EPOCHS = 5


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data") / "objects"


def train(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = ["--images", "360", "--epochs", str(EPOCHS), "--pixels", "64"]
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
    assert len(moved) == EPOCHS
    assert moved[0] < 0.05
    assert moved[-1] > 0.08
    assert precisions(train(data, "--boxes-stay"))[-1] < 0.06


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What the example says before it leaves with status 2; here, as an import of torch for each takes seconds."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    example = importlib.import_module("train_detection")

    def run(data: Path, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["train_detection.py", "--data", str(data), *arguments])
        with pytest.raises(SystemExit, match="2"):
            example.main()
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    "argument", ["--pixels=100", "--pixels=0", "--pixels=-32", "--epochs=0", "--images=0", "--workers=-1"]
)
def test_bad_arguments_are_refused(tmp_path: Path, refused: Callable[..., str], argument: str) -> None:
    said = refused(tmp_path / "objects", argument)
    assert not (tmp_path / "objects").exists()
    assert f"error: {argument.partition('=')[0]} must be" in said


@pytest.mark.parametrize("there", [[], ["train/", "train.json", "val/"]])
def test_a_folder_without_the_data_is_advice(tmp_path: Path, refused: Callable[..., str], there: list[str]) -> None:
    for name in there:
        path = tmp_path / name
        path.mkdir() if name.endswith("/") else path.write_text("{}")
    said = refused(tmp_path)
    missing = next(name for name in ("train/", "train.json", "val/", "val.json") if name not in there)
    assert f"error: --data {tmp_path} has no {missing.rstrip('/')}: " in said
    assert "a folder that is not there yet" in said


def test_a_file_is_no_folder_of_data(tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "data").write_text("")
    assert f"error: --data {tmp_path / 'data'} has no train: " in refused(tmp_path / "data")

"""``fastload show``: what it takes for a data set, a transform and a file, and what it says of everything else."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.detection_files import coco, voc, yolo

from fastload import plot
from fastload._cli import main

MINE = """
import numpy as np
from fastload import transforms as T
class Data:
    def __len__(self): return 3
    def __getitem__(self, index): return np.full((8, 8, 3), 40 * index, np.uint8), {"boxes": [[1.0, 1, 3, 3]]}
class Broken(Data):
    def __init__(self, error=RuntimeError("no disc")): self.error = error
    def __len__(self): return 1
    def __getitem__(self, index): raise self.error
class Stream:
    def __iter__(self): return iter(())
class Needy(Data):
    def __init__(self, root, *, part, more=()): pass
def make(more=None): return Data()
def make_of(root): return Data()
def white(image, target): return image * 0 + 255, target
def white_too(*sample): return white(*sample)
def make_white(): return white
def make_nothing(): return None
number, stream = 5, Stream()
key, plain = Broken(KeyError("boxes")), Data()
"""


plot.show((np.zeros((9, 9), np.uint8), "a"))._repr_png_()  # matplotlib keeps its fonts open from the first picture on


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "things_of_mine.py").write_text(MINE)
    monkeypatch.delitem(sys.modules, "things_of_mine", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *sys.path])
    return tmp_path


def mine(name: str, *options: str) -> list[str]:
    named = [f"things_of_mine:{part}" if part and part[0] != "-" else part for part in (name, *options)]
    return ["show", *named]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("name", ["white", "white_too", "make_white"])
def test_functions_of_image_and_target_are_transforms_and_makers_make_them(
    here: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(plot, "show", lambda samples, *_, **__: drawn.extend(samples))
    for dataset in ("plain", "Data", "make"):
        assert main(mine(dataset, "--transforms", name)) == 0
    assert len(drawn) == 9
    assert all(image.min() == 255 for image, _ in drawn)
    root, file = coco(here)
    (here / "of_pil.py").write_text("def same(image, target):\n    return image.rotate(180), target\n")
    assert main(["show", str(file), "--root", str(root), "--transforms", "of_pil:same"]) == 0
    assert len(drawn) == 13


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plain", "--transforms", "number"], "--transforms: things_of_mine:number is no transform, but int"),
        (
            ["plain", "--transforms", "make_nothing"],
            "--transforms: things_of_mine:make_nothing is no transform, but No",
        ),
        (["plain", "--transforms", "Needy"], "--transforms: things_of_mine:Needy needs arguments (root, part): name"),
        (["number"], "DATASET: things_of_mine:number is no data set with samples by number, but int"),
        (["stream"], "DATASET: things_of_mine:stream is no data set with samples by number, but Stream"),
        (["Needy"], "DATASET: things_of_mine:Needy needs arguments (root, part): name"),
        (["make_of"], "DATASET: things_of_mine:make_of needs arguments (root): name"),
        (["white_too"], "DATASET: things_of_mine:white_too needs arguments (sample): name"),
        (["Broken"], "sample 0: RuntimeError: no disc"),
        (["key"], "sample 0: KeyError: 'boxes'"),
        (["plain", "--transforms", "Data"], "--transforms: things_of_mine:Data is no transform, but Data"),
    ],
)
def test_what_is_neither_is_named(
    here: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refused(mine(*arguments), capsys)


def test_the_sample_that_cannot_be_made_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = voc(here)
    for number in range(3):
        (root / f"VOCdevkit/VOC2012/Annotations/image{number}.xml").write_text("<annotation>")
    error = refused(["show", str(root), "-n", "1", "--seed", "5"], capsys)
    number = next(number for number in range(3) if f"sample {number}: ValueError: " in error)
    assert f"image{number}.xml" in error


@pytest.mark.parametrize("folder", ["empty", "of text"])
def test_a_folder_that_is_no_data_set_is_told_which_are(
    here: Path, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / folder).mkdir()
    if folder == "of text":
        (here / folder / "notes").mkdir()
        (here / folder / "notes" / "a.txt").write_text("a")
    error = " ".join(refused(["show", folder], capsys).split())
    assert os.path.basename(folder) in error
    assert "DATASET is a folder of class folders, of VOC's (VOCdevkit) or of YOLO's (images, labels)" in error


def test_images_of_yolo_without_parts_are_drawn(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = yolo(here / "flat")
    for kind in ("images", "labels"):
        (root / kind / "train").rename(root / "moved")
        (root / kind).rmdir()
        (root / "moved").rename(root / kind)
    assert "an empty split reads all of" in refused(["show", "flat"], capsys)
    assert main(["show", "flat", "--split", ""]) == 0
    assert "4 of 4 samples" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("output", "file"), [("x", "x.png"), ("x.", "x.png"), ("a.b/x", "a.b/x.png"), ("x.svg", "x.svg")]
)
def test_the_file_that_is_there_is_named(
    here: Path, output: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "a.b").mkdir()
    assert main([*mine("plain"), "-o", output]) == 0
    assert capsys.readouterr().out == f"{file}: 3 of 3 samples\n"
    assert (here / file).is_file()


@pytest.mark.parametrize("output", ["a/", "a", ""])
def test_a_folder_is_no_file(here: Path, output: str, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a").mkdir()
    assert f"--output must be the name of a file, got {output!r}" in refused([*mine("plain"), "-o", output], capsys)
    assert [path.name for path in here.iterdir() if path.name not in ("__pycache__", "a")] == ["things_of_mine.py"]

"""`CocoDetection.coco`: the object of COCO's own tools, as torchvision's has it, and only for who asks for it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from support.detection_files import coco

from fastload import DataLoader
from fastload.datasets import CocoDetection

coco_tools = pytest.importorskip("pycocotools.coco")
ROOT = Path(__file__).parents[2]


def test_it_is_that_of_cocos_tools_and_made_once(tmp_path: Path) -> None:
    images, file = coco(tmp_path)
    data = CocoDetection(images, file)
    assert type(data.coco) is coco_tools.COCO
    assert data.coco is data.coco
    content = json.loads(file.read_text())
    assert data.coco.dataset == content
    for number, image_id in enumerate(data.ids):
        assert data.coco.loadAnns(data.coco.getAnnIds(image_id)) == data.target(number)
    assert data.coco.getCatIds(["thing 3"]) == [3]


def test_the_tools_are_not_imported_before(tmp_path: Path) -> None:
    program = (
        "import sys; from fastload.datasets import CocoDetection; data = CocoDetection(*sys.argv[1:]); data[0]\n"
        "assert 'pycocotools' not in sys.modules; data.coco; assert 'pycocotools' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, *map(str, coco(tmp_path))], check=True, cwd=ROOT)


def test_without_the_tools_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    data = CocoDetection(*coco(tmp_path))
    with pytest.raises(ImportError, match=r"CocoDetection\.coco .*pip install pycocotools"):
        _ = data.coco


def test_it_does_not_go_to_workers(tmp_path: Path) -> None:
    data = CocoDetection(*coco(tmp_path), transform=str)
    plain = len(pickle.dumps(data))
    assert data.coco is not None
    assert len(pickle.dumps(data)) == plain
    loader = DataLoader(data, 2, num_workers=1, multiprocessing_context="spawn", collate_fn=list)
    assert [target for batch in loader for _, target in batch] == [data.target(number) for number in range(4)]
    assert pickle.loads(pickle.dumps(data)).coco.dataset == data.coco.dataset

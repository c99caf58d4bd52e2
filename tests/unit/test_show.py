"""``fastload show``: how the boxes of a data set of one's own are written, and what is drawn of one in files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.detection_files import boxes_of, coco, pixels_of, voc, yolo

from fastload import plot
from fastload._cli import main

MINE = """
import numpy as np, torch
from torch.utils.data import Dataset
from fastload import transforms as T
from fastload.transforms import BoxParams
BOXES = {BOXES}
class Data(Dataset):
    def __init__(self, name="coco", **attributes): self.name = name; self.__dict__.update(attributes)
    def __len__(self): return 1
    def __getitem__(self, index):
        sample = np.zeros((100, 120, 3), np.uint8), {{"boxes": torch.tensor([BOXES[self.name]])}}
        chain = getattr(self, "transforms", None) or getattr(self, "transform", None)
        return chain(*sample) if chain else sample
plain, turned = Data, Data("cxcywhr")
with_chain = Data(transforms=T.Compose([T.Identity()], boxes="coco"))
with_transform = Data(transform=T.Compose([T.Identity()], boxes="coco"))
mosaic = T.Mosaic(Data(), (100, 120), p=0.0, boxes="coco")
chain = T.Compose([T.RandomHorizontalFlip(1.0)], boxes="coco")
strict = T.Compose([T.RandomHorizontalFlip(1.0)], boxes=BoxParams(min_width=50))
flip = T.RandomHorizontalFlip(1.0)
class Foreign:
    def __call__(self, image, target): return image, target
"""
BOXES = {"coco": [50.0, 60, 40, 20], "cxcywhr": [70.0, 70, 40, 20, 0]}
AS_IT_WAS, FLIPPED = [50, 60, 90, 80], [30, 60, 70, 80]  # xyxy


plot.show((np.zeros((9, 9), np.uint8), "a"))._repr_png_()  # matplotlib keeps its fonts open from the first picture on


@pytest.fixture
def figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was drawn, in a folder with a module ``boxes_of_mine``."""
    made: list[Any] = []
    draw = plot.show

    def noted(*arguments: Any, **options: Any) -> Any:
        made.append(draw(*arguments, **options))
        return made[-1]

    (tmp_path / "boxes_of_mine.py").write_text(MINE.format(BOXES=BOXES))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *sys.path])
    monkeypatch.setattr(plot, "show", noted)
    return made


def outlines(figure: Any) -> list[list[float]]:
    return [
        np.concatenate([patch.get_xy().min(axis=0), patch.get_xy().max(axis=0)]).round(3).tolist()
        for patch in figure.axes[0].patches
    ]


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("plain", ["--boxes", "coco"], [AS_IT_WAS]),
        ("plain", ["--boxes", "xywh", "--transforms", "none"], [AS_IT_WAS]),
        ("plain", ["--boxes", "coco", "--transforms", "boxes_of_mine:flip"], [FLIPPED]),
        ("plain", ["--boxes", "coco", "--transforms", "boxes_of_mine:Foreign"], [AS_IT_WAS]),
        ("plain", ["--boxes", "coco", "--transforms", "boxes_of_mine:strict"], []),
        ("plain", ["--transforms", "boxes_of_mine:chain"], [FLIPPED]),
        ("turned", ["--boxes", "cxcywhr"], [AS_IT_WAS]),
        ("turned", ["--boxes", "cxcywhr", "--transforms", "boxes_of_mine:chain"], [FLIPPED]),
        ("with_chain", [], [AS_IT_WAS]),
        ("with_transform", [], [AS_IT_WAS]),
        ("mosaic", [], [AS_IT_WAS]),
    ],
)
def test_boxes_are_drawn_as_they_are_written(
    figures: list[Any], name: str, options: list[str], expected: list[list[float]]
) -> None:
    assert main(["show", f"boxes_of_mine:{name}", *options]) == 0
    assert outlines(figures[0]) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["boxes_of_mine:plain", "--boxes", "round"], "format must be one of xyxy"),
        (
            ["boxes_of_mine:plain", "--boxes", "round", "--transforms", "boxes_of_mine:flip"],
            "format must be one of xyxy",
        ),
        (["boxes_of_mine:plain"], "x1 <= x2"),
        ([".", "--boxes", "coco"], "--boxes is for MODULE:NAME"),
    ],
)
def test_what_is_wrong_with_boxes_is_said(
    figures: list[Any], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["show", *arguments])
    assert message in capsys.readouterr().err


def test_masks_of_coco_are_drawn_where_the_objects_are(figures: list[Any], tmp_path: Path) -> None:
    """Every image is known by its size; its objects are the rectangles that were painted."""
    root, file = coco(tmp_path)
    assert main(["show", str(file), "--root", str(root), "--transforms", "none"]) == 0
    shades = {axes.images[1].get_array().shape[:2]: axes.images[1].get_array() for axes in figures[0].axes}
    assert len(shades) == 4
    for number in range(4):
        covered = np.zeros(pixels_of(number).shape[:2], dtype=bool)
        for left, top, right, bottom in boxes_of(number):
            covered[top:bottom, left:right] = True
        assert np.array_equal(shades[covered.shape][..., 3] > 0, covered)


@pytest.mark.parametrize("missing", ["segmentation", "height"])
def test_a_file_of_coco_that_makes_no_masks_is_drawn_without_them(
    figures: list[Any], tmp_path: Path, missing: str
) -> None:
    root, file = coco(tmp_path)
    content = json.loads(file.read_text())
    content["annotations" if missing == "segmentation" else "images"][0].pop(missing)
    file.write_text(json.dumps(content))
    assert main(["show", str(file), "--root", str(root)]) == 0
    assert [len(axes.images) for axes in figures[0].axes] == [1] * 4
    assert any(axes.patches for axes in figures[0].axes)


def test_key_points_of_coco_are_drawn_where_they_are_visible(figures: list[Any], tmp_path: Path) -> None:
    root, file = coco(tmp_path)
    content = json.loads(file.read_text())
    for entry in content["annotations"]:
        entry["keypoints"][5] = 0  # the second is not to be seen
    file.write_text(json.dumps(content))
    assert main(["show", str(file), "--root", str(root), "--transforms", "none"]) == 0
    places = {axes.images[0].get_array().shape[:2]: axes.collections for axes in figures[0].axes}
    for number in range(4):
        drawn = [point.tolist() for points in places[pixels_of(number).shape[:2]] for point in points.get_offsets()]
        assert sorted(drawn) == sorted([left + 1, top + 2] for left, top, _, _ in boxes_of(number))


def test_a_file_of_coco_whose_key_points_are_null_is_drawn_without_them(figures: list[Any], tmp_path: Path) -> None:
    root, file = coco(tmp_path)
    content = json.loads(file.read_text())
    content["annotations"][0]["keypoints"] = None
    file.write_text(json.dumps(content))
    assert main(["show", str(file), "--root", str(root)]) == 0
    assert any(axes.patches for axes in figures[0].axes)
    assert not any(axes.collections for axes in figures[0].axes)


@pytest.mark.parametrize("polygons", [True, False])
def test_polygons_of_yolo_are_drawn_and_boxes_are_not_filled(
    figures: list[Any], tmp_path: Path, polygons: bool
) -> None:
    """The first object of each image is a polygon; without it, there are only boxes."""
    root = yolo(tmp_path)
    shapes: dict[Any, Any] = {}
    for number in range(4):
        height, width = pixels_of(number).shape[:2]
        covered = shapes[height, width] = np.zeros((height, width), dtype=bool)
        file = root / "labels" / "train" / f"image{number}.txt"
        for left, top, right, bottom in boxes_of(number):
            covered[top:bottom, left:right] = True
        if boxes_of(number) and not polygons:
            file.write_text("\n".join(file.read_text().splitlines()[1:]))
    assert main(["show", str(root), "--transforms", "none"]) == 0
    for axes in figures[0].axes:
        assert len(axes.images) == 1 + polygons
        if polygons:
            shade = axes.images[1].get_array()
            assert np.array_equal(shade[..., 3] > 0, shapes[shade.shape[:2]])


def test_names_of_voc_are_those_of_its_objects(figures: list[Any], tmp_path: Path) -> None:
    assert main(["show", str(voc(tmp_path)), "--transforms", "none"]) == 0
    for axes in figures[0].axes:
        names = [text.get_text() for text in axes.texts]
        assert names == (["cat", "dog"] * len(names))[: len(names)]
    assert any(axes.texts for axes in figures[0].axes)


def test_a_seed_chooses_the_samples_and_what_is_drawn_for_them(figures: list[Any], tmp_path: Path) -> None:
    root, file = coco(tmp_path)
    pictures = []
    for before, seed in ((0, "3"), (1, "3"), (1, "4")):
        torch.manual_seed(before)
        assert main(["show", str(file), "--root", str(root), "-n", "3", "--seed", seed]) == 0
        pictures.append([np.asarray(axes.images[0].get_array()) for axes in figures[-1].axes])
    assert all(np.array_equal(one, other) for one, other in zip(pictures[0], pictures[1], strict=True))
    assert not all(np.array_equal(one, other) for one, other in zip(pictures[1], pictures[2], strict=True))

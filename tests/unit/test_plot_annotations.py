"""Annotations as COCO's and VOC's files have them are drawn as the tensors made of them are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.detection_files import boxes_of, changed_coco, coco, voc

from fastload import plot
from fastload.datasets import CocoDetection, VOCDetection

plot.show((np.zeros((9, 9), np.uint8), "a"))._repr_png_()  # matplotlib keeps its fonts open from the first picture on


def drawn_in(figure: Any) -> list[Any]:
    """All that is over each image, and the texts that are written at it."""
    return [
        (
            [image.get_array().tolist() for image in axes.images[1:]],
            [patch.get_xy().tolist() for patch in axes.patches],
            [points.get_offsets().tolist() for points in axes.collections],
            [text.get_text() for text in axes.texts],
            axes.get_title(),
        )
        for axes in figure.axes
    ]


def test_cocos_annotations_have_masks_and_key_points(tmp_path: Path) -> None:
    files = coco(tmp_path)
    tensors = CocoDetection(*files, tensors=True, masks=True, keypoints=True)
    for number in (0, 2, 3):
        found, expected = (drawn_in(plot.show([data[number]]))[0] for data in (CocoDetection(*files), tensors))
        assert found == expected
        assert found[0]
        assert found[2]
    assert not drawn_in(plot.show([CocoDetection(*files)[0]], masks=False))[0][0]


def test_annotations_of_coco_without_masks_or_key_points_are_drawn_without(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        for place, entry in enumerate(content["annotations"]):
            entry.update({"segmentation": [], "keypoints": None} if place % 2 else {})
            if place % 3 == 0:
                del entry["segmentation"], entry["keypoints"]

    data = CocoDetection(*changed_coco(tmp_path, change))
    for number, (image, objects) in enumerate(data):
        ((shades, outlines, points, _, _),) = drawn_in(plot.show((image, objects)))
        assert len(outlines) == len(boxes_of(3 - number))
        left = [entry for entry in objects if entry.get("segmentation")]
        assert len(points) == len(shades) == min(len(left), 1)
        covered = np.zeros((image.height, image.width), dtype=bool)
        for entry in left:
            x, y, width, height = entry["bbox"]
            covered[y : y + height, x : x + width] = True
        assert not shades or np.array_equal(np.array(shades[0])[..., 3] > 0, covered)


def test_objects_of_voc_are_drawn_with_their_names(tmp_path: Path) -> None:
    root = voc(tmp_path)
    plain, tensors = VOCDetection(root), VOCDetection(root, tensors=True)
    names = dict(enumerate(tensors.classes, start=1))
    assert drawn_in(plot.show(plain)) == drawn_in(plot.show(tensors, names=names))
    assert len(drawn_in(plot.show(plain))[1][1]) == len(boxes_of(1))
    assert drawn_in(plot.show([plain[0]], boxes="yolo")) == drawn_in(plot.show([plain[0]]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": [1, 2]}, r'annotation 1 \(id \d+\): "bbox" must be four finite numbers'),
        ({"keypoints": [1, 2]}, r'annotation 1 \(id \d+\): "keypoints" must be'),
        ({"segmentation": [[1, 2]]}, r"annotation 1 \(id \d+\): .*three corners"),
        ({"segmentation": {"size": [3, 4], "counts": [12]}}, r"annotation 1 \(id \d+\): a mask of \[3, 4\]"),
    ],
)
def test_a_broken_annotation_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    data = CocoDetection(*changed_coco(tmp_path, lambda content: content["annotations"][1].update(change)))
    with pytest.raises(ValueError, match=f"sample 0: the target, {message}"):
        plot.show(data)


@pytest.mark.parametrize("box", [{}, {"xmin": "1", "ymin": "2", "xmax": "a", "ymax": "4"}, None, "1"])
def test_a_broken_object_of_voc_is_named(box: Any) -> None:
    objects = [{"name": "cat", "bndbox": {"xmin": "1", "ymin": "1", "xmax": "4", "ymax": "4"}}, {"bndbox": box}]
    with pytest.raises(
        ValueError, match="sample 0: the target, object 1: bndbox must have the numbers xmin, ymin, xmax, ymax, got"
    ):
        plot.show((np.zeros((9, 9), np.uint8), {"annotation": {"object": objects}}))


def test_dicts_called_annotation_may_be_something_else() -> None:
    image = np.zeros((9, 9), np.uint8)
    for target in ({"annotation": {}}, {"annotation": 5}, {"annotation": {"object": "a"}}):
        assert drawn_in(plot.show((image, target)))[0][:3] == ([], [], [])
    assert json.dumps(drawn_in(plot.show((image, []))))


@pytest.mark.parametrize("size", [(60, 200), (300, 90), (140, 180)])
def test_labels_of_boxes_at_any_border_are_within_the_image(size: tuple[int, int]) -> None:
    height, width = size
    boxes = [
        [0, 0, 20, 20],
        [width / 2, 0, width / 2 + 9, 9],
        [width - 4, 0, width, 30],
        [width - 5, 40, width, height],
    ]
    boxes += [[0, height - 3, 9, height], [-20, -30, 12, 12]]
    target = {"boxes": np.array(boxes), "labels": ["cross", "dot", "line", "bar", "dash", "out"]}
    figure = plot.show((np.zeros((*size, 3), np.uint8), target))
    figure.canvas.draw()
    (axes,) = figure.axes
    image = axes.get_window_extent()
    for text in axes.texts:
        written = text.get_window_extent()
        assert image.y0 - 1 <= written.y0, text
        assert written.y1 <= image.y1 + 1, text
        assert image.x0 - 1 <= written.x0, text
        assert written.x1 <= image.x1 + 1, text

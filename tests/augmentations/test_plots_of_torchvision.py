"""Pictures of samples of torchvision's own tensors: boxes and masks are drawn, and labels are written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torchvision_without_kernels import tv_tensors

plot = pytest.importorskip("fastload.plot")

IMAGE = tv_tensors.Image(torch.arange(3 * 40 * 60).reshape(3, 40, 60).to(torch.uint8))
BOXES = {
    "XYXY": [[10.0, 8, 20, 18], [30, 20, 50, 38]],
    "XYWH": [[10.0, 8, 10, 10], [30, 20, 20, 18]],
    "CXCYWH": [[15.0, 13, 10, 10], [40, 29, 20, 18]],
}
LABELS = torch.tensor([3, 1])


def boxes_in(written: str) -> Any:
    return tv_tensors.BoundingBoxes(BOXES[written], format=written, canvas_size=(40, 60))


def outlines(figure: Any) -> list[list[float]]:
    return [[*patch.get_xy().min(axis=0), *patch.get_xy().max(axis=0)] for patch in figure.axes[0].patches]


@pytest.mark.parametrize("written", BOXES)
@pytest.mark.parametrize("kind", [tuple, list])
def test_boxes_are_drawn_and_labels_are_written(written: str, kind: Any) -> None:
    for sample in ((IMAGE, boxes_in(written), LABELS), (IMAGE, LABELS, boxes_in(written))):
        figure = plot.show(kind(sample) if kind is tuple else [sample], names={3: "cup"})
        assert outlines(figure) == BOXES["XYXY"]
        assert [text.get_text() for text in figure.axes[0].texts] == ["cup", "1"]
        assert figure.axes[0].get_title() == ""


@pytest.mark.parametrize("kind", [tuple, list])
def test_boxes_alone_are_drawn(kind: Any) -> None:
    assert outlines(plot.show(kind([IMAGE, boxes_in("XYWH")]))) == BOXES["XYXY"]


def test_masks_and_points_are_drawn() -> None:
    masks = torch.zeros(2, 40, 60, dtype=torch.bool)
    masks[0, 8:18, 10:20], masks[1, 20:38, 30:50] = True, True
    points = tv_tensors.KeyPoints([[[12.0, 9.0]], [[31.0, 21.0]]], canvas_size=(40, 60))
    figure = plot.show((IMAGE, boxes_in("XYXY"), LABELS, tv_tensors.Mask(masks), points))
    shade = figure.axes[0].images[1].get_array()
    assert np.array_equal(shade[..., 3] > 0, masks.any(dim=0))
    assert figure.axes[0].collections[0].get_offsets().tolist() == [[12, 9], [31, 21]]


@pytest.mark.parametrize("shape", [(40, 60), (1, 40, 60)])
def test_a_map_of_classes_is_drawn(shape: tuple[int, ...]) -> None:
    plane = torch.zeros(shape, dtype=torch.uint8)
    plane[..., :9, :], plane[..., 20:, :] = 4, 15
    shade = plot.show((IMAGE, tv_tensors.Mask(plane))).axes[0].images[1].get_array()
    assert shade[15, 0, 3] == 0
    assert not np.array_equal(shade[0, 0], shade[30, 0])


@pytest.mark.parametrize("name", ["keypoints", "kps", "joints"])
def test_points_have_any_name(name: str) -> None:
    points = tv_tensors.KeyPoints([[[12.0, 9.0]], [[31.0, 21.0]]], canvas_size=(40, 60))
    figure = plot.show((IMAGE, {"b": boxes_in("XYXY"), "labels": LABELS, name: points}))
    assert figure.axes[0].collections[0].get_offsets().tolist() == [[12, 9], [31, 21]]
    assert [text.get_text() for text in figure.axes[0].texts] == ["3", "1"]

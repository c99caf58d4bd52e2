"""The last steps of torchvision's detection chains leave the objects that torchvision's own do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torchvision_without_kernels import tv_tensors, v2

from fastload import transforms as T

IMAGE = torch.zeros(3, 40, 60, dtype=torch.uint8)
CORNERS = [
    [0.0, 0, 60, 40],
    [-1, 2, 9, 9],
    [5, 5, 5.5, 30],
    [5, 5, 8, 8],
    [50, 30, 61, 39],
    [70, 3, 80, 9],
    [9, 9, 19, 9.9],
]
QUADS = [[40.0, 10, 50, 20, 45, 25, 35, 15], [1, 1, 61, 1, 61, 9, 1, 9], [9, 9, 9.5, 9, 9.5, 30, 9, 30]]


def target(plain: bool = False, box_format: str = "XYXY", rows: Any = CORNERS) -> dict[str, Any]:
    boxes = torch.tensor(rows)
    count = len(boxes)
    return {
        "boxes": boxes if plain else tv_tensors.BoundingBoxes(boxes, format=box_format, canvas_size=(40, 60)),
        "labels": torch.arange(count),
        "masks": tv_tensors.Mask(torch.arange(count)[:, None, None].expand(count, 40, 60).contiguous()),
    }


@pytest.mark.parametrize("arguments", [(), (3.0,), (3.5, 1.0), (1.0, 100.0)])
@pytest.mark.parametrize(("box_format", "rows"), [("XYXY", CORNERS), ("XYXYXYXY", QUADS)])
def test_the_same_boxes_are_left(arguments: Any, box_format: str, rows: Any) -> None:
    ours = T.SanitizeBoundingBoxes(*arguments)(IMAGE, target(False, box_format, rows))[1]
    theirs = v2.SanitizeBoundingBoxes(*arguments)(IMAGE, target(False, box_format, rows))[1]
    for name, value in theirs.items():
        assert type(ours[name]) is type(value)
        assert torch.equal(ours[name], value)
    assert 0 < len(theirs["labels"]) < len(rows)


@pytest.mark.parametrize("mode", ["auto", "soft", "hard", None])
def test_the_same_is_cut_off(mode: Any) -> None:
    ours = T.ClampBoundingBoxes(mode)(IMAGE, target())[1]
    theirs = v2.SanitizeBoundingBoxes()(*v2.ClampBoundingBoxes(mode)(IMAGE, target()))[1]
    left = torch.isin(ours["labels"], theirs["labels"])  # theirs are not yet gone where nothing is left of them
    assert torch.equal(ours["boxes"][left], theirs["boxes"])
    if mode is not None:
        assert ours["labels"].tolist() == [0, 1, 2, 3, 4, 6]


def test_in_a_chain_boxes_are_written_as_it_says() -> None:
    steps = [
        T.RandomHorizontalFlip(1.0),
        T.ClampBoundingBoxes(),
        T.SanitizeBoundingBoxes(min_size=10),
        T.ToPureTensor(),
    ]
    rows = [[10.0, 10, 20, 20], [30, 20, 50, 5], [-5, 0, 20, 12]]
    plain = {"boxes": torch.tensor(rows), "labels": torch.arange(3)}
    made = T.Compose(steps, boxes=T.BoxParams("xywh", clip=False))(IMAGE, plain)[1]
    assert made["labels"].tolist() == [0, 2]
    assert made["boxes"].tolist() == [[30, 10, 20, 20], [45, 0, 15, 12]]


def test_tensors_are_pure_at_the_end() -> None:
    image, made = T.ToPureTensor()(tv_tensors.Image(IMAGE), target())
    assert {type(image), *(type(value) for value in made.values())} == {torch.Tensor}
    assert torch.equal(made["boxes"], torch.tensor(CORNERS))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: T.SanitizeBoundingBoxes(0.5), "min_size must be"),
        (lambda: T.SanitizeBoundingBoxes(1, 0), "min_area must be"),
        (lambda: T.SanitizeBoundingBoxes(labels_getter=None), "labels go with their boxes"),
        (lambda: T.ClampBoundingBoxes("firm"), "clamping_mode must be"),
        (lambda: T.ClampBoundingBoxes()(IMAGE, target(False, "XYXYXYXY", QUADS)), "rotated boxes cannot be clamped"),
    ],
)
def test_what_has_no_meaning_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_samples_without_boxes_stay_as_they_are() -> None:
    for step in (T.SanitizeBoundingBoxes(), T.ClampBoundingBoxes(), T.ToPureTensor()):
        assert step(IMAGE) is IMAGE
        assert step(IMAGE, 3) == (IMAGE, 3)

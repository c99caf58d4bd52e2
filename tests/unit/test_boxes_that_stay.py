"""Transforms that would move images without their boxes: refused as the data set is made, or warned of."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from support.detection_files import coco, voc, yolo

from fastload import transforms as T
from fastload.datasets import CocoDetection, VOCDetection, YOLODetection

FLIP = T.RandomHorizontalFlip(1.0)


def of_coco(root: Path, **options: Any) -> Any:
    return CocoDetection(*coco(root), **options)


def of_voc(root: Path, **options: Any) -> Any:
    return VOCDetection(voc(root), **options)


def of_yolo(root: Path, tensors: bool = True, **options: Any) -> Any:
    return YOLODetection(yolo(root), **options)


ALL = [of_coco, of_voc, of_yolo]
WITH_PLAIN_TARGETS = [of_coco, of_voc]
MOVING: list[Any] = [
    FLIP,
    T.Resize((40, 50)),
    T.RandomIoUCrop(),
    T.TrivialAugmentWide(),
    T.Compose([T.ToTensor(), T.Compose([T.RandomRotation(10)])]),
    T.RandomApply([T.ColorJitter(0.1), FLIP]),
    T.OneOf([T.Identity(), T.Compose([FLIP])]),
    T.Compose([torch.nn.Sequential(T.ColorJitter(0.1), FLIP)]),
    T.Compose([lambda image: image, FLIP]),
]


@pytest.mark.parametrize("made", ALL)
@pytest.mark.parametrize("transform", [*MOVING, torch.nn.Sequential(FLIP)])
def test_moves_of_the_image_alone_are_refused_beside_boxes(tmp_path: Path, made: Any, transform: Any) -> None:
    with pytest.raises(ValueError, match="their boxes stay where they are: pass transforms= in place of transform=,"):
        made(tmp_path, transform=transform, tensors=True)


@pytest.mark.parametrize("made", WITH_PLAIN_TARGETS)
@pytest.mark.parametrize("transform", MOVING)
def test_moves_beside_annotations_as_torchvision_takes_them_are_warned_of(
    tmp_path: Path, made: Any, transform: Any
) -> None:
    with pytest.warns(UserWarning, match="pass transforms= in place of transform= and tensors=True") as caught:
        made(tmp_path / "a", transform=transform)
    assert caught[0].filename == __file__
    if transform is not MOVING[-1]:
        with pytest.warns(UserWarning, match="as the file has them, stay where they are: pass tensors=True") as caught:
            made(tmp_path / "b", transforms=transform)
        assert caught[0].filename == __file__


@pytest.mark.parametrize("made", WITH_PLAIN_TARGETS)
@pytest.mark.parametrize("last", [FLIP, T.ToTensor(), T.SanitizeBoundingBoxes()])
def test_a_chain_that_says_how_boxes_are_written_needs_some(tmp_path: Path, made: Any, last: Any) -> None:
    with pytest.raises(ValueError, match=r"takes boxes as xyxy, .* no transform moves: pass tensors=True"):
        made(tmp_path / "a", transforms=T.Compose([T.ColorJitter(0.1), last], boxes="xyxy"))
    made(tmp_path / "b", transforms=T.Compose([T.ColorJitter(0.1), last], boxes="xyxy"), tensors=True)


def boxes_from(image: Any, objects: Any) -> Any:
    left, top, width, height = torch.tensor([entry["bbox"] for entry in objects]).T
    return image, {"boxes": torch.stack([left, top, left + width, top + height], dim=1)}


def test_functions_may_make_targets_that_move(tmp_path: Path) -> None:
    data = of_coco(tmp_path / "a", transforms=T.Compose([boxes_from, FLIP], boxes="xyxy"))
    image, target = data[0]
    _, before = boxes_from(*of_coco(tmp_path / "b")[0])
    assert torch.equal(target["boxes"][:, 0], image.width - before["boxes"][:, 2])


class FlipOfMine(T.RandomHorizontalFlip):
    """What it does is its own."""

    def forward(self, *inputs: Any) -> Any:
        return inputs[0] if len(inputs) == 1 else inputs


class Photos:
    """A transform of someone else's."""

    def __call__(self, image: Any) -> Any:
        return image


@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize("made", ALL)
def test_what_moves_nothing_or_is_unknown_is_welcome(tmp_path: Path, made: Any, tensors: bool) -> None:
    welcome: list[Any] = [
        T.ColorJitter(0.1),
        T.Compose([T.ToTensor(), T.Normalize([0.5], [0.5])]),
        T.RandomApply([T.GaussianBlur(3)]),
        T.RandomApply([FLIP], p=0.0),
        T.RandomHorizontalFlip(0.0),
        T.AugMix(),
        T.Lambda(len),
        lambda image: image,
        Photos(),
        FlipOfMine(1.0),
        T.Compose([FlipOfMine(1.0)]),
        str,
    ]
    for number, transform in enumerate(welcome):
        made(tmp_path / str(number), transform=transform, tensors=tensors)
    labels = made(tmp_path / "labels", transform=FLIP, target_transform=len, tensors=tensors)
    assert isinstance(labels[0][1], int)


class WithLabels(CocoDetection):
    def target(self, number: int) -> Any:
        return number


def test_targets_without_boxes_may_stay(tmp_path: Path) -> None:
    """Those of subclasses, and captions, which are annotations without boxes."""
    images, file = coco(tmp_path)
    assert WithLabels(images, file, transform=FLIP)[2][1] == 2
    content = json.loads(file.read_text())
    captions = [{"id": one["id"], "image_id": one["image_id"], "caption": "a cat"} for one in content["annotations"]]
    file.write_text(json.dumps({**content, "annotations": captions}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert CocoDetection(images, file, transform=FLIP)[0][1][0]["caption"] == "a cat"

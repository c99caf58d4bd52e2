"""torchvision's own tensors in samples of every form: they come out as such, and are taken for what they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torchvision_without_kernels import tv_tensors, v2

from fastload import DetectionCollate
from fastload import transforms as T

FLIP = T.RandomHorizontalFlip(1.0)
PIXELS = torch.arange(3 * 40 * 60).reshape(3, 40, 60).to(torch.uint8)


def boxes_in(corners: Any) -> Any:
    return tv_tensors.BoundingBoxes(corners, format="XYXY", canvas_size=(40, 60), dtype=torch.float32)


BOXES = boxes_in([[10, 10, 20, 20], [22, 12, 38, 28], [40, 5, 58, 9]])


@pytest.mark.parametrize(
    "target", [BOXES, tv_tensors.Mask(PIXELS[:1] > 9), tv_tensors.KeyPoints([[5.0, 6.0]], canvas_size=(40, 60))]
)
@pytest.mark.parametrize("kind", [tv_tensors.Image, torch.Tensor])
def test_a_target_before_the_image(target: Any, kind: Any) -> None:
    image = PIXELS.as_subclass(kind)
    moved, flipped = FLIP(target, image)
    assert torch.equal(flipped, PIXELS.flip(-1))
    assert type(moved) is type(target)
    assert torch.equal(moved, FLIP(image, target)[1])
    if not isinstance(target, tv_tensors.KeyPoints):  # which torchvision mirrors about the centres of pixels
        assert torch.equal(moved, v2.RandomHorizontalFlip(1.0)(target, image)[0])


def test_targets_alone_have_no_image() -> None:
    mask = tv_tensors.Mask(PIXELS[:1])
    for chain in (FLIP, T.Compose([FLIP]), T.Compose([v2.RandomHorizontalFlip(1.0)])):
        for lone in (BOXES, mask):
            with pytest.raises(TypeError, match=f"got {type(lone).__name__}; pass its image with it"):
                chain(lone)
        with pytest.raises(TypeError, match=r"no PIL image, array or tensor .*BoundingBoxes.*Mask"):
            chain(BOXES, mask)
    with pytest.raises(TypeError, match="got BoundingBoxes"):
        T.functional.horizontal_flip(BOXES)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_video_comes_out_as_one(dtype: torch.dtype) -> None:
    video = tv_tensors.Video(torch.stack([PIXELS, PIXELS + 1]).to(dtype))
    for chain in (FLIP, T.Compose([T.CenterCrop((20, 30)), FLIP])):
        made = chain(video)
        assert type(made) is tv_tensors.Video
        assert torch.equal(made[0], chain(PIXELS.to(dtype)))


@pytest.mark.parametrize("fields", [None, ("names",)])
def test_values_beside_boxes_in_a_tuple_stay_in_step(fields: Any) -> None:
    image = tv_tensors.Image(PIXELS)
    labels, scores, names, other = torch.arange(3), np.ones((3, 2)) * [[1], [2], [3]], ["a", "b", "c"], PIXELS
    chain = T.Compose([T.CenterCrop(20)], boxes=T.BoxParams(fields=fields))
    sample = (image, BOXES, labels, scores, names, other, (7, 8, 9))
    _, boxes, labels, scores, names, other, three = chain(*sample)
    assert boxes.tolist() == [[2, 2, 18, 18]]
    assert type(boxes) is tv_tensors.BoundingBoxes
    assert labels.tolist() == [1]
    assert scores.tolist() == [[2, 2]]
    assert names == ["b"]
    assert torch.equal(other, PIXELS), "another image is no row for each box"
    assert three == (7, 8, 9)


def test_what_stays_in_step_depends_on_no_count_without_boxes() -> None:
    _, _, labels = T.CenterCrop(20)(tv_tensors.Image(PIXELS), tv_tensors.Mask(PIXELS > 9), torch.arange(3))
    assert labels.tolist() == [0, 1, 2]


def painted(height: int, width: int) -> tuple[Any, dict[str, Any]]:
    """An image of that size with all that torchvision has types for, in canvases of that size."""
    size = (height, width)
    return tv_tensors.Image(torch.full((3, *size), 90, dtype=torch.uint8)), {
        "boxes": tv_tensors.BoundingBoxes([[3.0, 4, 20, 21], [10, 10, 30, 35]], format="XYXY", canvas_size=size),
        "masks": tv_tensors.Mask(torch.ones(2, *size, dtype=torch.uint8)),
        "keypoints": tv_tensors.KeyPoints([[[5.0, 5.0]], [[12.0, 12.0]]], canvas_size=size),
    }


def canvases(target: Any) -> set[tuple[int, int]]:
    """The sizes of the images that boxes, key points and masks say they are in."""
    assert [type(target[name]).__name__ for name in ("boxes", "keypoints", "masks")] == [
        "BoundingBoxes",
        "KeyPoints",
        "Mask",
    ]
    return {tuple(target[n].canvas_size) for n in ("boxes", "keypoints")} | {tuple(target["masks"].shape[-2:])}


SIZED = {
    "pad": T.Pad([1, 2, 3, 4]),
    "edge": T.Pad(3, padding_mode="edge"),
    "window": T.CenterCrop((20, 30)),
    "canvas": T.CenterCrop((60, 80)),
    "crop": T.RandomCrop((30, 35)),
    "resized crop": T.RandomResizedCrop((41, 42), scale=(0.9, 1.0)),
    "resize": T.Resize((13, 17)),
    "shorter": T.Resize(33),
    "longer": T.LongestMaxSize(33),
    "turn": T.RandomRotation((30, 30), expand=True),
    "quarter": T.RandomRotation((90, 90), expand=True),
    "transpose": T.Transpose(1.0),
    "zoom": T.RandomZoomOut(side_range=(2.0, 2.0), p=1.0),
    "jitter": T.ScaleJitter((50, 50)),
    "box": T.LetterBox((50, 51)),
    "iou": T.RandomIoUCrop(),
    "safe": T.BBoxSafeRandomCrop(),
    "group": T.RandomOrder([T.Resize(35), T.Pad(2)]),
    "theirs": T.Compose([v2.Resize((29, 31))]),
    "both": T.Compose([T.Pad(2), v2.Pad(1), T.Resize((30, 30)), T.ColorJitter(0.4)]),
}


@pytest.mark.parametrize("name", SIZED)
def test_canvases_are_as_large_as_the_image_is_then(name: str) -> None:
    from PIL import Image

    image, target = painted(40, 60)
    for kind in (image, image.float(), np.zeros((40, 60, 3), np.uint8), Image.new("RGB", (60, 40))):
        made, after = SIZED[name](kind, target)
        assert canvases(after) == {tuple(T.functional.get_size(made))}
    assert canvases(target) == {(40, 60)}


def test_padded_masks_stay_masks() -> None:
    _, targets = DetectionCollate(pad_images=True)([painted(40, 60), painted(50, 45)])
    for target in targets:
        assert type(target["masks"]) is tv_tensors.Mask
        assert tuple(target["masks"].shape[-2:]) == (50, 60)


def test_canvases_of_joined_images_are_the_whole() -> None:
    samples = [painted(40, 60), painted(50, 45), painted(64, 64)]
    for joined, size in ((T.Mosaic(samples, (72, 80)), (72, 80)), (T.CopyPaste(samples, p=1.0), (40, 60))):
        image, target = joined[0]
        assert tuple(image.shape[-2:]) == size
        assert canvases(target) == {size}


@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
def test_canvases_of_mixed_images_are_without_their_padding(mix: Any) -> None:
    samples = [painted(40, 60), painted(50, 45)]
    _, targets = mix()(*DetectionCollate(pad_images=True)(samples))
    for target in targets:
        size = tuple(target["size"].tolist())
        assert {target["boxes"].canvas_size, target["keypoints"].canvas_size} == {size}
        assert type(target["boxes"]) is tv_tensors.BoundingBoxes
    _, targets = mix()(*DetectionCollate()([painted(40, 60)] * 2))
    for target in targets:
        assert canvases(target) == {(40, 60)}


@pytest.mark.parametrize(
    "transform", [T.Resize((80, 120)), T.CenterCrop((20, 30)), T.RandomAffine(0, scale=(0.5, 0.5))]
)
def test_an_area_stays_what_the_data_set_says_as_in_torchvision(transform: Any) -> None:
    target = {"boxes": boxes_in([[20, 12, 40, 28]]), "area": torch.tensor([320.0])}
    _, after = transform(tv_tensors.Image(PIXELS), target)
    assert not torch.equal(after["boxes"], target["boxes"])
    assert after["area"].tolist() == [320]
    _, theirs = v2.Resize((80, 120))(tv_tensors.Image(PIXELS), target)
    assert theirs["area"].tolist() == [320]


@pytest.mark.parametrize("make", [lambda data: T.Mosaic(data, (30, 40)), lambda data: T.CopyPaste(data, p=1.0)])
def test_an_image_of_torchvisions_comes_out_of_joined_samples_as_one(make: Any) -> None:
    plain = [(image.as_subclass(torch.Tensor), target) for image, target in (painted(40, 50), painted(35, 45))]
    for seed in range(3):
        torch.manual_seed(seed)
        image, target = make([painted(40, 50), painted(35, 45)])[0]
        torch.manual_seed(seed)
        expected, _ = make(plain)[0]
        assert type(image) is tv_tensors.Image
        assert type(expected) is torch.Tensor
        assert torch.equal(image, expected)
        assert canvases(target) == {tuple(image.shape[-2:])}


@pytest.mark.parametrize(("ours", "theirs"), [(T.MixUp, v2.MixUp), (T.CutMix, v2.CutMix)])
def test_images_of_torchvisions_come_out_of_mixed_batches_as_such(ours: Any, theirs: Any) -> None:
    images = tv_tensors.Image(torch.rand(2, 3, 40, 50))
    targets = [painted(40, 50)[1] for _ in range(2)]
    labels = torch.tensor([0, 1])
    for mixed in (ours(num_classes=2)(images, labels), theirs(num_classes=2)(images, labels), ours()(images, targets)):
        assert type(mixed[0]) is tv_tensors.Image
    assert type(ours(num_classes=2)(torch.rand(2, 3, 8, 8), labels)[0]) is torch.Tensor

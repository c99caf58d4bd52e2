"""What v2 transforms are given of a sample: its targets, and only those that it has; and what is taken from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision_without_kernels import tv_tensors, v2

from fastload import transforms as T
from fastload.transforms._masks import with_planes

HEIGHT, WIDTH = 100, 200
IMAGE = torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8)
BOXES = [[20.0, 10, 60, 30], [100, 50, 140, 90]]


def target_of(boxes: list[list[float]], masks: Any) -> dict[str, Any]:
    return {"boxes": torch.tensor(boxes), "labels": list("abcdefgh")[: len(boxes)], "masks": masks}


def planes() -> torch.Tensor:
    masks = torch.zeros(2, HEIGHT, WIDTH, dtype=torch.uint8)
    for mask, (left, top, right, bottom) in zip(masks, np.array(BOXES, dtype=int).tolist(), strict=True):
        mask[top:bottom, left:right] = 1
    return masks


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "Compose": lambda step: v2.Compose([step]),
    "RandomChoice": lambda step: v2.RandomChoice([step]),
    "RandomApply": lambda step: v2.RandomApply([step], p=1.0),
    "RandomOrder": lambda step: v2.RandomOrder([step]),
    "Sequential": lambda step: torch.nn.Sequential(v2.Identity(), v2.Compose([step])),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_fastloads_steps_in_torchvisions_containers_drop_objects_with_their_masks(holder: str) -> None:
    chain = T.Compose([HOLDERS[holder](T.CenterCrop((60, 80)))])  # columns 60 to 140, rows 20 to 80
    _, moved = chain(IMAGE, target_of(BOXES, planes()))
    assert moved["labels"] == ["b"]
    assert moved["boxes"].tolist() == [[40, 30, 80, 60]]
    assert torch.equal(moved["masks"], planes()[1:, 20:80, 60:140])


@pytest.mark.parametrize("boxes", [BOXES, BOXES[:1], []])
@pytest.mark.parametrize(
    "step", [T.CenterCrop((60, 80)), v2.Compose([v2.CenterCrop((60, 80))]), v2.CenterCrop((60, 80))]
)
def test_the_one_mask_of_an_image_is_no_objects(step: Any, boxes: Any) -> None:
    numbers = torch.arange(HEIGHT * WIDTH, dtype=torch.int32).reshape(HEIGHT, WIDTH)
    chain = T.Compose([v2.Compose([step, v2.SanitizeBoundingBoxes(min_size=15)])])
    target = {
        **target_of(boxes, numbers),
        "labels": torch.arange(len(boxes)),
        "boxes": torch.tensor(boxes).reshape(-1, 4),
    }
    _, moved = chain(IMAGE, target)
    assert moved["labels"].tolist() == list(range(len(boxes)))[1:]
    assert torch.equal(moved["masks"], numbers[20:80, 60:140])


def test_as_many_objects_as_the_image_has_rows() -> None:
    boxes = [[float(column), 1, column + 3, 4] for column in range(0, 40, 5)]
    numbers = torch.arange(8 * 40).reshape(8, 40)
    target = {"boxes": torch.tensor(boxes), "labels": torch.arange(8), "masks": numbers}
    chain = T.Compose([v2.Compose([v2.RandomHorizontalFlip(0.0), v2.SanitizeBoundingBoxes(min_size=5)])])
    _, moved = chain(IMAGE[:, :8, :40], target)
    assert (moved["boxes"].tolist(), moved["masks"].tolist()) == ([], numbers.tolist())


def test_masks_that_come_out_in_another_shape_are_an_error() -> None:
    chain = T.Compose([v2.Lambda(lambda mask: mask[..., :5], tv_tensors.Mask)])
    with pytest.raises(ValueError, match=r"a mask .*\(100, 200\).*\(100, 5\)"):
        chain(IMAGE, target_of(BOXES, planes()))


@pytest.mark.parametrize("mask", [torch.zeros(2, 4, 5), [np.zeros((4, 5))] * 2, np.zeros((1, 2, 4, 5))])
def test_too_few_masks_are_an_error_and_no_end_of_an_iteration(mask: Any) -> None:
    with pytest.raises(ValueError, match="fewer masks came out of the transform than went into it"):
        with_planes(mask, iter([np.zeros((4, 5))]), (4, 5))


AS_KINDS: dict[str, Callable[[torch.Tensor], Any]] = {
    "tensor": lambda masks: masks,
    "array": lambda masks: masks.numpy(),
    "list": list,
    "torchvision's": tv_tensors.Mask,
}


@pytest.mark.parametrize("kind", AS_KINDS)
@pytest.mark.parametrize(
    ("step", "dtype"),
    [
        (lambda: v2.ToDtype({tv_tensors.Mask: torch.int64, "others": None}), torch.int64),
        (lambda: v2.Lambda(lambda mask: (mask > 0).bool(), tv_tensors.Mask), torch.bool),
        (lambda: v2.Lambda(lambda mask: mask / 2, tv_tensors.Mask), torch.float32),
        (lambda: v2.RandomHorizontalFlip(0.0), torch.uint8),
    ],
)
def test_masks_come_out_in_the_type_that_a_step_gives_them(step: Any, dtype: torch.dtype, kind: str) -> None:
    made = T.Compose([step()])(IMAGE, target_of(BOXES, AS_KINDS[kind](planes())))[1]["masks"]
    assert type(made) is type(AS_KINDS[kind](planes()))
    assert [torch.as_tensor(mask).dtype for mask in made] == [dtype, dtype]
    values = torch.stack([torch.as_tensor(mask) for mask in made])
    assert torch.equal(values, planes() / 2 if dtype == torch.float32 else planes().to(dtype))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int8])
def test_masks_of_all_types_stay_so(dtype: torch.dtype) -> None:
    moved = T.Compose([v2.RandomHorizontalFlip(1.0)])(IMAGE, target_of(BOXES, planes().to(dtype)))[1]["masks"]
    assert moved.dtype == dtype
    assert torch.equal(moved, planes().to(dtype).flip(-1))


def test_masks_that_are_pil_images_stay_so() -> None:
    mask = Image.fromarray(planes()[0].numpy())
    step = v2.ToDtype({tv_tensors.Mask: torch.int64, "others": None})
    made = T.Compose([step])(IMAGE, {"masks": [mask]})[1]["masks"][0]
    assert (made.mode, np.asarray(made).tolist()) == ("L", planes()[0].tolist())


def sample_of_two() -> tuple[torch.Tensor, dict[str, Any]]:
    return IMAGE, {"boxes": torch.tensor(BOXES), "labels": torch.tensor([1, 2])}


@pytest.mark.parametrize("getter", [lambda sample: sample[1]["labels"], None])
def test_labels_that_fastload_would_not_find_again_are_refused(getter: Any) -> None:
    chain = T.Compose([v2.Compose([v2.CenterCrop((60, 80)), v2.SanitizeBoundingBoxes(labels_getter=getter)])])
    with pytest.raises(ValueError, match=r"labels_getter.*T\.SanitizeBoundingBoxes\(\)"):
        chain(*sample_of_two())
    _, moved = T.Compose([v2.CenterCrop((60, 80)), T.SanitizeBoundingBoxes()])(*sample_of_two())
    assert moved["labels"].tolist() == [2]


def test_key_points_are_not_dropped() -> None:
    chain = T.Compose([v2.Compose([v2.CenterCrop((60, 80)), v2.SanitizeKeyPoints()])])
    with pytest.raises(ValueError, match=r"SanitizeKeyPoints.*leave it out"):
        chain(IMAGE, {"keypoints": torch.tensor([[100.0, 50], [5, 5]])})


def test_boxes_that_go_without_their_labels_are_an_error() -> None:
    chain = T.Compose([v2.Lambda(lambda boxes: boxes[:1], tv_tensors.BoundingBoxes)])
    with pytest.raises(ValueError, match="2 boxes went into the transform with their labels, and 1 came out with 2"):
        chain(*sample_of_two())

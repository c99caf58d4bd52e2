"""What is the image in a sample, what belongs to its objects, and the same rules for boxes in every kind of image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T

FLIP = T.RandomHorizontalFlip(1.0)
IMAGE = np.arange(40 * 60 * 3, dtype=np.uint32).astype(np.uint8).reshape(40, 60, 3)
BOXES = torch.tensor([[10.0, 5, 30, 25], [20, 15, 40, 25]])


def planes() -> torch.Tensor:
    return torch.from_numpy(IMAGE.copy()).permute(2, 0, 1).contiguous()


@pytest.mark.parametrize("name", ["boxes", "bboxes", "masks", "mask", "keypoints", "labels"])
def test_a_target_is_never_the_image(name: str) -> None:
    target = {
        "boxes": BOXES,
        "bboxes": BOXES,
        "masks": torch.zeros(2, 40, 60),
        "mask": torch.zeros(40, 60),
        "keypoints": torch.ones(2, 3, 2),
        "labels": torch.arange(2),
    }[name]
    after = T.Compose([FLIP])({name: target, "pixel_values": planes()})
    assert torch.equal(after["pixel_values"], planes().flip(-1))
    if name == "boxes":
        assert after["boxes"].tolist() == [[30, 5, 50, 25], [20, 15, 40, 25]]


def test_a_mask_in_a_pil_image_is_not_the_image() -> None:
    from PIL import Image

    mask = Image.fromarray((IMAGE[:, :, 0] > 99).astype(np.uint8))
    after = FLIP({"mask": mask, "picture": IMAGE})
    assert np.array_equal(after["picture"], IMAGE[:, ::-1])
    assert np.array_equal(np.asarray(after["mask"]), np.asarray(mask)[:, ::-1])


def test_a_sample_of_targets_has_no_image() -> None:
    with pytest.raises(TypeError, match=r"no PIL image.*boxes: Tensor, labels: Tensor.*none"):
        FLIP({"boxes": BOXES, "labels": torch.arange(2)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", torch.arange(3)),
        ("labels", ["a"]),
        ("area", np.ones(3)),
        ("iscrowd", torch.zeros(1)),
        ("scores", torch.zeros(3)),
        ("masks", torch.zeros(3, 40, 60)),
        ("masks", torch.zeros(3, 1, 40, 60)),
        ("masks", np.zeros((1, 2, 1, 40, 60))),
        ("keypoints", torch.zeros(1, 4, 3)),
    ],
)
def test_values_of_objects_must_be_as_many_as_boxes(name: str, value: Any) -> None:
    target = {"boxes": BOXES, name: value}
    for chain in (T.Compose([T.CenterCrop(20)]), T.Compose([T.ColorJitter(0.2)])):
        for image in (IMAGE, planes() / 255):
            with pytest.raises(ValueError, match=rf"'{name}' has {len(value)} entries and 'boxes' has 2"):
                chain(image, target)


def test_fields_say_what_must_be_as_many() -> None:
    target = {"boxes": BOXES, "labels": torch.arange(3), "ids": [4, 5]}
    _, after = T.Compose([T.CenterCrop(12)], boxes=T.BoxParams(fields=("ids",)))(IMAGE, target)
    assert after["labels"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="'ids' has 1 entries and 'boxes' has 2"):
        T.Compose([FLIP], boxes=T.BoxParams(fields=("ids",)))(IMAGE, {"boxes": BOXES, "ids": [4]})
    masks = [np.zeros((40, 60))] * 3
    assert len(FLIP(IMAGE, {"boxes": BOXES, "masks": masks})[1]["masks"]) == 3, "a list may be of the image"
    with pytest.raises(ValueError, match="'masks' has 3 entries and 'boxes' has 2"):
        T.Compose([FLIP], boxes=T.BoxParams(fields=("masks",)))(IMAGE, {"boxes": BOXES, "masks": masks})


@pytest.mark.parametrize("fields", [None, ("labels",), ("labels", "masks")])
@pytest.mark.parametrize("axes", [(), (1,), (2,), (1, 2)])
def test_masks_of_objects_may_have_any_number_of_axes(axes: tuple[int, ...], fields: Any) -> None:
    boxes = torch.tensor([[1.0, 1, 3, 3], [25, 15, 35, 25]])
    masks = torch.arange(2).reshape(2, *(1 for _ in axes), 1, 1).expand(2, *axes, 40, 60).clone()
    target = {"boxes": boxes, "labels": torch.arange(2), "masks": masks}
    for kind in (masks, masks.numpy()):
        crop = T.Compose([T.CenterCrop(20)], boxes=T.BoxParams(fields=fields))
        _, after = crop(IMAGE, {**target, "masks": kind})
        assert after["labels"].tolist() == [1]
        assert after["masks"].shape == (1, *axes, 20, 20)
        assert (after["masks"] == 1).all()


POINTS = [[21.0, 11], [30, 20], [39, 29]]


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_key_points_of_the_image_stay_where_fields_do_not_name_them(kind: Any) -> None:
    boxes = torch.tensor([[1.0, 1, 3, 3], [25, 15, 35, 25], [4, 4, 6, 6]])
    target = {"boxes": boxes, "labels": [0, 1, 2], "keypoints": kind(POINTS)}
    for fields, left in ((("labels",), [0, 1, 2]), (("labels", "keypoints"), [1]), (None, [1])):
        _, after = T.Compose([T.CenterCrop(20)], boxes=T.BoxParams(fields=fields))(IMAGE, target)
        assert after["labels"] == [1]
        assert np.asarray(after["keypoints"]).tolist() == [[POINTS[n][0] - 20, POINTS[n][1] - 10] for n in left]
    stacks = {**target, "keypoints": kind([[point] for point in POINTS])}
    _, after = T.Compose([T.CenterCrop(20)], boxes=T.BoxParams(fields=("labels",)))(IMAGE, stacks)
    assert np.asarray(after["keypoints"]).tolist() == [[[10, 10]]], "a stack is of the objects, whatever is named"


KINDS = {"8 bits": lambda: IMAGE, "floats": lambda: planes() / 255, "16 bits": lambda: IMAGE.astype(np.int16)}
STILL = {
    "colours": lambda: T.Compose([T.ColorJitter(0.2)]),
    "nothing": lambda: T.Compose([T.Identity()]),
    "never": lambda: T.Compose([T.RandomApply([T.ColorJitter(0.2)], p=0.0)]),
    "tensor": lambda: T.Compose([T.ToImage()]),
    "then a crop": lambda: T.Compose([T.ToImage(), T.ColorJitter(0.2), T.CenterCrop((40, 60))]),
}


def kinds_for(name: str) -> list[str]:
    return [kind for kind in KINDS if kind != "16 bits" or name in ("nothing", "never", "tensor")]


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in STILL for kind in kinds_for(name)])
def test_the_same_rules_where_nothing_moves(name: str, kind: str) -> None:
    boxes = torch.tensor([[-5.0, 5, 30, 25], [500, 0, 510, 9], [3, 3, 3, 8], [20, 15, 40, 25]])
    points = torch.tensor([[[1.0, 1, 2]], [[70, 1, 2]], [[1, 1, 2]], [[61, 1, 2]]])
    target = {"boxes": boxes, "labels": torch.arange(4), "keypoints": points, "masks": torch.ones(4, 40, 60)}
    _, after = STILL[name]()(KINDS[kind](), target)
    assert after["boxes"].tolist() == [[0, 5, 30, 25], [20, 15, 40, 25]]
    assert after["labels"].tolist() == [0, 3]
    assert after["keypoints"].tolist() == [[[1, 1, 2]], [[61, 1, 0]]]
    assert after["masks"].shape == (2, 40, 60)
    for bad, rule in (([10.0, 2, 3, 4], "x1 <= x2"), ([0, 0, 5, float("nan")], "finite")):
        with pytest.raises(ValueError, match=rf"box 1 of 2 .*{rule}"):
            STILL[name]()(KINDS[kind](), {"boxes": torch.tensor([[1.0, 1, 2, 2], bad])})


def test_a_batch_keeps_the_targets_of_its_images() -> None:
    batch = {"image": torch.rand(2, 3, 40, 60), "boxes": [BOXES, BOXES[:1]], "labels": [torch.arange(2), [7]]}
    for chain in (T.Normalize([0.5] * 3, [0.5] * 3), T.RandomApply([T.Normalize([0.5] * 3, [0.5] * 3)], p=1.0)):
        assert chain(batch)["boxes"] is batch["boxes"]


def test_boxes_and_points_in_bfloat16() -> None:
    target = {"boxes": BOXES.bfloat16(), "keypoints": torch.ones(2, 1, 2, dtype=torch.bfloat16)}
    for image in (IMAGE, planes() / 255):
        _, after = FLIP(image, target)
        assert after["boxes"].dtype == after["keypoints"].dtype == torch.bfloat16
        assert after["boxes"].tolist() == [[30, 5, 50, 25], [20, 15, 40, 25]]


def test_a_bad_key_point_is_called_one() -> None:
    points = torch.tensor([[[1.0, 2], [float("nan"), 3]]])
    with pytest.raises(ValueError, match=r"^object 0 of 1: key point 1 of 2 is \(nan, 3\): its numbers must be finite"):
        FLIP(IMAGE, {"keypoints": points})


def test_targets_have_names_a_level_deeper_too() -> None:
    boxes = torch.tensor([[1.0, 2, 5, 6]])
    image = np.zeros((10, 20, 3), np.uint8)
    flip = T.RandomHorizontalFlip(1.0)
    assert flip({"image": image, "target": {"boxes": boxes}})["target"]["boxes"].tolist() == [[15, 2, 19, 6]]
    _, target = flip(image, {"ann": {"boxes": boxes}, "id": 3})
    assert target["ann"]["boxes"].tolist() == [[15, 2, 19, 6]]
    assert target["id"] == 3


def test_a_list_of_dicts_passes_through() -> None:
    # Annotations as COCO has them, or the targets of a batch: names in them are not those of the sample.
    annotations = [{"keypoints": [1, 2, 2], "segmentation": [[1.0, 2, 3, 4, 5, 6]]}, {"boxes": torch.ones(1, 4)}]
    assert T.RandomHorizontalFlip(1.0)(np.zeros((10, 20, 3), np.uint8), annotations)[1] is annotations


def test_names_keep_their_order() -> None:
    sample = {"image": np.zeros((10, 20, 3), np.uint8), "boxes": torch.ones(0, 4), "id": 1}
    assert list(T.RandomHorizontalFlip(1.0)(sample)) == ["image", "boxes", "id"]

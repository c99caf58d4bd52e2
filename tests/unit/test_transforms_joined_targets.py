"""Targets of samples that are joined: masks of whole images, key points that are covered, and targets without rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.joined import FIELDS, Painted, check, pasting
from support.painted import painted

from fastload import transforms as T


def test_masks_of_whole_images_are_put_together_too() -> None:
    data = T.Mosaic(Painted(segments=True), 200, boxes=FIELDS)
    for seed in range(5):
        torch.manual_seed(seed)
        image, target = data[seed]
        marked = target["segmentation_mask"].numpy() > 0
        assert marked.shape == (200, 200)
        # Of a resized image, borders between colours are neither.
        assert ((image != 90).any(axis=-1) != marked).mean() < 0.12
        assert marked.any()


@pytest.mark.parametrize("kind", ["array", "pil", "tensor"])
def test_masks_of_whole_images_are_pasted_too(kind: str) -> None:
    data = pasting(Painted(kind, segments=True))
    others = 0
    for seed in range(20):
        torch.manual_seed(seed)
        image, target = data[seed % 6]
        check(image, target, slack=1.3)
        marked = target["segmentation_mask"].numpy() > 0
        assert np.array_equal(marked, (target["masks"].numpy() > 0).any(axis=0))
        others += any(label // 2 != seed % 6 for label in target["labels"].tolist())
    assert others > 10


def test_key_points_are_visible_where_their_object_is_seen() -> None:
    """Five in each object, none of them on a border of pixels, told by the colour at each."""

    class Pointed(Painted):
        def __getitem__(self, index: int) -> Any:
            image, target = super().__getitem__(index)
            parts = torch.tensor([[0.12, 0.13], [0.88, 0.12], [0.51, 0.53], [0.13, 0.87], [0.86, 0.89]])
            low, high = target["boxes"][:, None, :2], target["boxes"][:, None, 2:]
            places = (low + parts * (high - low)).floor() + 0.5
            return image, {**target, "keypoints": torch.cat([places, torch.full((len(low), 5, 1), 2.0)], dim=2)}

    data = pasting(Pointed())
    seen: dict[tuple[bool, bool], int] = {}
    for seed in range(60):
        torch.manual_seed(seed)
        image, target = data[seed % 6]
        for label, points, mask in zip(target["labels"].tolist(), target["keypoints"], target["masks"], strict=True):
            for x, y, visibility in points.tolist():
                if not (0 <= x < image.shape[1] and 0 <= y < image.shape[0]):
                    assert visibility == 0
                    continue
                row, column, is_own = int(y), int(x), label // 2 == seed % 6
                is_there = bool(mask[row, column])
                seen[is_own, is_there] = seen.get((is_own, is_there), 0) + 1
                is_near = mask[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].any()
                if is_own or is_there or not is_near:
                    assert visibility == (2 if is_there else 0), (seed, label, x, y)
    assert seen[True, True] > 100
    assert seen[True, False] > 5
    assert seen[False, True] > 100


def test_key_points_on_the_border_of_a_pasted_object_are_its_own() -> None:
    image, target = Painted()[4]
    corners = torch.cat([target["boxes"].reshape(2, 2, 2), torch.full((2, 2, 1), 2.0)], dim=2)
    target = {**target, "keypoints": corners}
    without = {name: value[:0] for name, value in target.items() if name != "image_id"}
    whole = 0
    for seed in range(20):
        torch.manual_seed(seed)
        data = pasting([(image, {**without, "image_id": 1}), (image, target)], scale=(1.0, 1.0 + 1e-9))
        made, found = data[0]  # of the same size: pixels are moved, not resized
        for points, box in zip(found["keypoints"], found["boxes"].tolist(), strict=True):
            if min(box) > 1 and box[2] < made.shape[1] - 1 and box[3] < made.shape[0] - 1:
                assert points[:, 2].tolist() == [2, 2]
                whole += 1
    assert whole > 5


def test_crowds_are_not_pasted() -> None:
    class Crowds(Painted):
        def __getitem__(self, index: int) -> Any:
            image, target = super().__getitem__(index)
            return image, {**target, "iscrowd": torch.ones(len(target["labels"]), dtype=torch.int64)}

    data = T.CopyPaste(Crowds(), p=1.0, p_object=1.0, boxes=FIELDS)
    for index in range(len(data)):
        assert data[index][1]["labels"].tolist() == Painted()[index][1]["labels"].tolist()


def test_empty_targets_are_welcome() -> None:
    class Sparse(Painted):
        def __getitem__(self, index: int) -> Any:
            image, target = super().__getitem__(index)
            if index % 2:
                kept = {name: value[:0] for name, value in target.items() if name not in ("image_id",)}
                target = {**kept, "image_id": index}
            return image, target

    for data in (T.Mosaic(Sparse(), 120, boxes=FIELDS), T.CopyPaste(Sparse(), p=1.0, boxes=FIELDS)):
        for index in range(len(data)):
            check(*data[index], slack=1.01)


def empty_rows(name: str, value: Any) -> Any:
    """No entries, in the shape that whoever makes them of nothing gives them."""
    if not isinstance(value, torch.Tensor) or name == "masks":
        return value[:0]
    return torch.zeros(0, 0, 3) if name == "keypoints" else torch.zeros(0)


@pytest.mark.parametrize("empty", [(0,), (1,), (0, 1), (1, 2, 3, 4, 5)])
@pytest.mark.parametrize("make", [lambda data: T.Mosaic(data, 120, boxes=FIELDS), pasting])
def test_targets_without_rows_say_nothing_of_their_shape(empty: Any, make: Any) -> None:
    class Sparse(Painted):
        def __getitem__(self, index: int) -> Any:
            image, target = super().__getitem__(index)
            if index in empty:
                kept = {name: empty_rows(name, value) for name, value in target.items() if name != "image_id"}
                target = {**kept, "image_id": index}
            return image, target

    data = make(Sparse())
    for seed in range(12):
        torch.manual_seed(seed)
        image, target = data[seed % 2]
        if len(target["boxes"]):
            check(image, target, slack=1.3)
            assert target["labels"].dtype == torch.int64
        assert not {label // 2 for label in target["labels"].tolist()} & set(empty)


def test_masks_of_objects_may_have_an_axis_more() -> None:
    class Deeper(Painted):
        def __getitem__(self, index: int) -> Any:
            image, target = super().__getitem__(index)
            return image, {**target, "masks": target["masks"][:, None]}

    for make in (pasting, lambda data: T.Mosaic(data, 64, boxes=FIELDS)):
        for seed in range(6):
            made = []
            for data in (Painted(), Deeper()):
                torch.manual_seed(seed)
                made.append(make(data)[seed])
            (image, target), (other_image, other) = made
            assert np.array_equal(image, other_image)
            assert torch.equal(target["labels"], other["labels"])
            assert torch.equal(target["masks"][:, None], other["masks"])


def test_key_points_of_several_numbers_are_refused() -> None:
    class Odd(Painted):
        def __getitem__(self, index: int) -> Any:
            image, target = super().__getitem__(index)
            return image, {**target, "keypoints": torch.ones(2, 1 + index, 3)}

    message = r"'keypoints' must be of one shape but .* got \(2, \d, 3\) and \(2, \d, 3\)"
    for data in (T.Mosaic(Odd(), 64, boxes=FIELDS), pasting(Odd())):
        with pytest.raises(ValueError, match=message):
            [data[0] for _ in range(20)]


def test_labels_must_be_of_one_type_and_as_many_as_boxes() -> None:
    boxes = torch.tensor([[1.0, 1, 19, 19]])
    image = painted(20, 20, [])
    mixed = [(image, {"boxes": boxes, "labels": labels}) for labels in (torch.tensor([1]), [1])]
    data = T.Mosaic(mixed, 64, boxes="xyxy")
    with pytest.raises(TypeError, match=r"'labels' must be of one type .* got (list and Tensor|Tensor and list)"):
        [data[0] for _ in range(20)]
    with pytest.raises(ValueError, match="'labels' has 2 entries and 'boxes' has 1"):
        T.Mosaic([(image, {"boxes": boxes, "labels": torch.tensor([1, 2])})], 64)[0]


SWAPS = T.BoxParams(keypoint_swaps=((0, 1),))


class People(torch.utils.data.Dataset[Any]):
    """One person each, whose hand on the left is red and the other's key point."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        image = np.zeros((60, 60, 3), dtype=np.uint8)
        image[20:30, 12:22], image[20:30, 38:48] = (255, 0, 0), (0, 0, 255)
        mask = np.zeros((1, 60, 60), dtype=np.uint8)
        mask[0, 10:50, 10:50] = 1
        points = np.array([[[17, 25, 2], [43, 25, 2]]], dtype=np.float32)
        boxes = np.array([[10, 10, 50, 50]], dtype=np.float32)
        return image, {"boxes": boxes, "labels": np.array([1]), "masks": mask, "keypoints": points}


def unchanged(**options: Any) -> Any:
    return T.Compose([T.RandomHorizontalFlip(0.0)], **options)


@pytest.mark.parametrize(
    "make",
    [
        lambda: T.Mosaic(pasting(People(), boxes=SWAPS), 120, p=0.0, transform=unchanged(boxes=SWAPS)),
        lambda: T.Mosaic(pasting(People(), boxes=SWAPS), 120, p=0.0, transform=unchanged()),
        lambda: pasting(People(), boxes=None, transform=unchanged(boxes=SWAPS)),
        lambda: pasting(People(), boxes=T.BoxParams(keypoint_swaps=((1, 0),)), transform=unchanged(boxes=SWAPS)),
    ],
)
def test_pasted_key_points_keep_their_sides(make: Any) -> None:
    data, seen = make(), 0
    for seed in range(30):
        torch.manual_seed(seed)
        for left, right in data[0][1]["keypoints"]:
            if left[2] > 0 and right[2] > 0:
                assert left[0] < right[0]
                seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    "make",
    [
        lambda: T.Mosaic(T.CopyPaste(People(), transform=None), 120, transform=unchanged(boxes=SWAPS)),
        lambda: T.Mosaic(T.CopyPaste(People()), 120, boxes=SWAPS),
        lambda: T.Mosaic(T.Mosaic(T.CopyPaste(People()), 120), 120, transform=unchanged(boxes=SWAPS)),
        lambda: T.CopyPaste(People(), boxes="xyxy", transform=unchanged(boxes=SWAPS)),
        lambda: T.CopyPaste(People(), boxes=T.BoxParams(keypoint_swaps=((0, 2),)), transform=unchanged(boxes=SWAPS)),
    ],
)
def test_a_mirror_that_lacks_the_swaps_of_what_follows_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"CopyPaste mirrors key points with keypoint_swaps=.* give it the same"):
        make()

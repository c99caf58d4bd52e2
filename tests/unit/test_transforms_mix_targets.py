"""Targets of batches that are mixed: boxes beyond their image, targets without rows, weights, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.mixed import MODES, batch, check_seen, pixels_of
from support.painted import BACKGROUND, colour_of

from fastload import transforms as T
from fastload.collate import DetectionCollate
from fastload.collate._by_image import by_image
from fastload.transforms._boxes import edges_of, written


@pytest.mark.parametrize("mode", MODES)
def test_weights_go_on_to_the_next_mix(mode: str) -> None:
    torch.manual_seed(0)
    images, targets = T.MixUp()(*batch(mode))
    _, twice = T.MixUp()(images, targets)
    for target in by_image(twice, 4):
        assert len(target["weights"]) == len(target["labels"])
    _, cut = T.CutMix(boxes=T.BoxParams(fields=("labels",)))(images, targets)
    for number, target in enumerate(by_image(cut, 4)):
        known = {
            label: weight
            for one in (by_image(targets, 4)[which] for which in (number, number - 1))
            for label, weight in zip(one["labels"].tolist(), one["weights"].tolist(), strict=True)
        }
        assert all(weight > 0 for weight in target["weights"].tolist())
        assert set(target["labels"].tolist()) <= known.keys()
        assert len(target["weights"]) == len(target["labels"])


@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
@pytest.mark.parametrize("empty", [(0,), (3,), (0, 2), (0, 1, 2, 3)])
def test_targets_without_rows_say_nothing_of_their_shape(mix: Any, empty: Any) -> None:
    images, targets = batch("list")
    for number in empty:
        images[number] = torch.tensor(BACKGROUND)[:, None, None]
        none = {"boxes": torch.zeros(0), "labels": torch.zeros(0), "keypoints": torch.zeros(0, 0, 3)}
        targets[number].update(none, masks=targets[number]["masks"][:0], mask=torch.zeros(56, 66, dtype=torch.int64))
    for seed in range(4):
        torch.manual_seed(seed)
        made, mixed = mix()(images, targets)
        for number, target in enumerate(mixed):
            if mix is T.CutMix and len(target["labels"]):
                check_seen(pixels_of(made[number]), target)
            both = [one["labels"].tolist() for one in (targets[number], targets[number - 1])]
            assert mix is T.CutMix or target["labels"].tolist() == both[0] + both[1]
            assert target["labels"].dtype == torch.int64 or not any(both)


def test_a_mask_of_the_image_is_none_of_the_objects_because_there_is_one() -> None:
    """(1, H, W) of an image with one object and of one with three."""
    images, targets = batch("list")
    of_objects = ("boxes", "labels", "keypoints", "masks")
    few = [{name: target[name][:count] for name in of_objects} for target, count in ((targets[1], 1), (targets[0], 3))]
    for target, whole in zip(few, (targets[1], targets[0]), strict=True):
        target["mask"] = whole["mask"][None]
    for seed in range(6):
        torch.manual_seed(seed)
        made, mixed = T.CutMix()(images[[1, 0]], few)
        for image, target in zip(made, mixed, strict=True):
            for label in range(9):
                is_there = (pixels_of(image) == colour_of(label)).all(axis=-1)
                assert np.array_equal(target["mask"][0].numpy() == label + 1, is_there)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
def test_masks_of_objects_may_have_an_axis_more(mode: str, mix: Any) -> None:
    images, targets = batch("list")
    with_an_axis = [{**target, "masks": target["masks"][:, None]} for target in targets]
    samples = (list(zip(images, some, strict=True)) for some in (targets, with_an_axis))
    batches = [DetectionCollate(mode, pad_images=True)(one) for one in samples]
    for seed in range(4):
        made = []
        for one in batches:
            torch.manual_seed(seed)
            made.append(by_image(mix()(*one)[1], 4))
        for target, other in zip(*made, strict=True):
            assert torch.equal(target["boxes"], other["boxes"])
            assert torch.equal(target["labels"], other["labels"])
            assert torch.equal(target["masks"][:, None], other["masks"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
@pytest.mark.parametrize("box", [(1, 2, float("nan"), 9), (1, 2, float("inf"), 9), (20, 3, 10, 9), (2, 9, 8, 3)])
def test_a_box_that_is_none_is_named_with_its_image(mode: str, mix: Any, box: Any) -> None:
    images, targets = batch("list")
    targets[2]["boxes"][3] = torch.tensor(box)
    _, collated = DetectionCollate(mode)(list(zip(images, targets, strict=True)))
    with pytest.raises(ValueError, match=r"image 2 of the batch: box 3 of 4 is \("):
        mix()(images, collated)


BEYOND = [(-5, 4, 24, 20), (50, 30, 90, 80), (66, 5, 80, 20), (5, 56, 20, 60), (-9, -9, 0, 0), (10, 10, 20, 10)]

SEEN = {0: (0, 4, 24, 20), 1: (50, 30, 66, 56)}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("box_format", ["xyxy", "cxcywh_normalized"])
@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
@pytest.mark.parametrize("padded", [False, True])
def test_boxes_end_at_the_border_of_their_image(mode: str, box_format: str, mix: Any, padded: bool) -> None:
    size = (56, 66)
    target = {
        "boxes": torch.from_numpy(written(np.array(BEYOND, np.float64), box_format, size).astype(np.float32)),
        "labels": torch.arange(6),
        "masks": (torch.arange(6, dtype=torch.uint8)[:, None, None] + 1).repeat(1, *size),
        "keypoints": torch.arange(6.0)[:, None, None].repeat(1, 1, 3),
    }
    other = (60, 70) if padded else size
    none = {**{name: value[:0] for name, value in target.items()}, "masks": torch.zeros(0, *other, dtype=torch.uint8)}
    batch = DetectionCollate(mode, pad_images=True)([(torch.ones(3, *size), target), (torch.zeros(3, *other), none)])
    torch.manual_seed(1)
    for after in by_image(mix(boxes=box_format)(*batch)[1], 2):
        height, width = after.get("size", torch.tensor(size)).tolist()
        scale = [width, height] * 2 if box_format != "xyxy" else 1
        boxes = edges_of(after["boxes"].numpy().astype(np.float64), box_format) * scale
        labels = after["labels"].tolist()
        assert set(labels) <= SEEN.keys()
        for label, box in zip(labels, boxes, strict=True):
            left, top, right, bottom = SEEN[label]
            assert np.allclose(np.clip(box, [left, top] * 2, [right, bottom] * 2), box, atol=1e-4)
            assert mix is T.CutMix or np.allclose(box, SEEN[label], atol=1e-4)
        assert mix is T.CutMix or labels == [0, 1]
        assert [int(mask.max()) - 1 for mask in after["masks"]] == labels
        assert len(after["keypoints"]) == len(boxes)


def test_objects_of_which_too_little_is_within_the_image_go() -> None:
    target = {"boxes": torch.tensor([[-30.0, 0, 10, 8], [-10, 0, 30, 8]]), "labels": torch.arange(2)}
    images, targets = torch.rand(1, 3, 8, 40), [target]
    for least, left in ((0.0, [0, 1]), (0.3, [1])):
        _, (after,) = T.MixUp(boxes=T.BoxParams(min_visibility=least))(images, targets)
        assert after["labels"].tolist() == left
        assert after["boxes"].tolist() == [[[0, 0, 10, 8], [0, 0, 30, 8]][label] for label in left]
    _, (after,) = T.MixUp(boxes=T.BoxParams(clip=False))(images, targets)
    assert torch.equal(after["boxes"], target["boxes"])
    turned = torch.tensor([[0.0, 0, 90, 90, 30]])
    _, (after,) = T.MixUp(boxes="cxcywhr")(images, [{"boxes": turned}])
    assert torch.equal(after["boxes"], turned)


@pytest.mark.parametrize("mode", MODES)
def test_weights_are_the_parts_of_the_pixels_however_often_images_are_mixed(mode: str) -> None:
    """Image i has nothing but a 1 in channel i, and one object that is labelled i."""
    samples = [
        (one[:, None, None].expand(3, 4, 4), {"boxes": torch.tensor([[0.0, 0, 4, 4]]), "labels": torch.tensor([label])})
        for label, one in enumerate(torch.eye(3))
    ]
    for seed in range(5):
        torch.manual_seed(seed)
        images, targets = DetectionCollate(mode)(samples)
        for times in (1, 2, 3):
            images, targets = T.MixUp()(images, targets)
            for image, target in zip(images, by_image(targets, 3), strict=True):
                assert len(target["weights"]) == 2**times
                sums = torch.zeros(3).index_add(0, target["labels"], target["weights"])
                assert torch.allclose(sums, image[:, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("mix", "change", "message"),
    [
        (T.MixUp(), lambda images, targets: (list(images), targets), r"\(N, C, H, W\) to be mixed, got list"),
        (T.MixUp(), lambda images, targets: (images, targets[:3]), "got 3 for 4"),
        (T.MixUp(), lambda images, targets: (images, [{**targets[0], "more": 1}, *targets[1:]]), "sample 1 has"),
        (
            T.MixUp(),
            lambda images, targets: (images, [{"labels": t["labels"]} for t in targets]),
            "MixUp needs targets",
        ),
        (
            T.CutMix(),
            lambda images, targets: (images, [{"masks": t["masks"]} for t in targets]),
            "CutMix needs targets",
        ),
        (
            T.CutMix(boxes="cxcywhr"),
            lambda images, targets: (images, [{"boxes": torch.ones(1, 5)} for _ in targets]),
            "rotated boxes",
        ),
        (
            T.CutMix(),
            lambda images, targets: (images, [{**t, "masks": t["masks"][:, None].repeat(1, 2, 1, 1)} for t in targets]),
            r"one mask of each object, .* got shape \(3, 2, 56, 66\)",
        ),
    ],
)
def test_what_cannot_be_mixed_is_said(mix: Any, change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mix(*change(*batch("list")))


def test_cutmix_shows_the_points_of_which_it_shows_the_pixel() -> None:
    """A point for each pixel, at the corner that the pixel begins at: those of the borders of rectangles among them."""
    height, width = 12, 16
    images = torch.stack([torch.zeros(3, height, width), torch.ones(3, height, width)])
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(width), np.arange(height)))
    points = torch.from_numpy(np.stack([x, y, np.full_like(x, 2)], axis=-1).astype(np.float32))[None]
    boxes = torch.tensor([[0.0, 0, width, height]])
    targets = [{"boxes": boxes, "labels": torch.tensor([label]), "keypoints": points} for label in (0, 1)]
    pasted = 0
    for seed in range(20):
        torch.manual_seed(seed)
        mixed, found = T.CutMix()(images, targets)
        for image, target in zip(mixed[:, 0].numpy(), found, strict=True):
            pasted += len(target["labels"]) == 2
            for label, its in zip(target["labels"].tolist(), target["keypoints"].numpy(), strict=True):
                assert np.array_equal(its[:, 2] == 2, image[y, x] == label)
    assert pasted > 10


def test_cutmix_counts_what_is_seen_of_masks_not_of_boxes() -> None:
    """An object whose mask is one corner of its box, and one whose mask is the opposite corner."""
    images = torch.stack([torch.zeros(3, 40, 40), torch.ones(3, 40, 40)])
    masks = torch.zeros(2, 40, 40, dtype=torch.uint8)
    masks[0, 4:14, 4:14] = masks[1, 26:36, 26:36] = 1
    masks[:, 4, 4] = masks[:, 35, 35] = 1  # so that the mask's box is the object's
    boxes, labels = torch.tensor([[4.0, 4, 36, 36]] * 2), torch.arange(2)
    targets = [{"boxes": boxes, "labels": labels + 2 * number, "masks": masks} for number in range(2)]
    kept = {True: 0, False: 0}
    for seed in range(40):
        torch.manual_seed(seed)
        mixed, found = T.CutMix(boxes=T.BoxParams(min_visibility=0.5))(images, targets)
        for number in range(2):
            is_own = mixed[number, 0] == number
            for whose, seen in ((number, is_own), (1 - number, ~is_own)):
                for label in range(2):
                    part = float((masks[label] * seen).sum() / masks[label].sum())
                    is_there = label + 2 * whose in found[number]["labels"].tolist()
                    assert is_there == (part >= 0.5), (seed, number, whose, label, part)
                    kept[is_there] += 0 < part < 1
    assert min(kept.values()) > 10

"""Batches with objects mixed: what a target says is found again by the colours in its image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.mixed import BOXES, FIRST, MODES, SIZES, batch, check_seen, pixels_of
from support.painted import colour_of

from fastload import transforms as T
from fastload.collate import DetectionCollate
from fastload.collate._by_image import by_image
from fastload.transforms._boxes import edges_of


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("box_format", ["xyxy", "xywh", "cxcywh_normalized"])
@pytest.mark.parametrize("sizes", [None, SIZES])
def test_cutmix_keeps_what_is_seen_of_objects(mode: str, masks: bool, box_format: str, sizes: Any) -> None:
    for seed in range(4):
        torch.manual_seed(seed)
        before, before_targets = batch(mode, sizes, box_format, masks)
        images, targets = T.CutMix(boxes=box_format)(before.clone(), before_targets)
        for number, target in enumerate(by_image(targets, 4)):
            image = pixels_of(images[number])
            check_seen(image, target, box_format)
            assert target["image_id"] == 70 + number
            padding = (before[number] == 0).all(dim=0)
            assert torch.equal((images[number] == 0).all(dim=0), padding), "no padding is pasted, none covered"


@pytest.mark.parametrize("masks", [True, False])
def test_cutmix_drops_what_is_hardly_seen(masks: bool) -> None:
    """Of its own as of the pasted objects, by their masks or by their boxes, which are full of pixels here."""
    dropped = {True: 0, False: 0}
    for seed in range(16):
        torch.manual_seed(seed)
        before, targets = batch("padded", masks=masks)
        images, mixed = T.CutMix(boxes=T.BoxParams(min_visibility=0.5))(before, targets)
        for number, target in enumerate(by_image(mixed, 4)):
            image, parts = pixels_of(images[number]), {}
            for which in (number, number - 1):
                for label, box in enumerate(BOXES[which], FIRST[which]):
                    whole = (box[2] - box[0]) * (box[3] - box[1])
                    parts[label] = (image == colour_of(label)).all(axis=-1).sum() / whole
            gone = [label for label, part in parts.items() if part < 0.5]
            for label in gone:
                is_own = label in range(FIRST[number], FIRST[number] + len(BOXES[number]))
                dropped[is_own] += bool(parts[label] > 0)
            assert sorted(target["labels"].tolist()) == sorted(parts.keys() - set(gone))
    assert min(dropped.values()) > 3


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("box_format", ["xyxy", "cxcywh_normalized"])
@pytest.mark.parametrize("sizes", [None, SIZES])
def test_mixup_keeps_the_objects_of_both_and_weighs_them_as_their_pixels(
    mode: str, box_format: str, sizes: Any
) -> None:
    before, before_targets = batch(mode, sizes, box_format)
    alone = by_image(before_targets, 4)
    for seed in range(2):
        torch.manual_seed(seed)
        images, targets = T.MixUp(alpha=1.5, boxes=box_format)(before, before_targets)
        for number, target in enumerate(by_image(targets, 4)):
            own, other = alone[number], alone[number - 1]
            assert torch.equal(target["labels"], torch.cat([own["labels"], other["labels"]]))
            assert torch.equal(target["masks"], torch.cat([own["masks"], other["masks"]]))
            assert torch.equal(target["mask"], own["mask"])
            assert target["weights"].dtype == torch.float32
            for label, weight in zip(target["labels"].tolist(), target["weights"].tolist(), strict=True):
                mine, others = (number, number - 1) if label in own["labels"].tolist() else (number - 1, number)
                expected = weight * before[mine] + (1 - weight) * before[others]
                assert torch.allclose(images[number], expected, atol=0.01)
            height, width = target.get("size", torch.tensor([56, 66])).tolist()
            if sizes:
                assert torch.equal(target["image_mask"], own["image_mask"] | other["image_mask"])
                assert (height, width) == tuple(np.maximum(sizes[number], sizes[number - 1]))
            edges = edges_of(target["boxes"].numpy().astype(np.float64), box_format)
            edges = edges * ([width, height] * 2 if box_format.endswith("_normalized") else 1)
            assert np.allclose(edges, BOXES[number] + BOXES[number - 1], atol=1e-4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
def test_batches_come_out_in_the_form_that_they_came_in(mode: str, mix: Any) -> None:
    for labels_getter in ("default", None):
        before = batch(mode, SIZES)
        images, targets = mix(labels_getter=labels_getter)(list(before))
        parts = [(one, two) for one, two in zip(before[1], targets, strict=True)] if mode == "list" else []
        for one, two in parts or [(before[1], targets)]:
            assert two.keys() - {"weights"} == one.keys()
            for name in one:
                assert type(two[name]) is type(one[name])
                assert getattr(two[name], "dtype", None) == getattr(one[name], "dtype", None)
        again, _ = mix()(images, targets)
        assert again.shape == images.shape


def test_one_image_stays_as_it_is() -> None:
    images, targets = batch("list")
    for mix in (T.MixUp(), T.CutMix()):
        alone, (target,) = mix(images[:1], targets[:1])
        assert torch.equal(alone, images[:1])
        assert torch.equal(target["boxes"], targets[0]["boxes"])
        assert target.get("weights", torch.ones(3)).tolist() == [1, 1, 1]


def test_without_any_object() -> None:
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    for mode in MODES:
        collated = DetectionCollate(mode)([(torch.zeros(3, 9, 9), empty)] * 2)
        for mix in (T.MixUp(), T.CutMix()):
            assert [len(target["boxes"]) for target in by_image(mix(*collated)[1], 2)] == [0, 0]


def test_a_getter_of_labels_makes_it_a_batch_of_labels() -> None:
    images, targets = batch("padded")
    targets["scene"] = torch.tensor([0, 1, 2, 3])
    _, mixed = T.MixUp(num_classes=4, labels_getter=lambda batch: batch[1]["scene"])(images, targets)
    assert mixed["scene"].shape == (4, 4)
    assert torch.equal(mixed["boxes"], targets["boxes"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "mixes", [(T.MixUp, T.CutMix), (T.CutMix, T.MixUp), (T.MixUp, T.MixUp), (T.MixUp, T.CutMix) * 2]
)
def test_the_mask_of_images_is_where_there_are_pixels_after_every_mix(mode: str, mixes: Any) -> None:
    sizes = [(12, 40), (40, 12), (25, 25)]  # of which no one holds another
    target = {"boxes": torch.tensor([[1.0, 1, 9, 9]]), "labels": torch.tensor([1])}
    samples = [(torch.rand(3, *size) + 0.5, dict(target)) for size in sizes]
    for seed in range(20):
        torch.manual_seed(seed)
        images, targets = DetectionCollate(mode, pad_images=True)(samples)
        for mix in mixes:
            images, targets = mix()(images, targets)
        for image, one in zip(images, by_image(targets, 3), strict=True):
            assert one["image_mask"].shape == (40, 40)
            assert one["image_mask"].dtype == torch.bool
            assert torch.equal(one["image_mask"], (image > 0).all(dim=0)), seed


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
def test_values_of_the_image_stay_its_own_where_fields_are_named(mode: str, mix: Any) -> None:
    cameras, counts = torch.tensor([[1, 2], [3, 4], [5, 6]]), (2, 1, 2)
    samples = [
        (torch.rand(3, 20, 20), {"boxes": torch.tensor([[1.0, 1, 9, 9]] * count), "camera": camera})
        for count, camera in zip(counts, cameras, strict=True)
    ]
    batch = DetectionCollate(mode, fields=())(samples)
    _, targets = mix(boxes=T.BoxParams(fields=()))(*batch)
    found = targets["camera"] if mode != "list" else torch.stack([target["camera"] for target in targets])
    assert torch.equal(found, cameras)


def scaled(mode: str, counts: tuple[int, ...], scale: Any, **options: Any) -> tuple[torch.Tensor, Any]:
    """A batch of so many objects in each image, and a value of the image."""
    samples = [
        (torch.rand(3, 8, 8), {"boxes": torch.tensor([[1.0, 1, 7, 7]] * n), "labels": torch.arange(n), "scale": scale})
        for n in counts
    ]
    return DetectionCollate(mode, **options)(samples)


def values_of(targets: Any, name: str) -> Any:
    return targets[name] if isinstance(targets, dict) else [target[name] for target in targets]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
@pytest.mark.parametrize("counts", [(2, 1), (1, 2), (3, 2), (2, 2), (1, 1), (2, 2, 2), (1, 3, 2), (2, 0)])
@pytest.mark.parametrize("values", [(1.0, 2.0), (1.0, 0.0)])
def test_values_of_the_image_are_left_alone_or_refused(mode: str, mix: Any, counts: Any, values: Any) -> None:
    scale = torch.tensor(values)
    images, targets = scaled(mode, counts, scale, fields=["labels"])
    _, named = mix(boxes=T.BoxParams(fields=("labels",)))(images, targets)
    assert all(torch.equal(one, scale) for one in values_of(named, "scale"))
    looks_like_rows = {
        "list": set(counts) == {2},
        "padded": max(counts) == 2 and not any(any(values[count:]) for count in counts),
        "packed": sum(counts) == len(counts),
    }
    if looks_like_rows[mode]:
        with pytest.raises(ValueError, match=r"'scale' .*boxes=BoxParams\(fields=\['labels'\]\)$"):
            mix()(images, targets)
        return
    _, mixed = mix()(images, targets)
    assert all(torch.equal(one, scale) for one in values_of(mixed, "scale"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
def test_values_of_objects_go_with_them_or_are_refused(mode: str, mix: Any) -> None:
    for counts in [(2, 1), (2, 2), (1, 1), (3, 0)]:
        samples = [
            (torch.rand(3, 8, 8), {"boxes": torch.tensor([[1.0, 1, 7, 7]] * n), "speed": torch.rand(n) + 1})
            for n in counts
        ]
        images, targets = DetectionCollate(mode, fields=["speed"])(samples)
        torch.manual_seed(0)
        _, named = mix(boxes=T.BoxParams(fields=("speed",)))(images, targets)
        for number, target in enumerate(by_image(named, 2, ("speed",))):
            both = samples[number][1]["speed"].tolist() + samples[number - 1][1]["speed"].tolist()
            assert len(target["speed"]) == len(target["boxes"])
            assert set(target["speed"].tolist()) <= set(both)
            assert mix is T.CutMix or target["speed"].tolist() == both
        if mode == "padded" or (counts in [(2, 2), (1, 1)] and (mode == "list" or counts == (1, 1))):
            with pytest.raises(ValueError, match=r"'speed' .*boxes=BoxParams\(fields=\['speed'\]\)"):
                mix()(images, targets)
            continue
        torch.manual_seed(0)
        _, mixed = mix()(images, targets)
        for one, other in zip(values_of(mixed, "speed"), values_of(named, "speed"), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("mode", MODES)
def test_lists_of_names_go_with_their_objects(mode: str) -> None:
    samples = [
        (torch.rand(3, 8, 8), {"boxes": torch.tensor([[1.0, 1, 7, 7]] * len(names)), "names": list(names)})
        for names in ("ab", "c")
    ]
    _, targets = T.MixUp()(*DetectionCollate(mode)(samples))
    assert list(map(list, values_of(targets, "names"))) == [["a", "b", "c"], ["c", "a", "b"]]


@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
def test_boxes_in_a_batch_of_another_form_are_refused(mix: Any) -> None:
    images, boxes, labels = torch.rand(2, 3, 8, 8), torch.rand(2, 1, 4), torch.tensor([[3], [7]])
    target = {"boxes": boxes, "labels": labels}
    forms: list[Any] = [
        {"image": images, **target},
        {"image": images, "target": target},
        (images, target),
        [images, {"bboxes": [boxes]}],
        (images, labels, target),
        {"image": images, "keypoints": boxes},
    ]
    for form in forms:
        for labels_getter in ("default", None):
            with pytest.raises(ValueError, match=r"in this batch: .*as DetectionCollate makes it"):
                mix(labels_getter=labels_getter)(form)
    mixed = mix(labels_getter=lambda batch: batch[1]["labels"][:, 0], num_classes=8)((images, target))
    assert mixed[1]["boxes"] is boxes

"""Batches with objects mixed: what a target says is found again by the colours in its image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.painted import BACKGROUND, colour_of, found

from fastload import transforms as T
from fastload.collate import DetectionCollate
from fastload.collate._by_image import by_image
from fastload.transforms._boxes import edges_of, written

MODES = ("list", "padded", "packed")
# Of each image; the last one has none.
BOXES = [
    [(4, 6, 24, 20), (30, 10, 60, 44), (5, 30, 25, 50)],
    [(10, 8, 46, 40), (50, 2, 62, 50)],
    [(2, 2, 12, 12), (20, 4, 50, 16), (16, 22, 60, 34), (8, 40, 30, 52)],
    [],
]
FIRST = [0, 3, 5, 9]  # object's number in all of the batch, which is its label and its colour
SIZES = [(54, 64), (60, 64), (54, 80), (54, 64)]


def batch(mode: str, sizes: Any = None, box_format: str = "xyxy", masks: bool = True) -> tuple[torch.Tensor, Any]:
    """Images as (N, 3, H, W) float32 levels; masks are of the objects, a map has the label + 1 of each pixel."""
    samples = []
    for number, (boxes, (height, width)) in enumerate(zip(BOXES, sizes or [(56, 66)] * 4, strict=True)):
        pixels = np.empty((height, width, 3), np.uint8)
        pixels[:] = BACKGROUND
        planes, labels = np.zeros((len(boxes), height, width), bool), FIRST[number] + np.arange(len(boxes))
        for label, plane, (left, top, right, bottom) in zip(labels, planes, boxes, strict=True):
            pixels[top:bottom, left:right] = colour_of(int(label))
            plane[top:bottom, left:right] = True
        edges = np.array(boxes, np.float64).reshape(-1, 4)
        target = {
            "image_id": 70 + number,
            "boxes": torch.from_numpy(written(edges, box_format, (height, width)).astype(np.float32)),
            "labels": torch.from_numpy(labels),
            "keypoints": torch.full((len(boxes), 2, 3), 2.0),
        }
        corners = np.concatenate([edges[:, :2] + 3, edges[:, 2:] - 3], axis=1)
        target["keypoints"][..., :2] = torch.from_numpy(corners.reshape(-1, 2, 2))
        if masks:
            target["masks"] = torch.from_numpy(planes)
            target["mask"] = torch.from_numpy((planes * (labels[:, None, None] + 1)).sum(axis=0))
        samples.append((torch.from_numpy(pixels).permute(2, 0, 1).float(), target))
    return DetectionCollate(mode, pad_images=True)(samples)


def pixels_of(image: torch.Tensor) -> Any:
    return image.permute(1, 2, 0).numpy()


def check_seen(image: Any, target: dict[str, Any], box_format: str = "xyxy") -> None:
    """The target has the objects of which there are pixels in the image, and each is where its pixels are."""
    height, width = target.get("size", torch.tensor(image.shape[:2])).tolist()
    labels = target["labels"].tolist()
    assert sorted(labels) == [n for n in range(9) if found(image, n) is not None]
    boxes = edges_of(target["boxes"].numpy().astype(np.float64), box_format.removesuffix("_normalized"))
    boxes = boxes * ([width, height] * 2 if box_format.endswith("_normalized") else 1)
    for place, label in enumerate(labels):
        assert np.allclose(boxes[place], found(image, label), atol=1e-4)
        is_there = (image == colour_of(label)).all(axis=-1)
        if "masks" in target:
            assert np.array_equal(target["masks"][place].numpy(), is_there)
            assert np.array_equal(target["mask"].numpy() == label + 1, is_there)
        for x, y, visibility in target["keypoints"][place].int().tolist():
            assert visibility == (2 if is_there[y, x] else 0)


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


def test_cutmix_drops_what_is_hardly_seen() -> None:
    dropped = 0
    for seed in range(8):
        torch.manual_seed(seed)
        before, targets = batch("padded")
        images, mixed = T.CutMix(boxes=T.BoxParams(min_visibility=0.5))(before, targets)
        for number, target in enumerate(by_image(mixed, 4)):
            image, parts = pixels_of(images[number]), {}
            for which in (number, number - 1):
                for label, box in enumerate(BOXES[which], FIRST[which]):
                    whole = (box[2] - box[0]) * (box[3] - box[1])
                    parts[label] = (image == colour_of(label)).all(axis=-1).sum() / whole
            gone = [label for label, part in parts.items() if part < 0.5]
            dropped += sum(parts[label] > 0 for label in gone)
            assert sorted(target["labels"].tolist()) == sorted(parts.keys() - set(gone))
    assert dropped > 3


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


def test_a_getter_of_labels_makes_it_a_batch_of_labels() -> None:
    images, targets = batch("padded")
    targets["scene"] = torch.tensor([0, 1, 2, 3])
    _, mixed = T.MixUp(num_classes=4, labels_getter=lambda batch: batch[1]["scene"])(images, targets)
    assert mixed["scene"].shape == (4, 4)
    assert torch.equal(mixed["boxes"], targets["boxes"])


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
    ],
)
def test_what_cannot_be_mixed_is_said(mix: Any, change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mix(*change(*batch("list")))


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

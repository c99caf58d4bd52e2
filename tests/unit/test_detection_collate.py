"""Batches of images with objects: lists, padded, packed; every object where it belongs."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

import fastload
from fastload.collate import DetectionCollate, detection_collate
from fastload.collate._by_image import as_they_came, by_image

COUNTS = [2, 0, 3]


def samples(sizes: Any = ((4, 5), (4, 5), (4, 5))) -> list[Any]:
    made = []
    for number, (count, (height, width)) in enumerate(zip(COUNTS, sizes, strict=True)):
        target = {
            "image_id": number + 10,
            "boxes": torch.full((count, 4), float(number)) + torch.arange(count)[:, None],
            "labels": torch.arange(count) + 1,
            "name": f"image {number}",
        }
        made.append((torch.full((3, height, width), float(number)), target))
    return made


def test_lists_are_the_default() -> None:
    images, targets = fastload.detection_collate(samples())
    assert images.shape == (3, 3, 4, 5)
    assert [len(target["boxes"]) for target in targets] == COUNTS
    images, _ = detection_collate(samples(((4, 5), (6, 5), (4, 9))))
    assert [tuple(image.shape) for image in images] == [(3, 4, 5), (3, 6, 5), (3, 4, 9)]
    images, targets = detection_collate([{"image": image, **target} for image, target in samples()])
    assert images.shape == (3, 3, 4, 5)
    assert targets[2]["image_id"] == 12


def test_padded_images_know_where_they_end() -> None:
    sizes = ((4, 5), (6, 5), (4, 9))
    images, targets = DetectionCollate(pad_images=True, pad_value=-1)(samples(sizes))
    assert images.shape == (3, 3, 6, 9)
    for number, (height, width) in enumerate(sizes):
        assert targets[number]["size"].tolist() == [height, width]
        mask = targets[number]["image_mask"]
        assert mask.sum() == height * width
        assert (images[number][:, mask] == number).all()
        assert (images[number][:, ~mask] == -1).all()


def test_padded_targets() -> None:
    _, target = DetectionCollate("padded")(samples())
    assert target["boxes"].shape == (3, 3, 4)
    assert target["object_mask"].sum(dim=1).tolist() == COUNTS
    assert target["boxes"][2, :, 0].tolist() == [2, 3, 4]
    assert target["labels"][target["object_mask"]].tolist() == [1, 2, 1, 2, 3]
    assert target["image_id"].tolist() == [10, 11, 12]
    assert target["name"] == ["image 0", "image 1", "image 2"]


def test_packed_targets() -> None:
    _, target = DetectionCollate("packed")(samples())
    assert target["offsets"].tolist() == [0, 2, 2, 5]
    for number, (_, alone) in enumerate(samples()):
        begin, end = target["offsets"][number : number + 2].tolist()
        assert torch.equal(target["boxes"][begin:end], alone["boxes"])


def test_batches_without_any_object() -> None:
    alone = [samples()[1]] * 2
    assert DetectionCollate("padded")(alone)[1]["boxes"].shape == (2, 0, 4)
    assert DetectionCollate("packed")(alone)[1]["boxes"].shape == (0, 4)


def test_it_goes_through_workers() -> None:
    again = pickle.loads(pickle.dumps(DetectionCollate("packed", pad_images=True)))
    loader = fastload.DataLoader(samples(), batch_size=3, num_workers=1, collate_fn=again)  # type: ignore[arg-type]
    ((images, target),) = loader
    assert images.shape == (3, 3, 4, 5)
    assert target["offsets"].tolist() == [0, 2, 2, 5]


@pytest.mark.parametrize(
    ("change", "collate", "message"),
    [
        (lambda s: s.clear(), detection_collate, "at least one sample"),
        (lambda s: s.__setitem__(1, s[1][0]), detection_collate, "sample 1 must be"),
        (lambda s: s.__setitem__(1, {"boxes": 5}), detection_collate, "sample 1 is a dict without an image"),
        (lambda s: s[1][1].pop("labels"), DetectionCollate("packed"), "sample 1 has the fields"),
        (lambda s: s[2][1].update(boxes=torch.zeros(3, 5)), DetectionCollate("padded"), "sample 2: 'boxes' is"),
        (
            lambda s: s.__setitem__(1, (torch.zeros(1, 4, 9), s[1][1])),
            DetectionCollate(pad_images=True),
            "sample 1: its image is",
        ),
    ],
)
def test_what_does_not_fit_is_named(change: Any, collate: Any, message: str) -> None:
    batch = samples()
    change(batch)
    with pytest.raises((TypeError, ValueError), match=message):
        collate(batch)


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(ValueError, match="targets must be one of"):
        DetectionCollate("stacked")


def masked(sizes: Any = ((4, 5), (6, 5), (4, 9))) -> list[Any]:
    """Samples whose masks hold the number of their object, and whose map is 7 all over."""
    made = samples(sizes)
    for image, target in made:
        height, width = image.shape[1:]
        target["masks"] = target["labels"].to(torch.uint8)[:, None, None].expand(-1, height, width).clone()
        target["segmentation_mask"] = torch.full((height, width), 7)
    return made


@pytest.mark.parametrize("mode", ["list", "padded", "packed"])
def test_masks_are_padded_with_their_images(mode: str) -> None:
    images, targets = DetectionCollate(mode, pad_images=True)(masked())
    for number, (height, width) in enumerate([(4, 5), (6, 5), (4, 9)]):
        target = by_image(targets, 3)[number]
        assert target["masks"].shape == (COUNTS[number], *images.shape[-2:])
        assert target["segmentation_mask"].shape == images.shape[-2:]
        for mask, level in [(target["segmentation_mask"], 7), *zip(target["masks"], target["labels"], strict=True)]:
            assert (mask[:height, :width] == level).all()
            assert mask.sum() == level * height * width


def test_masks_of_arrays_are_padded_too() -> None:
    batch = masked()
    for _, target in batch:
        target["masks"] = target["masks"].numpy()
    _, targets = DetectionCollate(pad_images=True)(batch)
    assert [target["masks"].shape for target in targets] == [(2, 6, 9), (0, 6, 9), (3, 6, 9)]
    assert targets[2]["masks"][2, :4].max() == 3


def test_a_mask_of_another_size_than_its_image_is_named() -> None:
    batch = masked()
    batch[1][1]["segmentation_mask"] = torch.zeros(3, 5)
    with pytest.raises(ValueError, match=r"sample 1: 'segmentation_mask' is \(3, 5\), its image 6 x 5"):
        DetectionCollate(pad_images=True)(batch)


@pytest.mark.parametrize("mode", ["list", "padded", "packed"])
def test_a_batch_taken_apart_and_joined_again_is_the_same(mode: str) -> None:
    _, targets = DetectionCollate(mode, pad_images=True)(masked())
    again = as_they_came(targets, by_image(targets, 3))
    for before, after in zip(*((part if mode == "list" else [part]) for part in (targets, again)), strict=True):
        assert before.keys() == after.keys()
        for name, value in before.items():
            assert torch.equal(after[name], value) if isinstance(value, torch.Tensor) else after[name] == value


def test_maps_of_images_are_not_taken_for_masks_of_as_many_objects() -> None:
    batch = masked()[:2]  # two objects in two images, both of them in the first
    _, targets = DetectionCollate("packed", pad_images=True)(batch)
    assert [target["segmentation_mask"].shape for target in by_image(targets, 2)] == [(6, 5), (6, 5)]


def test_fields_say_what_belongs_to_objects() -> None:
    found = [(torch.zeros(3, 4, 5), {**target, "camera": torch.zeros(2)}) for _, target in samples()[::2]]
    found[1] = (found[1][0], {**samples()[0][1], "camera": torch.ones(2)})  # each has two objects now
    assert DetectionCollate("packed")(found)[1]["camera"].shape == (4,)
    for mode in ("padded", "packed"):
        collate = pickle.loads(pickle.dumps(DetectionCollate(mode, fields=["labels"])))
        target = collate(found)[1]
        assert target["camera"].tolist() == [[0, 0], [1, 1]]
        assert [one["camera"].tolist() for one in by_image(target, 2, ("labels",))] == [[0, 0], [1, 1]]
        assert len(target["boxes"].flatten(0, -2)) == len(target["labels"].flatten()) == 4
    found[1][1]["labels"] = torch.zeros(3)
    with pytest.raises(ValueError, match=r"sample 1: 'labels' has 3 entries and there are 2 objects"):
        DetectionCollate("packed", fields=["labels"])(found)
    with pytest.raises(TypeError, match=r"fields must be a sequence of names or None, got 'labels'"):
        DetectionCollate(fields="labels")  # type: ignore[arg-type]

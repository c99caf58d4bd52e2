"""Batches of images with objects: lists, padded, packed; every object where it belongs."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

import fastload
from fastload.collate import DetectionCollate, detection_collate

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

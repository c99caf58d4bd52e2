"""Batches of images with objects: lists, padded, packed; every object where it belongs."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

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


@pytest.mark.parametrize("mode", ["list", "padded", "packed"])
@pytest.mark.parametrize("of_arrays", [False, True])
def test_images_of_one_size_know_it_as_padded_ones_do(mode: str, of_arrays: bool) -> None:
    whole = [samples(), samples(((4, 5), (6, 5), (4, 9)))]
    if of_arrays:
        whole = [[(image.permute(1, 2, 0).numpy(), target) for image, target in batch] for batch in whole]
    for batch in (whole[0], whole[0][:1], whole[1]):
        _, targets = DetectionCollate(mode, pad_images=True)(batch)
        for (image, target), found in zip(batch, by_image(targets, len(batch)), strict=True):
            height, width = image.shape[:2] if of_arrays else image.shape[1:]
            assert found.keys() == target.keys() | {"size", "image_mask"}
            assert found["size"].tolist() == [height, width]
            assert found["size"].dtype == torch.int64
            assert found["image_mask"].dtype == torch.bool
            assert found["image_mask"].sum() == found["image_mask"][:height, :width].sum() == height * width
    _, targets = DetectionCollate(mode)(whole[0])
    assert "size" not in by_image(targets, 3)[0]


def test_masks_of_another_size_than_their_images_stay_where_nothing_is_padded() -> None:
    target = {"boxes": torch.ones(1, 4), "mask": torch.ones(2, 2)}
    _, targets = DetectionCollate(pad_images=True)([(torch.ones(3, 8, 8), target)] * 2)
    assert [one["mask"].shape for one in targets] == [(2, 2)] * 2


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


def targets_with(counts: list[int], **values: Any) -> list[Any]:
    """Samples with so many boxes and labels, and the same other values in each."""
    return [
        (torch.zeros(3, 8, 8), {"boxes": torch.ones(n, 4).cumsum(1), "labels": torch.arange(n), **values})
        for n in counts
    ]


def test_fields_say_what_belongs_to_objects() -> None:
    found = targets_with([2, 2], camera=torch.tensor([1.0, 2]))
    for mode in ("padded", "packed"):
        collate = pickle.loads(pickle.dumps(DetectionCollate(mode, fields=["labels"])))
        target = collate(found)[1]
        assert target["camera"].tolist() == [[1, 2], [1, 2]]
        assert [one["camera"].tolist() for one in by_image(target, 2, ("labels",))] == [[1, 2], [1, 2]]
        assert len(target["boxes"].flatten(0, -2)) == len(target["labels"].flatten()) == 4
    assert DetectionCollate("packed", fields=["labels", "camera"])(found)[1]["camera"].tolist() == [1, 2, 1, 2]
    found[1][1]["labels"] = torch.zeros(3)
    with pytest.raises(ValueError, match=r"sample 1: 'labels' has 3 entries and there are 2 objects"):
        DetectionCollate("packed", fields=["labels"])(found)
    with pytest.raises(TypeError, match=r"fields must be a sequence of names or None, got 'labels'"):
        DetectionCollate(fields="labels")  # type: ignore[arg-type]


def test_the_shape_of_a_value_of_the_image_does_not_depend_on_the_numbers_of_objects() -> None:
    scale = torch.tensor([1.0, 2])
    for counts in ([2, 3], [1, 2], [2, 2], [1, 1], [3, 3], [0, 2], [2, 0]):
        batch = targets_with(counts, scale=scale)
        assert torch.equal(DetectionCollate("padded")(batch)[1]["scale"], scale.expand(2, 2))
        named = DetectionCollate("packed", fields=["labels"])(batch)[1]
        assert torch.equal(named["scale"], scale.expand(2, 2))
        assert len(named["labels"]) == sum(counts)
        assert torch.equal(DetectionCollate("packed")(batch)[1]["scale"], scale.expand(2, 2))


def test_what_varies_with_the_objects_must_be_named_to_be_packed() -> None:
    batch = targets_with([2, 3])
    for _, target in batch:
        target["speed"] = torch.rand(len(target["labels"]), 2)
    with pytest.raises(ValueError, match=r"'speed' .*fields=\['labels', 'speed'\]; .*fields=\['labels'\]$"):
        DetectionCollate("packed")(batch)
    packed = DetectionCollate("packed", fields=["labels", "speed"])(batch)[1]
    assert torch.equal(packed["speed"], torch.cat([target["speed"] for _, target in batch]))
    assert DetectionCollate("padded")(batch)[1]["speed"].shape == (2, 3, 2)


@pytest.mark.parametrize("counts", [[2, 3], [2, 2], [1], [0, 2], [0, 0]])
def test_what_has_a_known_name_is_of_the_objects(counts: list[int]) -> None:
    batch = targets_with(counts)
    for _, target in batch:
        number = len(target["labels"])
        target.update(area=torch.rand(number), difficult=torch.zeros(number, dtype=torch.bool), ids=torch.rand(number))
    _, packed = DetectionCollate("packed")(batch)
    for name in batch[0][1]:
        assert torch.equal(packed[name], torch.cat([target[name] for _, target in batch]))


def test_a_known_value_of_another_length_is_refused() -> None:
    batch = targets_with([2, 3], area=torch.ones(2))
    for mode in ("padded", "packed"):
        with pytest.raises(ValueError, match=r"sample 1: 'area' has 2 entries and there are 3 objects"):
            DetectionCollate(mode)(batch)
    with pytest.raises(TypeError, match=r"sample 0: 'boxes' must have an entry for each object, got NoneType"):
        DetectionCollate("packed")([(torch.zeros(3, 4, 4), {"boxes": None})])


def as_arrays(value: Any) -> Any:
    return value.numpy() if isinstance(value, torch.Tensor) else value


def as_lists(value: Any) -> Any:
    return value.tolist() if isinstance(value, torch.Tensor) else value


def as_read_only(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    array = value.numpy()[::-1].copy()[::-1]
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("mode", ["padded", "packed"])
@pytest.mark.parametrize("counts", [[2, 3], [2, 2], [0, 3], [0, 0]])
@pytest.mark.parametrize("form", [as_arrays, as_lists, as_read_only])
def test_arrays_and_lists_are_collated_as_tensors_are(mode: str, counts: list[int], form: Any) -> None:
    batch = targets_with(counts, image_id=7, name="a", score_threshold=0.5)
    for number, (_, target) in enumerate(batch):
        target["masks"] = (torch.rand(len(target["labels"]), 8, 8) > 0.5).to(torch.int64)
        target["boxes"] += number / 4
    if form is as_lists:  # which do not say what is in them where nothing is
        batch = [(image, {name: value for name, value in target.items() if name != "masks"}) for image, target in batch]
    _, expected = DetectionCollate(mode)(batch)
    _, made = DetectionCollate(mode)(
        [(image, {name: form(value) for name, value in target.items()}) for image, target in batch]
    )
    assert made.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(made[name], value), name
            assert made[name].dtype == value.dtype or not any(counts)
        else:
            assert made[name] == value


def test_arrays_are_tensors_in_lists_of_targets_too() -> None:
    strange = np.array(["a", "b"])
    target = {"boxes": np.ones((2, 4), ">f4"), "labels": [1, 2], "texts": strange, "image_id": np.int64(3)}
    _, (made,) = detection_collate([(np.zeros((4, 5, 3), np.uint8), target)])
    assert torch.equal(made["boxes"], torch.ones(2, 4))
    assert made["texts"] is strange
    assert made["labels"] == [1, 2]
    assert isinstance(target["boxes"], np.ndarray), "the sample stays as it was"


def test_lists_of_whole_numbers_and_of_floats_are_of_one_type() -> None:
    for boxes in ([[[1, 2, 3, 4]], [[0.5, 1, 2, 3]]], [[(1, 2, 3, 4)], []], [[], []]):
        batch = [(torch.zeros(3, 4, 4), {"boxes": one, "labels": [5] * len(one)}) for one in boxes]
        _, packed = DetectionCollate("packed")(batch)
        rows = [row for one in boxes for row in one]
        assert torch.equal(packed["boxes"].float(), torch.tensor(rows, dtype=torch.float32).reshape(-1, 4))
        assert packed["labels"].tolist() == [5] * len(rows)
        assert DetectionCollate("padded")(batch)[1]["boxes"].shape == (2, max(map(len, boxes)), 4)


def test_lists_of_anything_but_numbers_stay_lists() -> None:
    for counts in ([2, 3], [2, 2]):
        batch = targets_with(counts)
        for _, target in batch:
            target["names"] = [f"object {label}" for label in target["labels"].tolist()]
            target["texts"] = np.array(target["names"], str)
            target["track_ids"] = [[0.0] * (1 + label) for label in target["labels"].tolist()]
        for mode in ("padded", "packed"):
            _, made = DetectionCollate(mode)(batch)
            assert made["names"] == [target["names"] for _, target in batch]
            assert all(one is target["texts"] for one, (_, target) in zip(made["texts"], batch, strict=True))
            assert made["track_ids"] == [target["track_ids"] for _, target in batch]


@pytest.mark.parametrize("mode", ["padded", "packed"])
@pytest.mark.parametrize("form", [list, lambda masks: [mask.numpy() for mask in masks]])
def test_lists_of_masks_are_collated_as_stacks_are(mode: str, form: Any) -> None:
    _, expected = DetectionCollate(mode, pad_images=True)(masked())
    batch = masked()
    for _, target in batch:
        target["masks"] = form(target["masks"])
    _, made = DetectionCollate(mode, pad_images=True)(batch)
    assert torch.equal(made["masks"], expected["masks"])
    assert made["masks"].dtype == expected["masks"].dtype


def test_no_objects_of_another_type_change_none_of_the_others() -> None:
    batch = targets_with([2, 0, 1])
    batch[1][1]["labels"] = torch.tensor([])  # float32, as torch makes it
    batch.reverse()
    for mode in ("padded", "packed"):
        for samples in (batch, batch[1:]):
            assert DetectionCollate(mode)(samples)[1]["labels"].dtype == torch.int64


def test_images_of_arrays_are_collated_as_default_collate_does_it() -> None:
    images = [np.full((4, 5, 3), number, np.uint8) for number in range(2)]
    batch = [(image, {"boxes": np.zeros((0, 4), np.float32)}) for image in images]
    made, _ = DetectionCollate()(batch)
    assert torch.equal(made, default_collate(images))
    assert made.shape == (2, 4, 5, 3)
    levels = [(image[:, :, 0], target) for image, target in batch]
    assert DetectionCollate()(levels)[0].shape == (2, 4, 5)


def test_images_of_arrays_are_padded_below_and_to_the_right() -> None:
    sizes = [(4, 5), (6, 3)]
    batch = [
        (np.full((*size, 3), 9, np.uint8), {"boxes": np.zeros((1, 4), np.float32), "masks": np.ones((1, *size), bool)})
        for size in sizes
    ]
    images, _ = DetectionCollate()(batch)
    assert [tuple(image.shape) for image in images] == [(4, 5, 3), (6, 3, 3)]
    images, target = DetectionCollate("padded", pad_images=True, pad_value=1)(batch)
    assert images.shape == (2, 6, 5, 3)
    assert target["size"].tolist() == [[4, 5], [6, 3]]
    assert target["masks"].shape == (2, 1, 6, 5)
    for image, mask, masks, (height, width) in zip(images, target["image_mask"], target["masks"], sizes, strict=True):
        assert (image[:height, :width] == 9).all()
        assert (image[~mask] == 1).all()
        assert mask.sum() == height * width
        assert torch.equal(masks[0], mask)
    with pytest.raises(ValueError, match=r"sample 1: its image is \(6, 3, 1\)"):
        DetectionCollate(pad_images=True)([batch[0], (batch[1][0][:, :, :1], batch[1][1])])

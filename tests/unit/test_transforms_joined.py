"""Samples of several samples: painted objects are found again where boxes, masks and points say that they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.joined import FIELDS, SIZES, Painted, as_array, check, pasting
from support.painted import extent, found, painted

from fastload import DataLoader
from fastload import transforms as T
from fastload.collate import detection_collate

NEAREST = T.InterpolationMode.NEAREST


@pytest.mark.parametrize("kind", ["array", "pil", "tensor"])
def test_a_mosaic_has_the_objects_of_four_images_in_place(kind: str) -> None:
    data = T.Mosaic(Painted(kind), (180, 240), boxes=replace(FIELDS, min_visibility=0.1))
    for seed in range(10):
        torch.manual_seed(seed)
        image, target = data[seed % len(data)]
        assert as_array(image).shape == (180, 240, 3)
        assert type(image) is type(Painted(kind)[0][0])
        assert target["image_id"] == seed % len(data)
        check(image, target, slack=1.01)
        assert len({label // 2 for label in target["labels"].tolist()}) > 1


class EachAnother(torch.utils.data.Dataset[Any]):
    """Whose images are each of another level, however often it is asked for the same one."""

    def __init__(self) -> None:
        self.count = 0

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Any:
        self.count += 1
        return np.full((20, 30, 3), self.count, np.uint8), {"boxes": torch.tensor([[0.0, 0, 30, 20]])}


@pytest.mark.parametrize("size", [(2, 2), (3, 2), (7, 40)])
@pytest.mark.parametrize("center_range", [(0.0, 1e-9), (1.0, 1.0), (0.0, 1.0)])
def test_a_mosaic_has_a_pixel_of_each_of_its_images_at_least(size: Any, center_range: Any) -> None:
    data = T.Mosaic(EachAnother(), size, center_range=center_range, boxes=FIELDS)
    for seed in range(10):
        torch.manual_seed(seed)
        data.dataset.count = 0
        image, target = data[0]
        assert image.shape[:2] == size
        corners = image[[0, 0, -1, -1], [0, -1, 0, -1], 0]
        assert sorted(corners.tolist()) == [1, 2, 3, 4]
        sides = target["boxes"][:, 2:] - target["boxes"][:, :2]
        assert sorted(sides.prod(dim=1).tolist()) == sorted((image[..., 0] == level).sum() for level in (1, 2, 3, 4))


def test_boxes_in_parts_of_the_sides_are_of_the_mosaics() -> None:
    plain, relative = Painted(), Painted()

    class Relative(Painted):
        def __getitem__(self, index: int) -> Any:
            image, target = relative[index]
            height, width = SIZES[index]
            target["boxes"] = target["boxes"] / torch.tensor([width, height, width, height])
            return image, target

    torch.manual_seed(3)
    _, expected = T.Mosaic(plain, (100, 200), boxes=FIELDS)[1]
    torch.manual_seed(3)
    _, target = T.Mosaic(Relative(), (100, 200), boxes=replace(FIELDS, format="xyxy_normalized"))[1]
    assert torch.allclose(target["boxes"] * torch.tensor([200, 100, 200, 100]), expected["boxes"], atol=1e-3)


def test_pasted_objects_hide_what_is_below() -> None:
    data = T.CopyPaste(Painted(), p=1.0, p_object=1.0, boxes=FIELDS)
    hidden = pasted = 0
    for seed in range(40):
        torch.manual_seed(seed)
        index = seed % len(data)
        image, target = data[index]
        assert image.shape[:2] == SIZES[index]
        check(image, target, slack=1.3)
        masks = target["masks"].numpy() > 0
        assert masks.sum(axis=0).max() <= 1, "masks overlap"
        own = sum(label // 2 == index for label in target["labels"].tolist())
        pasted += len(masks) - own
        before = Painted()[index][1]["masks"].sum()
        hidden += int(masks[:own].sum() < before)
    assert pasted > 20
    assert hidden > 3


@pytest.mark.parametrize(
    "make", [lambda: T.Mosaic(Painted(), 96, boxes=FIELDS), lambda: T.CopyPaste(Painted(), p=1.0, boxes=FIELDS)]
)
def test_results_do_not_depend_on_the_workers(make: Any) -> None:
    def epoch(**options: Any) -> list[Any]:
        torch.manual_seed(0)
        chain = T.Compose([T.Resize((64, 64)), T.ToTensor()])
        data = make()
        data.transform = chain
        loader = DataLoader(data, collate_fn=detection_collate, **{"batch_size": 2, **options})
        return [
            (image.sum().item(), target["boxes"].tolist())
            for images, targets in loader
            for image, target in zip(images, targets, strict=True)
        ]

    expected = epoch()
    assert epoch(num_workers=2) == expected
    assert epoch(num_workers=2, worker_type="thread") == expected
    assert epoch(batch_size=3) == expected


def test_without_probability_samples_stay_as_they_are() -> None:
    image, target = T.Mosaic(Painted(), p=0.0)[2]
    assert image.shape[:2] == SIZES[2]
    assert target["labels"].tolist() == [4, 5]


def test_bad_samples_and_arguments_are_refused() -> None:
    class NoMasks(Painted):
        def __getitem__(self, index: int) -> Any:
            image, target = super().__getitem__(index)
            del target["masks"]
            return image, target

    class Odd(Painted):
        def __getitem__(self, index: int) -> Any:
            image, target = super().__getitem__(index)
            return image, target if index == 1 else {"boxes": target["boxes"]}

    with pytest.raises(ValueError, match="a mask for each: this sample has 2 boxes and 0 masks"):
        T.CopyPaste(NoMasks(), p=1.0, boxes=FIELDS)[0]
    with pytest.raises(ValueError, match="2 boxes and 0 masks, beside 1 of the whole image"):
        T.CopyPaste(NoMasks(segments=True), p=1.0, boxes=FIELDS)[0]
    with pytest.raises(ValueError, match="must have the same targets"):
        T.Mosaic(Odd(), 64)[1]
    with pytest.raises(TypeError, match="needs samples with boxes"):
        T.Mosaic([(painted(20, 20, []), 3)], 64)[0]
    for size in (1, (1, 5)):
        with pytest.raises(ValueError, match=r"size must be at least 2 by 2.*got"):
            T.Mosaic(Painted(), size)
    with pytest.raises(TypeError, match="map-style"):
        T.Mosaic(iter([]))
    with pytest.raises(ValueError, match="center_range"):
        T.Mosaic(Painted(), center_range=(0.5, 1.5))
    with pytest.raises(ValueError, match=r"with 0 <= low <= high and high > 0, got \(0, 0\)"):
        T.Mosaic(Painted(), center_range=(0, 0))
    with pytest.raises(ValueError, match="scale"):
        T.CopyPaste(Painted(), scale=(0.0, 1.0))


RGB = np.full((20, 20, 3), 200, np.uint8)

PLANES = torch.from_numpy(RGB).permute(2, 0, 1)

ODD_PAIRS = {
    "levels and parts": (PLANES, PLANES / 255, r"uint8 \(H, W, 3\) and float32 \(H, W, 3\)"),
    "arrays of two types": (RGB, RGB / 255, r"uint8 \(H, W, 3\) and float64 \(H, W, 3\)"),
    "RGB and grey": (Image.fromarray(RGB), Image.fromarray(RGB[..., 0]), r"uint8 RGB and uint8 L"),
    "RGB and HSV": (Image.fromarray(RGB), Image.fromarray(RGB).convert("HSV"), r"uint8 RGB and uint8 HSV"),
    "no channels": (RGB, RGB[..., 0], r"uint8 \(H, W, 3\) and uint8 \(H, W\)"),
    "one channel": (RGB, RGB[..., :1], r"uint8 \(H, W, 3\) and uint8 \(H, W, 1\)"),
    "planes": (PLANES, PLANES[:1], r"uint8 \(H, W, 3\) and uint8 \(H, W, 1\)"),
}


@pytest.mark.parametrize("name", ODD_PAIRS)
@pytest.mark.parametrize("make", [lambda data: T.Mosaic(data, 64), lambda data: pasting(data, boxes=None)])
def test_images_of_several_types_are_refused(name: str, make: Any) -> None:
    one, other, message = ODD_PAIRS[name]
    masks = np.zeros((1, 20, 20), np.uint8)
    masks[:, 2:9, 2:9] = 1
    target = {"boxes": np.array([[2.0, 2, 9, 9]]), "masks": masks}
    data = make([(one, target), (other, target)])
    data.drawn = lambda draws: data.dataset[1]
    with pytest.raises(ValueError, match=f"images of one type and number of channels, got {message}: convert them"):
        data[0]


def test_images_that_are_alike_in_several_containers_are_joined() -> None:
    target = {"boxes": np.array([[2.0, 2, 9, 9]])}
    data = T.Mosaic([(RGB, target), (Image.fromarray(RGB), target), (PLANES, target)], 64)
    assert all((np.asarray(data[0][0]) == 200).all() for _ in range(10))


def test_the_colour_of_an_object_shows_where_its_box_is_in_a_mosaic_of_itself() -> None:
    """One image of one size: no resize, so that every pixel is to be found as it was."""
    image = painted(100, 100, [(10, 10, 40, 40), (50, 60, 90, 95)])
    data = T.Mosaic(
        [(image, {"boxes": np.array([[10.0, 10, 40, 40]]), "labels": [0]})], (200, 200), center_range=(0.5, 0.5)
    )
    torch.manual_seed(1)
    made, target = data[0]
    assert sorted(target["boxes"].tolist()) == [
        [10, 10, 40, 40],
        [10, 110, 40, 140],
        [110, 10, 140, 40],
        [110, 110, 140, 140],
    ]
    assert found(made, 0) == (10, 10, 140, 140)
    assert target["labels"] == [0, 0, 0, 0]


def one_colour(levels: list[int], side: int = 100) -> list[Any]:
    """Images of one level each, with a box of the whole image that is labelled with it."""
    whole = torch.tensor([[0.0, 0, side, side]])
    return [
        (np.full((side, side, 3), level, np.uint8), {"boxes": whole, "labels": torch.tensor([level])})
        for level in levels
    ]


def test_each_image_may_be_in_each_part_of_a_mosaic() -> None:
    data = T.Mosaic(one_colour([10, 200, 200, 200]), 200, center_range=(0.5, 0.5))
    data.drawn = lambda draws: data.dataset[1]  # type: ignore[method-assign]
    corners = []
    for seed in range(40):
        torch.manual_seed(seed)
        image, target = data[0]
        corners.append(found_level(image, 10)[:2])
        box = target["boxes"][target["labels"].tolist().index(10)]
        assert tuple(box.tolist()) == found_level(image, 10)
    counts = [corners.count(corner) for corner in [(0, 0), (100, 0), (0, 100), (100, 100)]]
    assert sum(counts) == 40
    assert min(counts) >= 3, counts  # of 10 each; fewer once in a thousand times


def found_level(image: Any, level: int) -> Any:
    return extent(image, (level, level, level))


class AsCoco(Painted):
    """The same boxes, as x, y, width, height."""

    def __getitem__(self, index: int) -> Any:
        image, target = super().__getitem__(index)
        target["boxes"][:, 2:] -= target["boxes"][:, :2]
        return image, target


@pytest.mark.parametrize("make", [lambda *a, **k: T.Mosaic(*a, (180, 240), **k), T.CopyPaste])
def test_boxes_are_written_as_the_transform_takes_them(make: Any) -> None:
    flip = [T.RandomHorizontalFlip(p=1.0)]
    fields = ("labels", "names")
    given = make(AsCoco(), p=1.0, boxes=T.BoxParams("coco", fields=fields))
    taken = make(AsCoco(), p=1.0, transform=T.Compose(flip, boxes=T.BoxParams("xywh", fields=fields)))
    for seed in range(10):
        torch.manual_seed(seed)
        image, target = given[seed % 6]
        expected, flipped = T.Compose(flip, boxes=T.BoxParams("coco", fields=fields))(image, target)
        torch.manual_seed(seed)
        made, other = taken[seed % 6]
        assert np.array_equal(made, expected)
        assert torch.equal(other["boxes"], flipped["boxes"])
        boxes = torch.cat([other["boxes"][:, :2], other["boxes"][:, :2] + other["boxes"][:, 2:]], dim=1)
        check(made, {**other, "boxes": boxes}, slack=1.3)


def test_thresholds_of_the_transform_are_for_what_comes_out_of_it() -> None:
    chain = T.Compose([T.Resize((400, 400))], boxes=T.BoxParams(min_width=20))
    data = T.Mosaic(one_colour([10, 10]), 20, center_range=(0.5, 0.5), transform=chain)
    assert len(data[0][1]["boxes"]) == 4, "each is 10 pixels wide in the mosaic, and 200 in the end"


@pytest.mark.parametrize("kind", [T.Mosaic, T.CopyPaste])
def test_a_transform_that_takes_boxes_otherwise_is_refused(kind: Any) -> None:
    chain = T.Compose([T.RandomHorizontalFlip()], boxes="coco")
    with pytest.raises(ValueError, match=r"boxes in the format 'yolo', and its transform takes them as 'coco'"):
        kind(AsCoco(), boxes="yolo", transform=chain)
    with pytest.raises(ValueError, match="in the format 'coco', and its transform takes them as 'xyxy'"):
        kind(AsCoco(), boxes="coco", transform=T.RandomHorizontalFlip())
    with pytest.raises(ValueError, match=r"its dataset takes them as 'xyxy': .*CopyPaste\(..., boxes='coco'\)"):
        kind(T.CopyPaste(AsCoco()), transform=chain)
    assert len(kind(T.CopyPaste(AsCoco(), boxes="coco"), transform=chain)) == 6
    data = kind(AsCoco(), boxes="yolo")
    data.transform = chain
    with pytest.raises(ValueError, match="in the format 'yolo'"):
        data[0]
    assert kind(AsCoco(), boxes="xywh", transform=chain).transform is chain
    assert kind(AsCoco(), boxes="coco", transform=lambda image, target: (image, target)).p == kind(AsCoco()).p


@pytest.mark.parametrize("make", [lambda *a, **k: T.Mosaic(*a, 60, **k), lambda *a, **k: T.CopyPaste(*a, p=1.0, **k)])
def test_values_of_the_image_stay_its_own_in_joined_samples(make: Any) -> None:
    def sample(count: int) -> Any:
        image = painted(40, 40, [(5, 5, 20, 30)])
        masks = np.zeros((count, 40, 40), np.uint8)
        masks[:, 5:30, 5:20] = 1
        boxes = np.array([[5.0, 5, 20, 30]] * count)
        return image, {"boxes": boxes, "masks": masks, "labels": np.arange(count), "scale": np.array([1.0, 2.0])}

    for counts in ([2, 2], [1, 1]):
        data = make([sample(count) for count in counts], boxes=T.BoxParams(fields=("labels",)))
        assert all(data[0][1]["scale"].tolist() == [1, 2] for _ in range(5))
    assert make([sample(1)] * 2)[0][1]["scale"].tolist() == [1, 2]
    with pytest.raises(
        ValueError, match=r"'scale' has as many entries .*boxes=BoxParams\(fields=\['labels', 'scale'\]\)"
    ):
        make([sample(2)] * 2)[0]


class Ramps(torch.utils.data.Dataset[Any]):
    """Images whose colours are where each pixel lies: red its column, green its row."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        height, width = [(120, 240), (240, 100), (90, 250), (200, 200)][index]
        rows, columns = np.mgrid[:height, :width]
        image = np.stack([columns, rows, 0 * rows], axis=-1).astype(np.uint8)
        return image, {"boxes": np.zeros((0, 4), dtype=np.float32), "labels": np.zeros(0, dtype=np.int64)}


def test_nothing_in_a_mosaic_is_out_of_shape() -> None:
    for seed in range(10):
        torch.manual_seed(seed)
        image = T.Mosaic(Ramps(), 200)[seed % 4][0].astype(np.float64)
        for corner in (image, image[::-1], image[:, ::-1], image[::-1, ::-1]):
            across = abs(corner[10, 50, 0] - corner[10, 10, 0])
            down = abs(corner[50, 10, 1] - corner[10, 10, 1])
            assert across == pytest.approx(down, rel=0.1, abs=1.5)


def test_what_comes_out_of_the_transform_decides_which_boxes_are_kept() -> None:
    """Of objects that a mosaic cuts, and of those that are small until the transform makes them large."""

    def labels_and_boxes(steps: Any, **limits: Any) -> Any:
        chain = T.Compose(steps, boxes=T.BoxParams(fields=FIELDS.fields, **limits))
        torch.manual_seed(1)
        target = T.Mosaic(Painted(), 120, transform=chain)[1][1]
        return target["labels"].tolist(), target["boxes"]

    labels, boxes = labels_and_boxes([T.Identity()])
    sides = boxes[:, 2:] - boxes[:, :2]
    ratio = sides[:, 0] / sides[:, 1]
    assert ((ratio < 0.8) | (ratio > 1.25)).any(), "of the squares, the mosaic cuts one"
    assert labels_and_boxes([T.Identity()], min_visibility=0.99)[0] == labels
    least = float(sides.prod(dim=1).min())
    for limits in ({"min_area": 4 * least}, {"min_width": 2 * float(sides[:, 0].min())}):
        assert labels_and_boxes([T.Identity()], **limits)[0] != labels
        assert labels_and_boxes([T.Resize(480)], **limits)[0] == labels

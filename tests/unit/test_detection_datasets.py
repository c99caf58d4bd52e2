"""COCO, VOC and YOLO: what is in the files comes out, as lists, dicts and tensors, and moves with the images."""

from __future__ import annotations

import json
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.detection_files import SIZES, boxes_of, changed_coco, coco, pixels_of, voc, yolo
from support.painted import found

from fastload import DataLoader, _core
from fastload import transforms as T
from fastload.datasets import CocoDetection, VOCDetection, YOLODetection

NEAREST = T.InterpolationMode.NEAREST


def expected_boxes(number: int) -> list[list[float]]:
    return [[float(edge) for edge in box] for box in boxes_of(number)]


def test_coco_as_torchvision_has_it(tmp_path: Path) -> None:
    images, file = coco(tmp_path)
    data = CocoDetection(images, file)
    assert data.ids == [37, 38, 39, 40]
    assert len(data) == 4
    image, target = data[3]
    assert np.array_equal(np.asarray(image), pixels_of(0))
    content = json.loads(file.read_text())["annotations"]
    assert target == [entry for entry in content if entry["image_id"] == 40]
    assert data[1][1] == []
    assert data.categories[2]["name"] == "thing 2"
    _, labels = CocoDetection(images, file, transform=T.ToTensor(), target_transform=len)[3]
    assert labels == 3


def test_coco_as_tensors(tmp_path: Path) -> None:
    images, file = coco(tmp_path)
    data = CocoDetection(images, file, tensors=True, masks=True, keypoints=True)
    for place, number in enumerate((3, 2, 1, 0)):
        _, target = data[place]
        order = torch.argsort(target["labels"])
        assert target["boxes"][order].tolist() == expected_boxes(number)
        assert target["image_id"] == 40 - number
        count = len(expected_boxes(number))
        assert target["iscrowd"].sum() == min(count // 3, 1)
        assert target["masks"].shape == (count, *SIZES[number])
        for mask, (left, top, right, bottom) in zip(target["masks"][order], boxes_of(number), strict=True):
            wanted = np.zeros(SIZES[number], dtype=np.uint8)
            wanted[top:bottom, left:right] = 1
            assert np.array_equal(mask.numpy(), wanted)
        assert target["keypoints"].shape == (count, 2, 3)
    assert 1 not in CocoDetection(images, file, tensors=True, crowd=False)[3][1]["iscrowd"]


def test_coco_objects_without_a_word_of_crowds_are_none(tmp_path: Path) -> None:
    images, file = coco(tmp_path)
    content = json.loads(file.read_text())
    for annotation in content["annotations"]:
        del annotation["iscrowd"]
    file.write_text(json.dumps(content))
    for crowd in (True, False):
        data = CocoDetection(images, file, tensors=True, crowd=crowd)
        assert sum(len(target["boxes"]) for _, target in data) == len(content["annotations"])
        assert not any(target["iscrowd"].any() for _, target in data)


@pytest.mark.parametrize("value", ["0", "no", [0], 2.5])
@pytest.mark.parametrize("tensors", [True, False])
def test_what_says_neither_crowd_nor_object_is_not_left_out(tmp_path: Path, value: Any, tensors: bool) -> None:
    images, file = changed_coco(tmp_path, lambda content: content["annotations"][0].update(iscrowd=value))
    number = [37, 38, 39, 40].index(json.loads(file.read_text())["annotations"][0]["image_id"])
    with pytest.raises(ValueError, match=r'annotation 0 \(id .*"iscrowd" must be a whole number, got'):
        CocoDetection(images, file, tensors=tensors, crowd=False).target(number)


def test_the_far_corner_of_a_box_is_summed_in_float64(tmp_path: Path) -> None:
    box = [100.3, 50.7, 33.4, 21.9]
    images, file = changed_coco(tmp_path, lambda content: content["annotations"][0].update(bbox=box))
    number = [37, 38, 39, 40].index(json.loads(file.read_text())["annotations"][0]["image_id"])
    expected = torch.tensor([100.3, 50.7, 100.3 + 33.4, 50.7 + 21.9], dtype=torch.float32)
    assert expected.tolist() in CocoDetection(images, file, tensors=True).target(number)["boxes"].tolist()


def test_transforms_that_draw_nothing_leave_the_generator_alone(tmp_path: Path) -> None:
    data = CocoDetection(*coco(tmp_path), tensors=True, transforms=T.Compose([T.Resize((40, 40)), T.ToImage()]))
    torch.manual_seed(3)
    expected = torch.get_rng_state()
    data[0]
    assert torch.equal(torch.get_rng_state(), expected)
    data.transforms = T.Compose([T.RandomHorizontalFlip(), T.ToImage()])
    data[0]
    assert not torch.equal(torch.get_rng_state(), expected)


def test_voc(tmp_path: Path) -> None:
    data = VOCDetection(voc(tmp_path))
    assert len(data) == 3
    _, target = data[0]
    objects = target["annotation"]["object"]
    assert [entry["name"] for entry in objects] == ["cat", "dog", "cat"]
    assert objects[0]["bndbox"]["xmin"] == str(boxes_of(0)[0][0] + 1)
    assert data[2][1]["annotation"]["object"] == []
    _, tensors = VOCDetection(tmp_path, tensors=True)[1]
    assert tensors["boxes"].tolist() == expected_boxes(1)
    assert tensors["labels"].tolist() == [8, 12, 8, 12]
    assert tensors["difficult"].tolist() == [False, True, False, True]


def test_yolo(tmp_path: Path) -> None:
    data = YOLODetection(yolo(tmp_path), masks=True)
    assert len(data) == 4
    for number in range(4):
        image, target = data[number]
        assert np.array_equal(np.asarray(image), pixels_of(number))
        assert np.allclose(target["boxes"], torch.tensor(expected_boxes(number)).reshape(-1, 4), atol=1e-4)
        assert target["labels"].tolist() == list(range(len(boxes_of(number))))
        assert target["masks"].sum(dim=(1, 2)).tolist() == [(r - lf) * (b - t) for lf, t, r, b in boxes_of(number)]
    pytest.importorskip("yaml")
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: {0: cat, 1: dog}\n")
    assert YOLODetection(tmp_path / "data.yaml").classes == ["cat", "dog"]
    with pytest.raises(ValueError, match="has no key 'val'"):
        YOLODetection(tmp_path / "data.yaml", "val")


def chain(fuse: bool = True) -> T.Compose:
    return T.Compose(
        [T.RandomHorizontalFlip(), T.RandomAffine(10, (0.1, 0.1)), T.Resize((200, 240), NEAREST)], fuse=fuse
    )


def test_images_from_files_and_their_boxes_move_together(tmp_path: Path) -> None:
    images, file = coco(tmp_path)
    native = CocoDetection(images, file, transforms=chain(), tensors=True, masks=True)
    python = CocoDetection(images, file, transforms=chain().__call__, tensors=True, masks=True)
    for index in range(4):
        torch.manual_seed(index)
        image, target = native[index]
        torch.manual_seed(index)
        other, same = python[index]
        assert np.array_equal(np.asarray(image), np.asarray(other))
        assert all(torch.equal(target[name], same[name]) for name in ("boxes", "labels", "masks", "area"))
        for label, box in zip(target["labels"].tolist(), target["boxes"].tolist(), strict=True):
            place = found(image, label - 1)
            assert place is not None
            assert np.allclose(place, box, atol=3)


def test_chains_that_take_boxes_otherwise_are_refused(tmp_path: Path) -> None:
    images, file = coco(tmp_path / "coco")
    root = yolo(tmp_path / "yolo")
    for boxes in ("coco", "yolo"):
        chain = T.Compose([T.ToTensor()], boxes=boxes)
        with pytest.raises(
            ValueError, match=f"the boxes of CocoDetection are xyxy, .* as {boxes}: make it with boxes='xyxy'"
        ):
            CocoDetection(images, file, transforms=chain, tensors=True)
        with pytest.raises(ValueError, match="the boxes of YOLODetection are xyxy"):
            YOLODetection(root, transforms=T.Compose([chain, T.Identity()]))
        assert isinstance(CocoDetection(images, file, transforms=lambda *sample: sample)[0], tuple)
    said = T.Compose([T.RandomHorizontalFlip(0.0), T.ToTensor()], boxes="pascal_voc")
    data = CocoDetection(images, file, transforms=said, tensors=True)
    assert data[3][1]["boxes"].tolist() == CocoDetection(images, file, tensors=True)[3][1]["boxes"].tolist()


def test_results_do_not_depend_on_the_workers(tmp_path: Path) -> None:
    images, file = coco(tmp_path)
    data = CocoDetection(images, file, transforms=T.Compose([*chain().transforms, T.ToTensor()]), tensors=True)
    batches = []
    for workers in (0, 2):
        torch.manual_seed(7)
        batches.append(list(DataLoader(data, batch_size=2, num_workers=workers, shuffle=True, collate_fn=list)))
    for one, other in zip(*batches, strict=True):
        for (image, target), (same, also) in zip(one, other, strict=True):
            assert torch.equal(image, same)
            assert torch.equal(target["boxes"], also["boxes"])
    again = pickle.loads(pickle.dumps(data))
    assert len(again) == 4


def test_runs_as_text_and_numbers() -> None:
    text = b"52203\\O1"  # not what any mask of 5 x 4 compresses to
    with pytest.raises(ValueError, match=r"5 x 4|no compressed"):
        _core.runs_mask(text, 5, 4)
    mask = _core.runs_mask([3, 4, 13], 5, 4)
    assert mask.T.ravel().tolist() == [0] * 3 + [1] * 4 + [0] * 13
    assert np.array_equal(_core.runs_mask(b"34=", 5, 4), mask)
    with pytest.raises(ValueError, match="5 x 4"):
        _core.runs_mask([3, 4, 14], 5, 4)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools
def test_polygons_and_runs_are_those_of_cocos_tools() -> None:
    tools = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    for _ in range(300):
        height, width = rng.integers(1, 60, 2).tolist()
        corners = rng.random((int(rng.integers(3, 9)), 2)) * [width * 1.4, height * 1.4] - [width * 0.2, height * 0.2]
        if rng.random() < 0.3:
            corners = corners.round()
        runs = tools.frPyObjects([corners.ravel().tolist()], height, width)
        expected = tools.decode(runs)[:, :, 0]
        assert np.array_equal(_core.polygons_mask([corners.ravel()], height, width), expected)
        assert np.array_equal(_core.runs_mask(runs[0]["counts"], height, width), expected)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools
def test_polygons_with_corners_far_away_are_those_of_cocos_tools() -> None:
    tools = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(1)
    for _ in range(300):
        height, width = rng.integers(1, 40, 2).tolist()
        corners = rng.normal(0.5, 1, (int(rng.integers(3, 7)), 2)) * [width, height]
        is_far = rng.random(corners.shape) < 0.3
        corners = np.where(is_far, corners * 10 ** rng.uniform(0, 4), corners)
        if rng.random() < 0.3:  # upright lines
            corners[:, 0] = np.where(rng.random(len(corners)) < 0.5, corners[0, 0], corners[:, 0])
        runs = tools.frPyObjects([corners.ravel().tolist()], height, width)
        assert np.array_equal(_core.polygons_mask([corners.ravel()], height, width), tools.decode(runs)[:, :, 0])


@pytest.mark.parametrize("far", [1e8, 1e12, 1e308])
@pytest.mark.parametrize("way", [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1)])
def test_a_corner_beyond_all_images_takes_no_time(far: float, way: tuple[int, int]) -> None:
    """Walking there pixel by pixel took seconds; the mask is that of a corner that is only far."""
    begin = time.perf_counter()
    made, near = (
        _core.polygons_mask([[15, 12, 15 + way[0] * away, 12 + way[1] * away, 25, 18]], 30, 40) for away in (far, 1e4)
    )
    assert time.perf_counter() - begin < 0.5
    assert (made != near).sum() <= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not COCO's"),
        ('{"annotations": []}', "not COCO's"),
        ('{"images": [], "annotations": [{"image_id": 5, "bbox": [0, 0, 1, 1]}]}', r"annotations\[0\] is of image 5"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        CocoDetection(tmp_path, tmp_path / "a.json")


def test_what_is_missing_or_wrong_is_named(tmp_path: Path) -> None:
    images, file = coco(tmp_path / "coco")
    with pytest.raises(FileNotFoundError):
        CocoDetection(images, tmp_path / "none.json")
    with pytest.raises(ValueError, match="tensors=True"):
        CocoDetection(images, file, masks=True)
    with pytest.raises(ValueError, match="either transforms"):
        CocoDetection(images, file, transform=len, transforms=len)
    with pytest.raises(ValueError, match="year must be"):
        VOCDetection(tmp_path, year="1999")
    with pytest.raises(FileNotFoundError, match="VOC2012"):
        VOCDetection(tmp_path)
    with pytest.raises(FileNotFoundError, match="neither"):
        YOLODetection(tmp_path)
    root = voc(tmp_path / "voc")
    (root / "VOCdevkit/VOC2012/Annotations/image0.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>')
    with pytest.raises(ValueError, match="declares entities"):
        VOCDetection(root)[0]
    root = yolo(tmp_path / "yolo")
    for line in ("0 0.5 0.5 0.1", "0 0.5 0.5 0.1 nan", "x 1 2 3 4", "0.5 0.1 0.1 0.1 0.1", "0 0.5 0.5 -0.1 0.1"):
        (root / "labels/train/image0.txt").write_text("0 0.5 0.5 0.1 0.1\n" + line)
        with pytest.raises(ValueError, match="line 2"):
            YOLODetection(root)[0]


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    images, file = coco(tmp_path)
    (images / "image3.png").write_bytes(b"not an image")
    data: Any = CocoDetection(images, file, transforms=chain(), tensors=True)
    with pytest.raises(Exception, match=r"image3\.png"):
        data[0]

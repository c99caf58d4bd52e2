"""Annotations that are not what their format says: an error names the file, the entry and what was wanted there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.detection_files import SIZES, boxes_of, changed_coco, coco, voc, yolo

from fastload import _core
from fastload import transforms as T
from fastload._cli import main
from fastload.datasets import CocoDetection, VOCDetection, YOLODetection

Change = Callable[[dict[str, Any]], Any]


def without(kind: str, name: str) -> Change:
    return lambda content: content[kind][1].pop(name)


def having(kind: str, name: str, value: Any) -> Change:
    return lambda content: content[kind][1].update({name: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("images", "id"), r'images\[1\]: "id" must be a whole number or a text, got None'),
        (having("images", "id", [3]), r'images\[1\].*"id" must be a whole number or a text, got \[3\]'),
        (having("images", "id", 1.5), r'images\[1\].*"id" must be a whole number or a text, got 1\.5'),
        (having("images", "id", "a"), r"images\[1\].*numbers.*'a'"),
        (having("images", "id", 40), r"images\[1\] \(id 40\).*two images"),
        (without("images", "file_name"), r'images\[1\] \(id 39\): "file_name" must be a text, got None'),
        (having("images", "width", -3), r'images\[1\] \(id 39\): "width" must be a whole number.*got -3'),
        (having("images", "width", float("nan")), r'images\[1\] \(id 39\): "width" must be a whole number.*got nan'),
        (lambda content: content["images"].insert(1, 5), r"images\[1\] must be an object, got 5"),
        (without("categories", "id"), r'categories\[1\]: "id" must be a whole number or a text, got None'),
        (having("categories", "id", {}), r'categories\[1\].*"id" must be a whole number or a text, got \{\}'),
        (having("categories", "id", 1), r"categories\[1\] \(id 1\): another category has this id: .*'name': "),
        (lambda content: content["categories"].insert(1, "cat"), r"categories\[1\] must be an object, got 'cat'"),
        (lambda content: content.update(categories=None), r"categories.*list.*got None"),
        (lambda content: content["annotations"].insert(1, None), r"annotations\[1\] must be an object, got None"),
        (having("annotations", "image_id", [3]), r"annotations\[1\] \(id \d+\) is of image \[3\], which is not there"),
        (without("annotations", "image_id"), r"annotations\[1\] \(id \d+\) is of image None, which is not there"),
    ],
)
def test_an_entry_of_coco_that_cannot_be_placed_is_named(tmp_path: Path, change: Change, message: str) -> None:
    images, file = changed_coco(tmp_path, change)
    with pytest.raises(ValueError, match=re.escape(str(file)) + ": " + message):
        CocoDetection(images, file)


def test_categories_and_annotations_that_come_twice(tmp_path: Path) -> None:
    """An annotation is an object whatever its id; pycocotools would take the last of that id, twice."""

    def twice(content: dict[str, Any]) -> None:
        content["categories"] *= 2
        for entry in content["annotations"]:
            entry["id"] = 7

    expected = [CocoDetection(*coco(tmp_path / "once"), tensors=True).target(3)[name] for name in ("boxes", "labels")]
    target = CocoDetection(*changed_coco(tmp_path / "twice", twice), tensors=True).target(3)
    assert torch.equal(target["boxes"], expected[0])
    assert torch.equal(target["labels"], expected[1])
    assert target["ids"].tolist() == [7, 7, 7]


def further_down(frames: int, target: Callable[[int], Any]) -> Any:
    return further_down(frames - 1, target) if frames else target(0)


@pytest.mark.parametrize("depth", [100_000, 900, 700, 500, 300])
def test_a_file_that_is_nested_too_deep_is_named(tmp_path: Path, depth: int) -> None:
    """At the lesser depths JSON can be read, unless the stack is deeper when a sample is made than it was before."""
    nested = "[" * depth + "]" * depth
    (tmp_path / "a.json").write_text(
        '{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "bbox": ' + nested + "}]}"
    )
    with pytest.raises(ValueError, match=r"a\.json"):
        further_down(300, CocoDetection(tmp_path, tmp_path / "a.json", tensors=True).target)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("bbox", None, "four finite numbers"),
        ("bbox", [1, 2], "four finite numbers"),
        ("bbox", [], "four finite numbers"),
        ("bbox", [1, 2, 3, 4, 5, 6, 7, 8], "four finite numbers"),
        ("bbox", [1, 2, float("nan"), 4], "four finite numbers"),
        ("bbox", [1, 2, 1e39, 4], "four finite numbers"),
        ("bbox", [1e308, 2, 1e308, 4], "four finite numbers"),
        ("bbox", [1, 2, -3, 4], "four finite numbers"),
        ("bbox", ["a", 2, 3, 4], "four finite numbers"),
        ("bbox", [1, 2, 10**400, 4], "four finite numbers"),
        ("bbox", {"x": 1}, "four finite numbers"),
        ("category_id", None, "a whole number"),
        ("category_id", 1.5, "a whole number"),
        ("category_id", "cat", "a whole number"),
        ("category_id", 10**30, "a whole number"),
        ("category_id", [1], "a whole number"),
        ("iscrowd", None, "a whole number"),
        ("area", float("inf"), "a finite number"),
        ("area", "large", "a finite number"),
        ("keypoints", None, "finite numbers x, y, visibility"),
        ("keypoints", [1, 2], "finite numbers x, y, visibility"),
        ("keypoints", [1, 2, float("nan")], "finite numbers x, y, visibility"),
    ],
)
def test_a_value_of_coco_that_is_no_tensor_is_named(tmp_path: Path, name: str, value: Any, wanted: str) -> None:
    images, file = changed_coco(tmp_path, having("annotations", name, value))
    entry = json.loads(file.read_text())["annotations"][1]
    assert CocoDetection(images, file)[0][1][1].keys() == entry.keys()  # raw annotations are what the file has
    data = CocoDetection(images, file, tensors=True, keypoints=True)
    place = f'{file}: image 37, annotation 1 (id {entry["id"]}): "{name}" must be {wanted}'
    with pytest.raises(ValueError, match=re.escape(place)) as caught:
        data.target(0)
    assert ", got " in str(caught.value)


@pytest.mark.parametrize("name", ["bbox", "category_id", "segmentation"])
def test_a_value_that_coco_must_have_is_named(tmp_path: Path, name: str) -> None:
    images, file = changed_coco(tmp_path, without("annotations", name))
    data = CocoDetection(images, file, tensors=True, masks=True)
    with pytest.raises(ValueError, match=rf'instances\.json: image 37, annotation 1 \(id \d+\): "{name}" must be'):
        data.target(0)


def test_whole_numbers_may_be_written_as_floats(tmp_path: Path) -> None:
    images, file = changed_coco(tmp_path, having("annotations", "category_id", 3.0))
    labels = CocoDetection(images, file, tensors=True).target(0)["labels"]
    assert labels.dtype == torch.int64
    assert labels[1] == 3


@pytest.mark.parametrize("large", [2**53 + 1, 2**60 + 1, 2**63 - 1, -(2**63) + 1])
def test_large_ids_stay_what_they_are_beside_floats(tmp_path: Path, large: int) -> None:
    def change(content: dict[str, Any]) -> None:
        for entry, number in zip(content["annotations"], (large, 2.0, 3), strict=False):
            entry.update(id=number)

    data = CocoDetection(*changed_coco(tmp_path, change), tensors=True)
    assert {large, 2, 3} <= {number for index in range(4) for number in data.target(index)["ids"].tolist()}


@pytest.mark.parametrize("value", [2**63, 1e19, float("inf"), float("nan"), 2.5])
def test_ids_that_are_none_are_named_beside_others(tmp_path: Path, value: Any) -> None:
    def change(content: dict[str, Any]) -> None:
        content["annotations"][1].update(id=value)
        content["annotations"][2].update(id=2.0)

    data = CocoDetection(*changed_coco(tmp_path, change), tensors=True)
    with pytest.raises(ValueError, match=r'annotation 1 .*"id" must be a whole number, got'):
        data.target(0)


@pytest.mark.parametrize("name", ["\ud800.jpg", "a\0.jpg"])
def test_a_name_that_no_file_can_have_is_named(tmp_path: Path, name: str) -> None:
    images, file = changed_coco(tmp_path, having("images", "file_name", name))
    message = f'{file}: images[1] (id 39): "file_name" must be one that a file can have, got {name!r}'
    with pytest.raises(ValueError, match=re.escape(message)):
        CocoDetection(images, file)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "list of polygons"),
        ("1 2 3", "list of polygons"),
        ({"size": [90, 130]}, "whole numbers"),
        ({"counts": None}, "whole numbers.*got None"),
        ({"counts": [-5, 11705]}, r"whole numbers.*got \[-5, 11705\]"),
        ({"counts": [0.5, 11699.5]}, "whole numbers"),
        ({"counts": [float("nan"), 11700]}, "whole numbers"),
        ({"counts": [[11700]]}, "whole numbers"),
        ({"counts": ["a"]}, "whole numbers"),
        ({"counts": "\ud800"}, "surrogates|no compressed"),
        ({"counts": "~~"}, "no compressed mask, got '~~'"),
        ({"counts": [11700], "size": 5}, "a mask of 5"),
        ({"counts": [11700], "size": [130, 90]}, r"a mask of \[130, 90\] .* an image of \[90, 130\]"),
        ({"counts": [11600, 99]}, r"90 x 130 \(height x width\): they are of 11699 pixels, got \[11600, 99\]"),
        ([None], "polygon"),
        ([["a", "b", "c", "d", "e", "f"]], "polygon must be a list of numbers"),
        ([{"x": 1}], "polygon must be a list of numbers"),
        ([[1, 2]], "three corners"),
        ([1, 2, 3, 4, 5, 6], r"list of polygons, each of them a list of numbers, got \[1, 2, 3, 4, 5, 6\]"),
        ([0.5, [1, 2, 3, 4, 5, 6]], "list of polygons, each of them a list of numbers, got"),
        ([[1, 2, 3, 4, 5, float("inf")]], "finite"),
    ],
)
def test_a_mask_of_coco_that_is_none_is_named(tmp_path: Path, value: Any, message: str) -> None:
    images, file = changed_coco(tmp_path, having("annotations", "segmentation", value))
    data = CocoDetection(images, file, tensors=True, masks=True)
    with pytest.raises(ValueError, match=rf"instances\.json: image 37, annotation 1 \(id \d+\): .*{message}"):
        data.target(0)


def test_masks_need_the_size_of_their_image(tmp_path: Path) -> None:
    images, file = changed_coco(tmp_path, lambda content: content["images"][3].pop("height"))
    assert len(CocoDetection(images, file, tensors=True).target(0)["boxes"]) == len(boxes_of(3))
    with pytest.raises(ValueError, match=r"instances\.json: image 37: .*height and width"):
        CocoDetection(images, file, tensors=True, masks=True).target(0)


def test_values_that_are_no_runs_or_polygons() -> None:
    for counts in (None, [-5, 25], [2.5, 17.5], 20, [[20]], "", np.array([-5, 25])):
        with pytest.raises(ValueError, match=r"whole numbers|5 x 4"):
            _core.runs_mask(counts, 5, 4)
    assert _core.runs_mask([3.0, 4.0, 13.0], 5, 4).sum() == 4
    with pytest.raises(ValueError, match="got a list"):
        _core.polygons_mask([["a"] * 100], 5, 4)


def turned(path: Path) -> None:
    """The image, to be seen turned by a quarter."""
    image = Image.open(path)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)


def test_boxes_of_an_image_that_is_turned_without_them_are_refused(tmp_path: Path) -> None:
    images, file = coco(tmp_path)
    turned(images / "image3.png")
    data = CocoDetection(images, file, tensors=True, apply_exif_orientation=True)
    with pytest.raises(ValueError, match=r"instances\.json: image 37: .*90 x 130.*130 x 90.*apply_exif_orientation"):
        data.target(0)
    assert len(data.target(3)["boxes"]) == len(boxes_of(0))
    assert len(CocoDetection(images, file, tensors=True)[0][1]["boxes"]) == len(boxes_of(3))


@pytest.mark.parametrize(("height", "width"), [(130, 90), (91, 130)])
def test_masks_of_another_size_than_their_image_are_refused(tmp_path: Path, height: int, width: int) -> None:
    images, file = changed_coco(tmp_path, lambda content: content["images"][3].update(height=height, width=width))
    for turns in (False, True):  # a file that says nothing of its orientation is the same image either way
        data = CocoDetection(images, file, tensors=True, masks=True, apply_exif_orientation=turns)
        with pytest.raises(
            ValueError, match=rf"json: image 37: .* {height} x {width} .* 90 x 130: correct them, or take the images"
        ):
            data[0]
        assert len(data[3][1]["masks"]) == len(boxes_of(0))
    assert len(CocoDetection(images, file, tensors=True)[0][1]["boxes"]) == len(boxes_of(3))


def test_masks_of_an_image_that_is_turned_are_pointed_to_that(tmp_path: Path) -> None:
    images, file = changed_coco(tmp_path, lambda content: content["images"][3].update(height=130, width=90))
    turned(images / "image3.png")
    for transforms in (None, T.Compose([T.RandomHorizontalFlip()])):
        data = CocoDetection(images, file, transforms=transforms, tensors=True, masks=True)
        with pytest.raises(ValueError, match=r"130 x 90 .* 90 x 130: pass apply_exif_orientation=True$"):
            data[0]


@pytest.mark.parametrize(
    "line",
    [
        "nan 0.5 0.5 0.1 0.1",
        "inf 0.5 0.5 0.1 0.1",
        "1e300 0.5 0.5 0.1 0.1",
        "0 1e39 .5 1e39 .2",
        "0 1e308 .5 1e308 .2",
        "0 0.1 0.1 1e37 0.2 0.3 0.3",
        "-1 0.5 0.5 0.1 0.1",
        "0 20 15 10 10",
        "0 0.5 1.2 0.1 0.1",
        "0 0.5 -0.1 0.1 0.1",
        "0 0.5 0.5 0.1 1.2",
        "0 20 15 25 15 25 20",
        "0 .5 .5 .2 .2 .45 .45 2 .55 .55 2",
    ],
)
def test_numbers_of_yolo_that_are_no_box_are_named(tmp_path: Path, line: str) -> None:
    root = yolo(tmp_path)
    (root / "labels/train/image0.txt").write_text("0 0.5 0.5 0.1 0.1\n" + line)
    with pytest.raises(ValueError, match=rf"image0\.txt, line 2: '{line}'"):
        YOLODetection(root).target(0)


@pytest.mark.parametrize(
    ("line", "box"),
    [
        ("0 0.98 0.5 0.1 0.1", (0.93, 0.45, 1.03, 0.55)),  # a part of it is out of the image
        ("0 1.000001 0.5 0.1 0.1", (0.950001, 0.45, 1.050001, 0.55)),
        ("0 0.5 0.5 1.0 1.000001", (0, -0.0000005, 1, 1.0000005)),
        ("0 -0.05 0.1 0.4 0.1 0.4 0.9", (-0.05, 0.1, 0.4, 0.9)),
        ("0 0.5 0.5 0 0", (0.5, 0.5, 0.5, 0.5)),
    ],
)
def test_a_box_of_yolo_may_touch_the_border_of_its_image(tmp_path: Path, line: str, box: Any) -> None:
    root = yolo(tmp_path)
    (root / "labels/train/image0.txt").write_text(line)
    height, width = SIZES[0]
    found = YOLODetection(root).target(0)["boxes"][0] / torch.tensor([width, height, width, height])
    assert found.tolist() == pytest.approx(box, abs=1e-6)


def test_a_file_of_yolo_that_is_no_text_is_named(tmp_path: Path) -> None:
    root = yolo(tmp_path)
    (root / "labels/train/image0.txt").write_bytes(b"0 0.5 0.5 0.1 0.1\n\xff\xfe")
    with pytest.raises(ValueError, match=r"image0\.txt is not text"):
        YOLODetection(root).target(0)


def test_boxes_of_yolo_are_in_the_pixels_of_the_image_that_comes_with_them(tmp_path: Path) -> None:
    root = yolo(tmp_path)
    turned(root / "images/train/image0.png")
    image, target = YOLODetection(root, masks=True, apply_exif_orientation=False)[0]
    assert (image.height, image.width) == SIZES[0]
    assert target["masks"].shape[1:] == SIZES[0]
    assert np.allclose(target["boxes"], boxes_of(0), atol=1e-4)
    height, width = SIZES[0]
    image, target = YOLODetection(root, masks=True)[0]
    assert (image.height, image.width) == (width, height)
    assert target["masks"].shape[1:] == (width, height)
    scale = np.array([height / width, width / height] * 2)
    assert np.allclose(target["boxes"], boxes_of(0) * scale, atol=1e-4)


def annotation(box: str, head: str = "") -> str:
    return f"{head}<annotation><object><name>cat</name><bndbox>{box}</bndbox></object></annotation>"


def box(left: object, top: object, right: object, bottom: object) -> str:
    return f"<xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (annotation(box("abc", 2, 3, 4)), "object 0 .'cat'.: .*four finite numbers.*'abc'"),
        (annotation("<ymin>2</ymin><xmax>3</xmax><ymax>4</ymax>"), "object 0 .'cat'.: .*four finite numbers.*None"),
        (annotation(box("inf", 2, 3, 4)), "object 0 .'cat'.: .*four finite numbers.*'inf'"),
        (annotation(box(1, 2, 1e39, 4)), "object 0 .'cat'.: .*four finite numbers"),
        (annotation(box(5, 2, 4, 4)), "object 0 .'cat'.: .*xmax must not be less than xmin.*'5'.*'4'"),
        (annotation(box(1, 6, 4, 4)), "object 0 .'cat'.: .*nor ymax than ymin.*'6', '4', '4'"),
        ("<annotation>" + "<a>" * 50_000 + "</a>" * 50_000 + "</annotation>", "nested"),
        (annotation(box(1, 2, 3, 4), '<?xml version="1.0" encoding="nonesuch"?>'), "not XML"),
        (annotation(box(1, 2, 3, 4), '<?xml version="1.0" encoding="utf-7"?>'), "not XML"),
    ],
)
def test_what_is_wrong_with_an_object_of_voc_is_named(tmp_path: Path, text: str, message: str) -> None:
    root = voc(tmp_path)
    (root / "VOCdevkit/VOC2012/Annotations/image0.xml").write_text(text)
    data = VOCDetection(root, tensors="nested" not in message)
    with pytest.raises(ValueError, match=rf"image0\.xml.*{message}"):
        data.target(0)


def test_a_box_of_voc_may_be_one_pixel_or_a_fraction(tmp_path: Path) -> None:
    root = voc(tmp_path)
    (root / "VOCdevkit/VOC2012/Annotations/image0.xml").write_text(annotation(box(" 5 ", 2.5, 5, 7)))
    assert VOCDetection(root, tensors=True).target(0)["boxes"].tolist() == [[4.0, 1.5, 5.0, 7.0]]


def test_a_split_of_voc_is_read_as_utf_8_with_a_mark_or_without(tmp_path: Path) -> None:
    split = voc(tmp_path) / "VOCdevkit/VOC2012/ImageSets/Main/train.txt"
    for encoding in ("utf-8", "utf-8-sig"):
        split.write_bytes("bär\nimage 0\n".encode(encoding))
        assert [Path(path).stem for path in VOCDetection(tmp_path).paths] == ["bär", "image 0"]
    split.write_bytes(b"b\xe4r")
    with pytest.raises(ValueError, match=r"train\.txt is not text"):
        VOCDetection(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_entities_are_refused_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    root = voc(tmp_path)
    path = root / "VOCdevkit/VOC2012/Annotations/image0.xml"
    text = '\ufeff<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>'
    path.write_bytes(text.removeprefix("\ufeff" if encoding == "utf-16" else "").encode(encoding))
    with pytest.raises(ValueError, match="declares entities"):
        VOCDetection(root).target(0)
    path.write_bytes("<annotation><folder>ö</folder></annotation>".encode("utf-16"))
    assert VOCDetection(root).target(0)["annotation"]["folder"] == "ö"


def test_the_year_may_be_a_number(tmp_path: Path) -> None:
    years: Any = [2012]
    assert VOCDetection(voc(tmp_path), years[0]).year == "2012"
    with pytest.raises(ValueError, match="year must be"):
        VOCDetection(tmp_path, years)


@pytest.mark.parametrize("content", ["{", "[]", '{"images": [], "annotations": [5]}', '{"images": [{}]}'])
def test_the_command_names_a_broken_file(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(SystemExit):
        main(["show", str(tmp_path / "bad.json")])
    assert str(tmp_path / "bad.json") in capsys.readouterr().err

"""Files of VOC's annotations: which are none, and what says whether an object is difficult."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.detection_files import voc

from fastload.datasets import VOCDetection

BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"


def having(root: Path, text: str) -> VOCDetection:
    """Its first image has that file of annotations."""
    (voc(root) / "VOCdevkit/VOC2012/Annotations/image0.xml").write_text(text)
    return VOCDetection(root, tensors=True)


@pytest.mark.parametrize(
    "text",
    [
        "<foo><bar>1</bar></foo>",
        f"<object><name>cat</name>{BOX}</object>",
        f"<annotations><annotation><object><name>cat</name>{BOX}</object></annotation></annotations>",
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
    ],
)
def test_xml_of_something_else_is_no_image_without_objects(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"image0\.xml is not VOC's: it must be an <annotation>, got <.*>"):
        having(tmp_path, text).target(0)


def difficult(text: str) -> str:
    return f"<annotation><object><name>cat</name>{text}{BOX}</object></annotation>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<difficult>1</difficult>", True),
        ("<difficult> 1\n</difficult>", True),
        ("<difficult>0</difficult>", False),
        ("<difficult> 0 </difficult>", False),
        ("<difficult></difficult>", False),
        ("<difficult/>", False),
        ("", False),
    ],
)
def test_objects_are_difficult_where_the_file_says_so(tmp_path: Path, text: str, expected: bool) -> None:
    assert having(tmp_path, difficult(text)).target(0)["difficult"].tolist() == [expected]


@pytest.mark.parametrize("word", ["x", "2", "-1", "1.0", "true"])
def test_what_is_neither_difficult_nor_not_is_named(tmp_path: Path, word: str) -> None:
    message = rf"image0\.xml: object 0 \('cat'\): difficult must be 0 or 1, or left out, got '{word}'"
    with pytest.raises(ValueError, match=message):
        having(tmp_path, difficult(f"<difficult>{word}</difficult>")).target(0)


def test_a_name_with_a_number_behind_a_space_makes_no_list_of_one_class_of_a_split(tmp_path: Path) -> None:
    root = voc(tmp_path)
    split = next(tmp_path.rglob("train.txt"))
    split.write_text("photo 1\nimage0\n")
    assert [Path(path).stem for path in VOCDetection(root).paths] == ["photo 1", "image0"]
    split.write_text("photo 1\nimage0 -1\n")
    with pytest.raises(ValueError, match="got 'photo 1', as lists of the images of one class have it"):
        VOCDetection(root)
    images = root / "VOCdevkit/VOC2012/JPEGImages"
    (images / "image0.jpg").rename(images / "photo 1.jpg")  # then that is its name
    assert [Path(path).stem for path in VOCDetection(root).paths] == ["photo 1", "image0 -1"]

"""VOC's annotations as torchvision's own class reads them, whatever is in the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from torchvision_without_kernels import tv_datasets

from fastload.datasets import VOCDetection

BOX = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>"
CONTENTS = {
    "empty elements": "<folder/><source></source><size><depth>3</depth></size>"
    f"<object><name>cat</name><pose/><truncated></truncated>{BOX}</object>",
    "elements of empty ones": "<source><database/></source><owner><a/><b>2</b></owner>",
    "spaces": "\n  <folder> </folder>\n <filename>\n x.jpg\n</filename><object>\n <name> cat </name></object>\n",
    "several of one name": "<note>1</note><note/><note>2</note><object><name>cat</name></object>",
    "parts": f"<object>{BOX}<part><name>head</name>{BOX}</part><part><name>foot</name>{BOX}</part></object>",
    "an empty object": "<object/><object><name>dog</name></object>",
    "no object": "<segmented>0</segmented>",
    "only empty ones": "<folder/>",
    "comments": "<!-- a --><folder><!-- b --></folder><size><!-- c --><width>8</width></size>",
    "nothing": "",
}


def voc(root: Path, content: str, names: str = "a\n", split: str = "train") -> Path:
    base = root / "VOCdevkit" / "VOC2012"
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (base / folder).mkdir(parents=True)
    (base / "Annotations" / "a.xml").write_text(f"<annotation>{content}</annotation>")
    Image.new("RGB", (8, 8)).save(base / "JPEGImages" / "a.jpg")
    (base / "ImageSets" / "Main" / f"{split}.txt").write_text(names)
    return root


@pytest.mark.parametrize("name", CONTENTS)
def test_annotations_are_torchvisions(name: str, tmp_path: Path) -> None:
    root = voc(tmp_path, CONTENTS[name])
    assert VOCDetection(root)[0][1] == tv_datasets.VOCDetection(root)[0][1]


def test_lists_of_one_class_are_no_splits(tmp_path: Path) -> None:
    root = voc(tmp_path, "", "a  1\nb -1\n", "cat_train")
    with pytest.raises(ValueError, match="cat_train"):
        tv_datasets.VOCDetection(root, image_set="cat_train")
    with pytest.raises(ValueError, match=r"cat_train\.txt, line 1: .* one image a line, got 'a  1'.*such as 'train'"):
        VOCDetection(root, image_set="cat_train")


def test_splits_of_ones_own_are_read(tmp_path: Path) -> None:
    root = voc(tmp_path, "", "\na\n\na \n", "mine")
    assert VOCDetection(root, image_set="mine").paths == [str(root / "VOCdevkit/VOC2012/JPEGImages/a.jpg")] * 2


@pytest.mark.parametrize("lines", ["IMG 001\n", "IMG 1\nb\n", "b\na  b 1\n"])
def test_names_may_have_spaces(tmp_path: Path, lines: str) -> None:
    root = voc(tmp_path, "", lines)
    assert VOCDetection(root).paths == tv_datasets.VOCDetection(root).images


def test_2011_is_where_torchvision_has_it(tmp_path: Path) -> None:
    base = voc(tmp_path / "new", "") / "VOCdevkit"
    (base / "VOC2012").rename(base / "VOC2011")
    plain = VOCDetection(tmp_path / "new", "2011").paths
    assert plain == [str(base / "VOC2011/JPEGImages/a.jpg")]
    (tmp_path / "TrainVal").mkdir()
    base.rename(tmp_path / "TrainVal/VOCdevkit")
    assert VOCDetection(tmp_path, "2011").paths == tv_datasets.VOCDetection(tmp_path, "2011").images
    (tmp_path / "TrainVal/VOCdevkit/VOC2011").rename(tmp_path / "TrainVal/VOCdevkit/VOC2012")
    for kind, error in ((VOCDetection, FileNotFoundError), (tv_datasets.VOCDetection, RuntimeError)):
        with pytest.raises(error):
            kind(tmp_path, "2012")


def test_a_document_type_is_no_entity(tmp_path: Path) -> None:
    root = voc(tmp_path, "")
    file = next(tmp_path.rglob("a.xml"))
    content = file.read_text()
    for before in ("<!DOCTYPE annotation>", '<!-- <!ENTITY b "c"> -->', '<!DOCTYPE a [<!-- <!ENTITY b "c"> -->]>'):
        file.write_text(before + content)
        assert VOCDetection(root)[0][1] == tv_datasets.VOCDetection(root)[0][1]
    file.write_text('<!DOCTYPE a [<?a <!-- ?><!ENTITY b "c"><?a --> ?>]>' + content)  # in no comment
    with pytest.raises(ValueError, match="declares entities"):
        VOCDetection(root)[0]

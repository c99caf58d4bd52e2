"""The gallery shows every transform, as it is called today."""

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gallery.md").read_text()


@pytest.fixture(scope="module")
def gallery() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "tools" / "gallery.py"))


def test_every_transform_is_on_the_page(gallery: dict[str, Any]) -> None:
    shown = set(re.findall(r"^\d+\. `(\w+)\(", PAGE, re.MULTILINE)) | {"Mosaic", "CopyPaste", "MixUp", "CutMix"}
    assert shown == set(T.__all__) - gallery["NOT_SHOWN"]
    for name in ("Mosaic", "CopyPaste", "MixUp", "CutMix"):
        assert f"`{name}`" in PAGE


def test_the_page_is_up_to_date(gallery: dict[str, Any]) -> None:
    for transforms in gallery["SECTIONS"].values():
        for number, transform in enumerate(transforms, 1):
            assert f"{number}. `{gallery['call'](transform)}`\n" in PAGE


def test_its_pictures_are_there() -> None:
    pictures = re.findall(r"\]\((gallery/\w+\.jpg)\)", PAGE)
    assert len(pictures) == 5
    assert all((ROOT / "docs" / picture).stat().st_size > 10_000 for picture in pictures)


def test_masks_cover_what_is_painted(gallery: dict[str, Any]) -> None:
    """The photograph's own truth: a mask is where its object's colour is, and the box is around it."""
    image, target = gallery["painted"]()
    plain = np.asarray(image).astype(int)
    for mask, box in zip(target["masks"], target["boxes"].int().tolist(), strict=True):
        rows, columns = torch.nonzero(mask, as_tuple=True)
        assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        inner = plain[mask.numpy()]
        assert (np.abs(inner - np.median(inner, axis=0)).max(axis=1) < 130).mean() > 0.9


def test_pictures_of_policies_show_something(gallery: dict[str, Any]) -> None:
    """They draw what they do, which may be nothing."""
    plain = np.asarray(gallery["painted"]()[0]).astype(int)
    for name, (image, _) in gallery["drawn"](gallery["SECTIONS"]["Policies and containers"]):
        pixels = np.asarray(image).astype(int)
        assert pixels.shape != plain.shape or np.abs(pixels - plain).mean() > 10, name


def test_pictures_of_several_images_show_the_objects_of_several(gallery: dict[str, Any]) -> None:
    shown = dict(gallery["several"]())
    assert {name for name, (_, target) in shown.items() if len(target["boxes"]) > 3} == shown.keys()
    assert shown["CutMix"][1]["boxes"].shape[0] == shown["CutMix"][1]["masks"].shape[0]

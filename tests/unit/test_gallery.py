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
    for transforms in (*gallery["SECTIONS"].values(), gallery["TURNED"]):
        for number, transform in enumerate(transforms, 1):
            assert f"{number}. `{gallery['call'](transform)}`\n" in PAGE


def test_its_pictures_are_there() -> None:
    pictures = re.findall(r"\]\((gallery/\w+\.jpg)\)", PAGE)
    assert len(pictures) == 6
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


def test_key_points_outside_the_picture_or_their_object_are_not_drawn(gallery: dict[str, Any]) -> None:
    """Those with a visibility are; each is of an object, whose box it is in unless something hides it."""
    several = [(name, sample) for name, sample in gallery["several"]() if name != "CopyPaste"]  # which hides none
    shown = [*gallery["drawn"](gallery["SECTIONS"]["Geometry"]), *several]
    hidden = {}
    for name, (image, target) in shown:
        height, width = image.shape[-2:] if isinstance(image, torch.Tensor) else image.size[::-1]
        points = target["keypoints"]
        assert points.shape[1:] == (2, 3), name
        seen = points[..., 2] > 0
        inside = (points[..., :2] >= 0).all(-1) & (points[..., 0] < width) & (points[..., 1] < height)
        assert not (seen & ~inside).any(), name
        low, high = target["boxes"][:, None, :2] - 1, target["boxes"][:, None, 2:] + 1
        in_box = ((points[..., :2] >= low) & (points[..., :2] <= high)).all(-1)
        assert not (seen & ~in_box).any(), name
        hidden[name] = int((~seen).sum())
    assert hidden["CutMix"] > 0


def inside_of(box: list[float], rows: Any, columns: Any, margin: float) -> Any:
    """Whether the middles of those pixels are in the rotated box, or so near to it."""
    x, y, width, height, angle = box
    across, down = columns + 0.5 - x, rows + 0.5 - y
    turn = np.deg2rad(angle)
    along = across * np.cos(turn) + down * np.sin(turn)
    beside = down * np.cos(turn) - across * np.sin(turn)
    return (np.abs(along) <= width / 2 + margin) & (np.abs(beside) <= height / 2 + margin)


def test_rotated_boxes_are_around_their_objects(gallery: dict[str, Any]) -> None:
    samples = [
        gallery["turned"](),
        *(sample for _, sample in gallery["drawn"](gallery["TURNED"], gallery["turned"], "cxcywhr")),
    ]
    assert len(samples) > 5
    for _, target in samples:
        for box, mask in zip(target["boxes"].tolist(), target["masks"].numpy(), strict=True):
            rows, columns = np.indices(mask.shape)
            assert inside_of(box, rows[mask], columns[mask], 1.5).all()
            tight = inside_of(box, rows, columns, -1.5)
            assert mask[tight].all()

"""What is found in the samples and batches that data sets and collate functions make, and how numbers become grey."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.detection_files import boxes_of, coco

from fastload import plot
from fastload.collate import default_collate
from fastload.datasets import CocoDetection

plot.show((np.zeros((9, 9), np.uint8), "a"))._repr_png_()  # matplotlib keeps its fonts open from the first picture on
IMAGES = torch.arange(3 * 3 * 8 * 12).reshape(3, 3, 8, 12) / 863
MAP = (torch.arange(8 * 12).reshape(8, 12) // 40).long()


def titles(figure: Any) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def texts(figure: Any) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def pixels(figure: Any, number: int = 0) -> Any:
    return np.asarray(figure.axes[number].images[0].get_array())


def outlines(axes: Any) -> list[list[float]]:
    return [[*patch.get_xy().min(axis=0), *patch.get_xy().max(axis=0)] for patch in axes.patches]


BATCHES: dict[str, Any] = {
    "numbers twice": [(image, number, number) for number, image in enumerate(IMAGES)],
    "a name": [(image, number, "a.jpg") for number, image in enumerate(IMAGES)],
    "an array": [(image, number, torch.rand(4)) for number, image in enumerate(IMAGES)],
    "four parts": [(image, number, "b", 2.5) for number, image in enumerate(IMAGES)],
    "a number first": [(number, image, "b") for number, image in enumerate(IMAGES)],
    "a dict": [(image, {"label": number}) for number, image in enumerate(IMAGES)],
    "a dict and a name": [(image, "a", {"labels": number}) for number, image in enumerate(IMAGES)],
    "one dict": [{"image": image, "label": number} for number, image in enumerate(IMAGES)],
    "another name": [{"img": image, "category_id": number} for number, image in enumerate(IMAGES)],
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches_are_drawn_as_their_samples_are(name: str) -> None:
    samples = BATCHES[name]
    for figure in (plot.show(samples), plot.show(default_collate(samples))):
        assert titles(figure) == ["0", "1", "2"]
        for number, image in enumerate(IMAGES):
            assert np.allclose(pixels(figure, number), image.permute(1, 2, 0), atol=1e-6)
    assert titles(plot.show(default_collate(samples), names=["cat", "dog", "cow"])) == ["cat", "dog", "cow"]


@pytest.mark.parametrize("label", [3, "d", torch.tensor(3), np.int64(3)])
def test_labels_are_drawn_without_boxes_too(label: Any) -> None:
    names = {3: "d"}
    for sample in ({"image": IMAGES[0], "label": label}, (IMAGES[0], {"label": label}), (IMAGES[0], label)):
        assert titles(plot.show(sample, names=names)) == ["d"]
    boxes = {"boxes": [[1, 1, 5, 5], [2, 2, 8, 8]], "label": label}
    assert titles(plot.show((IMAGES[0], boxes), names=names)) == ["d"]
    assert titles(plot.show((IMAGES[0], {"label": torch.tensor([0, 3]), "mask": MAP}), names=names)) == ["0, d"]
    assert titles(plot.show((IMAGES[0], torch.arange(20)))) == ["0, 1, 2, 3, 4, 5, 6, 7, ..."]


@pytest.mark.parametrize("name", ["labels", "label", "class_labels", "category_ids", "category_id"])
def test_labels_of_boxes_have_many_names(name: str) -> None:
    target = {"boxes": [[1, 1, 5, 5], [2, 2, 8, 8]], name: torch.tensor([1, 0])}
    figure = plot.show((IMAGES[0], target), names=["cat", "dog"])
    assert texts(figure) == ["dog", "cat"]
    assert titles(figure) == [""]


def test_maps_of_classes_are_drawn_as_masks() -> None:
    expected = plot.show((IMAGES[0], {"mask": MAP})).axes[0].images[1].get_array()
    assert len(np.unique(expected.reshape(-1, 4), axis=0)) == 3
    as_pil = Image.fromarray((IMAGES[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8))
    samples = [
        (IMAGES[0], MAP),
        (IMAGES[0], MAP[None]),
        (IMAGES[0].permute(1, 2, 0).numpy(), MAP.numpy()),
        (as_pil, Image.fromarray(MAP.numpy().astype(np.uint8))),
        (as_pil, Image.fromarray(MAP.numpy().astype(np.uint8)).convert("P")),
        (as_pil, {"mask": Image.fromarray(MAP.numpy().astype(np.uint8))}),
        [IMAGES, MAP.expand(3, -1, -1)],
        [IMAGES, MAP.expand(3, 1, -1, -1)],
        [(IMAGES[0], MAP), (IMAGES[1], MAP)],
        default_collate([(IMAGES[0], MAP, 7), (IMAGES[1], MAP, 7)]),
    ]
    for sample in samples:
        figure = plot.show(sample)
        for axes in figure.axes:
            assert np.array_equal(axes.images[1].get_array(), expected)
    assert titles(plot.show(samples[6])) == [""] * 3
    assert titles(plot.show(samples[8])) == [""] * 2
    assert titles(plot.show(samples[9])) == ["7"] * 2


def test_two_images_are_two_images() -> None:
    for images in ([IMAGES, IMAGES], [list(IMAGES), list(IMAGES)], list(IMAGES) * 2):
        figure = plot.show(images)
        assert [len(axes.images) for axes in figure.axes] == [1] * 6
        assert titles(figure) == [""] * 6
    assert titles(plot.show((IMAGES[0], IMAGES[1]))) == [""]
    assert titles(plot.show([(IMAGES[0], IMAGES[1], 4)])) == ["4"]


def test_annotations_of_coco_are_boxes(tmp_path: Path) -> None:
    root, file = coco(tmp_path)
    data = CocoDetection(root, file)
    names = {number: entry["name"] for number, entry in data.categories.items()}
    figure = plot.show(data, names=names)
    for axes, number in zip(figure.axes, (3, 2, 1, 0), strict=True):
        assert sorted(outlines(axes)) == sorted(map(list, boxes_of(number)))
        assert axes.get_title() == ""
    assert set(texts(figure)) == {f"thing {number}" for number in range(1, 7)}
    assert outlines(plot.show([data[3]], boxes="yolo").axes[0]) == outlines(figure.axes[3])
    assert titles(plot.show((IMAGES[0], [{"caption": "a cat"}]))) == [""]


LEVELS = np.linspace(0, 65535, 24 * 16).reshape(24, 16)
GREYS: dict[str, Any] = {
    "16 bits": Image.fromarray(LEVELS.astype(np.uint16)),
    "32 bits": Image.fromarray(LEVELS.astype(np.int32)),
    "floats": Image.fromarray((LEVELS / 65535).astype(np.float32)),
    "large floats": Image.fromarray(LEVELS.astype(np.float32)),
    "array": LEVELS.astype(np.uint16),
    "negative": torch.from_numpy(LEVELS - 30000),
    "huge": torch.from_numpy(LEVELS * 1e33).float(),
}


@pytest.mark.parametrize("name", GREYS)
def test_deep_images_are_drawn_from_black_to_white(name: str) -> None:
    assert np.allclose(pixels(plot.show(GREYS[name])), LEVELS / 65535, atol=1e-4)


@pytest.mark.parametrize("with_mean", [False, True])
def test_what_is_no_number_leaves_the_others_as_they_are(with_mean: bool) -> None:
    options: Any = {"mean": [0.5], "std": [0.5]} if with_mean else {}
    plain = torch.linspace(-1, 1, 24).reshape(1, 4, 6)
    expected = (plain[0] + 1) / 2
    spoilt = plain.clone()
    spoilt[0, 1, :3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = pixels(plot.show(spoilt, **options))
        nothing = pixels(plot.show(torch.full((3, 4, 6), float("nan")), **options))
    assert drawn[1, :3].tolist() == [0, 1, 0]
    drawn[1, :3] = expected[1, :3]
    assert np.allclose(drawn, expected, atol=1e-6)
    assert not nothing.any()


def test_sizes_and_columns_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="an image must have at least one pixel, got 0 x 8"):
        plot.show(torch.zeros(3, 0, 8))
    for columns in (0, -1):
        with pytest.raises(ValueError, match=f"columns must be a whole number, 1 or more, or None, got {columns}"):
            plot.show(IMAGES[0], columns=columns)
    assert len(plot.show(IMAGES, columns=1).axes) == 3


def test_points_have_the_colours_of_their_objects() -> None:
    boxes = [[1, 1, 5, 5], [2, 2, 8, 8]]
    points = torch.tensor([[[1.0, 2], [3, 4], [2, 2]], [[4, 4], [5, 6], [7, 7]]])
    for target in ({"boxes": boxes, "keypoints": points}, {"keypoints": points}):
        axes = plot.show((IMAGES[0], target)).axes[0]
        colours = axes.collections[0].get_facecolors()
        assert len(np.unique(colours, axis=0)) == 2
        assert (colours[:3] == colours[0]).all()
        assert (colours[3:] == colours[3]).all()
        for patch, colour in zip(axes.patches, colours[[0, 3]], strict=False):
            assert np.array_equal(patch.get_edgecolor()[:3], colour[:3])

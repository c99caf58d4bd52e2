"""ConstrainedCoarseDropout drops in the objects that it is told by their labels, or by the values of a mask."""

from __future__ import annotations

import warnings
from typing import Any

import albumentations as A
import numpy as np
import pytest
import torch

from fastload import transforms as T

IMAGE = np.full((100, 100, 3), 200, np.uint8)
BOXES = np.array([[5.0, 5, 45, 45], [55, 55, 95, 95]], np.float32)
MASK = np.zeros((100, 100), np.uint8)
MASK[5:45, 5:45], MASK[55:95, 55:95] = 7, 1


def dropping(**where: Any) -> Any:
    sizes: dict[str, Any] = {"hole_height_range": (0.5, 0.5), "hole_width_range": (0.5, 0.5)}
    return A.ConstrainedCoarseDropout(num_holes_range=(3, 3), **sizes, **where, p=1.0)


def where(image: Any) -> tuple[bool, bool]:
    """Whether something was dropped in the first object, and in the second: holes reach ten pixels beyond their own."""
    return bool((image[:44, :44] == 0).any()), bool((image[57:, 57:] == 0).any())


@pytest.mark.parametrize(
    "labels", [[7, 1], (7, 1), np.array([7, 1]), torch.tensor([7, 1]), [torch.tensor(7), torch.tensor(1)]]
)
@pytest.mark.parametrize(("wanted", "expected"), [([7], (True, False)), ([1], (False, True)), ([0], (False, False))])
def test_objects_are_chosen_by_the_labels_of_the_sample(wanted: Any, expected: Any, labels: Any) -> None:
    step = dropping(bbox_labels=wanted)
    theirs = A.Compose([step], bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]))
    assert where(theirs(image=IMAGE, bboxes=BOXES, labels=[7, 1])["image"]) == expected
    for chain in (T.Compose([step]), T.Compose([theirs], boxes="xyxy"), T.Albumentations(theirs)):
        for _ in range(3):
            image, target = chain(IMAGE, {"boxes": BOXES, "labels": labels})
            assert where(image) == expected
        assert [int(label) for label in target["labels"]] == [7, 1]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["person"], (True, False)),
        (["car", "person"], (True, True)),
        (["dog", "car"], (False, True)),
        ([0], (False,) * 2),
    ],
)
def test_labels_may_be_texts(wanted: Any, expected: Any) -> None:
    step = dropping(bbox_labels=wanted)
    chain = T.Compose([A.Compose([step], bbox_params=A.BboxParams("pascal_voc", label_fields=["kinds"]))], boxes="xyxy")
    assert where(chain(IMAGE, {"boxes": BOXES, "labels": ["bird", "bird"]})[0]) == (False, False)
    assert where(chain(IMAGE, {"boxes": BOXES})[0]) == (False, False)
    image, target = chain(IMAGE, {"boxes": BOXES, "kinds": ["person", "car"], "labels": ["bird", "bird"]})
    assert where(image) == expected
    assert target["kinds"] == ["person", "car"]
    assert where(chain(IMAGE, {"boxes": BOXES, "label": ("person", "car")})[0]) == expected
    assert step.bbox_labels == wanted


def test_labels_stay_with_their_boxes_where_others_are_dropped_before() -> None:
    beyond = np.array([[-9.0, -9, 0, 0], [5, 5, 45, 45]])
    for wanted, expected in ((1, True), (7, False)):
        image, target = T.Compose([dropping(bbox_labels=[wanted])])(IMAGE, {"boxes": beyond, "labels": [7, 1]})
        assert where(image) == (expected, False)
        assert target["labels"] == [1]


@pytest.mark.parametrize(
    "target",
    [{"mask": MASK}, {"mask": MASK, "boxes": BOXES, "labels": [7, 1]}, {"masks": MASK[None]}, {"masks": [MASK]}],
)
def test_objects_are_chosen_by_the_values_of_the_mask(target: dict[str, Any]) -> None:
    step = dropping(mask_indices=[7], fill_mask=3)
    theirs = A.Compose([step])(image=IMAGE, mask=MASK)
    assert where(theirs["image"]) == (True, False)
    for chain in (T.Compose([step]), T.Albumentations(A.Compose([step]))):
        image, moved = chain(IMAGE, target)
        assert where(image) == (True, False)
        mask = np.asarray(moved["mask"] if "mask" in target else moved["masks"][0])
        dropped = (image == 0).all(axis=-1)
        assert (mask[dropped] == 3).all()
        assert np.array_equal(mask[~dropped], MASK[~dropped])


def test_without_a_mask_boxes_are_taken_as_albumentations_does() -> None:
    chain = T.Compose([dropping(mask_indices=[7], bbox_labels=[1])])
    assert where(chain(IMAGE, {"boxes": BOXES, "labels": [7, 1]})[0]) == (False, True)
    assert where(chain(IMAGE, {"boxes": BOXES, "labels": [7, 1], "mask": MASK})[0]) == (True, False)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert np.array_equal(T.Compose([dropping(mask_indices=[7])])(IMAGE), IMAGE)
    assert any("Neither valid mask nor bboxes provided" in str(warning.message) for warning in said)

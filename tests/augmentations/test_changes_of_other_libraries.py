"""What is changed in a transform of another library counts from the next sample on."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import albumentations as A
import imgaug.augmenters as iaa
import imgaug.parameters as iap
import numpy as np
import pytest

from fastload import transforms as T
from fastload.transforms import _copies

IMAGE = np.zeros((10, 10, 3), np.uint8)
IMAGE[:, :5] = 255


def without_p(step: Any) -> None:
    step.p = iap.Deterministic(0) if isinstance(step, iaa.Augmenter) else 0.0


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "Albumentations": (lambda: A.HorizontalFlip(p=1.0), without_p),
    "a member": (lambda: A.Compose([A.HorizontalFlip(p=1.0)]), lambda step: without_p(step.transforms[0])),
    "a member's member": (
        lambda: A.Compose([A.OneOf([A.HorizontalFlip(p=1.0)], p=1.0)]),
        lambda step: without_p(step.transforms[0]),
    ),
    "one more": (
        lambda: A.Compose([A.HorizontalFlip(p=1.0)]),
        lambda step: step.transforms.append(A.HorizontalFlip(p=1.0)),
    ),
    "another": (
        lambda: A.Compose([A.HorizontalFlip(p=1.0)]),
        lambda step: step.transforms.__setitem__(0, A.NoOp()),
    ),
    "imgaug": (lambda: iaa.Fliplr(1.0), without_p),
    "imgaug's parameter": (lambda: iaa.Fliplr(1.0), lambda step: setattr(step.p, "value", 0)),
    "imgaug's member": (lambda: iaa.Sometimes(1.0, iaa.Fliplr(1.0)), lambda step: without_p(step.then_list[0])),
    "imgaug's list": (lambda: iaa.Sequential([iaa.Fliplr(1.0)]), lambda step: step.append(iaa.Fliplr(1.0))),
}
HOLDERS: dict[str, Callable[[Any], Any]] = {
    "Compose": lambda step: T.Compose([step]),
    "OneOf": lambda step: T.OneOf([step], p=1.0),
    "wrapped": lambda step: (T.ImgAug if isinstance(step, iaa.Augmenter) else T.Albumentations)(step),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("holder", HOLDERS)
def test_a_change_counts_from_the_next_sample_on(holder: str, name: str) -> None:
    make, change = CHANGES[name]
    step = make()
    chain = HOLDERS[holder](step)
    others = [copy.deepcopy(chain), pickle.loads(pickle.dumps(chain))]
    assert np.array_equal(chain(IMAGE), IMAGE[:, ::-1])
    change(step)
    is_drawn = (holder, name) == ("OneOf", "Albumentations")  # whose p is its weight: what is drawn is applied
    assert np.array_equal(chain(IMAGE), IMAGE[:, ::-1] if is_drawn else IMAGE)
    assert all(np.array_equal(other(IMAGE), IMAGE[:, ::-1]) for other in others), "those are others"


def test_what_one_of_applies_for_certain_has_the_latest_arguments() -> None:
    step = A.Crop(0, 0, 5, 10, p=0.5)
    chain = T.OneOf([step], p=1.0)
    assert chain(IMAGE).min() == 255
    step.x_min, step.x_max = 5, 10
    assert chain(IMAGE).max() == 0


@pytest.mark.parametrize("make", [lambda: A.Compose([A.HorizontalFlip(p=1.0)]), lambda: iaa.Sequential([iaa.Fliplr()])])
def test_nothing_is_copied_again_without_a_change(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    step = make()
    chains = [T.Compose([step]), T.Compose([step]), T.OneOf([step], p=1.0)]
    for chain in chains:
        chain(IMAGE)
    monkeypatch.setattr(_copies, "copy", None)  # what is not there cannot be called
    for chain in chains * 3:
        chain(IMAGE, {"boxes": np.array([[1.0, 2, 3, 4]])})


def test_a_transform_is_left_as_it_is() -> None:
    inner = A.HorizontalFlip(p=1.0)
    step = A.Compose([inner], bbox_params=A.BboxParams("coco", label_fields=["labels"]))
    before = dict(vars(inner))
    T.Compose([step], boxes="coco")(IMAGE, {"boxes": np.array([[1.0, 2, 3, 4]])})
    assert vars(inner) == before
    assert list(step.processors["bboxes"].params.label_fields) == ["labels"]
    moved = step(image=IMAGE, bboxes=np.array([[1.0, 2, 3, 4]]), labels=[7])
    assert moved["labels"] == [7]
    assert moved["bboxes"][0] == pytest.approx([6, 2, 3, 4])


def test_another_transform_in_the_place_of_one_counts() -> None:
    imgaug = T.ImgAug(iaa.Identity())
    assert np.array_equal(imgaug(IMAGE), IMAGE)
    imgaug.augmenter = iaa.Fliplr(1.0)
    assert np.array_equal(imgaug(IMAGE), IMAGE[:, ::-1])
    albumentations = T.Albumentations(A.NoOp())
    assert np.array_equal(albumentations(IMAGE), IMAGE)
    albumentations.theirs = A.HorizontalFlip(p=1.0)
    assert np.array_equal(albumentations(IMAGE), IMAGE[:, ::-1])

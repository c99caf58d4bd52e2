"""Transforms of other libraries without a wrapper: whatever holds them, targets go along and the sample seeds them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import albumentations as A
import imgaug.augmenters as iaa
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision_without_kernels import tv_tensors, v2

from fastload import DataLoader
from fastload import transforms as T

PIXELS = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
BOX, MIRRORED = [10.0, 20, 30, 40], [[70.0, 20, 90, 40]]


class Mirror(v2.RandomHorizontalFlip):
    """A class of the user's own."""


class Twofold(v2.Transform):
    """A class of the user's own that is called with an image and a target."""

    def forward(self, image: Any, target: Any) -> Any:
        return image[:, ::-1], {**target, "boxes": target["boxes"] + 1}


STEPS: dict[str, Callable[[], Any]] = {
    "torchvision": lambda: v2.RandomHorizontalFlip(1.0),
    "torchvision, one's own": lambda: Mirror(1.0),
    "torchvision, several": lambda: v2.Compose([v2.RandomHorizontalFlip(1.0)]),
    "torchvision, in a row": lambda: torch.nn.Sequential(v2.RandomHorizontalFlip(1.0)),
    "Albumentations": lambda: A.HorizontalFlip(p=1.0),
    "Albumentations, several": lambda: A.Compose([A.HorizontalFlip(p=1.0)]),
    "imgaug": lambda: iaa.Fliplr(1.0),
    "imgaug, several": lambda: iaa.Sequential([iaa.Fliplr(1.0)]),
}
HOLDERS: dict[str, Callable[[Any], Any]] = {
    "Compose": lambda step: T.Compose([step]),
    "RandomApply": lambda step: T.RandomApply([step], 1.0),
    "RandomChoice": lambda step: T.RandomChoice([step]),
    "RandomOrder": lambda step: T.RandomOrder([step]),
    "OneOf": lambda step: T.OneOf([step], p=1.0),
    "SomeOf": lambda step: T.SomeOf([step], 1),
    "OneOf in a Compose": lambda step: T.Compose([T.OneOf([step], p=1.0)]),
    "Compose in RandomApply in OneOf": lambda step: T.OneOf([T.RandomApply([T.Compose([step])], 1.0)], p=1.0),
}


def as_kind(kind: str, image: Any) -> Any:
    if kind == "pil":
        return Image.fromarray(image)
    return torch.from_numpy(image).permute(2, 0, 1).contiguous() if kind == "tensor" else image


def as_array(image: Any) -> Any:
    return image.permute(1, 2, 0).numpy() if isinstance(image, torch.Tensor) else np.asarray(image)


@pytest.mark.parametrize("kind", ["array", "pil", "tensor"])
@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("name", STEPS)
def test_boxes_go_with_the_pixels_in_whatever_holds_a_step(name: str, holder: str, kind: str) -> None:
    chain = HOLDERS[holder](STEPS[name]())
    came = as_kind(kind, PIXELS)
    for made in (chain, copy.deepcopy(chain), pickle.loads(pickle.dumps(chain))):
        image, target = made(came, {"boxes": torch.tensor([BOX]), "labels": torch.tensor([3])})
        assert type(image) is type(came)
        assert np.array_equal(as_array(image), PIXELS[:, ::-1])
        assert target["boxes"].numpy() == pytest.approx(np.array(MIRRORED), abs=1e-4)
        assert target["labels"].tolist() == [3]


def test_what_takes_image_and_target_by_itself_is_called_with_them() -> None:
    image, target = T.Compose([Twofold()])(PIXELS, {"boxes": torch.tensor([BOX])})
    assert np.array_equal(image, PIXELS[:, ::-1])
    assert target["boxes"].tolist() == [[11, 21, 31, 41]]


DRAWN: dict[str, Callable[[], Any]] = {
    "torchvision": lambda: v2.RandomErasing(1.0),
    "Albumentations": lambda: A.GaussNoise(p=1.0),
    "imgaug": lambda: iaa.AdditiveGaussianNoise(scale=20),
}


class Samples(torch.utils.data.Dataset[Any]):
    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        return self.transform(torch.from_numpy(PIXELS).permute(2, 0, 1).contiguous())


@pytest.mark.filterwarnings("ignore:RandomErasing.* is currently passing through")
@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("holder", HOLDERS)
def test_draws_in_whatever_holds_a_step_are_the_samples(holder: str, name: str) -> None:
    epochs = []
    for options in ({}, {"num_workers": 2}, {"num_workers": 2, "worker_type": "thread"}):
        torch.manual_seed(3)
        loader = DataLoader(Samples(HOLDERS[holder](DRAWN[name]())), batch_size=2, **options)
        epochs.append(torch.cat(list(loader)))
    assert torch.equal(epochs[0], epochs[1])
    assert torch.equal(epochs[0], epochs[2])
    assert not torch.equal(epochs[0][0], epochs[0][1])


@pytest.mark.parametrize("step", [v2.RandomHorizontalFlip(0.25), A.HorizontalFlip(p=0.25)])
def test_probabilities_of_members_are_weights(step: Any) -> None:
    chain = T.OneOf([step, T.RandomVerticalFlip(0.75)], p=1.0)
    mirrored = 0
    for seed in range(200):
        torch.manual_seed(seed)
        image = chain(PIXELS)
        is_mirrored = np.array_equal(image, PIXELS[:, ::-1])
        assert is_mirrored or np.array_equal(image, PIXELS[::-1]), "what is drawn is applied"
        mirrored += is_mirrored
    assert 30 < mirrored < 75  # of 200, four standard errors about 50
    assert step.p == 0.25
    assert chain.eval().training is False


def test_what_is_drawn_for_certain_is_no_part_of_its_own() -> None:
    step = T.Albumentations(A.HorizontalFlip(p=1.0))
    T.OneOf([step], p=1.0)(PIXELS)
    assert step.eval().training is False
    assert list(step.children()) == []


def test_a_member_that_is_changed_later_counts_as_it_is() -> None:
    step = v2.RandomHorizontalFlip(0.0)
    for chain in (T.Compose([step]), T.RandomApply([step], 1.0)):
        step.p = 0.0
        assert np.array_equal(chain(PIXELS), PIXELS)
        step.p = 1.0
        assert np.array_equal(chain(PIXELS), PIXELS[:, ::-1])


def coco(folder: Path) -> Any:
    import json

    Image.fromarray(PIXELS).save(folder / "0.png")
    entry = {"id": 1, "image_id": 5, "category_id": 7, "bbox": [10, 20, 20, 20], "area": 400, "iscrowd": 0}
    document = {
        "images": [{"id": 5, "file_name": "0.png", "height": 100, "width": 100}],
        "annotations": [entry],
        "categories": [{"id": 7, "name": "thing"}],
    }
    (folder / "boxes.json").write_text(json.dumps(document))
    return folder, folder / "boxes.json"


@pytest.mark.parametrize("name", STEPS)
def test_data_sets_are_given_steps_as_they_are(name: str, tmp_path: Path) -> None:
    from fastload.datasets import CocoDetection

    dataset = CocoDetection(*coco(tmp_path), tensors=True, transforms=STEPS[name]())
    for made in (dataset, pickle.loads(pickle.dumps(dataset))):
        image, target = made[0]
        assert np.array_equal(np.asarray(image), PIXELS[:, ::-1])
        assert target["boxes"].numpy() == pytest.approx(np.array(MIRRORED), abs=1e-4)


def test_samples_that_are_joined_are_given_to_steps_as_they_are() -> None:
    samples = [(as_kind("tensor", PIXELS), {"boxes": torch.tensor([BOX])})]
    pasted = T.Mosaic(samples, (50, 50), p=0.0, transform=v2.RandomHorizontalFlip(1.0))
    image, target = pasted[0]
    assert np.array_equal(as_array(image), PIXELS[:, ::-1])
    assert target["boxes"].tolist() == MIRRORED


def test_images_of_torchvision_stay_such() -> None:
    image = tv_tensors.Image(as_kind("tensor", PIXELS))
    boxes = tv_tensors.BoundingBoxes([BOX], format="XYXY", canvas_size=(100, 100))
    made, moved = T.OneOf([v2.RandomHorizontalFlip(1.0)], p=1.0)(image, boxes)
    assert (type(made), type(moved)) == (tv_tensors.Image, tv_tensors.BoundingBoxes)
    assert moved.tolist() == MIRRORED

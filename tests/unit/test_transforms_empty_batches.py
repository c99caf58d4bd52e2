"""A batch of no images comes back as one, of the size that a batch of some has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch

from fastload import transforms as T

F = T.functional

# What needs arguments, or does nothing without.
MADE: dict[str, Callable[[], Any]] = {
    "CenterCrop": lambda: T.CenterCrop(3),
    "CoarseDropout": lambda: T.CoarseDropout(p=1.0),
    "ColorJitter": lambda: T.ColorJitter(0.5, 0.5, 0.5, 0.5),
    "Compose": lambda: T.Compose([T.RandomAffine(10), T.ColorJitter(0.5, 0.5, 0.5, 0.5)]),
    "CutMix": lambda: T.CutMix(labels_getter=None),
    "GaussianBlur": lambda: T.GaussianBlur(3),
    "JPEG": lambda: T.JPEG(50),
    "Lambda": lambda: T.Lambda(lambda batch: batch * 2),
    "LetterBox": lambda: T.LetterBox((12, 20)),
    "LongestMaxSize": lambda: T.LongestMaxSize(7),
    "MixUp": lambda: T.MixUp(labels_getter=None),
    "Normalize": lambda: T.Normalize([0.5, 0.5, 0.5], [0.2, 0.2, 0.2]),
    "OneOf": lambda: T.OneOf([T.RandomRotation(30)], p=1.0),
    "Pad": lambda: T.Pad(3),
    "RandomAdjustSharpness": lambda: T.RandomAdjustSharpness(2, p=1.0),
    "RandomAffine": lambda: T.RandomAffine(10),
    "RandomApply": lambda: T.RandomApply([T.RandomRotation(30)], 1.0),
    "RandomChoice": lambda: T.RandomChoice([T.RandomRotation(30)]),
    "RandomCrop": lambda: T.RandomCrop(3),
    "RandomErasing": lambda: T.RandomErasing(1.0),
    "RandomOrder": lambda: T.RandomOrder([T.RandomRotation(30), T.Resize(9)]),
    "RandomPosterize": lambda: T.RandomPosterize(3, p=1.0),
    "RandomResizedCrop": lambda: T.RandomResizedCrop(5),
    "RandomRotation": lambda: T.RandomRotation(30, expand=True),
    "RandomShortestSize": lambda: T.RandomShortestSize([5, 9]),
    "RandomSolarize": lambda: T.RandomSolarize(0.5, p=1.0),
    "Resize": lambda: T.Resize((9, 5)),
    "ScaleJitter": lambda: T.ScaleJitter((12, 12)),
    "SomeOf": lambda: T.SomeOf([T.RandomRotation(30), T.Resize(9)], 2),
    "ToDtype": lambda: T.ToDtype(torch.float32, scale=True),
}
ELSEWHERE = {
    "Albumentations": "it holds another library's",
    "ImgAug": "it holds another library's",
    "ToPILImage": "it takes one image",
    "Transform": "it does nothing",
}
ALL = [
    name
    for name in T.__all__
    if inspect.isclass(getattr(T, name)) and issubclass(getattr(T, name), torch.nn.Module) and name not in ELSEWHERE
]


def made(name: str) -> Any:
    if name in MADE:
        return MADE[name]()
    kind = getattr(T, name)
    return kind(p=1.0) if "p" in inspect.signature(kind.__init__).parameters else kind()


def drawn(transform: Any, seed: int, batch: torch.Tensor) -> Any:
    torch.manual_seed(seed)
    return transform(batch)


OF_ONE_TYPE = {"JPEG": torch.uint8, "Normalize": torch.float32}
WITH_ONE_AXIS = ("CutMix", "MixUp")  # of images


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("name", ALL)
def test_a_batch_of_no_images_is_made_as_one_of_some_is(name: str, dtype: torch.dtype) -> None:
    transform, dtype = made(name), OF_ONE_TYPE.get(name, dtype)
    for leading in ((0,), (2, 0), (0, 2))[: 1 if name in WITH_ONE_AXIS else 3]:
        for seed in range(20):
            some = drawn(transform, seed, torch.zeros(*(side or 3 for side in leading), 3, 11, 14, dtype=dtype))
            none = drawn(transform, seed, torch.zeros(*leading, 3, 11, 14, dtype=dtype))
            assert none.shape == (*leading, *some.shape[len(leading) :])
            assert none.dtype == some.dtype


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_warps_of_every_kind_take_no_images(mode: str) -> None:
    batch, interpolation = torch.zeros(0, 3, 11, 14), T.InterpolationMode(mode)
    displacement = torch.full((1, 11, 14, 2), 0.03)
    assert F.rotate(batch, 30, interpolation, expand=True).shape[:2] == (0, 3)
    assert F.affine(batch, 10, scale=0.4, interpolation=interpolation).shape == batch.shape
    assert F.elastic(batch, displacement, interpolation).shape == batch.shape

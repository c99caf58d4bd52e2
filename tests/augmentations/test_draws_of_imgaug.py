"""What an augmenter of imgaug draws for a sample does not depend on what it has drawn before, nor on who else draws."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import imgaug
import imgaug.augmenters as iaa
import imgaug.parameters as iap
import numpy as np
import pytest
import torch

from fastload import DataLoader
from fastload import transforms as T

IMAGE = np.random.default_rng(0).integers(0, 256, (33, 46, 3), dtype=np.uint8)
OTHERS = [IMAGE[:20, :31], np.concatenate([IMAGE, IMAGE], axis=1), IMAGE]  # of other sizes, some larger
BOXES = np.array([[5.0, 6, 20, 30], [25, 10, 45, 31]])
CROPS = ("CropTo", "CenterCropTo", "PadTo", "CenterPadTo")


def some() -> list[Any]:
    return [iaa.Add((-50, 50)), iaa.Fliplr(0.5), iaa.Affine(rotate=(-30, 30))]


def of_a_size(name: str) -> Callable[[], Any]:
    options: dict[str, dict[str, Any]] = {
        "FixedSize": {"height": 30, "width": 30},
        "MultiplesOf": {"height_multiple": 8, "width_multiple": 8},
        "PowersOf": {"height_base": 2, "width_base": 2},
        "AspectRatio": {"aspect_ratio": 1.0},
        "Square": {},
    }
    given = next(values for ending, values in options.items() if name.endswith(ending))
    return lambda: getattr(iaa, name)(**given)


# What does not do anything, or is not made, without arguments.
MADE: dict[str, Callable[[], Any]] = {
    "AddElementwise": lambda: iaa.AddElementwise((-50, 50)),
    "AssertShape": lambda: iaa.AssertShape((None, None, None, 3)),
    "BlendAlpha": lambda: iaa.BlendAlpha((0.0, 1.0), iaa.Add((-50, 50)), iaa.OneOf(some())),
    "BlendAlphaBoundingBoxes": lambda: iaa.BlendAlphaBoundingBoxes(None, iaa.OneOf(some())),
    "BlendAlphaCheckerboard": lambda: iaa.BlendAlphaCheckerboard((2, 4), (2, 4), iaa.OneOf(some())),
    "BlendAlphaElementwise": lambda: iaa.BlendAlphaElementwise((0.0, 1.0), iaa.OneOf(some())),
    "BlendAlphaFrequencyNoise": lambda: iaa.BlendAlphaFrequencyNoise(foreground=iaa.Add((-50, 50))),
    "BlendAlphaHorizontalLinearGradient": lambda: iaa.BlendAlphaHorizontalLinearGradient(iaa.OneOf(some())),
    "BlendAlphaMask": lambda: iaa.BlendAlphaMask(iaa.SomeColorsMaskGen(), iaa.OneOf(some())),
    "BlendAlphaRegularGrid": lambda: iaa.BlendAlphaRegularGrid((2, 4), (2, 4), iaa.OneOf(some())),
    "BlendAlphaSegMapClassIds": lambda: iaa.BlendAlphaSegMapClassIds([1], iaa.OneOf(some())),
    "BlendAlphaSimplexNoise": lambda: iaa.BlendAlphaSimplexNoise(iaa.OneOf(some())),
    "BlendAlphaSomeColors": lambda: iaa.BlendAlphaSomeColors(iaa.OneOf(some())),
    "BlendAlphaVerticalLinearGradient": lambda: iaa.BlendAlphaVerticalLinearGradient(iaa.OneOf(some())),
    "ChangeColorspace": lambda: iaa.ChangeColorspace(["HSV", "Lab"]),
    "CloudLayer": lambda: iaa.CloudLayer((180, 220), (-2, -1), 5, (0, 0.5), (0.2, 0.4), (8, 16), (-2, -1), 0.5, 0.8),
    "Cutout": lambda: iaa.Cutout(nb_iterations=(1, 3), fill_mode=["gaussian", "constant"]),
    "KeepSizeByResize": lambda: iaa.KeepSizeByResize(iaa.SomeOf((0, 2), some())),
    "MultiplyAndAddToBrightness": lambda: iaa.MultiplyAndAddToBrightness((0.5, 1.5), (-50, 50)),
    "OneOf": lambda: iaa.OneOf(some()),
    "RainLayer": lambda: iaa.RainLayer((0.1, 0.2), (0.8, 1), (0.1, 0.4), (0.1, 0.5), (-15, 15), (0.1, 0.2), (0.0, 0.1)),
    "RemoveCBAsByOutOfImageFraction": lambda: iaa.RemoveCBAsByOutOfImageFraction(0.5),
    "ReplaceElementwise": lambda: iaa.ReplaceElementwise(0.5, (0, 255)),
    "Resize": lambda: iaa.Resize({"height": (20, 40), "width": [20, 30]}),
    "Sequential": lambda: iaa.Sequential(some(), random_order=True),
    "SnowflakesLayer": lambda: iaa.SnowflakesLayer(0.1, (0.5, 1), 0.5, (0.3, 0.5), (-30, 30), (0.01, 0.05), (0.0, 0.1)),
    "SomeOf": lambda: iaa.SomeOf((0, 2), some()),
    "Sometimes": lambda: iaa.Sometimes(0.7, iaa.SomeOf((0, 2), some()), iaa.OneOf(some())),
    "Voronoi": lambda: iaa.Voronoi(iaa.UniformPointsSampler((3, 20))),
    "WithChannels": lambda: iaa.WithChannels([0], iaa.OneOf(some())),
    "WithColorspace": lambda: iaa.WithColorspace("HSV", children=iaa.OneOf(some())),
    "WithPolarWarping": lambda: iaa.WithPolarWarping(iaa.OneOf(some())),
    "noise of a parameter": lambda: iaa.AddElementwise(iap.FrequencyNoise(size_px_max=(4, 64)) * 50),
    "parameters of parameters": lambda: iaa.Add(iap.Add(iap.Uniform(-50, 0), iap.Absolute(iap.Normal(20, 30)))),
}
NEEDS = {"BlendAlphaBoundingBoxes": "boxes", "BlendAlphaSegMapClassIds": "masks"}
NOT_MADE = {
    "Augmenter": "it is abstract",
    "SaveDebugImageEveryNBatches": "it writes files",
    "MeanShiftBlur": "it takes seconds",
}


def is_made(name: str) -> bool:
    kind = getattr(iaa, name)
    if not inspect.isclass(kind) or not issubclass(kind, iaa.Augmenter) or name in NOT_MADE:
        return False
    return kind.__module__ not in ("imgaug.augmenters.imgcorruptlike",)  # another package, which is not there


AUGMENTERS: dict[str, Callable[[], Any]] = {
    name: of_a_size(name) if name.startswith(CROPS) else getattr(iaa, name) for name in dir(iaa) if is_made(name)
} | MADE
HOLDERS: dict[str, Callable[[Any], Any]] = {
    "alone": lambda augmenter: augmenter,
    "Sometimes": lambda augmenter: iaa.Sometimes(0.9, iaa.OneOf([augmenter, *some()])),
    "lists in lists": lambda augmenter: iaa.BlendAlpha(
        1.0, iaa.Sequential([iaa.KeepSizeByResize(iaa.SomeOf((1, 2), [augmenter, *some()])), iaa.Flipud(0.5)], True)
    ),
}


def drawn(step: Any, seed: int, image: Any = IMAGE, needs: str = "") -> Any:
    targets = {"boxes": BOXES, "masks": image[None, :, :, 0] > 99}
    torch.manual_seed(seed)
    return step(image, {needs: targets[needs]})[0] if needs else step(image)


def test_all_augmenters_are_here() -> None:
    names = {name for name in dir(iaa) if is_made(name)}
    assert len(names) > 140
    assert names <= set(AUGMENTERS)


@pytest.mark.filterwarnings("ignore:.*(deprecated|This augmenter is very slow)")
@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("name", AUGMENTERS)
def test_draws_do_not_depend_on_what_was_drawn_before(name: str, holder: str) -> None:
    augmenter = HOLDERS[holder](AUGMENTERS[name]())
    step, needs = T.ImgAug(augmenter), NEEDS.get(name, "")
    expected = [drawn(step, seed, needs=needs) for seed in range(3)]
    for seed, image in enumerate(OTHERS):
        drawn(step, 90 + seed, image, needs)
    imgaug.seed(77)
    again = [drawn(step, seed, needs=needs) for seed in (2, 1, 0)][::-1]
    anew = [drawn(T.ImgAug(augmenter), seed, needs=needs) for seed in range(3)]
    for one, other, third in zip(expected, again, anew, strict=True):
        assert np.array_equal(one, other)
        assert np.array_equal(one, third)


@pytest.mark.parametrize("name", ["SomeOf", "Sometimes", "BlendAlpha", "BlendAlphaFrequencyNoise", "WithColorspace"])
def test_draws_are_the_same_for_samples_with_boxes(name: str) -> None:
    step = T.ImgAug(iaa.Sometimes(0.9, iaa.OneOf([AUGMENTERS[name](), *some()])))
    rounds = []
    for order in ((0, 1, 2, 3), (3, 2, 1, 0)):
        found = {}
        for seed in order:
            torch.manual_seed(seed)
            found[seed] = step(IMAGE, {"boxes": BOXES})
        rounds.append(found)
    for seed in range(4):
        (one, target), (other, same) = rounds[0][seed], rounds[1][seed]
        assert np.array_equal(one, other)
        assert np.array_equal(target["boxes"], same["boxes"])


def test_what_is_deterministic_stays_so_in_what_is_not() -> None:
    still = iaa.Add((-50, 50)).to_deterministic()
    step = T.ImgAug(iaa.Sequential([still]))
    assert all(np.array_equal(drawn(step, seed), drawn(step, 0)) for seed in range(4))


class Images(torch.utils.data.Dataset[Any]):
    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Any:
        return torch.from_numpy(np.ascontiguousarray(self.transform(IMAGE)))


@pytest.mark.parametrize("name", ["SomeOf", "BlendAlpha", "BlendAlphaFrequencyNoise", "MultiplyAndAddToBrightness"])
def test_draws_do_not_depend_on_the_workers(name: str) -> None:
    dataset = Images(T.Compose([iaa.Sometimes(0.9, iaa.OneOf([AUGMENTERS[name](), iaa.Flipud(1.0)]))]))
    epochs = []
    for options in ({}, {"num_workers": 2}, {"num_workers": 2, "worker_type": "thread"}):
        torch.manual_seed(0)
        epochs.append(torch.cat(list(DataLoader(dataset, batch_size=4, **options))))
    assert torch.equal(epochs[0], epochs[1])
    assert torch.equal(epochs[0], epochs[2])


@pytest.mark.parametrize("other", [iaa.Add((-60, 60)), iaa.Sometimes(1.0, iaa.Add((-60, 60)))], ids=["beside", "in"])
def test_two_augmenters_draw_apart(other: Any) -> None:
    flat = np.full((2, 2, 3), 128, np.uint8)
    transform = T.ImgAug(iaa.Sequential([iaa.Add((-60, 60)), other]))
    sums = []
    for seed in range(300):
        torch.manual_seed(seed)
        sums.append(int(transform(flat)[0, 0, 0]) - 128)
    # That of one is 35; the sum's is 49, or 70 of two that draw the same.
    assert 43 < np.std(sums) < 56


def test_equal_steps_of_a_chain_draw_each_for_itself() -> None:
    chain = T.Compose([T.ImgAug(iaa.Fliplr(0.5)), T.ImgAug(iaa.Fliplr(0.5))])
    torch.manual_seed(0)
    mirrored = sum(np.array_equal(chain(IMAGE), IMAGE[:, ::-1]) for _ in range(40))
    assert 8 <= mirrored <= 32

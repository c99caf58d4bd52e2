"""`get_params` of torchvision's classes: with torch's generator seeded alike, the numbers that torchvision draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision_without_kernels import v2

from fastload import DataLoader
from fastload import transforms as T
from fastload.transforms import functional as F

HEIGHT, WIDTH, SEEDS = 40, 52, 50
PLANES = torch.rand(3, HEIGHT, WIDTH)
ARRAY = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
IMAGES = {
    "floats": PLANES,
    "levels": torch.from_numpy(ARRAY).permute(2, 0, 1),
    "array": ARRAY,
    "pil": Image.fromarray(ARRAY),
}
ARGUMENTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "rotation": ("RandomRotation", ([-30.0, 45.0],)),
    "rotation by one angle": ("RandomRotation", ((30, 30),)),
    "affine": ("RandomAffine", ([-30.0, 30.0], [0.1, 0.3], [0.5, 2.0], [-10.0, 10.0, -5.0, 20.0], [WIDTH, HEIGHT])),
    "affine, shear in x": ("RandomAffine", ([0.0, 30.0], None, (0.5, 2.0), (-10.0, 10.0), [WIDTH, HEIGHT])),
    "affine, turned alone": ("RandomAffine", ([0.0, 30.0], None, None, None, (WIDTH, HEIGHT))),
    "perspective": ("RandomPerspective", (WIDTH, HEIGHT, 0.5)),
    "perspective of odd sides": ("RandomPerspective", (WIDTH - 1, HEIGHT - 1, 1.0)),
    "perspective of nothing": ("RandomPerspective", (WIDTH, HEIGHT, 0)),
    "elastic": ("ElasticTransform", ([50.0, 80.0], [2.0, 3.0], [HEIGHT, WIDTH])),
    "elastic, not smooth": ("ElasticTransform", ([50.0, 80.0], [0.0, 0.0], [HEIGHT, WIDTH])),
    "erasing": ("RandomErasing", (PLANES, (0.02, 0.33), (0.3, 3.3), [0.0])),
    "erasing, all alike": ("RandomErasing", (PLANES, [0.0, 1.0], [0.3, 3.3], [0.1, 0.2, 0.3])),
    "erasing with noise": ("RandomErasing", (PLANES, (0.02, 0.33), (0.3, 3.3), None)),
    "erasing what does not fit": ("RandomErasing", (PLANES, (1.0, 1.0), (1.0, 1.0), [0.0])),
    "erasing nothing": ("RandomErasing", (PLANES, (0.0, 0.0), (0.3, 3.3), [0.0])),
    "colours": ("ColorJitter", ((0.5, 1.5), (0.2, 1.1), (0.0, 2.0), (-0.1, 0.3))),
    "colours, some of them": ("ColorJitter", (None, (0.0, 0.0), None, None)),
    "blur": ("GaussianBlur", (0.1, 2.0)),
    "policy": ("AutoAugment", (25,)),
}


def are_alike(one: Any, other: Any) -> bool:
    """Of one type, and the same; tensors within the rounding of sums."""
    if isinstance(one, tuple | list) and type(one) is type(other) and len(one) == len(other):
        return all(map(are_alike, one, other))
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        same_kind = one.dtype == other.dtype and one.shape == other.shape
        return same_kind and torch.allclose(one, other, rtol=1e-4, atol=1e-5)
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_same_is_drawn(name: str) -> None:
    kind, arguments = ARGUMENTS[name]
    for seed in range(SEEDS):
        drawn = []
        for library in (T, v2):
            torch.manual_seed(seed)
            drawn.append((getattr(library, kind).get_params(*arguments), torch.rand(()).item()))
        assert are_alike(*drawn), drawn


def jittered(image: Any) -> Any:
    order, brightness, contrast, saturation, hue = T.ColorJitter.get_params(
        (0.5, 1.5), (0.5, 1.5), (0.5, 1.5), (-0.1, 0.1)
    )
    names = ("brightness", "contrast", "saturation", "hue")
    for number in order.tolist():
        adjust = getattr(F, f"adjust_{names[number]}")
        image = adjust(image, (brightness, contrast, saturation, hue)[number])
    return image


def affine(image: Any) -> Any:
    params = T.RandomAffine.get_params([-30, 30], (0.1, 0.1), [0.5, 2], [-10, 10, -10, 10], [WIDTH, HEIGHT])
    return F.affine(image, *params)


def elastic(image: Any) -> Any:
    return F.elastic(image, T.ElasticTransform.get_params([50, 50], [5, 0], [HEIGHT, WIDTH]))


APPLIED: dict[str, Callable[[Any], Any]] = {
    "rotate": lambda image: F.rotate(image, T.RandomRotation.get_params((-30, 30))),
    "affine": affine,
    "perspective": lambda image: F.perspective(image, *T.RandomPerspective.get_params(WIDTH, HEIGHT, 0.5)),
    "elastic": elastic,
    "erase": lambda image: F.erase(image, *T.RandomErasing.get_params(image, (0.1, 0.3), (0.3, 3.3), [7.0])),
    "erase by a number": lambda image: F.erase(image, *T.RandomErasing.get_params(image, (0.1, 0.3), (1, 1), 7)),
    "erase by noise": lambda image: F.erase(image, *T.RandomErasing.get_params(image, (0.1, 0.3), (1, 1), "random")),
    "erase by nothing": lambda image: F.erase(image, *T.RandomErasing.get_params(image, (1, 1), (1, 1))),
    "jitter": jittered,
    "blur": lambda image: F.gaussian_blur(image, 5, T.GaussianBlur.get_params(0.1, 2.0)),
}


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", APPLIED)
def test_functions_take_what_is_drawn(name: str, kind: str) -> None:
    same = []
    for seed in range(10):
        torch.manual_seed(seed)
        made = APPLIED[name](IMAGES[kind])
        torch.manual_seed(seed)
        again = APPLIED[name](IMAGES[kind])
        assert type(made) is type(IMAGES[kind])
        assert F.get_size(made) == [HEIGHT, WIDTH]
        assert np.array_equal(np.asarray(made), np.asarray(again))
        same.append(np.array_equal(np.asarray(made), np.asarray(IMAGES[kind])))
    assert all(same) if name == "erase by nothing" else sum(same) < 5  # some turn, or blur, by next to nothing


class Pairs(torch.utils.data.Dataset[Any]):
    """Two images of each sample, turned alike."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Any:
        angle = T.RandomRotation.get_params((-180, 180))
        both = [F.rotate(image, angle) for image in (PLANES, PLANES.clone())]
        return *both, angle


@pytest.mark.parametrize(
    "options", [{"num_workers": 2}, {"num_workers": 2, "worker_type": "thread"}, {"batch_size": 3}]
)
def test_in_a_loader_it_is_the_samples_own(options: Any) -> None:
    found = []
    for arguments in ({}, options):
        torch.manual_seed(0)
        loader = DataLoader(Pairs(), **arguments)
        found.append([angle for _, _, angles in loader for angle in angles.tolist()])
        assert all(torch.equal(one, other) for one, other, _ in loader)
    assert found[0] == found[1]
    assert len(set(found[0])) == 12


@pytest.mark.parametrize(
    ("draw", "text"),
    [
        (lambda: T.RandomRotation.get_params(30), r"degrees must be \(low, high\), got 30"),
        (lambda: T.RandomRotation.get_params((30, 10)), r"degrees must be .* got \(30, 10\)"),
        (lambda: T.RandomAffine.get_params((0, 1), (0, 2), None, None, (4, 4)), r"translate must be .* got \(0, 2\)"),
        (
            lambda: T.RandomAffine.get_params((0, 1), None, 2, None, (4, 4)),
            r"scale_ranges must be \(low, high\), got 2",
        ),
        (
            lambda: T.RandomAffine.get_params((0, 1), None, None, (1, 2, 3), (4, 4)),
            r"shears must be two .* got \(1, 2, 3\)",
        ),
        (lambda: T.RandomAffine.get_params((0, 1), None, None, None, 4.5), r"img_size must be .* got 4\.5"),
        (lambda: T.RandomPerspective.get_params(0, 4, 0.5), r"width must be .* got 0"),
        (lambda: T.RandomPerspective.get_params(4, 4, 1.5), r"distortion_scale must be in \[0, 1\], got 1\.5"),
        (lambda: T.ElasticTransform.get_params([1, -1], [1, 1], [4, 4]), r"alpha must be .* got \[1, -1\]"),
        (lambda: T.RandomErasing.get_params(PLANES, (0, 2), (1, 1)), r"scale must be .* got \(0, 2\)"),
        (
            lambda: T.RandomErasing.get_params(PLANES, (0, 1), (1, 1), [1, 2]),
            r"value has 2 values, .* 3 channels: \[1, 2\]",
        ),
        (lambda: T.ColorJitter.get_params("a", None, None, None), r"brightness must be \(low, high\), got 'a'"),
        (lambda: T.GaussianBlur.get_params(2, 1), r"\(sigma_min, sigma_max\) must be .* got \(2, 1\)"),
        (lambda: T.AutoAugment.get_params(0), r"transform_num must be an int, 1 or more; got 0"),
    ],
)
def test_what_cannot_be_drawn_is_told(draw: Callable[[], Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        draw()


def test_all_that_torchvision_has_is_here() -> None:
    missing = [name for name in dir(v2) if hasattr(getattr(v2, name), "get_params") and hasattr(T, name)]
    assert [name for name in missing if not hasattr(getattr(T, name), "get_params")] == []
    assert all(getattr(T, name).get_params.__doc__ for name in missing)

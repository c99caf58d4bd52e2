"""Policies: what they draw, how often, and that boxes follow what moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from support.painted import found, grid_of_boxes, painted

from fastload import transforms as T

y, x = np.mgrid[:64, :64]
IMAGE = np.stack([127 + 120 * np.sin(x / (6 + k)) * np.cos(y / 8) for k in range(3)], axis=-1).astype(np.uint8)
POLICIES: list[Any] = [
    T.AutoAugment(),
    T.AutoAugment(T.AutoAugmentPolicy.CIFAR10),
    T.AutoAugment("svhn", fill=[1, 2, 3]),
    T.RandAugment(),
    T.RandAugment(3, 20, interpolation=T.InterpolationMode.BILINEAR),
    T.TrivialAugmentWide(),
    T.AugMix(),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_every_kind_of_8_bit_image_gets_the_same(policy: Any) -> None:
    planes = torch.from_numpy(IMAGE).permute(2, 0, 1)
    changed = 0
    for seed in range(30):
        results = []
        for image in (IMAGE, Image.fromarray(IMAGE), planes):
            torch.manual_seed(seed)
            made = policy(image)
            assert type(made) is type(image)
            results.append(np.asarray(made.permute(1, 2, 0) if isinstance(made, torch.Tensor) else made))
        assert np.array_equal(results[0], results[1])
        assert np.array_equal(results[0], results[2])
        changed += not np.array_equal(results[0], IMAGE)
    assert changed > 12


def test_the_magnitudes_are_those_of_the_papers() -> None:
    """RandAugment of one op and a single bin: one of the fourteen that Pillow can do as well, or a move."""
    noise = np.random.default_rng(0).integers(-40, 40, IMAGE.shape)
    image = Image.fromarray((IMAGE + noise).clip(20, 230).astype(np.uint8))
    factors = [1 + sign * 0.9 * 9 / 30 for sign in (1, -1)]
    expected = [
        image,
        ImageOps.autocontrast(image),
        ImageOps.equalize(image),
        ImageOps.posterize(image, 8 - round(4 * 9 / 30)),
    ]
    expected.append(ImageOps.solarize(image, 255 * (1 - 9 / 30)))
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Color, ImageEnhance.Contrast, ImageEnhance.Sharpness):
        expected += [enhance(image).enhance(factor) for factor in factors]
    shift = int(150 / 331 * 9 / 30 * 64)
    for move in ((shift, 0), (-shift, 0), (0, shift), (0, -shift)):
        expected.append(image.transform(image.size, Image.Transform.AFFINE, (1, 0, -move[0], 0, 1, -move[1])))
    expected += [image.rotate(sign * 30 * 9 / 30) for sign in (1, -1)]
    shear = 0.3 * 9 / 30
    for sign in (1, -1):
        expected.append(image.transform(image.size, Image.Transform.AFFINE, (1, -sign * shear, 0, 0, 1, 0)))
        expected.append(image.transform(image.size, Image.Transform.AFFINE, (1, 0, 0, -sign * shear, 1, 0)))
    seen = set()
    for seed in range(400):
        torch.manual_seed(seed)
        made = np.asarray(T.RandAugment(1, 9)(image)).astype(int)
        distances = [np.mean(abs(made - np.asarray(other))) for other in expected]
        best = int(np.argmin(distances))
        assert distances[best] < 0.5, seed
        seen.add(best)
    assert seen == set(range(len(expected)))


@pytest.mark.parametrize("magnitude", [3, 4, 12, 20, 27])
def test_bits_are_rounded_as_torchvision_rounds_them(magnitude: int) -> None:
    """8 - round(4 x magnitude / 30): of 4 / 30 x 4, 12, 20 and 27 the next larger number."""
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    posterized = {bits: np.asarray(ImageOps.posterize(Image.fromarray(levels), bits)) for bits in range(4, 9)}
    torch.manual_seed(0)
    made = [T.RandAugment(1, magnitude)(levels) for _ in range(150)]
    seen = {bits for bits, image in posterized.items() if any(np.array_equal(image, one) for one in made)}
    assert seen == {8, 8 - round(4 * magnitude / 30)}, "8 bits are what the identity leaves"


def test_boxes_follow_what_moves() -> None:
    boxes = grid_of_boxes(180, 240, 34, 12)
    image = painted(180, 240, boxes)
    policy = T.RandomApply([T.TrivialAugmentWide()], p=1.0)
    moved = 0
    for seed in range(60):
        torch.manual_seed(seed)
        made, target = policy(
            image, {"boxes": torch.tensor(boxes, dtype=torch.float32), "labels": torch.arange(len(boxes))}
        )
        places = [
            (found(made, int(label)), box)
            for label, box in zip(target["labels"], target["boxes"].tolist(), strict=True)
        ]
        if any(place is None for place, _ in places):
            continue  # the colours were changed
        moved += len(places) < len(boxes) or any(list(place) != list(boxes[0]) for place, _ in places[:1])
        for place, box in places:
            assert np.allclose(place, box, atol=2.6), (seed, place, box)
    assert moved > 10


def test_a_chain_with_a_policy_is_one_native_program() -> None:
    chain = T.Compose([T.RandomResizedCrop(32), T.RandAugment(), T.ToTensor(), T.Normalize([0.5] * 3, [0.2] * 3)])
    assert repr(chain).count("native, one pass") == 1
    assert "Python" not in repr(chain)
    assert chain(IMAGE).shape == (3, 32, 32)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: T.AutoAugment("coco"), "policy must be"),
        (lambda: T.AutoAugment(["imagenet"]), "policy must be"),
        (lambda: T.RandAugment(magnitude=31), "magnitude must be less"),
        (lambda: T.RandAugment(num_ops=-1), "num_ops"),
        (lambda: T.TrivialAugmentWide(0), "num_magnitude_bins"),
        (lambda: T.AugMix(11), "severity"),
        (lambda: T.AugMix(chain_depth=0), "chain_depth"),
        (lambda: T.RandAugment()(torch.zeros(4, 8, 8)), "images of 1 or 3 channels"),
        (lambda: T.RandAugment(num_ops=10**6), "num_ops must be at most"),
        (lambda: T.RandAugment(2, 0, 10**6), "num_magnitude_bins must be at most"),
        (lambda: T.TrivialAugmentWide(10**5), "num_magnitude_bins must be at most"),
        (lambda: T.AugMix(mixture_width=10**6), "mixture_width must be at most"),
        (lambda: T.AugMix(chain_depth=10**6), "chain_depth must be at most"),
        (lambda: T.AugMix(alpha=float("inf")), "alpha must be"),
        (lambda: T.AugMix(alpha="1"), "alpha must be"),
    ],
)
def test_bad_arguments_are_refused(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()

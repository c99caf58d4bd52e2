"""v2 transforms of images that have no boxes, masks or key points with them, and of whole batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision_without_kernels import v2

from fastload import transforms as T

PIXELS = np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8)
OF_IMAGES_ALONE: dict[str, Callable[[], Any]] = {
    "AutoAugment": v2.AutoAugment,
    "RandAugment": v2.RandAugment,
    "TrivialAugmentWide": v2.TrivialAugmentWide,
    "AugMix": v2.AugMix,
    "in a Compose": lambda: v2.Compose([v2.RandomHorizontalFlip(), v2.RandAugment()]),
}
KINDS: dict[str, Callable[[], Any]] = {
    "array": lambda: PIXELS,
    "tensor": lambda: torch.from_numpy(PIXELS).permute(2, 0, 1).contiguous(),
    "pil": lambda: Image.fromarray(PIXELS),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OF_IMAGES_ALONE)
def test_what_takes_images_alone_is_given_images_alone(name: str, kind: str) -> None:
    image = KINDS[kind]()
    for holder in (lambda step: T.Compose([step]), lambda step: T.RandomApply([step], 1.0)):
        chain = holder(OF_IMAGES_ALONE[name]())
        for seed in range(5):
            torch.manual_seed(seed)
            made = chain(image)
            assert type(made) is type(image)
            assert np.shape(made) == np.shape(image)
            torch.manual_seed(seed)
            again, label, values = chain((image, 3, {"id": 5}))
            assert np.array_equal(np.asarray(again), np.asarray(made))
            assert (label, values) == (3, {"id": 5})


@pytest.mark.parametrize("mix", [v2.MixUp, v2.CutMix])
def test_batches_are_mixed_with_their_labels(mix: Any) -> None:
    images, labels = torch.arange(4.0).reshape(4, 1, 1, 1).expand(4, 3, 16, 16).contiguous(), torch.tensor([0, 1, 2, 3])
    chain = T.Compose([v2.RandomChoice([mix(num_classes=5)])])
    for made, parts in (chain((images, labels)), chain(images, labels)):
        assert (made.shape, parts.shape) == (images.shape, (4, 5))
        means = parts @ torch.arange(5.0)  # of class numbers, which are the levels of the images
        assert torch.allclose(made.mean(dim=(1, 2, 3)), means, atol=1e-5)


@pytest.mark.parametrize("kind", [*KINDS, "grey"])
@pytest.mark.parametrize("crops", [v2.FiveCrop, v2.TenCrop])
def test_several_crops_are_each_what_the_image_was(crops: Any, kind: str) -> None:
    image = PIXELS[:, :, 0] if kind == "grey" else KINDS[kind]()
    made = T.Compose([crops((20, 30))])(image)
    expected = crops((20, 30))(Image.fromarray(PIXELS))
    assert type(made) is tuple
    for one, other in zip(made, expected, strict=True):
        assert type(one) is type(image)
        pixels = one.permute(1, 2, 0) if kind == "tensor" else one
        assert np.array_equal(pixels, np.asarray(other)[:, :, 0] if kind == "grey" else other)

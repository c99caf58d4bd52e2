"""What colour distortions and mixtures draw, against the distributions that their papers and torchvision give."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from support.chi_squared import assert_distributed

from fastload import transforms as T

LEVELS = (20, 110, 200)
IMAGE = np.full((5, 6, 3), LEVELS, np.uint8)


@pytest.mark.parametrize("floats", [False, True])
def test_photometric_distortion_deals_out_all_six_orders_of_channels(floats: bool) -> None:
    still = T.RandomPhotometricDistort((1, 1), (1, 1), (1, 1), (0, 0), p=1.0)
    image = IMAGE.astype(np.float32) / 255 if floats else IMAGE
    torch.manual_seed(0)
    drawn = (np.rint(still(image)[2, 3] * (255 if floats else 1)).astype(int) for _ in range(900))
    counts = Counter(tuple(pixel.tolist()) for pixel in drawn)
    orders = list(permutations(LEVELS))
    assert set(counts) <= set(orders)
    assert_distributed(np.array([counts[order] for order in orders]), np.full(6, 1 / 6))


class Chained(T.AugMix):
    """Whose small transforms do what is said instead, and are counted."""

    def __init__(self, change: Any, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.change, self.count = change, 0

    def _changed(self, image: Any, *_: Any) -> Any:
        self.count += 1
        return self.change(image)


def test_a_chain_of_augmix_has_one_to_three_transforms() -> None:
    policy = Chained(lambda image: image, mixture_width=1)
    torch.manual_seed(0)
    lengths = []
    for _ in range(600):
        before = policy.count
        policy(IMAGE)
        lengths.append(policy.count - before)
    assert_distributed(np.bincount(lengths, minlength=5), np.array([0, 1 / 3, 1 / 3, 1 / 3, 0]))


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("alpha", [0.4, 1.0, 5.0])
def test_the_weights_of_augmix_add_up_to_one(width: int, alpha: float) -> None:
    policy = Chained(lambda image: image, mixture_width=width, alpha=alpha)
    torch.manual_seed(0)
    for _ in range(50):
        assert np.array_equal(policy(IMAGE), IMAGE)


@pytest.mark.parametrize("width", [1, 3])
def test_the_part_of_the_image_in_augmix_is_evenly_distributed(width: int) -> None:
    """Beta(1, 1): of changes to black, all that is left is the image's own part."""
    policy = Chained(np.zeros_like, mixture_width=width)
    torch.manual_seed(0)
    image = np.full((1, 1, 3), 255, np.uint8)
    parts = np.array([int(policy(image)[0, 0, 0]) / 255 for _ in range(1000)])
    assert_distributed(np.histogram(parts, np.linspace(0, 1, 11))[0], np.full(10, 0.1))

"""Policies move an image as far as torchvision's of the same name and arguments do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.lit import displacement, lit
from torchvision_without_kernels import v2

from fastload import transforms as T

# With the spread of the pattern, which must stay in the image, and be bent by every shear.
POLICIES: dict[str, tuple[Any, Any, int]] = {
    "RandAugment": (T.RandAugment(1), v2.RandAugment(1), 8),
    "RandAugment of other bins": (T.RandAugment(1, 5, 12), v2.RandAugment(1, 5, 12), 6),
    "AutoAugment, CIFAR10": (T.AutoAugment("cifar10"), v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10), 4),
    "TrivialAugmentWide": (T.TrivialAugmentWide(4), v2.TrivialAugmentWide(4), 8),
    "AugMix": (T.AugMix(5, 1, 1, all_ops=False), v2.AugMix(5, 1, 1, all_ops=False), 20),
}


def seen(policy: Any, image: torch.Tensor, spread: int, draws: int) -> set[tuple[int, int]]:
    """Displacements either way; the image itself is taken away from what it is mixed with."""
    torch.manual_seed(0)
    mixes = isinstance(policy, T.AugMix | v2.AugMix)
    found = set()
    for _ in range(draws):
        made = policy(image)
        by = displacement((torch.where(image > 0, 0, made) if mixes else made).permute(1, 2, 0), spread)
        found |= set() if by is None else {tuple(np.abs(by).tolist())}
    return found - {(0, 0)}


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("size", [(86, 139), (139, 86)])
def test_displacements_are_the_same(name: str, size: tuple[int, int]) -> None:
    ours, theirs, spread = POLICIES[name]
    image = torch.from_numpy(lit(*size, spread)).permute(2, 0, 1).contiguous()
    draws = 1000 if isinstance(ours, T.AutoAugment) else 300
    expected = seen(theirs, image, spread, draws)
    assert len(expected) >= 2
    assert seen(ours, image, spread, draws) == expected

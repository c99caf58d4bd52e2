"""How strong the small transforms of policies may be, and which were learnt: torchvision's own tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torchvision_without_kernels import v2

from fastload.transforms._policies import _TABLES
from fastload.transforms._policy_tables import Magnitudes, augmix_space, space, wide_space

HEIGHT, WIDTH = 50, 70
UNITS = {
    "TranslateX": WIDTH,
    "TranslateY": HEIGHT,
    "Solarize": 1 / 255,
}  # of torchvision's, in those of the tables here
TABLES: dict[str, tuple[Callable[[int], Magnitudes], Any, list[int]]] = {
    "RandAugment": (space, v2.RandAugment._AUGMENTATION_SPACE, [2, 3, 9, 14, 31, 100]),
    "AutoAugment": (space, v2.AutoAugment._AUGMENTATION_SPACE, [10]),
    "TrivialAugmentWide": (wide_space, v2.TrivialAugmentWide._AUGMENTATION_SPACE, [2, 3, 9, 14, 31, 100]),
    "AugMix": (lambda bins: augmix_space(True), v2.AugMix._AUGMENTATION_SPACE, [10]),
    "AugMix without colours": (lambda bins: augmix_space(False), v2.AugMix._PARTIAL_AUGMENTATION_SPACE, [10]),
}


@pytest.mark.parametrize(
    ("name", "bins"), [(name, bins) for name, (*_, all_bins) in TABLES.items() for bins in all_bins]
)
def test_tables_are_the_same(name: str, bins: int) -> None:
    of_bins, theirs, _ = TABLES[name]
    ours = of_bins(bins)
    for what, (strengths, _) in theirs.items():
        expected = strengths(bins, HEIGHT, WIDTH)
        if expected is None or expected.ndim == 0:  # it has no strength
            assert set(ours.get(what, [0])) == {0}
        elif what in ours:
            assert np.allclose(ours[what], expected / UNITS.get(what, 1), atol=1e-4), what
        else:
            assert np.allclose(ours[what.replace("Translate", "Pixels")], expected, atol=1e-4), what


@pytest.mark.parametrize("policy", v2.AutoAugmentPolicy)
def test_the_same_transforms_were_learnt(policy: Any) -> None:
    assert list(_TABLES[policy.value]) == v2.AutoAugment(policy)._policies

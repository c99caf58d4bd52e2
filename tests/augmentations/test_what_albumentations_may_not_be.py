"""Transforms and versions of Albumentations that are refused, by name."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import albumentations as A
import numpy as np
import pytest

from fastload import transforms as T

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


@pytest.mark.parametrize("is_inside", [False, True])
def test_images_beside_the_image_are_refused(is_inside: bool) -> None:
    step: Any = A.Compose([A.HorizontalFlip(p=1.0)], additional_targets={"depth": "mask", "image2": "image"})
    with pytest.raises(
        ValueError, match=r"additional_targets=\{'depth': 'mask', 'image2': 'image'\}.*function of your"
    ):
        T.Compose([A.Compose([step]) if is_inside else step])(PIXELS)

    def all_of_them(sample: dict[str, Any]) -> Any:
        return step(**sample)

    sample = T.Compose([all_of_them])({"image": PIXELS, "depth": PIXELS[:, :, 0], "image2": PIXELS})
    assert np.array_equal(sample["depth"], PIXELS[:, ::-1, 0])
    assert np.array_equal(sample["image2"], PIXELS[:, ::-1])


def test_a_version_without_seeds_is_refused_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(A.core.composition.BaseCompose, "set_random_seed")
    monkeypatch.setattr(A, "__version__", "0.0.18")  # some versions have that of another package there
    monkeypatch.setattr(importlib.metadata, "version", {"albumentations": "1.4.20"}.__getitem__)
    with pytest.raises(ImportError, match=r"albumentations must be 1\.4\.21 or newer, this is 1\.4\.20"):
        T.Albumentations(A.HorizontalFlip())

"""Key points change names in a mirror, and in nothing else that a library does, whatever becomes of the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import albumentations as A
import imgaug.augmenters as iaa
import numpy as np
import pytest
import torch
from torchvision_without_kernels import v2

from fastload import transforms as T
from fastload.transforms._mirrored import COUNT, is_mirrored, probes_in

PARAMS = T.BoxParams(keypoint_swaps=((0, 1),))
UNMIRRORED: dict[str, Callable[[], Any]] = {
    **{
        f"tiles {grid}": (lambda grid=grid: A.RandomGridShuffle(grid, p=1.0))
        for grid in [(1, 2), (1, 3), (2, 2), (3, 3), (4, 4), (5, 5), (2, 7)]
    },
    "perspective": lambda: A.Perspective((0.05, 0.2), p=1.0),
    "v2 perspective": lambda: v2.RandomPerspective(0.5, 1.0),
    "imgaug perspective": lambda: iaa.PerspectiveTransform((0.05, 0.15)),
    "turn": lambda: A.Affine(rotate=(-180, 180), scale=(0.5, 1.5), shear=(-20, 20), p=1.0),
    "elastic": lambda: A.ElasticTransform(alpha=60, sigma=8, p=1.0),
    "v2 elastic": lambda: v2.ElasticTransform(40.0, 6.0),
    "grid": lambda: A.GridDistortion(p=1.0),
    "lens": lambda: A.OpticalDistortion(p=1.0),
    "thin plates": lambda: A.ThinPlateSpline((0.05, 0.1), p=1.0),
    "small crop": lambda: A.RandomCrop(20, 20, p=1.0),
}


def names_change(step: Any, size: int, seed: int) -> bool | None:
    """Whether the key points of an object come in the other order; None if none can be seen."""
    image = torch.zeros(3, size, size, dtype=torch.uint8)
    places = [(x, y) for x in (0.3, 0.5, 0.7) for y in (0.3, 0.5, 0.7)]
    points = np.array([[(x * size, y * size, 2), (-9999, -9999, 0)] for x, y in places])
    torch.manual_seed(seed)
    _, moved = T.Compose([step], boxes=PARAMS)(image, {"keypoints": points})
    seen = moved["keypoints"][:, :, 2].max(axis=0)
    return bool(seen[1]) if seen.any() else None


@pytest.mark.filterwarnings("ignore:Some keypoints are not in any tile")  # those that are outside of the image
@pytest.mark.parametrize("size", [40, 150])
@pytest.mark.parametrize("name", UNMIRRORED)
def test_names_change_in_mirrors_alone(name: str, size: int) -> None:
    library, _, _ = name.partition(" ")
    mirror, compose = {
        "v2": (v2.RandomHorizontalFlip(1.0), v2.Compose),
        "imgaug": (iaa.Fliplr(1.0), iaa.Sequential),
    }.get(library, (A.HorizontalFlip(p=1.0), A.Compose))
    alone = {names_change(UNMIRRORED[name](), size, seed) for seed in range(12)}
    assert alone - {None} == {False}
    together = {names_change(compose([UNMIRRORED[name](), mirror]), size, seed) for seed in range(12)}
    assert together - {None} == {True}


OUTER = slice(COUNT - 4, COUNT)
IN_A_MIRROR = [100, 0] + np.array([-1, 1]) * probes_in((100, 100))


def test_the_outermost_points_tell_of_a_mirror_when_all_others_are_lost() -> None:
    before = probes_in((100, 100))
    for after, expected in ((before.copy(), False), (IN_A_MIRROR.copy(), True)):
        after[: OUTER.start] = np.nan
        assert is_mirrored(before, after) == expected


def test_the_outermost_points_tell_nothing_as_long_as_three_others_are_there() -> None:
    before = probes_in((100, 100))
    after = before.copy()
    after[3 : OUTER.start] = np.nan  # no triangle is whole
    after[OUTER] = IN_A_MIRROR[OUTER]
    assert not is_mirrored(before, after)

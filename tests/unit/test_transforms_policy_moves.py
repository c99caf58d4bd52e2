"""Policies move an image by what torchvision's tables say, cut off to whole pixels: int(magnitude)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.lit import displacement, lit

from fastload import transforms as T

HEIGHT, WIDTH = 86, 139
Moves = set[tuple[int, int]]


def lit_as(kind: str, spread: int) -> Any:
    image = lit(HEIGHT, WIDTH, spread)
    planes = torch.from_numpy(image).permute(2, 0, 1)
    return {"array": image, "pil": Image.fromarray(image), "tensor": planes, "floats": planes / 255}[kind]


def rows_of(image: Any) -> Any:
    return image.permute(1, 2, 0).numpy() if isinstance(image, torch.Tensor) else np.asarray(image)


def seen(policy: Any, image: Any, spread: int, draws: int) -> Moves:
    """How far it is moved, either way."""
    torch.manual_seed(0)
    found = {displacement(rows_of(policy(image)), spread) for _ in range(draws)}
    return {(abs(one[0]), abs(one[1])) for one in found if one is not None}


def along_sides(across: set[int], down: set[int]) -> Moves:
    """Those displacements, and none."""
    return {(0, 0)} | {(x, 0) for x in across} | {(0, y) for y in down}


@pytest.mark.parametrize("kind", ["array", "pil", "tensor", "floats"])
@pytest.mark.parametrize("fuse", [True, False])
def test_of_rand_augment(kind: str, fuse: bool) -> None:
    across, down = int(150 / 331 * WIDTH * 9 / 30), int(150 / 331 * HEIGHT * 9 / 30)
    assert (across, down) == (18, 11)
    made = seen(T.Compose([T.RandAugment(1)], fuse=fuse), lit_as(kind, 8), 8, 150)
    assert made == along_sides({across}, {down})


@pytest.mark.parametrize("kind", ["array", "floats"])
def test_of_auto_augment(kind: str) -> None:
    across = {int(150 / 331 * WIDTH * number / 9) for number in (9, 8)}
    down = {int(150 / 331 * HEIGHT * number / 9) for number in (9, 3)}
    assert (across, down) == ({62, 55}, {38, 12})
    assert seen(T.AutoAugment("cifar10"), lit_as(kind, 4), 4, 1200) == along_sides(across, down)


@pytest.mark.parametrize("kind", ["array", "floats"])
def test_of_trivial_augment(kind: str) -> None:
    assert seen(T.TrivialAugmentWide(4), lit_as(kind, 8), 8, 600) == along_sides({10, 21, 32}, {10, 21, 32})


@pytest.mark.parametrize("kind", ["array", "pil", "tensor"])
def test_of_augmix(kind: str) -> None:
    """One chain of one move, in a mixture with the image: what is lit beside the pattern is the pattern moved."""
    across = {int(WIDTH / 3 * number / 9) for number in range(6)}
    down = {int(HEIGHT / 3 * number / 9) for number in range(6)}
    assert (across, down) == ({0, 5, 10, 15, 20, 25}, {0, 3, 6, 9, 12, 15})
    policy = T.AugMix(severity=6, mixture_width=1, chain_depth=1, all_ops=False)
    still = rows_of(lit_as("array", 20))
    made = seen(lambda image: np.where(still, 0, rows_of(policy(image))), lit_as(kind, 20), 20, 600)
    assert made | {(0, 0)} == along_sides(across, down)


@pytest.mark.parametrize("boxes", ["xyxy", "xyxy_normalized"])
def test_of_boxes_masks_and_points(boxes: str) -> None:
    """Which move with the pixels, and as far."""
    sides = torch.tensor([WIDTH, HEIGHT] * 2 if boxes.endswith("normalized") else [1] * 4)
    box = torch.tensor([[60.0, 30, 80, 50]])
    image = lit_as("array", 8)
    target = {
        "boxes": box / sides,
        "labels": torch.tensor([1]),
        "masks": torch.from_numpy(image[None, :, :, 0]),
        "keypoints": box[:, None, :2],
    }
    policy, moved = T.Compose([T.RandAugment(1)], boxes=boxes), 0
    torch.manual_seed(0)
    for _ in range(150):
        made, after = policy(image, target)
        by = displacement(made, 8)
        if by is None:
            continue
        moved += by != (0, 0)
        expected = box + torch.tensor(by * 2)
        assert torch.allclose(after["boxes"] * sides, expected, atol=1e-3)
        assert torch.allclose(after["keypoints"][0], expected[:, :2])
        assert displacement(after["masks"][0], 8) == by
    assert moved > 10


@pytest.mark.parametrize("magnitude", [11, 21, 22])
def test_a_whole_number_of_pixels_is_not_one_less(magnitude: int) -> None:
    """150 / 331 of 331 pixels are 150, however their parts are rounded."""
    reach = 5 * magnitude
    made = seen(T.RandAugment(1, magnitude), lit(331, 331, 6), 6, 150)
    assert made == along_sides({reach}, {reach})

"""Masks of every type move with their image, and come back in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fastload import transforms as T
from fastload.collate import DetectionCollate

TYPES = [torch.bool, torch.uint8, torch.int16, torch.uint16, torch.int64, torch.complex64]
TYPES += [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float32, torch.float64]
NAMES = [str(dtype).removeprefix("torch.") for dtype in TYPES]
BOXES = torch.tensor([[0.0, 0, 10, 8], [2, 1, 9, 7]])


def masks_of(dtype: torch.dtype) -> torch.Tensor:
    """(2, 8, 10) of the numbers 0 to 6, which every type but bool holds."""
    return (torch.arange(160).reshape(2, 8, 10) % 7).to(torch.float32).to(dtype)


@pytest.mark.parametrize("dtype", TYPES, ids=NAMES)
@pytest.mark.parametrize("image", [np.zeros((8, 10, 3), np.uint8), torch.zeros(3, 8, 10)], ids=["8 bits", "floats"])
def test_a_mask_moves_and_stays_of_its_type(image: Any, dtype: torch.dtype) -> None:
    masks = masks_of(dtype)
    _, target = T.RandomHorizontalFlip(1.0)(image, {"boxes": BOXES, "masks": masks})
    assert target["masks"].dtype == dtype
    assert torch.equal(target["masks"].to(torch.complex64), masks.to(torch.complex64).flip(-1))
    chain = T.Compose([T.Pad(1)], boxes=T.BoxParams(mask_fill=1))
    _, target = chain(image, {"boxes": BOXES, "masks": masks})
    assert target["masks"].dtype == dtype
    expected = torch.nn.functional.pad(masks.to(torch.complex64), (1, 1, 1, 1), value=1)
    assert torch.equal(target["masks"].to(torch.complex64), expected)


@pytest.mark.parametrize("dtype", TYPES, ids=NAMES)
def test_masks_of_every_type_are_pasted_and_joined(dtype: torch.dtype) -> None:
    samples = [(torch.zeros(3, 8, 10), {"boxes": BOXES, "masks": masks_of(dtype)}) for _ in range(4)]
    for joined in (T.Mosaic(samples, (16, 20)), T.CopyPaste(samples, p=1.0)):
        _, target = joined[0]
        assert target["masks"].dtype == dtype
        assert len(target["masks"]) == len(target["boxes"]) > 0


@pytest.mark.parametrize("dtype", TYPES, ids=NAMES)
def test_masks_of_every_type_are_mixed(dtype: torch.dtype) -> None:
    batch = DetectionCollate()([(torch.zeros(3, 8, 10), {"boxes": BOXES, "masks": masks_of(dtype)})] * 2)
    for mix in (T.CutMix(), T.MixUp()):
        assert [target["masks"].dtype for target in mix(*batch)[1]] == [dtype, dtype]


@pytest.mark.parametrize("none", [torch.tensor([]), np.array([]), torch.zeros(0, 20, 30, dtype=torch.bool), []])
def test_masks_of_no_objects_are_welcome_in_any_shape(none: Any) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    target = {"boxes": torch.tensor([]), "labels": torch.tensor([], dtype=torch.int64), "masks": none}
    steps = [
        T.RandomHorizontalFlip(1.0),
        T.ElasticTransform(),
        T.RandomIoUCrop(),
        T.ColorJitter(0.3),
        T.SanitizeBoundingBoxes(),
    ]
    for step in [*steps, T.CenterCrop(8), T.Compose([T.RandomRotation(20), T.ColorJitter(0.3)], fuse=False)]:
        made, after = step(image, dict(target))
        assert len(after["boxes"]) == 0
        assert type(after["masks"]) is type(none)
        assert getattr(after["masks"], "shape", (0,)) in ((0,), (0, *made.shape[:2]))


def test_masks_of_no_objects_are_mixed_with_those_of_some() -> None:
    full = torch.zeros(3, 8, 10), {"boxes": BOXES, "masks": torch.ones(len(BOXES), 8, 10, dtype=torch.bool)}
    empty = torch.zeros(3, 8, 10), {"boxes": torch.zeros(0, 4), "masks": torch.tensor([])}
    for mix in (T.CutMix(), T.MixUp()):
        for target in mix(*DetectionCollate()([full, empty]))[1]:
            assert len(target["masks"]) == len(target["boxes"])
    _, target = T.Mosaic([full, empty, full, empty], (16, 20))[0]
    assert target["masks"].shape == (len(target["boxes"]), 16, 20)


@pytest.mark.parametrize("step", [T.RandomHorizontalFlip(1.0), T.RandomRotation((90, 90)), T.CenterCrop(2)], ids=str)
def test_a_mask_of_numbers_of_colours_keeps_its_colours(step: Any) -> None:
    mask = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4)).convert("P")
    mask.putpalette([level % 251 for level in range(7, 7 + 3 * 256)])
    _, target = step(np.zeros((4, 4, 3), np.uint8), {"mask": mask})
    assert target["mask"].mode == "P"
    assert target["mask"].getpalette() == mask.getpalette()

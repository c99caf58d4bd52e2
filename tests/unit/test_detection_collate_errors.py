"""Samples that `DetectionCollate` cannot join: the message names the sample, the field and what would help."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fastload.collate import DetectionCollate


def target(**more: Any) -> dict[str, Any]:
    return {"boxes": torch.zeros(1, 4), "labels": torch.zeros(1, dtype=torch.int64), **more}


def sized(height: int, width: int, name: str, objects: bool = True) -> Any:
    shape = (1, height, width) if objects else (height, width)
    return torch.zeros(3, height, width), target(**{name: torch.zeros(shape, dtype=torch.uint8)})


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
@pytest.mark.parametrize("mode", ["padded", "packed"])
def test_numbers_that_no_tensor_holds_are_named(mode: str, number: int) -> None:
    ids = [2**63 - 1, number]
    samples = [(torch.zeros(3, 4, 4), target(image_id=one)) for one in ids]
    with pytest.raises(ValueError, match=f"sample 1: 'image_id' is {number}, beyond what int64 holds"):
        DetectionCollate(mode)(samples)
    assert [one["image_id"] for one in DetectionCollate()(samples)[1]] == ids


@pytest.mark.parametrize("other", [Image.new("RGB", (5, 4)), np.zeros((4, 5, 3), dtype=np.uint8)])
def test_images_that_cannot_be_padded_are_refused(other: Any) -> None:
    samples = [(torch.zeros(3, 4, 5), target()), (other, target())]
    with pytest.raises(TypeError, match=f"sample 1: pad_images pads tensors.* its image is {type(other).__name__}"):
        DetectionCollate(pad_images=True)(samples)
    images, _ = DetectionCollate()(samples)
    assert images[1] is other
    assert DetectionCollate(pad_images=True)([samples[0]] * 2)[0].shape == (2, 3, 4, 5)


def test_annotations_as_coco_has_them_are_no_targets() -> None:
    message = r"sample 0 must be \(image, target dict\) .* got tuple of Tensor, list; .* with tensors=True"
    with pytest.raises(TypeError, match=message):
        DetectionCollate()([(torch.zeros(3, 4, 4), [{"bbox": [0, 0, 1, 1]}])])


@pytest.mark.parametrize("mode", ["padded", "packed"])
@pytest.mark.parametrize(("name", "objects"), [("masks", True), ("segmentation_mask", False)])
def test_masks_of_several_sizes_need_their_images_padded(mode: str, name: str, objects: bool) -> None:
    samples = [sized(4, 5, name, objects), sized(6, 5, name, objects)]
    with pytest.raises(ValueError, match=rf"'{name}' .*masks are padded with their images by pad_images=True"):
        DetectionCollate(mode)(samples)
    assert DetectionCollate(mode, pad_images=True)(samples)[1][name].shape[-2:] == (6, 5)


@pytest.mark.parametrize("value", ["a", None, [0], 1j, True])
def test_what_pads_images_is_a_number(value: Any) -> None:
    with pytest.raises(TypeError, match="pad_value must be a number, got "):
        DetectionCollate(pad_images=True, pad_value=value)


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        (torch.uint8, 255, True),
        (torch.uint8, 255.0, True),
        (torch.uint8, np.float32(114), True),
        (torch.uint8, 300, False),
        (torch.uint8, -1, False),
        (torch.uint8, 0.5, False),
        (torch.uint8, float("nan"), False),
        (torch.int64, float("inf"), False),
        (torch.float16, 1e6, False),
        (torch.float16, 0.1, True),
        (torch.float32, float("nan"), True),
        (torch.bool, 1, True),
        (torch.bool, 2, False),
    ],
)
def test_padding_that_images_cannot_hold_is_refused(dtype: torch.dtype, value: Any, fits: bool) -> None:
    samples = [(torch.zeros(3, *size, dtype=dtype), target()) for size in ((4, 5), (6, 3))]
    collate = DetectionCollate(pad_images=True, pad_value=value)
    if fits:
        corner = collate(samples)[0][0, 0, -1, -1]
        assert torch.equal(corner, torch.tensor(float(value)).to(dtype)) or value != value
    else:
        with pytest.raises(ValueError, match=f"pad_value {float(value)} is no value that images of {dtype} can have"):
            collate(samples)

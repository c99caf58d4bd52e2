"""Targets that are a level deeper in their sample move as in torchvision, or are refused."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest
import torch
from torch.utils import _pytree
from torchvision_without_kernels import tv_tensors, v2

from fastload import transforms as T

IMAGE = tv_tensors.Image(torch.arange(3 * 60 * 80, dtype=torch.int64).reshape(3, 60, 80).to(torch.uint8))
BOXES = tv_tensors.BoundingBoxes(torch.tensor([[10.0, 10, 30, 30]]), format="XYXY", canvas_size=(60, 80))
MASK = tv_tensors.Mask(torch.eye(60, 80)[None].to(torch.uint8))
ONE = torch.tensor([1])
Pair = namedtuple("Pair", ["boxes", "labels"])

SAMPLES = {
    "dict in dict": {"image": IMAGE, "target": {"boxes": BOXES, "labels": ONE}},
    "tuple in tuple": (IMAGE, (BOXES, ONE)),
    "named tuple in tuple": (IMAGE, Pair(BOXES, ONE)),
    "list in tuple": (IMAGE, [BOXES]),
    "list in list": [IMAGE, [BOXES, MASK]],
    "dict in dict beside the image": (IMAGE, {"ann": {"boxes": BOXES}}),
    "dict in list": (IMAGE, [{"anything": BOXES, "id": 3}]),
    "three levels": (IMAGE, {"meta": "a", "ann": ({"here": {"boxes": BOXES, "masks": MASK}}, 7)}),
    "masks alone": (IMAGE, (MASK, "name")),
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("ours", [T.RandomHorizontalFlip(1.0), T.Compose([T.RandomHorizontalFlip(1.0), T.ToTensor()])])
def test_targets_of_any_depth_move_as_in_torchvision(name: str, ours: Any) -> None:
    made, theirs = ours(SAMPLES[name]), v2.RandomHorizontalFlip(1.0)(SAMPLES[name])
    found, structure = _pytree.tree_flatten(made)
    wanted, same_structure = _pytree.tree_flatten(theirs)
    assert structure == same_structure
    for one, other in zip(found, wanted, strict=True):
        assert type(one) is type(other)
        if isinstance(other, tv_tensors.BoundingBoxes | tv_tensors.Mask):
            assert torch.equal(one, other)


def test_entries_of_boxes_that_go_are_dropped_beside_them() -> None:
    sample = (IMAGE, {"ann": {"boxes": BOXES, "labels": ONE}, "labels": torch.tensor([5])})
    _, target = T.CenterCrop(10)(sample)
    assert target["ann"]["labels"].tolist() == []
    assert target["labels"].tolist() == [5]
    assert sample[1]["ann"]["labels"].tolist() == [1]


@pytest.mark.parametrize(
    "sample",
    [
        (IMAGE, (BOXES, ONE), {"boxes": BOXES}),
        {"image": IMAGE, "boxes": BOXES, "target": {"masks": MASK}},
        (IMAGE, BOXES, [MASK]),
    ],
)
def test_targets_in_several_places_are_refused(sample: Any) -> None:
    with pytest.raises(ValueError, match=r"in one dict, tuple or list.* and the sample"):
        T.RandomHorizontalFlip(1.0)(sample)

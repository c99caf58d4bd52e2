"""What each library makes in the benchmarks of augmentation, as far as it has to be the same: each draws for itself."""

from typing import Any

import numpy as np
import torch

from benchmarks._augmentation_chains import OBJECTS, OUT, Apply

ANY_SIZE = frozenset(("scale", "crop around the boxes"))  # which is drawn


def check_sample(made: Any) -> None:
    """AssertionError for what is no normalised image of the size that is wanted, with boxes and a label for each."""
    image, boxes, labels = _parts(made)
    assert (image.dtype, tuple(image.shape)) == (torch.float32, (3, OUT, OUT)), (image.dtype, image.shape)
    low, high = image.min().item(), image.max().item()
    assert -3 < low < 0, f"normalised levels are from -3 to 3, and some below 0: the least is {low}"
    assert high < 3, f"normalised levels are from -3 to 3: the greatest is {high}"
    assert 0 < boxes == labels <= OBJECTS, f"{boxes} boxes and {labels} labels of {OBJECTS} objects"


def check_pairs(pairs: dict[str, tuple[Apply, Apply]], image: Any) -> None:
    """AssertionError if two transforms of a pair do not make images of one dtype and size."""
    for name, both in pairs.items():
        ours, theirs = (_image(one(image)) for one in both)
        assert (ours.dtype, ours.ndim) == (theirs.dtype, theirs.ndim), name
        assert ours.shape == theirs.shape or name in ANY_SIZE, f"{name}: {ours.shape} and {theirs.shape}"


def _parts(made: Any) -> tuple[torch.Tensor, int, int]:
    """The image, and how many boxes and labels there are."""
    if isinstance(made, dict):  # Albumentations'
        made = made["image"], (made["bboxes"], made["labels"])
    image, target = made
    if isinstance(target, dict):
        target = target["boxes"], target["labels"]
    if isinstance(target, tuple):
        return image, len(target[0]), len(target[1])
    boxes = target.bounding_boxes  # imgaug's
    return image, len(boxes), sum(box.label is not None for box in boxes)


def _image(made: Any) -> np.ndarray[Any, Any]:
    if isinstance(made, tuple):
        made = made[0]
    return np.asarray(made["image"] if isinstance(made, dict) else made)

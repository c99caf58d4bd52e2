"""Objects of one image pasted into another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastload.transforms._checks import as_probability, as_range
from fastload.transforms._geometry import RandomHorizontalFlip
from fastload.transforms._joined import JoinedDataset, concatenate
from fastload.transforms._kinds import array_of, image_like, size_of
from fastload.transforms._plan import Compose
from fastload.transforms._scale import LetterBox
from fastload.transforms._targets import InPixels, Moving
from fastload.transforms._warp import RandomAffine


class CopyPaste(JoinedDataset):
    """Samples with objects of another sample pasted over them, along their masks (Ghiasi et al., 2021).

    The other image is fitted into this one, mirrored at random, and scaled by what is drawn from ``scale``. Of its
    objects each is taken with probability ``p_object``; regions of crowds (iscrowd) never are. What lies under them is
    cut out of the masks of this image; boxes of objects that are partly hidden are those of what is left, and objects
    of which less is left than `BoxParams.min_visibility` go.

    Samples need boxes, and masks with a plane for each box. Raises ValueError if they have not, or boxes are rotated.
    """

    def __init__(
        self,
        dataset: Any,
        *,
        p: float = 0.5,
        p_object: float = 0.5,
        scale: tuple[float, float] = (0.5, 1.5),
        transform: Callable[..., Any] | None = None,
        boxes: Any = None,
    ) -> None:
        super().__init__(dataset, p, transform, boxes)
        self.p_object = as_probability(p_object)
        self.scale = as_range(scale, "scale", 0, lowest_counts=False)

    def joined(self, sample: Any, draws: np.random.Generator) -> Any:
        drawn = self.drawn(draws)
        params = self.params_for([sample, drawn])
        image, moving, put = self.parts(sample, params)
        size = size_of(image)
        own = _with_masks(moving, size)
        chain = Compose(
            [LetterBox(size), RandomHorizontalFlip(), RandomAffine(0, (0.2, 0.2), self.scale)], boxes=params
        )
        moved = chain.chain().run(drawn, int(draws.integers(1 << 63)))
        other_image, other, _ = self.parts(moved, params)
        pasted = _with_masks(other, size)
        taken = draws.random(len(pasted.edges)) < self.p_object
        crowd = other.values.get("iscrowd")
        if crowd is not None:
            taken &= np.asarray(crowd) == 0
        over = np.zeros(size, dtype=bool)
        for mask in (mask for mask, is_taken in zip(pasted.masks, taken, strict=True) if is_taken):
            over |= mask != 0
        pasted.visible = taken.astype(np.float64)
        other.take_pixels(pasted, size)
        moving.take_pixels(_hidden(own, over), size)
        concatenate(moving, [other])
        pixels = array_of(image).copy()
        pixels[over] = array_of(other_image)[over]
        return put(image_like(image, pixels))


def _with_masks(moving: Moving, size: tuple[int, int]) -> InPixels:
    targets = moving.in_pixels(size)
    if targets.quads.size:
        raise ValueError("CopyPaste knows no rotated boxes: pass plain ones")
    if len(targets.masks) != len(targets.edges):
        raise ValueError(
            f"CopyPaste needs boxes and a mask for each: this sample has {len(targets.edges)} boxes "
            f"and {len(targets.masks)} masks"
        )
    return targets


def _hidden(targets: InPixels, over: NDArray[np.bool_]) -> InPixels:
    """The targets without what is under ``over``."""
    for number, mask in enumerate(targets.masks):
        before = np.count_nonzero(mask)
        if not (mask[over] != 0).any():
            continue
        left = targets.masks[number] = np.where(over, np.zeros((), dtype=mask.dtype), mask)
        targets.visible[number] = np.count_nonzero(left) / before
        targets.edges[number] = around_mask(left, targets.edges[number])
    return targets


def around_mask(mask: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The box of the mask's pixels, no larger than the object's box was."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros(4)
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=np.float64)
    return np.concatenate([np.maximum(box[:2], edges[:2]), np.minimum(box[2:], edges[2:])])

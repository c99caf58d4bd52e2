"""Objects of one image pasted into another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload.transforms._checks import as_probability, as_range
from fastload.transforms._geometry import RandomHorizontalFlip
from fastload.transforms._joined import JoinedDataset, concatenate, maps_of, paste_maps
from fastload.transforms._kinds import array_of, as_it_came, image_like, role_of, size_of
from fastload.transforms._masks import Size
from fastload.transforms._scale import LetterBox
from fastload.transforms._targets import Moving
from fastload.transforms._values import float_rows
from fastload.transforms._warp import RandomAffine


class CopyPaste(JoinedDataset):
    """Samples with objects of another sample pasted over them, along their masks (Ghiasi et al., 2021).

    The other image is fitted into this one, mirrored at random, and scaled by what is drawn from ``scale``. Of its
    objects each is taken with probability ``p_object``; regions of crowds (iscrowd) never are. What lies under them is
    cut out of the masks of this image; boxes of objects that are partly hidden are those of what is left, and objects
    of which less is left than `BoxParams.min_visibility` go. Key points that are covered get the visibility 0, as do
    those of pasted objects where nothing is pasted. Masks of whole images are the other's where its objects are.

    Samples need boxes, and masks with a plane for each box. Raises ValueError if they have not, or boxes are rotated,
    and where what comes after it has `BoxParams.keypoint_swaps` that its own mirror has not.
    """

    mirrors = True

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
        (image, moving, put), drawn = self.parts_of_all([sample, self.drawn(draws)])
        size = size_of(image)
        steps = LetterBox(size), RandomHorizontalFlip(), RandomAffine(0, (0.2, 0.2), self.scale)
        other_image, other, _ = drawn.after(steps, int(draws.integers(1 << 63)))
        other.written()
        maps = maps_of([moving, other])
        own, pasted = (_Objects(one, maps, size) for one in (moving, other))
        over = pasted.choose(draws, self.p_object)
        pasted.place(over, is_pasted=True)
        own.hide(over)
        own.place(over, is_pasted=False)
        paste_maps(maps, moving, other, over, size)
        concatenate(moving, [other])
        pixels = array_of(image).copy()
        pixels[over] = array_of(other_image)[over]
        return put(as_it_came(image, image_like(image, pixels)))


class _Objects:
    """The objects of a sample, each with a mask; masks of the whole image are none of theirs."""

    def __init__(self, whole: Moving, maps: list[Any], size: Size) -> None:
        self._whole, self._size = whole, size
        self._moving = Moving({name: value for name, value in whole.values.items() if name not in maps}, whole.params)
        self._targets = self._moving.in_pixels(size)
        boxes, masks = len(self._targets.edges), len(self._targets.masks)
        if self._targets.quads.size:
            raise ValueError("CopyPaste knows no rotated boxes: pass plain ones")
        if masks != boxes:
            beside = f", beside {len(maps)} of the whole image" if maps else ""
            raise ValueError(
                f"CopyPaste needs boxes and a mask for each: this sample has {boxes} boxes and {masks} masks{beside}"
            )

    def choose(self, draws: np.random.Generator, p: float) -> NDArray[np.bool_]:
        """Let all go but those that are drawn; where these are, (height, width)."""
        taken = draws.random(len(self._targets.edges)) < p
        crowd = self._moving.values.get("iscrowd")
        if crowd is not None:
            taken &= np.asarray(crowd) == 0
        over = np.zeros(self._size, dtype=bool)
        for mask in (mask for mask, is_taken in zip(self._targets.masks, taken, strict=True) if is_taken):
            over |= mask != 0
        self._targets.visible = taken.astype(np.float64)
        return over

    def hide(self, over: NDArray[np.bool_]) -> None:
        """Let the objects be without what is under ``over``."""
        targets = self._targets
        for number, mask in enumerate(targets.masks):
            before = np.count_nonzero(mask)
            if not (mask[over] != 0).any():
                continue
            left = targets.masks[number] = np.where(over, np.zeros((), dtype=mask.dtype), mask)
            targets.visible[number] = np.count_nonzero(left) / before
            targets.edges[number] = around_mask(left, targets.edges[number])

    def place(self, over: NDArray[np.bool_], *, is_pasted: bool) -> None:
        """Let the sample's values be those of what is left of the objects, and of their key points what is seen."""
        self._moving.take_pixels(self._targets, self._size)
        values = self._moving.values
        name = next((name for name, value in values.items() if role_of(name, value) == "keypoints"), None)
        if name is not None:
            values[name] = points_seen(values[name], partial(_seen, over, is_pasted))
        self._whole.values.update(values)


_HALVES = [(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)]  # masks are moved by whole pixels, points are not


def _seen(over: NDArray[np.bool_], is_pasted: bool, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points (..., 2) are seen: of others than pasted objects what is not ``over``; of these what is, or lies
    half a pixel away."""
    if not is_pasted:
        return ~_at(over, points)
    return np.asarray(np.any([_at(over, points + half) for half in _HALVES], axis=0))


def _at(over: NDArray[np.bool_], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    height, width = over.shape
    x, y = np.floor(points[..., 0]), np.floor(points[..., 1])
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    rows, columns = (np.where(inside, place, 0).astype(np.int64) for place in (y, x))
    return np.asarray(inside & over[rows, columns])


def points_seen(points: Any, seen: Callable[[NDArray[np.float64]], NDArray[np.bool_]]) -> Any:
    """The key points with a visibility of 0 for those that are not seen, where they have one.

    seen: which of (..., 2) places are.
    """
    made: Any = points.clone() if isinstance(points, torch.Tensor) else np.array(points)
    if made.ndim < 2 or made.shape[-1] != 3 or not len(made):
        return points
    found = seen(float_rows(points, "keypoints")[..., :2])
    made[..., 2] *= torch.from_numpy(found).to(made.device) if isinstance(made, torch.Tensor) else found
    return made.tolist() if isinstance(points, list | tuple) else made


def around_mask(mask: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The box of the mask's pixels, no larger than the object's box was."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros(4)
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=np.float64)
    return np.concatenate([np.maximum(box[:2], edges[:2]), np.minimum(box[2:], edges[2:])])

"""Images of a batch mixed with each other, and their labels or objects: MixUp and CutMix."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from fastload._stream import sample_key
from fastload.collate._by_image import as_they_came, by_image, fields_of
from fastload.collate._detection import check_names
from fastload.transforms._boxes import BoxParams, as_box_params
from fastload.transforms._checks import is_int, is_number, is_one_of
from fastload.transforms._kinds import as_it_came
from fastload.transforms._masks import Size
from fastload.transforms._mix_targets import (
    Rect,
    Target,
    blended,
    counts_of,
    has_objects,
    inside,
    pasted,
    refuse_stray_objects,
    size_within,
)


class _BatchMix(torch.nn.Module):
    """``mix(images, labels)``, or a whole batch: images (N, C, H, W), labels (N,) of class numbers or (N, K) of parts.

    Each image is mixed with the one before it in the batch. Labels become parts of classes, (N, K) float32. The rest of
    a batch passes through. A batch of one image stays as it is, with its labels in parts.

    A batch (images, targets) as `DetectionCollate` makes it comes out in the same form ("list", "padded", "packed"),
    with the objects of both images in each target: its own, then those of the other. Their labels stay what they are;
    so does what belongs to the whole image. What belongs to objects is found as by `DetectionCollate`: a ValueError
    says where that cannot be told, and ``boxes=BoxParams(fields=...)`` names it. ``boxes`` is how boxes are written, as
    for `Compose`: those of each image end at its border, and one that is none is a ValueError that names the image and
    the box. Boxes and key points in a batch of any other form are a ValueError too. labels_getter=None mixes objects
    all the same; with a function of yours the batch is one with labels, and the rest of it passes through.
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        num_classes: int | None = None,
        labels_getter: Any = "default",
        boxes: Any = None,
    ) -> None:
        super().__init__()
        if not is_number(alpha) or not 0 < alpha < float("inf"):
            raise ValueError(f"alpha must be a number greater than 0, got {alpha!r}")
        if num_classes is not None and (not is_int(num_classes) or num_classes < 1):
            raise ValueError(f"num_classes must be an int, 1 or more, or None; got {num_classes!r}")
        if not is_one_of(labels_getter, ("default", None)) and not callable(labels_getter):
            raise TypeError(f"labels_getter must be a function of a batch, 'default' or None; got {labels_getter!r}")
        self.alpha = float(alpha)
        self.num_classes = num_classes
        self.labels_getter: Callable[[Any], Any] | str | None = labels_getter
        self.box_params = as_box_params(boxes)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}, num_classes={self.num_classes}"

    def forward(self, *inputs: Any) -> Any:
        """The batch, mixed."""
        batch = inputs if len(inputs) > 1 else inputs[0]
        if not callable(self.labels_getter):
            if has_objects(batch):
                return self._with_objects(batch)
            refuse_stray_objects(batch)
        images = _images_of(batch)
        labels = self._labels_of(batch)
        if labels is not None:
            _check_labels(labels, len(images), self.num_classes)
        draws, part = self._drawn()
        mixed, part = self.mixed(images, part, draws)
        changes = {id(images): as_it_came(images, mixed)}
        if labels is not None:
            changes[id(labels)] = _mixed_labels(labels, part, self.num_classes)
        return _replaced(batch, changes)

    def mixed(self, images: torch.Tensor, part: float, draws: np.random.Generator) -> tuple[torch.Tensor, float]:
        """The images, and how much of each is left of itself."""
        raise NotImplementedError

    def mixed_objects(
        self,
        images: torch.Tensor,
        targets: list[Target],
        params: BoxParams,
        part: float,
        draws: np.random.Generator,
    ) -> tuple[torch.Tensor, list[Target]]:
        """The images, and the targets of each; params name the fields that are of objects."""
        raise NotImplementedError

    def _with_objects(self, batch: Any) -> Any:
        images, targets = batch
        if not isinstance(images, torch.Tensor) or images.ndim != 4:
            got = tuple(images.shape) if isinstance(images, torch.Tensor) else type(images).__name__
            raise ValueError(
                f"images must be a tensor (N, C, H, W) to be mixed, got {got}: collate images of different sizes with "
                "DetectionCollate(pad_images=True), or resize them"
            )
        found = by_image(targets, len(images))
        if len(found) != len(images):
            raise ValueError(f"there must be a target for each image, got {len(found)} for {len(images)}")
        check_names(found)
        params = self._naming_fields(targets, found)
        found = inside(by_image(targets, len(images), params.fields), params, _size_of(images))
        draws, part = self._drawn()
        mixed, made = self.mixed_objects(images, found, params, part, draws)
        changes = {id(images): as_it_came(images, mixed), id(targets): as_they_came(targets, made, params.fields)}
        return _replaced(batch, changes)

    def _naming_fields(self, targets: Any, found: list[Target]) -> BoxParams:
        """The params with the names of all that is of objects."""
        fields = self.box_params.fields
        if fields is None:
            fields = fields_of(targets, found, counts_of(found, self.box_params))
        # Objects that have been mixed before have a weight, which goes where they go.
        return replace(self.box_params, fields=tuple(dict.fromkeys((*fields, "weights"))))

    def _drawn(self) -> tuple[np.random.Generator, float]:
        draws = np.random.Generator(np.random.Philox(key=sample_key()))
        return draws, float(draws.beta(self.alpha, self.alpha))

    def _labels_of(self, batch: Any) -> Any:
        if self.labels_getter is None:
            return None
        if callable(self.labels_getter):
            return self.labels_getter(batch)
        if isinstance(batch, Mapping):
            return next((batch[name] for name in ("labels", "label", "target", "targets") if name in batch), None)
        rest = [value for value in _leaves(batch) if isinstance(value, torch.Tensor) and value.ndim in (1, 2)]
        if not rest:
            raise ValueError(
                "there are no labels in the batch: pass labels_getter, or labels_getter=None without labels"
            )
        return rest[0]


class MixUp(_BatchMix):
    """Each image becomes a weighted mean of itself and the one before it (Zhang et al., 2018).

    alpha: of the Beta distribution of the weight, which is drawn for each batch.

    Objects have ``weights`` (float32, one for each) in what comes out: that of their image, with which their loss is to
    be multiplied (Zhang et al., Bag of Freebies for Training Object Detection Neural Networks, 2019; there alpha is
    1.5). Where one image of a padded batch is larger than the other, the ``size`` and ``image_mask`` are those of both.
    Masks of whole images stay the image's own: two classes of a pixel cannot be blended.
    """

    def mixed(self, images: torch.Tensor, part: float, draws: np.random.Generator) -> tuple[torch.Tensor, float]:
        if len(images) < 2:
            return images, 1.0
        floats = images if images.is_floating_point() else images.to(torch.float32)
        made = torch.lerp(floats.roll(1, 0), floats, part)
        return made if images.is_floating_point() else made.round().to(images.dtype), part

    def mixed_objects(
        self,
        images: torch.Tensor,
        targets: list[Target],
        params: BoxParams,
        part: float,
        draws: np.random.Generator,
    ) -> tuple[torch.Tensor, list[Target]]:
        mixed, part = self.mixed(images, part, draws)
        return mixed, blended(targets, part, params, _size_of(images))


class CutMix(_BatchMix):
    """A rectangle of each image is that of the one before it (Yun et al., 2019).

    Objects are kept as far as they can be seen. Masks, also those of whole images, are cut along the rectangle. A box
    that it covers in part becomes the one around what is left of the object's mask; without masks it is cut where the
    rectangle covers a whole side of it, and stays as it is elsewhere. Objects of which less than
    `BoxParams.min_visibility` is left go, and what is hidden of key points gets the visibility 0. In a batch of padded
    images the rectangle is where all of them are. Raises ValueError for objects without boxes and for rotated boxes.
    """

    def mixed(self, images: torch.Tensor, part: float, draws: np.random.Generator) -> tuple[torch.Tensor, float]:
        height, width = _size_of(images)
        if len(images) < 2:
            return images, 1.0
        rect = _rectangle((height, width), part, draws)
        return _with_rectangle(images, rect), 1 - (rect.right - rect.left) * (rect.bottom - rect.top) / (width * height)

    def mixed_objects(
        self,
        images: torch.Tensor,
        targets: list[Target],
        params: BoxParams,
        part: float,
        draws: np.random.Generator,
    ) -> tuple[torch.Tensor, list[Target]]:
        if len(images) < 2:
            return images, targets
        canvas = _size_of(images)
        heights, widths = zip(*(size_within(target, canvas) for target in targets), strict=True)
        rect = _rectangle((min(heights), min(widths)), part, draws)
        return _with_rectangle(images, rect), pasted(targets, rect, params, canvas)


def _size_of(images: torch.Tensor) -> Size:
    return int(images.shape[-2]), int(images.shape[-1])


def _rectangle(size: Size, part: float, draws: np.random.Generator) -> Rect:
    """A rectangle around any pixel that leaves that part of an image, or more where it would go beyond the image."""
    height, width = size
    x, y = int(draws.integers(width)), int(draws.integers(height))
    reach = 0.5 * math.sqrt(1 - part)
    across, down = int(reach * width), int(reach * height)
    return Rect(max(0, x - across), max(0, y - down), min(width, x + across), min(height, y + down))


def _with_rectangle(images: torch.Tensor, rect: Rect) -> torch.Tensor:
    made = images.clone()
    rows, columns = slice(rect.top, rect.bottom), slice(rect.left, rect.right)
    made[..., rows, columns] = images.roll(1, 0)[..., rows, columns]
    return made


def _leaves(batch: Any) -> list[Any]:
    values = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, tuple | list) else [batch]
    return [
        leaf
        for value in values
        for leaf in ([value] if not isinstance(value, tuple | list | Mapping) else _leaves(value))
    ]


def _images_of(batch: Any) -> torch.Tensor:
    images = next((value for value in _leaves(batch) if isinstance(value, torch.Tensor) and value.ndim == 4), None)
    if images is None:
        raise ValueError("a batch must hold images as a tensor (N, C, H, W): these transforms come after collating")
    return images


def _check_labels(labels: Any, count: int, num_classes: int | None) -> None:
    if not isinstance(labels, torch.Tensor) or labels.ndim not in (1, 2) or len(labels) != count:
        got = tuple(labels.shape) if isinstance(labels, torch.Tensor) else type(labels).__name__
        raise ValueError(f"labels must be a tensor ({count},) or ({count}, classes), got {got}")
    if labels.ndim == 2 and not labels.is_floating_point() and ((labels < 0) | (labels > 1)).any():
        raise ValueError(
            f"labels ({count}, classes) must be parts of classes, or 0 and 1; got {int(labels.min())} to "
            f"{int(labels.max())}: class numbers are ({count},)"
        )
    if labels.ndim == 1 and (labels.is_floating_point() or labels.is_complex()):
        raise ValueError(f"labels ({count},) must be class numbers, whole ones; got {labels.dtype}: convert them first")
    if labels.ndim == 1 and num_classes is None:
        raise ValueError("num_classes must be given where labels are class numbers")
    if labels.ndim == 1 and len(labels) and num_classes is not None:
        least, most = int(labels.min()), int(labels.max())
        if least < 0 or most >= num_classes:
            raise ValueError(f"labels must be in [0, {num_classes}), got {least} to {most}")


def _mixed_labels(labels: torch.Tensor, part: float, num_classes: int | None) -> torch.Tensor:
    if labels.ndim == 1:
        labels = torch.nn.functional.one_hot(labels.long(), num_classes=num_classes or -1)
    parts = labels.to(torch.float32)
    return part * parts + (1 - part) * parts.roll(1, 0)


def _replaced(batch: Any, changes: dict[int, Any]) -> Any:
    if id(batch) in changes:
        return changes[id(batch)]
    if isinstance(batch, Mapping):
        kind: Any = type(batch)
        return kind({name: _replaced(value, changes) for name, value in batch.items()})
    if isinstance(batch, tuple | list):
        values = [_replaced(value, changes) for value in batch]
        return type(batch)(*values) if hasattr(batch, "_fields") else type(batch)(values)
    return batch

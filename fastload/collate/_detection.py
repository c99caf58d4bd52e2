"""Batches of images with objects: as many of them in each image as there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from fastload._target_names import may_be_of_objects
from fastload.collate._by_image import end_to_end, is_mask, object_mask, offsets, padded
from fastload.collate._default import default_collate

IMAGE_NAMES = ("image", "img")
MODES = ("list", "padded", "packed")


class DetectionCollate:
    """(images, targets) of a list of samples (image, target dict), or of dicts that have an "image".

    images: a tensor (N, C, H, W) where all images have one size. Else a list; or with ``pad_images`` a tensor of the
    largest height and width, with ``pad_value`` below and to the right, and targets that have a ``size`` (2,) of each
    image, its height and width, and an ``image_mask`` (N, H, W), True where the image is. Masks (masks, mask,
    segmentation_mask; (H, W) or (objects, H, W)) are padded with their images, with 0.

    targets: "list": the dicts, one for each image. "padded": a dict of tensors (N, most, ...), with the bool
    ``object_mask`` (N, most), True where there is an object. "packed": a dict of tensors, those of all images one after
    the other, and ``offsets`` (N + 1,) int64: the objects of image i are [offsets[i], offsets[i + 1]).
    What has no entry for each object (image_id) is stacked as `default_collate` does it. fields: the names of what has
    one, beside boxes, masks and key points; None: all tensors with as many entries as objects, in each of the samples.

    Raises TypeError and ValueError that name the sample and the field.
    """

    def __init__(
        self,
        targets: str = "list",
        *,
        pad_images: bool = False,
        pad_value: float = 0.0,
        fields: Sequence[str] | None = None,
    ) -> None:
        if targets not in MODES:
            raise ValueError(f"targets must be one of {', '.join(MODES)}; got {targets!r}")
        if isinstance(fields, str) or not isinstance(fields, Sequence | None):
            raise TypeError(f"fields must be a sequence of names or None, got {fields!r}")
        self.targets, self.pad_images, self.pad_value = targets, bool(pad_images), float(pad_value)
        self.fields = None if fields is None else tuple(fields)

    def __repr__(self) -> str:
        return f"DetectionCollate({self.targets!r}, pad_images={self.pad_images}, pad_value={self.pad_value})"

    def __call__(self, samples: Sequence[Any]) -> tuple[Any, Any]:
        """The batch."""
        if not samples:
            raise ValueError("a batch needs at least one sample, got none")
        pairs = [_pair_of(sample, number) for number, sample in enumerate(samples)]
        images, more = self._images([image for image, _ in pairs])
        targets = [target for _, target in pairs]
        if "image_mask" in more:
            targets = [
                _with_padded_masks(target, image, more["image_mask"].shape[1:], number)
                for number, (image, target) in enumerate(pairs)
            ]
        return images, self._targets(targets, more)

    def with_images(self, images: torch.Tensor, samples: Sequence[Any]) -> tuple[torch.Tensor, Any]:
        """The same, of samples whose images are the rows of one tensor."""
        return images, self._targets([_pair_of(sample, number)[1] for number, sample in enumerate(samples)], {})

    def _targets(self, found: list[dict[str, Any]], more: dict[str, torch.Tensor]) -> Any:
        if self.targets == "list":
            return [{**target, **_part(more, number)} for number, target in enumerate(found)]
        check_names(found)
        counts = _counts(found)
        if self.targets == "padded":
            return {**_joined(found, counts, padded, self.fields), "object_mask": object_mask(counts), **more}
        return {**_joined(found, counts, end_to_end, self.fields), "offsets": offsets(counts), **more}

    def _images(self, images: list[Any]) -> tuple[Any, dict[str, torch.Tensor]]:
        tensors = all(isinstance(image, torch.Tensor) for image in images)
        if not tensors:
            return (images, {})
        if len({(image.shape, image.dtype) for image in images}) == 1:
            return default_collate(images), {}
        if not self.pad_images:
            return images, {}
        for number, image in enumerate(images):
            if image.ndim != 3 or image.shape[0] != images[0].shape[0] or image.dtype != images[0].dtype:
                raise ValueError(
                    f"sample {number}: its image is {tuple(image.shape)} of {image.dtype}, that of sample 0 "
                    f"{tuple(images[0].shape)} of {images[0].dtype}: channels and type must be the same to be padded"
                )
        height, width = (max(int(image.shape[axis]) for image in images) for axis in (1, 2))
        batch = images[0].new_full((len(images), images[0].shape[0], height, width), self.pad_value)
        mask = torch.zeros((len(images), height, width), dtype=torch.bool)
        for number, image in enumerate(images):
            batch[number, :, : image.shape[1], : image.shape[2]] = image
            mask[number, : image.shape[1], : image.shape[2]] = True
        sizes = torch.tensor([image.shape[1:] for image in images], dtype=torch.int64)
        return batch, {"size": sizes, "image_mask": mask}


detection_collate = DetectionCollate()


def _pair_of(sample: Any, number: int) -> tuple[Any, dict[str, Any]]:
    if isinstance(sample, Mapping):
        name = next((name for name in IMAGE_NAMES if name in sample), None)
        if name is None:
            raise TypeError(f"sample {number} is a dict without an image: it has {', '.join(map(repr, sample))}")
        return sample[name], {key: value for key, value in sample.items() if key != name}
    if isinstance(sample, tuple | list) and len(sample) == 2 and isinstance(sample[1], Mapping):
        return sample[0], dict(sample[1])
    raise TypeError(
        f"sample {number} must be (image, target dict) or a dict with an image, got {type(sample).__name__}"
    )


def _with_padded_masks(target: dict[str, Any], image: torch.Tensor, size: Sequence[int], number: int) -> dict[str, Any]:
    return {
        name: _padded_mask(value, tuple(image.shape[1:]), size, f"sample {number}: {name!r}")
        if is_mask(name, value)
        else value
        for name, value in target.items()
    }


def _padded_mask(mask: Any, image_size: tuple[int, ...], size: Sequence[int], what: str) -> Any:
    """The mask with zeros below and to the right; what is neither a tensor nor an array of two axes stays."""
    if not isinstance(mask, torch.Tensor | np.ndarray) or mask.ndim < 2:
        return mask
    if tuple(mask.shape[-2:]) != image_size:
        raise ValueError(
            f"{what} is {tuple(mask.shape)}, its image {' x '.join(map(str, image_size))} (height x width): "
            "a mask must be as its image is to be padded with it"
        )
    below, right = size[0] - image_size[0], size[1] - image_size[1]
    if isinstance(mask, torch.Tensor):
        return torch.nn.functional.pad(mask, (0, right, 0, below)).as_subclass(type(mask))
    return np.pad(mask, [(0, 0)] * (mask.ndim - 2) + [(0, below), (0, right)])


def _part(more: dict[str, torch.Tensor], number: int) -> dict[str, Any]:
    return {name: values[number] for name, values in more.items()}


def check_names(targets: list[dict[str, Any]]) -> None:
    """ValueError for a target that has not the fields of the first."""
    for number, target in enumerate(targets):
        if target.keys() != targets[0].keys():
            raise ValueError(
                f"sample {number} has the fields {sorted(target)}, sample 0 {sorted(targets[0])}: they must be the same"
            )


def _counts(targets: list[dict[str, Any]]) -> list[int]:
    """How many objects each target has: as many as boxes, or as labels or masks."""
    for name in ("boxes", "bboxes", "labels", "masks", "keypoints"):
        if name in targets[0]:
            return [len(target[name]) for target in targets]
    raise ValueError(f"a target must have boxes, labels, masks or keypoints, got {sorted(targets[0])}")


def _is_per_object(name: str, targets: list[dict[str, Any]], counts: list[int], fields: tuple[str, ...] | None) -> bool:
    if not may_be_of_objects(name, fields):
        return False
    for number, (target, count) in enumerate(zip(targets, counts, strict=True)):
        value = target[name]
        if not isinstance(value, torch.Tensor) or value.ndim == 0:
            return False
        if len(value) != count and fields is not None and name in fields:
            raise ValueError(f"sample {number}: {name!r} has {len(value)} entries and there are {count} objects")
        if len(value) != count:
            return False
    return True


def _joined(
    targets: list[dict[str, Any]],
    counts: list[int],
    join: Callable[[list[torch.Tensor]], torch.Tensor],
    fields: tuple[str, ...] | None,
) -> dict[str, Any]:
    """Each field of all targets: those of objects as ``join`` makes one of them, others collated as they are."""
    batch: dict[str, Any] = {}
    for name in targets[0]:
        values = [target[name] for target in targets]
        if _is_per_object(name, targets, counts, fields):
            _check_rows(name, values)
            batch[name] = join(values)
        else:
            batch[name] = _collated(name, values)
    return batch


def _check_rows(name: str, values: list[torch.Tensor]) -> None:
    first = next((number for number, value in enumerate(values) if len(value)), 0)
    for number, value in enumerate(values):
        if len(value) and (value.shape[1:] != values[first].shape[1:] or value.dtype != values[first].dtype):
            raise ValueError(
                f"sample {number}: {name!r} is {tuple(value.shape)} of {value.dtype}, that of sample {first} "
                f"{tuple(values[first].shape)} of {values[first].dtype}: they must agree in all but the first length"
            )


def _collated(name: str, values: list[Any]) -> Any:
    if all(isinstance(value, str) or value is None or isinstance(value, list | Mapping) for value in values):
        return values
    try:
        return default_collate(values)
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"the field {name!r} has neither an entry for each object nor the same shape: {error}"
        ) from error

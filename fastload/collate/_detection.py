"""Batches of images with objects: as many of them in each image as there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from fastload._of_objects import is_mask, length_of, names_of_objects, refuse_doubt
from fastload.collate._as_tensors import Target, as_tensor, with_tensors, without_lists
from fastload.collate._by_image import end_to_end, object_mask, offsets, padded
from fastload.collate._default import default_collate

IMAGE_NAMES = ("image", "img")
MODES = ("list", "padded", "packed")
_PAD_MASKS = "; masks are padded with their images by pad_images=True"


class DetectionCollate:
    """(images, targets) of a list of samples (image, target dict), or of dicts that have an "image".

    images: a tensor (N, C, H, W) where all images have one size, and of arrays (H, W, C) a tensor (N, H, W, C), as
    `default_collate` makes them. Else a list; or with ``pad_images`` a tensor of the largest height and width, with
    ``pad_value`` below and to the right. Then targets always have a ``size`` (2,) of each image, its height and width,
    and an ``image_mask`` (N, H, W), True where the image is; PIL images are a TypeError. Masks (masks, mask,
    segmentation_mask; (H, W) or (objects, H, W)) are padded with their images, with 0.

    targets: "list": the dicts, one for each image. "padded": a dict of tensors (N, most, ...), with the bool
    ``object_mask`` (N, most), True where there is an object. "packed": a dict of tensors, those of all images one after
    the other, and ``offsets`` (N + 1,) int64: the objects of image i are [offsets[i], offsets[i + 1]).
    Arrays of numbers become tensors. So do, where they are padded or packed, lists of numbers, floats as float32; lists
    of anything else are one list for each image.

    What has an entry for each object: boxes, masks (objects, H, W), key points (objects, K, 2 or 3), and labels,
    class_labels, ids, category_ids, track_ids, instance_ids, scores, weights, area, iscrowd, difficult, truncated and
    occluded. fields: the names of all that has, in place of these, beside boxes, masks and key points. What has none
    (image_id) is stacked as `default_collate` does it; lists stay lists. What is not named, and has as many entries as
    objects all the same, is padded, or a ValueError where it would be packed and does not stack.

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
        if not isinstance(pad_value, int | float | np.integer | np.floating) or isinstance(pad_value, bool):
            raise TypeError(f"pad_value must be a number, got {pad_value!r}")
        if not isinstance(pad_images, bool | np.bool_):
            raise TypeError(f"pad_images must be True or False, got {pad_images!r}")
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
        targets = [with_tensors(target) for _, target in pairs]
        if "image_mask" in more and not more["image_mask"].all():
            targets = [
                _with_padded_masks(target, size, more["image_mask"].shape[1:], number)
                for number, (target, size) in enumerate(zip(targets, more["size"].tolist(), strict=True))
            ]
        return images, self._targets(targets, more)

    def with_images(self, images: torch.Tensor, samples: Sequence[Any]) -> tuple[torch.Tensor, Any]:
        """The same, of samples whose images are the rows of one tensor."""
        targets = [with_tensors(_pair_of(sample, number)[1]) for number, sample in enumerate(samples)]
        return images, self._targets(targets, self._without_padding(len(images), images.shape[-2:]))

    def _targets(self, found: list[Target], more: dict[str, torch.Tensor]) -> Any:
        if self.targets == "list":
            return [{**target, **_part(more, number)} for number, target in enumerate(found)]
        check_names(found)
        found = without_lists(found, self.fields)
        counts = _counts(found)
        names, by_number = _names_of_objects(found, counts, self.fields)
        if self.targets == "padded":  # what is as long in all samples is the same, stacked or padded
            return {**_joined(found, names | by_number, padded), "object_mask": object_mask(counts), **more}
        if len(set(counts)) > 1:  # else it is stacked, as it always is if it belongs to the image
            refuse_doubt(by_number, names)
        return {**_joined(found, names, end_to_end), "offsets": offsets(counts), **more}

    def _images(self, images: list[Any]) -> tuple[Any, dict[str, torch.Tensor]]:
        rows_at = 0 if all(isinstance(image, np.ndarray) for image in images) else 1  # (H, W, C) or (C, H, W)
        if rows_at == 0:
            images = [as_tensor(image) for image in images]
        other = next((number for number, image in enumerate(images) if not isinstance(image, torch.Tensor)), None)
        if other is not None:
            if self.pad_images:
                raise TypeError(
                    f"sample {other}: pad_images pads tensors, or arrays alone, and its image is "
                    f"{type(images[other]).__name__}: convert images first, with ToTensor say"
                )
            return images, {}
        if len({(image.shape, image.dtype) for image in images}) == 1:
            size = images[0].shape[:2] if rows_at == 0 else images[0].shape[-2:]
            return default_collate(images), self._without_padding(len(images), size)
        return self._padded_images(images, rows_at) if self.pad_images else (images, {})

    def _without_padding(self, count: int, size: Sequence[int]) -> dict[str, torch.Tensor]:
        """What targets have more with ``pad_images``, of images of one size: what they have must not depend on it."""
        if not self.pad_images:
            return {}
        sizes = torch.tensor([list(size)] * count, dtype=torch.int64)
        return {"size": sizes, "image_mask": torch.ones((count, *size), dtype=torch.bool)}

    def _padded_images(self, images: list[torch.Tensor], rows_at: int) -> tuple[Any, dict[str, torch.Tensor]]:
        _check_images(images, rows_at)
        _check_padding(self.pad_value, images[0].dtype)
        sizes = torch.tensor([image.shape[rows_at : rows_at + 2] for image in images], dtype=torch.int64)
        height, width = sizes.amax(dim=0).tolist()
        shape = [*images[0].shape[:rows_at], height, width, *images[0].shape[rows_at + 2 :]]
        batch = images[0].new_full((len(images), *shape), self.pad_value)
        mask = torch.zeros((len(images), height, width), dtype=torch.bool)
        for number, (image, (rows, columns)) in enumerate(zip(images, sizes.tolist(), strict=True)):
            batch[number].narrow(rows_at, 0, rows).narrow(rows_at + 1, 0, columns).copy_(image)
            mask[number, :rows, :columns] = True
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
    got = type(sample).__name__
    if isinstance(sample, tuple | list):
        got += f" of {', '.join(type(part).__name__ for part in sample)}"
    raise TypeError(
        f"sample {number} must be (image, target dict) or a dict with an image, got {got}; CocoDetection and "
        "VOCDetection make such dicts with tensors=True"
    )


def _check_images(images: list[torch.Tensor], rows_at: int) -> None:
    """ValueError for an image that differs from the first in more than its height and width."""

    def kind(image: torch.Tensor) -> Any:
        return image.shape[:rows_at], image.shape[rows_at + 2 :], image.dtype

    for number, image in enumerate(images):
        if kind(image) != kind(images[0]) or image.ndim > 3 or image.ndim < rows_at + 2:
            raise ValueError(
                f"sample {number}: its image is {tuple(image.shape)} of {image.dtype}, that of sample 0 "
                f"{tuple(images[0].shape)} of {images[0].dtype}: channels and type must be the same to be padded"
            )


def _check_padding(value: float, dtype: torch.dtype) -> None:
    """ValueError for what the type cannot hold; floats may round it."""
    wanted = torch.tensor(value, dtype=torch.float64)
    made = wanted.to(dtype)
    rounds = dtype.is_floating_point or dtype.is_complex
    if not (made.isinf() == wanted.isinf() if rounds else made.item() == value):
        raise ValueError(f"pad_value {value} is no value that images of {dtype} can have")


def _with_padded_masks(target: Target, image_size: Sequence[int], size: Sequence[int], number: int) -> Target:
    return {
        name: _padded_mask(value, tuple(image_size), size, f"sample {number}: {name!r}")
        if is_mask(name, value)
        else value
        for name, value in target.items()
    }


def _padded_mask(mask: Any, image_size: tuple[int, ...], size: Sequence[int], what: str) -> Any:
    """The mask, or each in a list, with zeros below and to the right; what is no tensor of two axes stays."""
    if isinstance(mask, list | tuple):
        masks = (as_tensor(one) if isinstance(one, np.ndarray) else one for one in mask)
        return [_padded_mask(one, image_size, size, what) for one in masks]
    if not isinstance(mask, torch.Tensor) or mask.ndim < 2:
        return mask
    if tuple(mask.shape[-2:]) != image_size:
        raise ValueError(
            f"{what} is {tuple(mask.shape)}, its image {' x '.join(map(str, image_size))} (height x width): "
            "a mask must be as its image is to be padded with it"
        )
    below, right = size[0] - image_size[0], size[1] - image_size[1]
    return torch.nn.functional.pad(mask, (0, right, 0, below)).as_subclass(type(mask))


def _part(more: dict[str, torch.Tensor], number: int) -> dict[str, Any]:
    return {name: values[number] for name, values in more.items()}


def check_names(targets: list[dict[str, Any]]) -> None:
    """ValueError for a target that has not the fields of the first."""
    for number, target in enumerate(targets):
        if target.keys() != targets[0].keys():
            raise ValueError(
                f"sample {number} has the fields {sorted(target)}, sample 0 {sorted(targets[0])}: they must be the same"
            )


def _counts(targets: list[Target]) -> list[int]:
    """How many objects each target has: as many as boxes, or as labels or masks."""
    for name in ("boxes", "bboxes", "labels", "masks", "keypoints"):
        if name in targets[0]:
            counts = [length_of(name, target[name]) for target in targets]
            if -1 in counts:
                number = counts.index(-1)
                got = type(targets[number][name]).__name__
                raise TypeError(f"sample {number}: {name!r} must have an entry for each object, got {got}")
            return counts
    raise ValueError(f"a target must have boxes, labels, masks or keypoints, got {sorted(targets[0])}")


def _names_of_objects(
    targets: list[Target], counts: list[int], fields: Sequence[str] | None
) -> tuple[set[Any], set[Any]]:
    """Those of tensors, whose lengths are checked."""
    names, by_number = (
        {name for name in some if all(isinstance(target[name], torch.Tensor) for target in targets)}
        for some in names_of_objects(targets, counts, fields)
    )
    for number, (target, count) in enumerate(zip(targets, counts, strict=True)):
        for name in (name for name in target if name in names and len(target[name]) != count):
            raise ValueError(
                f"sample {number}: {name!r} has {len(target[name])} entries and there are {count} objects; if it is "
                "not of the objects, fields= must name all that is"
            )
    return names, by_number


def _joined(
    targets: list[Target], names: set[Any], join: Callable[[list[torch.Tensor]], torch.Tensor]
) -> dict[str, Any]:
    """Each field of all targets: those of objects as ``join`` makes one of them, others collated as they are."""
    batch: dict[str, Any] = {}
    for name in targets[0]:
        values = [target[name] for target in targets]
        if name in names:
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
                f"{_PAD_MASKS if is_mask(name, value) else ''}"
            )


def _collated(name: str, values: list[Any]) -> Any:
    if all(
        isinstance(value, str) or value is None or isinstance(value, list | Mapping | np.ndarray) for value in values
    ):
        return values
    for number, value in enumerate(values):
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError(f"sample {number}: {name!r} is {value}, beyond what int64 holds: make it a text")
    try:
        return default_collate(values)
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"the field {name!r} has neither an entry for each object nor the same shape (what is of objects must have "
            f"a name that is known, or be named in fields=){_PAD_MASKS if is_mask(name, values[0]) else ''}: {error}"
        ) from error

"""What is to be drawn: the images in samples, batches and data sets, each with what is said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastload._annotations import objects_of_voc, of_coco, of_voc
from fastload.collate._by_image import by_image, is_mask
from fastload.transforms._kinds import IMAGE_NAMES, is_image, is_pil, place_of_image, role_of, size_of

_MAP_MODES = ("1", "L", "P", "I")  # of PIL images that may be maps of classes


class Shown(NamedTuple):
    """One image, and what is drawn with it: a dict of targets, a label, or None."""

    image: Any
    target: Any
    box_format: str | None = None  # where the target's own is known


def shown_in(samples: Any, masks: bool = True) -> Iterator[Shown]:
    """Each image of a sample, a list of samples, a batch or a data set; TypeError for what holds none.

    masks: whether those of COCO's annotations are made.
    """
    for image, target in _samples_of(samples):
        objects = objects_of_voc(target)
        if objects is not None:
            yield Shown(image, of_voc(objects), "xyxy")
        elif isinstance(target, list | tuple) and all(isinstance(entry, Mapping) for entry in target):
            yield Shown(image, of_coco(target, size_of(image), masks), "xyxy")
        else:
            yield Shown(image, target)


def _samples_of(samples: Any) -> Iterator[tuple[Any, Any]]:
    """(image, label or target or None) of each."""
    if is_image(samples):
        many = not is_pil(samples) and samples.ndim == 4
        yield from ((image, None) for image in samples) if many else [(samples, None)]
    elif isinstance(samples, Mapping):
        name = next((name for name in IMAGE_NAMES if name in samples), None)
        if name is None:
            raise TypeError(f"a dict must have an image under one of the names {', '.join(IMAGE_NAMES)}")
        rest = {key: value for key, value in samples.items() if key != name}
        yield from _pairs(samples[name], [rest]) if _is_many(samples[name]) else [(samples[name], rest)]
    elif isinstance(samples, tuple | list):
        yield from _of_parts(samples)
    elif not isinstance(samples, str | bytes) and hasattr(samples, "__getitem__") and hasattr(samples, "__len__"):
        for number in range(len(samples)):
            yield from _samples_of(samples[number])
    else:
        raise TypeError(f"there is no image in a {type(samples).__name__}")


def _of_parts(parts: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """A sample, a batch, or a list of samples."""
    if not parts:
        return
    images = _place_of_batch(parts)
    if images is not None:
        yield from _pairs(parts[images], [part for number, part in enumerate(parts) if number != images])
    elif isinstance(parts, list) or not any(is_image(part) for part in parts):
        if isinstance(parts, list) and is_image(parts[0]) and len(parts) == 2 and not is_image(parts[1]):
            yield parts[0], _target_of(parts[1:], parts[0])  # [image, target]
            return
        for part in parts:
            yield from _samples_of(part)
    else:
        place = place_of_image(parts)
        rest = [part for number, part in enumerate(parts) if number != place]
        yield parts[place], _target_of(rest, parts[place])


def _place_of_batch(parts: Sequence[Any]) -> int | None:
    """Where the images of a batch are, of which each other part has something for each; None: this is no batch."""
    place = next((number for number, part in enumerate(parts) if _is_many(part)), None)
    if place is None or len(parts) < 2:
        return None
    images, others = parts[place], [part for number, part in enumerate(parts) if number != place]
    if len(others) == 1 and not isinstance(others[0], list | tuple) and not _is_many(others[0]):
        return place  # a batch, if one of which nothing is known
    return place if all(_goes_with(part, images) for part in others) else None


def _goes_with(part: Any, images: Any) -> bool:
    """Whether this is something for each of the images, and neither other images nor a sample."""
    if isinstance(part, Mapping) or part is None:
        return True
    is_row = getattr(part, "ndim", 1) > 0 and hasattr(part, "__len__") and not isinstance(part, str)
    if not is_row or len(part) != len(images):
        return False
    return _is_map(part[0], images[0]) if _is_many(part) else not (isinstance(part, tuple | list) and is_image(part[0]))


def _target_of(parts: Sequence[Any], image: Any) -> Any:
    """What is drawn of a sample's parts beside its image: a dict, a dict made of torchvision's own tensors, or any."""
    known = [(role_of(None, part) or ("masks" if _is_map(part, image) else ""), part) for part in parts]
    known = [(role, part) for role, part in known if role or not _is_picture(part)]
    target = next((part for _, part in known if isinstance(part, Mapping)), known[0][1] if known else None)
    if isinstance(target, Mapping) or not any(role for role, _ in known):
        return target
    others = [part for role, part in known if not role]
    labels = {"labels": others[0]} if others else {}
    return {**labels, **{role: part for role, part in known if role}}


def _is_picture(part: Any) -> bool:
    """Whether this is another image, and no label."""
    return is_pil(part) or (is_image(part) and part.ndim > 1)


def _is_map(part: Any, image: Any) -> bool:
    """Whether this is a number for each pixel of the image, as segmentation has it, and not a second image."""
    if is_pil(part):
        return part.mode in _MAP_MODES and size_of(part) == size_of(image)
    if not is_image(part) or part.ndim not in (2, 3) or (part.ndim == 3 and part.shape[0] != 1):
        return False
    kind = np.asarray(part[..., :1, :1]).dtype.kind if isinstance(part, np.ndarray) else _kind_of(part)
    return kind in "iub" and tuple(part.shape[-2:]) == size_of(image)


def _kind_of(tensor: Any) -> str:
    return "f" if tensor.is_floating_point() or tensor.is_complex() else "i"


def _is_many(value: Any) -> bool:
    """Whether these are images: a tensor or an array of four dimensions, or a list of images."""
    if isinstance(value, list | tuple):
        return bool(value) and all(is_image(image) for image in value)
    return is_image(value) and not is_pil(value) and value.ndim == 4


def _pairs(images: Any, parts: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Each image with what is its own of the other parts, both without their padding."""
    columns = [_column_of(part, len(images)) for part in parts]
    for image, *own in zip(images, *columns, strict=True):
        yield _without_padding(image, _target_of(own, image))


def _column_of(part: Any, count: int) -> Sequence[Any]:
    if isinstance(part, Mapping):
        return by_image(part, count)
    return [None] * count if part is None or len(part) != count else part


def _without_padding(image: Any, target: Any) -> tuple[Any, Any]:
    if not isinstance(target, Mapping) or "image_mask" not in target:
        return image, target
    height, width = (int(side) for side in target["size"])
    masks = {name: value[..., :height, :width] for name, value in target.items() if _is_plane(name, value)}
    return image[..., :height, :width], {**target, **masks}


def _is_plane(name: Any, value: Any) -> bool:
    return is_mask(name, value) and getattr(value, "ndim", 0) >= 2

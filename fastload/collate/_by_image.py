"""The targets of a batch as a dict for each image, and as one again: what `DetectionCollate` joins, taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from fastload._of_objects import is_known, is_mask, names_of_objects, refuse_doubt
from fastload._target_names import KEYPOINT_NAMES, MASK_NAMES, OF_THE_IMAGE

__all__ = ["as_they_came", "by_image", "end_to_end", "fields_of", "is_mask", "object_mask", "offsets", "padded"]

_OF_THE_BATCH = ("object_mask", "offsets")


def by_image(targets: Any, count: int, fields: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """A dict for each of ``count`` images, of targets that are a list, padded or packed.

    fields: as for `DetectionCollate`. What has neither an entry for each image nor one for each object is left out.
    """
    if not isinstance(targets, Mapping):
        return [dict(target) for target in targets]
    names = _names_of_objects(targets, fields)
    return [_of_image(targets, names, number, count) for number in range(count)]


def as_they_came(targets: Any, parts: list[dict[str, Any]], fields: Sequence[str] | None = None) -> Any:
    """A dict for each image, joined as ``targets`` are; names that those do not have are of objects."""
    if not isinstance(targets, Mapping):
        return type(targets)(parts)
    names = _names_of_objects(targets, fields) | (parts[0].keys() - targets.keys())
    made = dict(targets)
    for name in parts[0]:
        values = [part[name] for part in parts]
        if name in names:
            made[name] = padded(values) if "object_mask" in targets else end_to_end(values)
        else:
            made[name] = torch.stack(values) if isinstance(targets[name], torch.Tensor) else values
    counts = [len(part[next(iter(names))]) for part in parts] if names else [0] * len(parts)
    before: Any = targets["object_mask" if "object_mask" in targets else "offsets"]
    if "object_mask" in targets:
        made["object_mask"] = object_mask(counts).to(before.device)
    else:
        made["offsets"] = offsets(counts).to(before.device)
    return made


def padded(values: list[torch.Tensor]) -> torch.Tensor:
    """(N, most, ...), with zeros; a tensor without rows says nothing of the shape and type of one."""
    first = next((value for value in values if len(value)), values[0])
    batch = first.new_zeros((len(values), max(map(len, values)), *first.shape[1:]))
    for number, value in enumerate(values):
        if len(value):
            batch[number, : len(value)] = value
    return batch


def end_to_end(values: list[torch.Tensor]) -> torch.Tensor:
    """The rows of all, one after the other."""
    kept = [value for value in values if len(value)]
    return torch.cat(kept) if kept else values[0]


def object_mask(counts: list[int]) -> torch.Tensor:
    """(N, most), True where there is an object."""
    return torch.arange(max(counts))[None] < torch.tensor(counts)[:, None]


def offsets(counts: list[int]) -> torch.Tensor:
    """(N + 1,), where the objects of each image begin, and the end."""
    return torch.tensor([0, *counts]).cumsum(0)


def fields_of(targets: Any, parts: list[dict[str, Any]], counts: list[int]) -> tuple[str, ...]:
    """The names of what has an entry for each object, beside what moves: all that a batch shows of it.

    targets: a list, padded or packed. parts: the same `by_image`. ValueError where a batch leaves it in doubt.
    """
    names, by_number = names_of_objects(parts, counts)
    tells = len(set(counts)) > 1
    names, in_doubt = (names | by_number, set()) if tells else (names, by_number)
    if isinstance(targets, Mapping):
        # Tensors say more together than each alone: (N, 2) are no rows of five objects, two and three.
        tensors = {name for name, value in targets.items() if isinstance(value, torch.Tensor)}
        known, likely = _known_and_likely(targets, None)
        names, in_doubt = names - tensors | known, in_doubt - tensors
        (names if _can_tell(targets) else in_doubt).update(likely)
    refuse_doubt(in_doubt, names, "boxes=BoxParams(fields={})")
    return tuple(name for name in parts[0] if name in names)


def _names_of_objects(targets: Mapping[Any, Any], fields: Sequence[str] | None) -> set[Any]:
    """What has, or may have, an entry for each object of padded or packed targets."""
    known, likely = _known_and_likely(targets, fields)
    return known | likely


def _known_and_likely(targets: Mapping[Any, Any], fields: Sequence[str] | None) -> tuple[set[Any], set[Any]]:
    """The tensors with an entry for each object: those that are named so, and those that just have as many."""
    known, likely = set[Any](), set[Any]()
    if "object_mask" not in targets and "offsets" not in targets:
        return known, likely
    rows = _rows_of_padded if "object_mask" in targets else _rows_of_packed
    for name, value in targets.items():
        if not isinstance(value, torch.Tensor) or name in _OF_THE_BATCH or not rows(targets, name):
            continue
        if name in MASK_NAMES or name in KEYPOINT_NAMES or is_known(name, [value], fields):
            known.add(name)
        elif fields is None and name not in OF_THE_IMAGE and not _goes_on_after_objects(targets, name):
            likely.add(name)
    return known, likely


def _goes_on_after_objects(targets: Mapping[Any, Any], name: Any) -> bool:
    """Whether there is more than zeros where padded targets have no objects."""
    return "object_mask" in targets and bool(targets[name][~targets["object_mask"]].any())


def _can_tell(targets: Mapping[Any, Any]) -> bool:
    """Whether what has as many entries as objects cannot be one of images that has as many."""
    return "offsets" in targets and int(targets["offsets"][-1]) != len(targets["offsets"]) - 1


def _rows_of_padded(targets: Mapping[Any, Any], name: Any) -> bool:
    # Maps (N, H, W) of whole images may be as high as there are objects.
    is_map = is_mask(name, targets[name]) and targets[name].ndim < 4
    return targets[name].shape[:2] == targets["object_mask"].shape and not is_map


def _rows_of_packed(targets: Mapping[Any, Any], name: Any) -> bool:
    # As many objects as images: masks of one are those of the other, too, but for their names.
    total, images = int(targets["offsets"][-1]), len(targets["offsets"]) - 1
    is_map = total == images and name in MASK_NAMES and name != "masks"
    return targets[name].ndim > 0 and len(targets[name]) == total and not is_map


def _of_image(targets: Mapping[Any, Any], names: set[Any], number: int, count: int) -> dict[Any, Any]:
    present, ends = targets.get("object_mask"), targets.get("offsets")
    target = {}
    for name, value in targets.items():
        if name in names and present is not None:
            target[name] = value[number][present[number]]
        elif name in names and ends is not None:
            target[name] = value[int(ends[number]) : int(ends[number + 1])]
        elif name not in _OF_THE_BATCH and _has_rows(value, count):
            target[name] = value[number]
    return target


def _has_rows(value: Any, count: int) -> bool:
    if isinstance(value, str | Mapping) or not hasattr(value, "__len__"):
        return False
    return getattr(value, "ndim", 1) > 0 and len(value) == count

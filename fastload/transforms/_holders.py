"""Where in a sample its targets are: the dict, tuple or list that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from fastload._containers import rebuild_mapping
from fastload._target_names import BOX_NAMES, TARGET_NAMES, tv_name
from fastload.transforms._checks import is_number
from fastload.transforms._kinds import role_of

Path = tuple[Any, ...]  # of keys and indices, from the sample on
Roles = dict[Any, str]  # "boxes", "masks" or "keypoints", by name or position
_LEAVES = frozenset((torch.Tensor, np.ndarray, str, int, float, type(None)))  # the commonest


def find_targets(sample: Any, place: Any) -> tuple[Path, Roles] | None:
    """The path to what holds the targets of a sample whose image is at ``place``, and which they are; None: there are
    none.

    A dict holds what has the name of a target, except in a list, which may be one of other samples; any container
    holds torchvision's own tensors. ValueError if there are several.
    """
    found: list[tuple[Path, Roles]] = []
    _search(sample, (), place, True, found)
    if len(found) > 1:
        shown = " and ".join("the sample" + "".join(f"[{key!r}]" for key in path) for path, _ in found)
        raise ValueError(
            f"the targets of a sample are in one dict, tuple or list, and here they are in {shown}: put them together"
        )
    return found[0] if found else None


def targets_in_lists(sample: Any) -> dict[Any, Any] | None:
    """The first dict with targets in one of the sample's lists, which is of several images; None: there is none."""
    for part in sample.values() if isinstance(sample, Mapping) else sample:
        for one in part if isinstance(part, list) else ():
            values = dict(one) if isinstance(one, Mapping) else {}
            if roles_of(values):
                return values
    return None


def roles_of(values: dict[Any, Any]) -> Roles:
    """Which values are targets by their names, or are torchvision's own."""
    return {name: role for name, value in values.items() if (role := role_of(name, value))}


def _search(holder: Any, path: Path, place: Any, has_names: bool, found: list[tuple[Path, Roles]]) -> None:
    """Append all that holds targets, from the holder inwards."""
    number = len(found)
    roles: Roles = {}
    for name, part in enumerate(holder) if isinstance(holder, tuple | list) else holder.items():
        if name == place and not path:
            continue
        kind = type(part)
        role = "" if kind is dict or not _may_be_numbers(part) else role_of(name if has_names else None, part)
        if role:
            roles[name] = role
            continue
        before = len(found)
        if kind is dict or (kind not in _LEAVES and _may_hold(part)):
            _search(part, (*path, name), None, has_names and not isinstance(part, list), found)
        if name in TARGET_NAMES and has_names and len(found) == before and _would_stay_behind(name, part):
            raise TypeError(
                f"{name!r} must be numbers in a tensor, an array or sequences, or None, or a dict with targets by "
                f"their names; got {kind.__name__} {part!r:.80}, which would not move with the image"
            )
    if roles:
        found.insert(number, (path, roles))


def _may_be_numbers(part: Any) -> bool:
    """Whether this may be a target at all: one is made of numbers, and neither names nor a truth value."""
    if isinstance(part, list | tuple):
        return not part or not isinstance(part[0], str)
    return not isinstance(part, bool)


def _would_stay_behind(name: Any, part: Any) -> bool:
    """Whether what is called like a target is meant as one, and is none: boxes as text, or numbers in a dict."""
    if isinstance(part, Mapping):
        return any(_has_numbers(value) for value in part.values())
    return name in BOX_NAMES and isinstance(part[0] if isinstance(part, list | tuple) else part, str)


def _has_numbers(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and _has_numbers(value[0])
    return isinstance(value, torch.Tensor | np.ndarray) or is_number(value)


def _may_hold(part: Any) -> bool:
    """Whether this may contain targets; lists of numbers may be long, and contain none."""
    if isinstance(part, list):
        return bool(part) and not isinstance(part[0], int | float | str)
    return isinstance(part, tuple | Mapping)


def values_at(sample: Any, path: Path, place: Any) -> dict[Any, Any]:
    """What is held there, without the image, by name or position; of a tuple or list, what may be of its objects."""
    holder = sample
    for key in path:
        holder = holder[key]
    if isinstance(holder, Mapping):
        return dict(holder) if path else {name: value for name, value in holder.items() if name != place}
    leave = None if path else place
    values = {number: part for number, part in enumerate(holder) if number != leave and tv_name(part)}
    if "BoundingBoxes" in map(tv_name, values.values()):
        values.update((n, part) for n, part in enumerate(holder) if n != leave and _is_column(part))
    return values


def _is_column(part: Any) -> bool:
    """Whether a tuple's part may be a value for each object; what has more axes is another image."""
    return isinstance(part, list) or (isinstance(part, torch.Tensor | np.ndarray) and part.ndim in (1, 2))


def with_values(sample: Any, path: Path, values: dict[Any, Any]) -> Any:
    """The sample, in new containers of the same types, with those values in what is there."""
    if path:
        values = {path[0]: with_values(sample[path[0]], path[1:], values)}
    if type(sample) is dict:  # what the next line would do, and quicker
        return {**sample, **values}
    if isinstance(sample, Mapping):
        return rebuild_mapping(sample, {**sample, **values})
    parts = [values.get(number, part) for number, part in enumerate(sample)]
    return type(sample)(*parts) if hasattr(sample, "_fields") else type(sample)(parts)

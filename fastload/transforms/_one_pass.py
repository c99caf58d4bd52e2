"""Samples that one native pass makes, the shortest way: to find out anew what is in each takes long."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from fastload._stream import sample_key
from fastload.transforms._boxes import BoxParams
from fastload.transforms._holders import Roles, find_targets
from fastload.transforms._kinds import is_pil
from fastload.transforms._segment import Segment
from fastload.transforms._targets import Moving

if TYPE_CHECKING:
    from fastload.transforms._base import Transform

NOT_MADE = object()  # in place of a sample
_MOST_WAYS = 64
# Types of values that say by themselves, with their names, which are targets.
_PLAIN = frozenset((torch.Tensor, np.ndarray, str, int, float, bool, type(None)))


class _Way(NamedTuple):
    """How samples of one make are transformed."""

    state: Any  # of the transform, with which all else holds
    segment: Segment | None  # the pass; None: it takes more than one
    run: Callable[[Any, int], Any] | None  # of that, where there are no targets
    is_random: bool
    box_params: BoxParams
    roles: Roles | None  # of what is in the dict beside the image; None: there are no targets


class OnePass:
    """What a transform knows of samples that it has seen: arrays and PIL images, alone or with a dict beside them."""

    def __init__(self) -> None:
        self._ways: dict[Any, _Way] = {}

    def made(self, owner: Transform, inputs: tuple[Any, ...]) -> Any:
        """What the transform makes of a sample; NOT_MADE if that is not one pass, or may be none."""
        make = _make_of(inputs)
        if make is None:
            return NOT_MADE
        way, state = self._ways.get(make), owner.state()
        if way is None or way.state != state:
            if len(self._ways) >= _MOST_WAYS:
                self._ways.clear()
            way = self._ways[make] = _way_of(owner, inputs, state)
        if way.segment is None:
            return NOT_MADE
        key = sample_key() if way.is_random else 0
        if way.run is not None:
            image = way.run(inputs[0], key)
            return (image, *inputs[1:]) if len(inputs) > 1 else image
        assert way.roles is not None
        moving = Moving(dict(inputs[1]), way.box_params, way.roles)
        image = way.segment.run(inputs[0], key, moving)
        return image, {**inputs[1], **moving.written()}


def _make_of(inputs: tuple[Any, ...]) -> Any:
    """What is the same for all samples that are transformed the same way; None for others than those above."""
    image: Any = inputs[0] if 0 < len(inputs) < 3 else None
    kind: Any
    if type(image) is np.ndarray:
        kind = image.dtype, image.shape[2:], image.ndim
    elif is_pil(image):
        kind = image.mode
    else:
        return None
    if len(inputs) == 1:
        return kind
    target = inputs[1]
    if type(target) is not dict:
        return None
    types = tuple(map(type, target.values()))
    return (kind, tuple(target), types) if _PLAIN.issuperset(types) else None


def _way_of(owner: Transform, inputs: tuple[Any, ...], state: Any) -> _Way:
    segment, chain = owner.whole_segment(inputs[0]), owner.chain()
    found = None if segment is None or len(inputs) == 1 else find_targets(inputs, 0)
    run = None if segment is None or found is not None else segment.runner()
    return _Way(state, segment, run, chain.is_random, chain.box_params, None if found is None else found[1])

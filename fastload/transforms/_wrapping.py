"""Transforms of other libraries among the steps of a chain: known by their type, and wrapped."""

from __future__ import annotations

from typing import Any

from fastload.transforms._albumentations import Albumentations, is_albumentations
from fastload.transforms._base import Step
from fastload.transforms._foreign import Foreign
from fastload.transforms._imgaug import ImgAug, is_imgaug
from fastload.transforms._torchvision import TorchVision, is_torchvision

_WRAPPERS = ((is_torchvision, TorchVision), (is_albumentations, Albumentations), (is_imgaug, ImgAug))


class Wrappers:
    """What steps are called by: those of other libraries in wrappers, each in one that stays the same."""

    def __init__(self) -> None:
        self._known: dict[int, Foreign] = {}  # by the ids of steps, which their wrappers keep alive

    def __reduce__(self) -> tuple[Any, ...]:
        return Wrappers, ()  # ids are of this process, and of these very steps

    def of(self, step: Step) -> Step:
        known = self._known.get(id(step))
        if known is not None:
            return known
        for is_theirs, wrapper in _WRAPPERS:
            if is_theirs(step):
                known = self._known[id(step)] = wrapper(step)
                return known
        return step

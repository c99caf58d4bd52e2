"""A sample on its way through a chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastload.transforms._boxes import BoxParams
from fastload.transforms._kinds import is_batch, is_image, place_of_image, role_of, size_of, with_part
from fastload.transforms._targets import Moving, Written, targets_of

Put = Callable[[Any], Any]


class HandedOut(NamedTuple):
    """A whole sample in the hands of another library."""

    whole: Any
    visible: NDArray[np.float64] | None  # the part of each box that can still be seen; None: nobody has cut them off


class Sample:
    """A sample whose targets are moved along with its image, and written down when somebody else is to see them.

    `image` and `moving`, its targets or None, are there after `open`; `written` gives the whole sample as it is.
    unpack: functions of the user take its parts one by one, in containers too.
    """

    __slots__ = ("_before", "_handed", "_params", "_put", "_visible", "_whole", "image", "moving", "unpack")

    def __init__(self, whole: Any, params: BoxParams, unpack: bool = False) -> None:
        self._whole = whole
        self._params = params
        self.unpack = unpack
        self._put: Put | None = None  # the whole sample, with that image and the targets; None: not open
        self._before: Written | None = None  # the targets that were handed out last
        self._handed: Any = None  # the image that they went with
        self._visible: NDArray[np.float64] | None = None  # of the boxes as they are written
        self.image: Any = None
        self.moving: Moving | None = None

    @classmethod
    def opened(cls, image: Any, moving: Moving | None, put: Put, params: BoxParams) -> Sample:
        """One of several parts that is on its way already."""
        sample = cls(None, params, unpack=True)
        sample.image, sample.moving, sample._put = image, moving, put
        return sample

    def open(self) -> None:
        """Find the image and the targets; TypeError where no image is."""
        if self._put is not None:
            return
        whole = self._whole
        if is_image(whole):
            self.image, self.moving, self._put = whole, None, _itself
            return
        place = place_of_image(_parts_of(whole))
        self.image = whole[place]
        found = targets_of(whole, place, self._params)
        if found is None:
            self.moving, self._put = None, lambda image: with_part(whole, place, image)
            return
        self.moving, self._put = found
        self.moving.left = self._visible
        if self._before is not None and self.image is self._handed:
            self.moving.resume(self._before, size_of(self.image))

    def written(self) -> Any:
        """The whole sample, with all targets as they are by now."""
        if self._put is not None:
            self._whole, self._put = self._put(self.image), None
            self._visible = None if self.moving is None else self.moving.visible
        return self._whole

    def handed_to(self, function: Callable[[Any], Any]) -> None:
        """Become what a function makes of the whole sample. Boxes begin anew, unless they come back as they were with
        the very same image: of another one, nobody knows whether it was mirrored or turned where a box stays.
        """
        self._whole, self._visible = function(self._written_down()), None

    def moved_by(self, function: Callable[[HandedOut], HandedOut]) -> None:
        """The same for another library, which is known to keep the boxes apart: what was cut off them stays known."""
        whole = self._written_down()
        self._whole, self._visible = function(HandedOut(whole, self._visible))

    def _written_down(self) -> Any:
        """The whole sample, and what its boxes stand for noted down."""
        was_open = self._put is not None
        whole = self.written()
        if was_open:
            moving = None if is_batch(self.image) else self.moving
            self._before = None if moving is None else moving.handed_out(size_of(self.image))
            self._handed = self.image
        return whole

    def settle(self) -> None:
        """Let targets be as after a native pass that moves nothing; those of a batch are no sample's."""
        self.open()
        if self.moving is not None and not is_batch(self.image):
            self.moving.settle(size_of(self.image))


def _itself(image: Any) -> Any:
    return image


def _parts_of(sample: Any) -> Any:
    if isinstance(sample, tuple | list | Mapping):
        return sample
    advice = "; pass its image with it: transform(image, target)" if role_of("", sample) else ""
    raise TypeError(f"an image must be a PIL image, a NumPy array or a tensor, got {type(sample).__name__}{advice}")

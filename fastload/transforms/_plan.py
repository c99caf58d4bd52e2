"""Transforms in a row, and how images from files are made by them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from fastload import _core
from fastload._stream import sample_key
from fastload.transforms._base import Chain, Step, Transform, is_planned, said_of_boxes, signature_of
from fastload.transforms._boxes import BoxParams, as_box_params
from fastload.transforms._checks import as_bool, as_callables
from fastload.transforms._kinds import PIL_MODES, Kind, size_of, with_part
from fastload.transforms._sample import Sample
from fastload.transforms._segment import Segment
from fastload.transforms._targets import Moving, targets_of
from fastload.transforms._wrapping import Wrappers

_NATIVE = "native, one pass"
_OPEN = "then, native wherever an 8-bit image comes out of that"


@dataclass(frozen=True)
class FilePlan:
    """The longest native beginning of a chain for images from files, and what is left to be done in Python."""

    program: _core.ImageProgram
    kind: str  # what comes out of the program: "pil" or "tensor"
    channels_last: bool  # whether the memory of a tensor that comes out is (H, W, C)
    tail: tuple[Step, ...]  # what is left to do
    stops: str  # why the first of them is not native
    _chain: Chain = field(repr=False)
    _segment: Segment = field(repr=False)

    @classmethod
    def of(cls, chain: Chain, mode: str) -> FilePlan | None:
        """The plan for PIL images of that mode; None if not even the first step is native."""
        if mode not in PIL_MODES:
            raise ValueError(f"mode must be one of {', '.join(PIL_MODES)}, got {mode!r}")
        segment = chain.segment(0, Kind("pil", PIL_MODES[mode], 2))
        if segment.stop == 0:
            return None
        assert segment.program is not None
        tail = chain.steps[segment.stop :]
        return cls(segment.program, segment.container, segment.channels_last, tail, segment.reason, chain, segment)

    @property
    def whole(self) -> bool:
        """Whether the program does everything, and gives tensors of one size: a batch can be made natively."""
        return not self.tail and self.kind == "tensor" and self.program.out_size() is not None

    def batch_shape(self, image_size: tuple[int, int] | None = None) -> tuple[tuple[int, int, int], torch.dtype] | None:
        """((channels, height, width), dtype) of every sample, if the program makes whole samples of one size.

        image_size: (height, width) of the images that go in, if they have the same.
        """
        size = self.program.out_size(*(image_size or (0, 0)))
        if self.tail or self.kind != "tensor" or size is None:
            return None
        levels = self._segment.levels
        if levels is None:
            return (self._segment.channels, *size), torch.uint8
        return (levels.shape[0], *size), levels.dtype

    @property
    def is_random(self) -> bool:
        """Whether anything is drawn, natively or in the tail."""
        return self._chain.is_random

    def sample(self, rest: Any, place: Any) -> FileSample:
        """A tuple or dict sample whose image, at ``place``, is still to be made."""
        found = targets_of(rest, place, self._chain.box_params)
        if found is None:
            return FileSample(None, None, lambda image: with_part(rest, place, image))
        moving, put = found
        return FileSample(moving, moving.native(), put)

    def finish_sample(self, result: np.ndarray[Any, Any], key: int, sample: FileSample) -> Any:
        """The sample with the program's result as its image, its targets moved, and the tail applied."""
        image = self._segment.wrapped(result)
        self._take(image, key, sample)
        on_its_way = Sample.opened(image, sample.moving, sample.put, self._chain.box_params)
        return self._chain.run_on(on_its_way, key, self._segment.stop).written()

    def with_image(self, image: Any, key: int, sample: FileSample) -> Any:
        """The sample with that image, which the program has made with its targets: they are moved."""
        self._take(image, key, sample)
        return sample.put(image)

    def _take(self, image: Any, key: int, sample: FileSample) -> None:
        if sample.moving is not None and sample.targets is not None:
            self._segment.take(sample.moving, sample.targets, key, sample.targets.size, size_of(image))

    def finish(self, result: np.ndarray[Any, Any], key: int | None = None) -> Any:
        """The image or tensor that the program's result is, with the tail applied.

        key: the sample's, that the program ran with; needed if the tail draws from it.
        """
        image = self._segment.wrapped(result)
        if not self.tail:
            return image
        if key is None:
            key = sample_key() if self.is_random else 0
        return self._chain.run(image, key, start=self._segment.stop)


@dataclass(frozen=True)
class FileSample:
    """A sample whose image is in a file, and whose targets, if it has any, move with it: see `FilePlan.sample`."""

    moving: Moving | None
    targets: _core.Targets | None  # for the program that makes the image
    put: Callable[[Any], Any]  # the whole sample, with that image


class Compose(Transform):
    """Transforms one after the other, as few passes over the pixels as give the same result.

    Runs of transforms that native programs know are one pass; any other callable is called as it is, between them.
    ``print(compose)`` shows which is which, for images from files.

    boxes: how the boxes of samples are written, a format's name or a `BoxParams`. None: as a Compose among the
    transforms says, or else xyxy. fuse=False: each step is a pass of its own, inside another Compose or a container
    too, and the result differs by interpolation alone.

    Raises TypeError for anything but a sequence of callables, ValueError for an empty one, or if a Compose in it says
    something else of boxes.
    """

    has_members = True

    def __init__(self, transforms: Iterable[Step], *, boxes: BoxParams | str | None = None, fuse: bool = True) -> None:
        super().__init__()
        self.box_params = None if boxes is None else as_box_params(boxes)
        self.fuse = as_bool(fuse, "fuse")
        self._wrappers = Wrappers()
        self.transforms = as_callables(transforms, "Compose")
        said_of_boxes(self)

    def signature(self) -> Any:
        return super().signature(), signature_of(self.transforms)

    def steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        for step in self.transforms:
            if isinstance(step, Compose) and is_planned(step):
                steps.extend(step.steps())
            else:
                steps.append(self._wrappers.of(step))
        return tuple(steps)

    def fused(self) -> tuple[bool, ...]:
        fused: list[bool] = []
        for step in self.transforms:
            fused.extend(step.fused() if isinstance(step, Compose) and is_planned(step) else (True,))
        return tuple(self.fuse and may_be for may_be in fused)

    def __repr__(self) -> str:
        groups = _grouped(self.chain())
        lines = [f"    {title}:\n" + "\n".join(f"        {_text(step)}" for step in steps) for title, steps in groups]
        return "Compose(\n" + "\n".join(lines) + "\n)"


def _text(step: Step) -> str:
    return repr(step).replace("\n", "\n        ")


def _grouped(chain: Chain) -> list[tuple[str, list[Step]]]:
    """The steps under titles that say how they run on RGB images from files."""
    groups: list[tuple[str, list[Step]]] = []
    kind = Kind("pil", 3, 2)
    reason = ""
    at = 0
    while at < len(chain.steps):
        if kind.channels:
            segment = chain.segment(at, kind)
            reason, kind = segment.reason, segment.kind_after()
            if segment.stop > at:
                groups.append((_NATIVE, list(chain.steps[at : segment.stop])))
            at = segment.stop
        if at == len(chain.steps):
            break
        left = list(chain.steps[at:])
        if not is_planned(left[0]):
            count = next((n for n, step in enumerate(left) if is_planned(step)), len(left))
            groups.append(("Python, as they are functions, have hooks, or are transforms of others", left[:count]))
            is_known = False
        else:
            count, is_known = _python_run(left, kind)
            groups.append((f"Python, as {reason}", left[:count]))
        at += count
        if not is_known:  # of what comes out, nothing is known
            groups.extend([(_OPEN, left[count:])] if left[count:] else [])
            break
    return groups


def _python_run(steps: list[Step], kind: Kind) -> tuple[int, bool]:
    """How many of these steps run in Python, the first one certainly, and whether the kind of image stays what it was.

    Of floats all that are ours do, as long as they stay floats; of 8-bit images one.
    """
    count = 0
    for step in itertools.takewhile(is_planned, steps):
        count += 1
        if not getattr(step, "keeps_kind", False):
            return count, False
        if kind.channels:
            break
    return count, True

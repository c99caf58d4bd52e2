"""Samples that are made of several: what becomes of their targets, and how the others are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from fastload._of_objects import names_of_objects, refuse_doubt
from fastload._stream import sample_key
from fastload._target_names import tv_name
from fastload.transforms._base import Chain, Transform, said_of_boxes
from fastload.transforms._boxes import BoxParams, as_box_params
from fastload.transforms._checks import as_probability
from fastload.transforms._kinds import is_image, is_pil, place_of_image, tv_extras
from fastload.transforms._masks import Size, planes_of, with_planes
from fastload.transforms._sample import Sample
from fastload.transforms._targets import Moving, targets_of
from fastload.transforms._values import sequence_like
from fastload.transforms._wrapping import Wrappers


class Parts(NamedTuple):
    """What is in a sample that is joined with others."""

    image: Any
    moving: Moving  # its targets
    put: Callable[[Any], Any]  # makes a sample of another image and of the targets as they are then

    def after(self, steps: tuple[Transform, ...], key: int) -> Parts:
        """The same with its image transformed; the targets have moved with it."""
        params = self.moving.params
        sample = Sample.opened(self.image, self.moving, self.put, params)
        return self._replace(image=Chain(steps, box_params=params).run_on(sample, key, 0).image)


class JoinedDataset(torch.utils.data.Dataset[Any]):
    """A data set whose samples are each made of several samples of another: of its own, and of others that are drawn.

    dataset: any with a length. p: the probability that a sample is joined at all. transform: applied to what comes out.
    boxes: how boxes are written, as for `Compose`; None: as the transform takes them, if it is one of fastload's. What
    is drawn depends on (seed, epoch, index) alone.

    What belongs to objects has a known name (see `DetectionCollate`), or ``boxes=BoxParams(fields=...)`` names it.
    Raises ValueError for other values with as many entries as objects, and if boxes are written in another way than the
    transform takes them.
    """

    mirrors = False  # whether others are mirrored at random, and so their left and right key points exchanged

    def __init__(self, dataset: Any, p: float, transform: Callable[..., Any] | None, boxes: Any) -> None:
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise TypeError(f"dataset must be map-style, with a length; got {type(dataset).__name__}")
        self.dataset = dataset
        self.p = as_probability(p)
        self.transform = transform
        self._wrappers = Wrappers()
        self._boxes = None if boxes is None else as_box_params(boxes)
        self._check_formats()

    @property
    def box_params(self) -> BoxParams:
        """How boxes are written, and which of them are kept."""
        if self._boxes is not None:
            return self._boxes
        params = _params_of(self.transform) or BoxParams()
        # Which boxes are kept is a matter of what comes out of the transform, with sizes in other pixels.
        return replace(params, min_area=0.0, min_width=0.0, min_height=0.0, min_visibility=0.0)

    def _check_formats(self) -> None:
        """ValueError if samples come with boxes, or go on, written otherwise than they are read here."""
        own = self.box_params
        for other, what in ((self.transform, "transform"), (self.dataset, "dataset")):
            theirs = _params_of(other) or own
            if theirs.plain_format != own.plain_format:
                raise ValueError(
                    f"{type(self).__name__} has boxes in the format {own.format!r}, and its {what} takes them as "
                    f"{theirs.format!r}: give both the same, {type(other).__name__}(..., boxes={own.format!r})"
                )
        after = _params_of(self.transform)
        self.check_swaps(() if after is None else after.keypoint_swaps)

    def check_swaps(self, wanted: tuple[tuple[int, int], ...]) -> None:
        """ValueError if key points are mirrored here without the swaps that what comes after this has."""
        own = self.box_params.keypoint_swaps
        if self.mirrors and wanted and _as_sets(wanted) != _as_sets(own):
            raise ValueError(
                f"{type(self).__name__} mirrors key points with keypoint_swaps={own}, and what comes after it has "
                f"{wanted}: give it the same, {type(self).__name__}(..., boxes=BoxParams(keypoint_swaps=...))"
            )
        if isinstance(self.dataset, JoinedDataset):
            self.dataset.check_swaps(wanted or own)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        self._check_formats()  # the transform may be another one by now
        draws = np.random.Generator(np.random.Philox(key=sample_key()))
        sample = self.dataset[index]
        if draws.random() < self.p:
            sample = self.joined(sample, draws)
        if self.transform is None:
            return sample
        transform = self._wrappers.of(self.transform)
        takes_parts = isinstance(sample, tuple) and not isinstance(transform, Transform)
        return transform(*sample) if takes_parts else transform(sample)

    def joined(self, sample: Any, draws: np.random.Generator) -> Any:
        """The sample with parts of others in it."""
        raise NotImplementedError

    def drawn(self, draws: np.random.Generator) -> Any:
        """Any sample of the data set."""
        return self.dataset[int(draws.integers(len(self.dataset)))]

    def parts(self, sample: Any) -> Parts:
        """The parts of a sample; TypeError if it has no targets."""
        place = None if is_image(sample) else place_of_image(sample)
        found = None if place is None else targets_of(sample, place, self.box_params)
        if found is None:
            raise TypeError(
                f"{type(self).__name__} needs samples with boxes, masks or key points, such as (image, target dict); "
                f"got {type(sample).__name__}"
            )
        return Parts(sample[place], *found)

    def parts_of_all(self, samples: list[Any]) -> list[Parts]:
        """The parts of samples that are to be joined, with what belongs to objects as they show it together.

        ValueError for images whose numbers mean different things, such as levels and parts of the brightest.
        """
        found = [self.parts(sample) for sample in samples]
        for other in found[1:]:
            if not _are_alike(found[0].image, other.image):
                raise ValueError(
                    f"{type(self).__name__} joins images of one type and number of channels, got "
                    f"{_look(found[0].image)} and {_look(other.image)}: convert them in the data set"
                )
        params = self._params_for([parts.moving for parts in found])
        for parts in found:
            parts.moving.params = params
        return found

    def _params_for(self, found: list[Moving]) -> BoxParams:
        """The params with the names of what belongs to objects."""
        params = self.box_params
        if params.fields is not None:
            return params
        counts = [moving.object_count() for moving in found]
        _check_names(found)
        # Parts of a tuple have no names that could be told.
        if -1 in counts or not all(isinstance(name, str) for name in found[0].values):
            return params
        of_objects, by_number = names_of_objects([moving.values for moving in found], counts)
        refuse_doubt(by_number, of_objects, "boxes=BoxParams(fields={})")
        return replace(params, fields=tuple(name for name in found[0].values if name in of_objects))


def _params_of(maker: Any) -> BoxParams | None:
    """How a transform or a data set of these writes boxes; None for all others."""
    if isinstance(maker, JoinedDataset):
        return maker.box_params
    return (said_of_boxes(maker) or BoxParams()) if isinstance(maker, Transform) else None


def _as_sets(swaps: tuple[tuple[int, int], ...]) -> set[frozenset[int]]:
    return {frozenset(pair) for pair in swaps}


def _are_alike(one: Any, other: Any) -> bool:
    if is_pil(one) and is_pil(other):
        return bool(one.mode == other.mode)
    return _numbers(one) == _numbers(other)


def _numbers(image: Any) -> tuple[str, tuple[int, ...]]:
    """The type of an image's numbers, and the axis of its channels if it has one."""
    if isinstance(image, torch.Tensor):
        return str(image.dtype).removeprefix("torch."), tuple(image.shape[:-2])
    pixel = np.asarray(image.crop((0, 0, 1, 1))) if is_pil(image) else image
    return str(pixel.dtype), tuple(pixel.shape[2:])


def _look(image: Any) -> str:
    dtype, channels = _numbers(image)
    return f"{dtype} {image.mode if is_pil(image) else '(' + ', '.join(map(str, ('H', 'W', *channels))) + ')'}"


def _check_names(samples: list[Moving]) -> None:
    """ValueError for targets that are not called as the first are."""
    for moving in samples[1:]:
        if moving.values.keys() != samples[0].values.keys():
            names = [sorted(map(str, one.values)) for one in (samples[0], moving)]
            raise ValueError(f"samples that are joined must have the same targets, got {names[0]} and {names[1]}")


def concatenate(first: Moving, others: list[Moving]) -> None:
    """Let the first have the objects of all; values of the image stay its own. ValueError where names differ."""
    counts = [moving.object_count() for moving in (first, *others)]
    _check_names([first, *others])
    maps = maps_of([first, *others])
    for name, value in first.values.items():
        values = [moving.values[name] for moving in others]
        together = zip((first, *others), (value, *values), counts, strict=True)
        if name not in maps and all(moving.is_per_object(name, one, count) for moving, one, count in together):
            first.values[name] = _concatenated(name, [value, *values])


def maps_of(samples: list[Moving]) -> list[Any]:
    """The names of masks of whole images: what is not of the objects in any of the samples is not in the others."""
    found = [name for moving in samples for name in moving.masks_of_the_image()]
    return [name for name in samples[0].values if name in found]


def paste_maps(names: list[Any], first: Moving, other: Moving, where: Any, size: Size) -> None:
    """Let the first's masks of those names be the other's there, in pixels of images of that (height, width)."""
    for name in names:
        planes = [plane.copy() for plane in planes_of(first.values[name], size)]
        theirs = planes_of(other.values[name], size)
        if len(theirs) != len(planes):
            raise ValueError(
                f"{name!r} has {len(planes)} masks in one sample and {len(theirs)} in another that is joined with it, "
                "and not one for each of their objects: masks of whole images must be as many in all"
            )
        for plane, other_plane in zip(planes, theirs, strict=True):
            plane[where] = other_plane[where]
        first.values[name] = with_planes(first.values[name], iter(planes), size)


def _concatenated(name: Any, values: list[Any]) -> Any:
    first = values[0]
    other = next((value for value in values if _container(value) != _container(first)), first)
    if other is not first:
        raise TypeError(
            f"{name!r} must be of one type in all samples that are joined, got {type(first).__name__} and "
            f"{type(other).__name__}: convert them in the data set"
        )
    # What has no entries says nothing of the shape and type of one: of key points, there may be (0, 0, 3).
    rows = [value for value in values if len(value)] or [first]
    shapes = {tuple(value.shape[1:]): tuple(value.shape) for value in rows if hasattr(value, "shape")}
    if len(shapes) > 1:
        raise ValueError(
            f"{name!r} must be of one shape but for the number of objects in all samples that are joined, got "
            f"{' and '.join(map(str, shapes.values()))}"
        )
    if isinstance(first, torch.Tensor):
        joined = torch.cat([value.as_subclass(torch.Tensor) for value in rows])
        return type(first)(joined, **tv_extras(first)) if tv_name(first) else joined
    if isinstance(first, np.ndarray):
        return np.concatenate(rows)
    return sequence_like(first, [entry for value in rows for entry in value])


def _container(value: Any) -> str:
    return "tensor" if isinstance(value, torch.Tensor) else "array" if isinstance(value, np.ndarray) else "sequence"

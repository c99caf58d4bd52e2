"""Samples that are made of several: what becomes of their targets, and how the others are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from fastload._stream import sample_key
from fastload.transforms._base import Transform
from fastload.transforms._boxes import as_box_params
from fastload.transforms._checks import as_probability
from fastload.transforms._kinds import is_image, place_of_image, tv_extras, tv_name
from fastload.transforms._targets import Moving, targets_of
from fastload.transforms._wrapping import Wrappers


class JoinedDataset(torch.utils.data.Dataset[Any]):
    """A data set whose samples are each made of several samples of another: of its own, and of others that are drawn.

    dataset: any with a length. p: the probability that a sample is joined at all. transform: applied to what comes out.
    boxes: how boxes are written, as for `Compose`. What is drawn depends on (seed, epoch, index) alone.
    """

    def __init__(self, dataset: Any, p: float, transform: Callable[..., Any] | None, boxes: Any) -> None:
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise TypeError(f"dataset must be map-style, with a length; got {type(dataset).__name__}")
        self.dataset = dataset
        self.p = as_probability(p)
        self.transform = transform
        self._wrappers = Wrappers()
        self.box_params = as_box_params(boxes)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
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

    def parts(self, sample: Any) -> tuple[Any, Moving, Callable[[Any], Any]]:
        """The image, its targets, and what makes a sample of another image and of the targets as they are then."""
        place = None if is_image(sample) else place_of_image(sample)
        found = None if place is None else targets_of(sample, place, self.box_params)
        if found is None:
            raise TypeError(
                f"{type(self).__name__} needs samples with boxes, masks or key points, such as (image, target dict); "
                f"got {type(sample).__name__}"
            )
        return sample[place], *found


def concatenate(first: Moving, others: list[Moving]) -> None:
    """Let the first have the objects of all; values of the image stay its own. ValueError where names differ."""
    counts = [moving.object_count() for moving in (first, *others)]
    for moving in others:
        if moving.values.keys() != first.values.keys():
            names = [sorted(map(str, one.values)) for one in (first, moving)]
            raise ValueError(f"samples that are joined must have the same targets, got {names[0]} and {names[1]}")
    for name, value in first.values.items():
        values = [moving.values[name] for moving in others]
        together = zip((first, *others), (value, *values), counts, strict=True)
        if all(moving.is_per_object(name, one, count) for moving, one, count in together):
            first.values[name] = _concatenated(name, [value, *values])


def _concatenated(name: Any, values: list[Any]) -> Any:
    first = values[0]
    other = next((value for value in values if _container(value) != _container(first)), first)
    if other is not first:
        raise TypeError(
            f"{name!r} must be of one type in all samples that are joined, got {type(first).__name__} and "
            f"{type(other).__name__}: convert them in the data set"
        )
    if isinstance(first, torch.Tensor):
        joined = torch.cat([value.as_subclass(torch.Tensor) for value in values])
        return type(first)(joined, **tv_extras(first)) if tv_name(first) else joined
    if isinstance(first, np.ndarray):
        return np.concatenate(values)
    return type(first)(entry for value in values for entry in value)


def _container(value: Any) -> str:
    return "tensor" if isinstance(value, torch.Tensor) else "array" if isinstance(value, np.ndarray) else "sequence"

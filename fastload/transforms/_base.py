"""What all transforms have in common, and how a row of them is applied to a sample."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from fastload._stream import sample_key
from fastload.transforms._kinds import Kind, is_image, kind_of, place_of_image, with_part
from fastload.transforms._segment import Segment

if TYPE_CHECKING:
    from fastload.transforms._plan import FilePlan

Step = Callable[..., Any]


class Transform(torch.nn.Module):
    """One step from image to image: ``transform(image)``, or ``transform(image, *rest)``, which gives a tuple.

    A sample may also come whole, as a tuple, a list or a dict. Its image is the PIL image in it, else the first
    array or tensor; everything else passes through. Random parameters come from the stream of the sample: in a
    loader they depend on (seed, epoch, index) alone, elsewhere on torch's default generator.
    """

    is_random = False

    def __init__(self) -> None:
        super().__init__()
        self._version = 0
        self._chains: dict[tuple[tuple[int, int], ...], Chain] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if not name.startswith("_"):  # what was planned with the old value is void
            self.__dict__["_version"] = self.__dict__.get("_version", 0) + 1

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_chains": {}}  # programs stay in their process

    def forward(self, *inputs: Any) -> Any:
        """The sample with its image transformed."""
        chain = self.chain()
        return chain.run(_sample_of(inputs), sample_key() if chain.is_random else 0, unpack=len(inputs) > 1)

    def steps(self) -> tuple[Step, ...]:
        """The transforms that this one consists of, in order."""
        return (self,)

    def chain(self) -> Chain:
        """The row of steps, planned for the kinds of image seen so far."""
        steps = self.steps()
        signature = tuple((id(step), getattr(step, "_version", 0)) for step in steps)
        chain = self._chains.get(signature)
        if chain is None:
            chain = Chain(steps, owner=self)
            self._chains = {signature: chain}
        return chain

    def file_plan(self, mode: str = "RGB") -> FilePlan | None:
        """How images from files are made natively: PIL images of that mode, "RGB" or "L". None: not at all."""
        from fastload.transforms._plan import FilePlan

        if not is_planned(self):
            return None
        return FilePlan.of(self.chain(), mode)

    def native_op(self, stream: int, channels: int = 3) -> tuple[Any, ...] | None:
        """The op that does this to 8-bit images of so many channels; None if there is none."""
        return None

    def join(self, segment: Segment, stream: int) -> str | None:
        """Become part of the segment; or the reason why that cannot be."""
        return "it has no native op"

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        """The transformed image, by Python, torch and Pillow, with the parameters that a native pass draws."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """Arguments by name, as torchvision shows them."""
        shown = (bool, int, float, str, tuple, list, enum.Enum, torch.dtype)
        return ", ".join(
            f"{name}={value.value if isinstance(value, enum.Enum) else value}"
            for name, value in self.__dict__.items()
            if not name.startswith("_") and name != "training" and isinstance(value, shown)
        )


def is_planned(step: Step) -> bool:
    """Whether the step is one of ours, unchanged: subclasses with a forward of their own are called as they are."""
    return isinstance(step, Transform) and type(step).forward is Transform.forward


class Chain:
    """Steps in a row. Each run of native ones is worked out once for each kind of image, when that comes."""

    def __init__(self, steps: tuple[Step, ...], owner: Transform | None = None) -> None:
        self.steps = steps
        # A forward that calls its parent's has come here to have the parent's work done.
        self._is_planned = [is_planned(step) or step is owner for step in steps]
        self.is_random = any(
            getattr(step, "is_random", False) for step, planned in zip(steps, self._is_planned, strict=True) if planned
        )
        self._segments: dict[tuple[int, Kind], Segment | None] = {}

    def run(self, sample: Any, key: int, start: int = 0, unpack: bool = False) -> Any:
        """The sample after all steps from ``start`` on. ``unpack``: functions of the user take its parts one by one."""
        at = start
        while at < len(self.steps):
            step = self.steps[at]
            if not self._is_planned[at]:
                sample = step(*sample) if unpack else step(sample)
                at += 1
                continue
            place = None if is_image(sample) else place_of_image(_parts_of(sample))
            image, at = self._advance(sample if place is None else sample[place], key, at)
            sample = image if place is None else with_part(sample, place, image)
        return sample

    def _advance(self, image: Any, key: int, at: int) -> tuple[Any, int]:
        kind = kind_of(image)
        segment = self._segment(at, kind) if kind.channels else None
        if segment is not None:
            return segment.run(image, key), segment.stop
        step = self.steps[at]
        assert isinstance(step, Transform)
        return step.transformed(image, key, at), at + 1

    def _segment(self, at: int, kind: Kind) -> Segment | None:
        if (at, kind) not in self._segments:
            segment = self.segment(at, kind)
            self._segments[at, kind] = segment if segment.is_worth_it and segment.stop > at else None
        return self._segments[at, kind]

    def segment(self, start: int, kind: Kind) -> Segment:
        """The longest native run from that step on, closed; it may be empty."""
        segment = Segment(kind, start)
        for number in range(start, len(self.steps)):
            reason = self._why_not(number, segment)
            if reason is not None:
                segment.reason = reason
                break
            segment.stop = number + 1
        segment.close()
        return segment

    def _why_not(self, number: int, segment: Segment) -> str | None:
        """The reason why a step cannot join the segment; None if it just has."""
        step = self.steps[number]
        if not self._is_planned[number]:
            return "it is no transform of fastload"
        assert isinstance(step, Transform)
        return step.join(segment, number)


def _sample_of(inputs: tuple[Any, ...]) -> Any:
    if not inputs:
        raise TypeError("a transform is called with an image: transform(image) or transform(image, label)")
    return inputs if len(inputs) > 1 else inputs[0]


def _parts_of(sample: Any) -> Any:
    if isinstance(sample, tuple | list | dict):
        return sample
    raise TypeError(f"an image must be a PIL image, a NumPy array or a tensor, got {type(sample).__name__}")

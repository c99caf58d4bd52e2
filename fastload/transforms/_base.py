"""What all transforms have in common, and how a row of them is applied to a sample."""

from __future__ import annotations

import enum
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from fastload import _core
from fastload._stream import sample_key
from fastload._torch_compat import has_forward_hooks, is_call_hooked
from fastload.transforms._boxes import BoxParams
from fastload.transforms._by_parts import by_parts
from fastload.transforms._kinds import Kind, as_it_came, is_batch, kind_of, size_of
from fastload.transforms._lists import NotedList
from fastload.transforms._one_pass import NOT_MADE, OnePass
from fastload.transforms._sample import Sample
from fastload.transforms._segment import Segment
from fastload.transforms._targets import Moving

if TYPE_CHECKING:
    from fastload.transforms._plan import FilePlan

Step = Callable[..., Any]
NOT_PLANNED = "it is no transform of fastload, or has hooks"
NOT_FUSED = "a Compose with fuse=False begins or ends here"
_NO_SEGMENT = Segment(Kind("", 0, 0))  # where nothing is native
# Attributes of fastload's transforms that may be lists, and that programs are made of.
_LISTS = {"choice_weights", "fill", "max_size", "mean", "min_size", "sampler_options", "size", "std", "value"}
_changes = itertools.count()


class _Called(threading.local):
    """The step that a chain is calling as it is, and how the boxes of that chain's samples are written."""

    step: Step | None = None
    box_params: BoxParams | None = None


_called = _Called()


class Transform(torch.nn.Module):
    """One step from image to image: ``transform(image)``, or ``transform(image, *rest)``, which gives a tuple.

    A sample may also come whole, as a tuple, a list or a dict. In a dict the image is called "image" or "img"; else
    it is the PIL image in the sample, or the first array or tensor that is no target. Boxes ("boxes" or "bboxes"),
    masks ("masks" or "mask") and key points ("keypoints") of a dict sample, or of a dict beside the image, move with
    it: see `BoxParams`. Everything else passes through. Random parameters come from the stream of the sample: in a
    loader they depend on (seed, epoch, index) alone, elsewhere on torch's default generator.

    A transform of your own is a subclass with a `transform`, as in torchvision, or with a ``forward``. What torch draws
    in `make_params` and `transform` comes from the stream of the sample, too. What ``forward``, `random` and NumPy draw
    comes from generators of the process: the same for any number of workers only with ``DataLoader(rng="sample")``.
    """

    keeps_kind = True  # whether the image stays of the container and the type that it came in
    box_params: BoxParams | None = None  # how the boxes of samples are written, where this says it
    fuse = True  # whether steps are composed

    def __init__(self) -> None:
        super().__init__()
        self._version = next(_changes)
        self._known: tuple[Any, Chain | None] = (None, None)  # the chain of the last signature
        self._passes = OnePass()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, self._noted(name, value))
        if not name.startswith("_"):
            self.void_plans()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": (None, None), "_passes": OnePass()}  # programs stay in their process

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = {name: self._noted(name, value) for name, value in state.items()} | {"_version": next(_changes)}
        super().__setstate__(kept)  # type: ignore[no-untyped-call]

    def _noted(self, name: str, value: Any) -> Any:
        """The value of an attribute, as it is kept. Lists in attributes of other names are the user's."""
        return NotedList(value, self) if name in _LISTS and isinstance(value, list) else value

    def void_plans(self) -> None:
        """Plan anew: an attribute has another value, or a list in one has."""
        self.__dict__["_version"] = next(_changes)
        self.__dict__["_passes"] = OnePass()

    @property
    def is_random(self) -> bool:
        """Whether anything is drawn."""
        return False

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """As `torch.nn.Module`'s. What one native pass makes goes the shortest way."""
        is_plain = not named and _is_as_written(self) and not is_call_hooked(self)
        if is_plain and (made := self._passes.made(self, inputs)) is not NOT_MADE:
            return made
        return super().__call__(*inputs, **named)

    def whole_segment(self, image: Any) -> Segment | None:
        """The native pass that is all there is to do to such an image; None if there is more, or it is none."""
        chain = self.chain()
        try:
            segment = chain.native_segment(0, kind_of(image)) if chain.steps else None
        except (TypeError, ValueError):
            return None
        return segment if segment is not None and segment.stop == len(chain.steps) else None

    def forward(self, *inputs: Any) -> Any:
        """The sample with its image transformed."""
        if not _is_whole(self):
            return by_parts(self, _sample_of(inputs))
        chain = self.chain()
        return chain.run(_sample_of(inputs), sample_key() if chain.is_random else 0, unpack=len(inputs) > 1)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """What `transform` needs to know, drawn once for the sample whose parts these are. For subclasses."""
        return {}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One part of the sample transformed: its image or, where torchvision has types for them, masks, boxes and
        so on. For subclasses."""
        raise NotImplementedError(
            f"{type(self).__name__} makes whole samples in one pass, with parameters that make_params does not give: "
            "override transform too, or forward"
        )

    def steps(self) -> tuple[Step, ...]:
        """The transforms that this one consists of, in order."""
        return (self,)

    def fused(self) -> tuple[bool, ...]:
        """Whether each of those steps may share a pass with its neighbours."""
        return (self.fuse,)

    def signature(self) -> Any:
        """What changes with every change of this transform, and of those in it: plans hold as long as it does not."""
        return (self._version, "hooked") if has_forward_hooks(self) else self._version  # no two have the same version

    def state(self) -> Any:
        """What changes with the chain."""
        return id(_called.box_params), _called.step is self, self.signature()

    def chain(self) -> Chain:
        """The row of steps, planned for the kinds of image seen so far."""
        state = self.state()
        known, chain = self._known
        if chain is None or known != state:
            of_the_caller = _called.box_params  # also where what holds this is not fastload's
            said = said_of_boxes(self)
            params = (of_the_caller or said) if _called.step is self else (said or of_the_caller)
            chain = Chain(self.steps(), self, params)
            self._known = state, chain
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

    has_members = False  # transforms of its own, which may change or be exchanged
    is_container = False  # whether `run_sample` is what runs this where it is not native
    is_foreign = False  # whether that takes samples as users see them

    def run_sample(self, sample: Any, key: int, stream: int, chain: Chain) -> Any:
        """The sample, a `Sample` or `HandedOut` if foreign, transformed by transforms that this one holds."""
        raise NotImplementedError

    def transformed_among(self, image: Any, key: int, stream: int, targets: _core.Targets | None) -> Any:
        """The same, where parameters depend on what is in the image."""
        return self.transformed(image, key, stream)

    def moves(self, stream: int) -> _core.ImageProgram | None:
        """What moves the targets of an image that `transformed` makes; None if nothing is moved."""
        return None

    def extra_repr(self) -> str:
        """Arguments by name, as torchvision shows them."""
        shown = (bool, int, float, str, tuple, list, enum.Enum, torch.dtype)
        return ", ".join(
            f"{name}={value.value if isinstance(value, enum.Enum) else value}"
            for name, value in self.__dict__.items()
            if not name.startswith("_") and name != "training" and isinstance(value, shown)
        )


class Sometimes(Transform):
    """What is done with probability ``p``, and draws nothing else."""

    p: float

    @property
    def is_random(self) -> bool:
        return 0 < self.p < 1


class SometimesDrawn(Transform):
    """What is done with probability ``p``, and then leaves more to chance."""

    p: float = 1.0

    @property
    def is_random(self) -> bool:
        return self.p > 0


def is_planned(step: Step) -> bool:
    """Whether the step is one of ours, unchanged: subclasses with a way of their own are called as they are, and so is
    what has forward hooks, which are run by a call and by nothing else."""
    return isinstance(step, Transform) and _is_as_written(step) and not has_forward_hooks(step)


def said_of_boxes(step: Transform) -> BoxParams | None:
    """How boxes are written, as said to a transform or to one in it; ValueError if that is said in two ways."""
    said = step.box_params
    inner = getattr(step, "transforms", None)
    for member in inner if isinstance(inner, list | tuple) else ():
        if not isinstance(member, Transform) or member.is_foreign:  # other libraries are told by the chain
            continue
        other = said_of_boxes(member)
        if said is not None and other is not None and said.plain != other.plain:
            raise ValueError(
                f"all transforms of a chain write boxes in one way, and these are two: {said!r} and {other!r}; "
                "give boxes= to the outermost Compose alone"
            )
        said = said or other
    return said


def signature_of(steps: Sequence[Step]) -> Any:
    """The signatures of transforms; of another callable, which one it is."""
    return [step.signature() if isinstance(step, Transform) else (id(step),) for step in steps]


def _is_as_written(step: Transform) -> bool:
    """Whether the step has no forward of its own, and makes samples whole."""
    return type(step).forward is Transform.forward and "forward" not in step.__dict__ and _is_whole(step)


def _is_whole(step: Transform) -> bool:
    """Whether samples are made in one pass, not part by part by what a subclass has written."""
    return type(step).transform is Transform.transform and type(step).make_params is Transform.make_params


class Chain:
    """Steps in a row. Each run of native ones is worked out once for each kind of image, when that comes."""

    def __init__(
        self, steps: tuple[Step, ...], owner: Transform | None = None, box_params: BoxParams | None = None
    ) -> None:
        self.steps = steps
        # A forward that calls its parent's has come here to have the parent's work done.
        self._is_planned = [is_planned(step) or step is owner for step in steps]
        self.is_random = any(
            getattr(step, "is_random", False) for step, planned in zip(steps, self._is_planned, strict=True) if planned
        )
        self.box_params = BoxParams() if box_params is None else box_params
        self.is_told_of_boxes = box_params is not None
        self._fused = (True,) * len(steps) if owner is None else owner.fused()
        self._segments: dict[tuple[int, Kind], Segment] = {}

    def run(self, sample: Any, key: int, start: int = 0, unpack: bool = False) -> Any:
        """The sample after all steps from ``start`` on. ``unpack``: functions of the user take its parts one by one."""
        return self.run_on(Sample(sample, self.box_params, unpack), key, start).written()

    def run_on(self, sample: Sample, key: int, start: int) -> Sample:
        """The same with a sample that may be on its way already."""
        at = start
        while at < len(self.steps):
            step = self.steps[at]
            if not self._is_planned[at]:
                self._call(step, sample)
                at += 1
                continue
            sample.open()
            assert isinstance(step, Transform)
            if step.is_container and not self._is_native(at, sample.image):
                sample.settle()
                self._run_container(step, sample, key, at)
                at += 1
            else:
                sample.image, at = self._advance(sample.image, key, at, sample.moving)
        return sample

    def _advance(self, image: Any, key: int, at: int, moving: Moving | None) -> tuple[Any, int]:
        """The image after as many steps as go together, and the number of the next one; the targets move with it."""
        segment = self.native_segment(at, kind_of(image))
        if segment is not None:
            return as_it_came(image, segment.run(image, key, moving)), segment.stop
        step = self.steps[at]
        assert isinstance(step, Transform)
        return as_it_came(image, self._by_python(step, image, key, at, moving)), at + 1

    def _by_python(self, step: Transform, image: Any, key: int, stream: int, moving: Moving | None) -> Any:
        program = None if moving is None else step.moves(stream)
        if moving is None or program is None:
            if moving is not None and not is_batch(image):
                moving.settle(size_of(image))
            return step.transformed_among(image, key, stream, None)
        before, targets = size_of(image), moving.native_of(image)
        made = step.transformed_among(image, key, stream, targets)
        after = program.move(key, *before, targets)
        moving.take(before, after, lambda: program.shown_pixels(key, *before, targets))
        return made

    def _call(self, step: Step, sample: Sample) -> None:
        """Let the sample become what the step makes of it; boxes are written in it as in this chain."""
        before = _called.step, _called.box_params
        _called.step, _called.box_params = step, self.box_params
        try:
            sample.handed_to(lambda whole: step(*whole) if sample.unpack else step(whole))
        finally:
            _called.step, _called.box_params = before

    def _run_container(self, step: Transform, sample: Sample, key: int, stream: int) -> None:
        if step.is_foreign:
            sample.moved_by(lambda handed: step.run_sample(handed, key, stream, self))
        else:
            step.run_sample(sample, key, stream, self)

    def _is_native(self, at: int, image: Any) -> bool:
        return self.native_segment(at, kind_of(image)) is not None

    def run_members(self, steps: tuple[Step, ...], sample: Sample, key: int, streams: list[int]) -> Sample:
        """The sample after those steps, one by one, each drawing from a stream of its own."""
        for step, stream in zip(steps, streams, strict=True):
            if not is_planned(step):
                self._call(step, sample)
                continue
            sample.open()
            assert isinstance(step, Transform)
            if step.is_container:
                self._run_container(step, sample, key, stream)
            else:
                sample.image = self._member(step, sample.image, key, stream, sample.moving)
        return sample

    def _member(self, step: Transform, image: Any, key: int, stream: int, moving: Moving | None) -> Any:
        kind = kind_of(image)
        if kind.channels:
            segment = Segment(kind, 0, any(self._fused))
            if step.join(segment, stream) is None:
                segment.close()
                return as_it_came(image, segment.run(image, key, moving))
        return as_it_came(image, self._by_python(step, image, key, stream, moving))

    def native_segment(self, at: int, kind: Kind) -> Segment | None:
        """The native pass that makes that step and those that go with it; None if that step is not native."""
        known = self._segments.get((at, kind)) if kind.channels else _NO_SEGMENT
        if known is None:
            segment = self.segment(at, kind)
            known = self._segments[at, kind] = segment if segment.is_worth_it and segment.stop > at else _NO_SEGMENT
        return None if known is _NO_SEGMENT else known

    def segment(self, start: int, kind: Kind) -> Segment:
        """The longest native run from that step on, closed; it may be empty."""
        segment = Segment(kind, start, self._fused[start])
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
            return NOT_PLANNED
        if self._fused[number] != segment.fused:
            return NOT_FUSED
        assert isinstance(step, Transform)
        return step.join(segment, number)


def _sample_of(inputs: tuple[Any, ...]) -> Any:
    if not inputs:
        raise TypeError("a transform is called with an image: transform(image) or transform(image, label)")
    return inputs if len(inputs) > 1 else inputs[0]

"""Transforms of which some are drawn, in one native pass wherever all of them are native."""

from __future__ import annotations

from typing import Any

from fastload import _core
from fastload.transforms._base import NOT_PLANNED, Chain, Step, Transform, is_planned, signature_of
from fastload.transforms._checks import as_bool, as_callables, as_probability, is_drawn, is_int, is_list, is_number
from fastload.transforms._foreign import Foreign
from fastload.transforms._one_pass import OnePass
from fastload.transforms._segment import Segment
from fastload.transforms._wrapping import Wrappers

Op = tuple[Any, ...]


def group_op(
    stream: int,
    choice: str,
    p: float,
    members: list[list[Op]],
    weights: list[float] | None = None,
    count: tuple[int, int] = (0, 0),
) -> Op:
    """The native op of a group of lists of ops."""
    return stream, "group", choice, p, tuple(weights or ()), *count, tuple(tuple(member) for member in members)


class Container(Transform):
    """Transforms, of which some are drawn for each sample."""

    has_members = is_container = True
    keeps_kind = False  # whatever its transforms do
    choice = "all"
    p: float = 1.0  # of doing anything at all

    def __init__(self, transforms: Any) -> None:
        super().__init__()
        self.transforms = as_callables(transforms, type(self).__name__)
        self._wrappers = Wrappers()

    @property
    def is_random(self) -> bool:
        if self.p == 0:
            return False
        members = self.members()
        least, most = self.count()
        has_choice = self.choice != "all" and (len(members) > 1 or least < most)
        return is_drawn(self.p) or has_choice or any(getattr(one, "is_random", False) for own in members for one in own)

    def weights(self) -> list[float] | None:
        return None

    def count(self) -> tuple[int, int]:
        return 0, 0

    def signature(self) -> Any:
        return super().signature(), signature_of(self.transforms)

    def members(self) -> list[tuple[Step, ...]]:
        """The steps of each transform."""
        steps: list[Any] = [self._wrappers.of(step) for step in self.transforms]
        return [step.steps() if is_planned(step) else (step,) for step in steps]

    def join(self, segment: Segment, stream: int) -> str | None:
        """Native if each member is, and leaves the kind of image as it is."""
        if segment.levels is not None:
            return "its members may change floats"
        if segment.fused and not all(map(_is_fused, self.transforms)):
            return "a Compose in it has fuse=False"
        members = []
        for steps in self.members():
            trial = Segment(segment.kind, 0, segment.fused)
            trial.container, trial.channels = segment.container, segment.channels
            for step in steps:
                reason = step.join(trial, 0) if is_planned(step) else NOT_PLANNED  # type: ignore[attr-defined]
                if reason is not None:
                    return f"{type(step).__name__} is not native here: {reason}"
            if trial.levels is not None or trial.channels != segment.channels or trial.container != segment.container:
                return "a member makes another kind of image"
            members.append(trial.ops)
        segment.ops.append(self._op(stream, members))
        return None

    def run_sample(self, sample: Any, key: int, stream: int, chain: Chain) -> Any:
        """The sample after the members that are drawn, one by one, with what a native pass draws."""
        members = self.members()
        names = self._op(stream, [[] for _ in members])
        for turn, number in enumerate(_core.drawn_members(names, key)):
            streams = [_core.member_stream(stream, turn, step) for step in range(len(members[number]))]
            sample = chain.run_members(members[number], sample, key, streams)
        return sample

    def _op(self, stream: int, members: list[list[Op]]) -> Op:
        return group_op(stream, self.choice, self.p, members, self.weights(), self.count())


class RandomApply(Container):
    """All of the transforms, one after the other, with probability ``p``."""

    def __init__(self, transforms: Any, p: float = 0.5) -> None:
        super().__init__(transforms)
        self.p = as_probability(p)

    def members(self) -> list[tuple[Step, ...]]:
        return [tuple(step for member in super().members() for step in member)]


class RandomChoice(Container):
    """One of the transforms. p: their weights; all alike if None."""

    choice = "one"

    def __init__(self, transforms: Any, p: Any = None) -> None:
        super().__init__(transforms)
        if p is not None:
            if not is_list(p) or not all(is_number(weight) and weight >= 0 for weight in p) or not sum(p) > 0:
                raise ValueError(f"p must be weights of 0 or more, not all 0; got {p!r}")
            if len(p) != len(self.transforms):
                raise ValueError(
                    f"p must have a weight for each of the {len(self.transforms)} transforms, got {len(p)}"
                )
        self.choice_weights = None if p is None else [float(weight) for weight in p]

    def weights(self) -> list[float] | None:
        return self.choice_weights

    def extra_repr(self) -> str:
        return super().extra_repr().replace("choice_weights=", "p=")


class RandomOrder(Container):
    """All of the transforms, in a random order."""

    choice = "shuffled"


class OneOf(Container):
    """One of the transforms, with probability ``p``, their own ``p`` being weights; what is drawn is applied."""

    choice = "one"

    def __init__(self, transforms: Any, p: float = 0.5) -> None:
        super().__init__(transforms)
        self.p = as_probability(p)

    def weights(self) -> list[float] | None:
        weights = [_chance(step) for step in map(self._wrappers.of, self.transforms)]
        return weights if sum(weights) > 0 else None

    def members(self) -> list[tuple[Step, ...]]:
        return [tuple(_certain(step) for step in member) for member in super().members()]


class SomeOf(Container):
    """``n`` of the transforms, or as many as are drawn from (least, most), with probability ``p``.

    replace: one may be drawn several times; they run in the order in which they are drawn, else in their own.
    """

    def __init__(self, transforms: Any, n: Any = 1, replace: bool = False, p: float = 1.0) -> None:
        super().__init__(transforms)
        self.p = as_probability(p)
        counts = [n, n] if is_int(n) else list(n) if is_list(n) else []
        if len(counts) != 2 or not all(is_int(count) for count in counts) or not 0 <= counts[0] <= counts[1]:
            raise ValueError(f"n must be an int, or (least, most) with 0 <= least <= most; got {n!r}")
        again = as_bool(replace, "replace")
        if not again and counts[1] > len(self.transforms):
            raise ValueError(f"n must be at most {len(self.transforms)}, as many as there are transforms; got {n!r}")
        self.n = (int(counts[0]), int(counts[1]))
        self.replace = again

    @property
    def choice(self) -> str:  # type: ignore[override]
        return "some_again" if self.replace else "some"

    def count(self) -> tuple[int, int]:
        return self.n


def _is_fused(step: Any) -> bool:
    """Whether all that the step consists of may share passes."""
    return not isinstance(step, Transform) or all(step.fused())


def _chance(step: Any) -> float:
    """The probability of the transform's own, or 1."""
    if isinstance(step, Foreign):
        return step.chance
    return float(step.p) if is_number(getattr(step, "p", None)) else 1.0


def _certain(step: Any) -> Any:
    """The transform with a probability of 1, where it has one of its own."""
    if isinstance(step, Foreign):
        return step.certain()
    if not is_number(getattr(step, "p", None)) or step.p == 1 or isinstance(step, Container):
        return step
    import copy

    certain = copy.copy(step)
    certain.__dict__ = {**step.__dict__, "p": 1.0, "_known": (None, None), "_passes": OnePass()}
    return certain

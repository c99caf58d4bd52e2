"""An augmenter of imgaug that draws from a seed alone, whatever it has drawn before.

imgaug seeds the members of an augmenter's lists, and forgets an augmenter that is itself such a list: `OneOf`, `SomeOf`
and `Sequential` as the children of another. And some parameters keep tables, of which the next table is cut out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from imgaug.augmenters import Augmenter  # type: ignore[import-not-found,unused-ignore]
from imgaug.parameters import StochasticParameter  # type: ignore[import-not-found,unused-ignore]
from imgaug.random import RNG  # type: ignore[import-not-found,unused-ignore]


class Drawing:
    """An augmenter, those in it, and their parameters as they are now."""

    def __init__(self, augmenter: Any) -> None:
        self._augmenter = augmenter
        parts = _parts_of(augmenter)
        self._augmenters = [part for part in parts if isinstance(part, Augmenter)]
        self._parameters = [(part, dict(vars(part))) for part in parts if isinstance(part, StochasticParameter)]

    def seeded(self, seed: int) -> Any:
        """The augmenter, about to draw from a seed of 32 bits; those in it that are deterministic stay as they are."""
        for number, augmenter in enumerate(self._augmenters):
            if not augmenter.deterministic:
                augmenter.random_state = RNG(np.random.SeedSequence((seed, number)) if number else seed)
        for parameter, before in self._parameters:
            vars(parameter).clear()
            vars(parameter).update(before)
        return self._augmenter


def _parts_of(augmenter: Any) -> list[Any]:
    """An augmenter and all that imgaug has classes for in it, each once, in the order of their attributes."""
    parts, known, found = [augmenter], set(), []
    for part in parts:  # which grows meanwhile
        if id(part) in known:
            continue
        known.add(id(part))
        if _is_of_imgaug(part):
            found.append(part)
            parts.extend(getattr(part, "__dict__", {}).values())
        if isinstance(part, list | tuple):  # some augmenters are lists
            parts.extend(part)
        elif isinstance(part, dict):
            parts.extend(part.values())
    return found


def _is_of_imgaug(part: Any) -> bool:
    """Whether its class is one of imgaug, or made from one."""
    return any(kind.__module__.partition(".")[0] == "imgaug" for kind in type(part).__mro__)

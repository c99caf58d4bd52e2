"""Whether a transform moves what is in the image, as far as that can be told before an image comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from fastload.transforms._base import Step, is_planned
from fastload.transforms._containers import Container
from fastload.transforms._sanitize import ToPureTensor, _OfBoxes


def moves_pixels(step: Step) -> bool:
    """Whether a transform of fastload's in it may move what is in the image; of others nobody knows."""
    return any(_is_ours(leaf) and leaf.moves(0) is not None for leaf in _leaves(step))


def is_known(step: Step) -> bool:
    """Whether all in it are fastload's transforms, which make no boxes of anything else."""
    return all(_is_ours(leaf) for leaf in _leaves(step))


def _leaves(step: Any) -> Iterator[Any]:
    """The transforms that it consists of, without those that are never done."""
    if isinstance(step, torch.nn.Sequential):
        yield from (leaf for member in step for leaf in _leaves(member))
    elif not _is_ours(step):
        yield step
    elif isinstance(step, Container):
        inner = [member for members in step.members() for member in members]
        yield from (leaf for member in inner for leaf in _leaves(member) if step.p > 0)
    elif step.has_members:
        yield from (leaf for member in step.steps() for leaf in _leaves(member))
    elif getattr(step, "p", 1) != 0:
        yield step


def _is_ours(step: Any) -> bool:
    is_ours = is_planned(step) or isinstance(step, _OfBoxes | ToPureTensor)
    return is_ours and not step.is_foreign

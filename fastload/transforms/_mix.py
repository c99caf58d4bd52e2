"""Images of a batch mixed with each other: MixUp and CutMix."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from fastload._stream import sample_key
from fastload.transforms._checks import is_int, is_number


class _BatchMix(torch.nn.Module):
    """``mix(images, labels)``, or a whole batch: images (N, C, H, W), labels (N,) of class numbers or (N, K) of parts.

    Each image is mixed with the one before it in the batch. Labels become parts of classes, (N, K) float32. The rest of
    a batch passes through. A batch of one image stays as it is, with its labels in parts.
    """

    def __init__(self, *, alpha: float = 1.0, num_classes: int | None = None, labels_getter: Any = "default") -> None:
        super().__init__()
        if not is_number(alpha) or not 0 < alpha < float("inf"):
            raise ValueError(f"alpha must be a number greater than 0, got {alpha!r}")
        if num_classes is not None and (not is_int(num_classes) or num_classes < 1):
            raise ValueError(f"num_classes must be an int, 1 or more, or None; got {num_classes!r}")
        if labels_getter not in ("default", None) and not callable(labels_getter):
            raise TypeError(f"labels_getter must be a function of a batch, 'default' or None; got {labels_getter!r}")
        self.alpha = float(alpha)
        self.num_classes = num_classes
        self.labels_getter: Callable[[Any], Any] | str | None = labels_getter

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}, num_classes={self.num_classes}"

    def forward(self, *inputs: Any) -> Any:
        """The batch, mixed."""
        batch = inputs if len(inputs) > 1 else inputs[0]
        images = _images_of(batch)
        labels = self._labels_of(batch)
        if labels is not None:
            _check_labels(labels, len(images), self.num_classes)
        draws = np.random.Generator(np.random.Philox(key=sample_key()))
        mixed, part = self.mixed(images, float(draws.beta(self.alpha, self.alpha)), draws)
        changes = {id(images): mixed}
        if labels is not None:
            changes[id(labels)] = _mixed_labels(labels, part, self.num_classes)
        return _replaced(batch, changes)

    def mixed(self, images: torch.Tensor, part: float, draws: np.random.Generator) -> tuple[torch.Tensor, float]:
        """The images, and how much of each is left of itself."""
        raise NotImplementedError

    def _labels_of(self, batch: Any) -> Any:
        if self.labels_getter is None:
            return None
        if callable(self.labels_getter):
            return self.labels_getter(batch)
        if isinstance(batch, Mapping):
            return next((batch[name] for name in ("labels", "label", "target", "targets") if name in batch), None)
        rest = [value for value in _leaves(batch) if isinstance(value, torch.Tensor) and value.ndim in (1, 2)]
        if not rest:
            raise ValueError(
                "there are no labels in the batch: pass labels_getter, or labels_getter=None without labels"
            )
        return rest[0]


class MixUp(_BatchMix):
    """Each image becomes a weighted mean of itself and the one before it (Zhang et al., 2018).

    alpha: of the Beta distribution of the weight, which is drawn for each batch.
    """

    def mixed(self, images: torch.Tensor, part: float, draws: np.random.Generator) -> tuple[torch.Tensor, float]:
        if len(images) < 2:
            return images, 1.0
        floats = images if images.is_floating_point() else images.to(torch.float32)
        made = torch.lerp(floats.roll(1, 0), floats, part)
        return made if images.is_floating_point() else made.round().to(images.dtype), part


class CutMix(_BatchMix):
    """A rectangle of each image is that of the one before it (Yun et al., 2019)."""

    def mixed(self, images: torch.Tensor, part: float, draws: np.random.Generator) -> tuple[torch.Tensor, float]:
        height, width = images.shape[-2:]
        if len(images) < 2:
            return images, 1.0
        x, y = int(draws.integers(width)), int(draws.integers(height))
        reach = 0.5 * math.sqrt(1 - part)
        left, right = max(0, x - int(reach * width)), min(width, x + int(reach * width))
        top, bottom = max(0, y - int(reach * height)), min(height, y + int(reach * height))
        made = images.clone()
        made[..., top:bottom, left:right] = images.roll(1, 0)[..., top:bottom, left:right]
        return made, 1 - (right - left) * (bottom - top) / (width * height)


def _leaves(batch: Any) -> list[Any]:
    values = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, tuple | list) else [batch]
    return [
        leaf
        for value in values
        for leaf in ([value] if not isinstance(value, tuple | list | Mapping) else _leaves(value))
    ]


def _images_of(batch: Any) -> torch.Tensor:
    images = next((value for value in _leaves(batch) if isinstance(value, torch.Tensor) and value.ndim == 4), None)
    if images is None:
        raise ValueError("a batch must hold images as a tensor (N, C, H, W): these transforms come after collating")
    return images


def _check_labels(labels: Any, count: int, num_classes: int | None) -> None:
    if not isinstance(labels, torch.Tensor) or labels.ndim not in (1, 2) or len(labels) != count:
        got = tuple(labels.shape) if isinstance(labels, torch.Tensor) else type(labels).__name__
        raise ValueError(f"labels must be a tensor ({count},) or ({count}, classes), got {got}")
    if labels.ndim == 1 and num_classes is None:
        raise ValueError("num_classes must be given where labels are class numbers")
    if labels.ndim == 1 and len(labels) and num_classes is not None:
        least, most = int(labels.min()), int(labels.max())
        if least < 0 or most >= num_classes:
            raise ValueError(f"labels must be in [0, {num_classes}), got {least} to {most}")


def _mixed_labels(labels: torch.Tensor, part: float, num_classes: int | None) -> torch.Tensor:
    if labels.ndim == 1:
        labels = torch.nn.functional.one_hot(labels.long(), num_classes=num_classes or -1)
    parts = labels.to(torch.float32)
    return part * parts + (1 - part) * parts.roll(1, 0)


def _replaced(batch: Any, changes: dict[int, Any]) -> Any:
    if id(batch) in changes:
        return changes[id(batch)]
    if isinstance(batch, Mapping):
        kind: Any = type(batch)
        return kind({name: _replaced(value, changes) for name, value in batch.items()})
    if isinstance(batch, tuple | list):
        values = [_replaced(value, changes) for value in batch]
        return type(batch)(*values) if hasattr(batch, "_fields") else type(batch)(values)
    return batch

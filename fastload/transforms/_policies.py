"""Policies of many small transforms: AutoAugment, RandAugment, TrivialAugment, AugMix. Numbers are torchvision's."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from fastload import _core
from fastload.transforms import functional as F
from fastload.transforms._checks import as_bool, check_most, fill_levels, is_int, is_number
from fastload.transforms._containers import group_op
from fastload.transforms._get_params import policy_params
from fastload.transforms._interpolation import InterpolationMode
from fastload.transforms._kinds import PIL_MODES, channels_of, is_pil, kind_of, size_of
from fastload.transforms._policy_tables import CIFAR10, IMAGENET, SIGNED, SVHN, augmix_space, space, wide_space
from fastload.transforms._segment import Segment
from fastload.transforms._warp import NEAREST, Warping
from fastload.transforms.functional._tensors import is_batch_of_levels, one_by_one
from fastload.transforms.functional._tone import apply_drawn
from fastload.transforms.functional._warp import apply_moves, sampling_name

Op = tuple[Any, ...]
Levels = tuple[int, ...]
_STILL = (0.0, 0.0)
_MOST = 1024  # of ops, of bins and of chains: programs of more take seconds to make


class AutoAugmentPolicy(enum.Enum):
    """The data set that a policy was found on."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


_TABLES = {"imagenet": IMAGENET, "cifar10": CIFAR10, "svhn": SVHN}


class _Policy(Warping):
    """Small transforms by name and magnitude, all of them native ops; masks and boxes follow those that move pixels."""

    def __init__(self, interpolation: Any = NEAREST, fill: Any = 0) -> None:
        super().__init__()
        self._set_look(interpolation, 0 if fill is None else fill)

    def native_op(self, stream: int, channels: int = 3) -> Op | None:
        if channels not in (1, 3):
            return None
        try:
            return self.op(stream, tuple(fill_levels(self.fill, channels)))
        except ValueError:
            return None

    def reason(self, segment: Segment) -> str | None:
        return "it changes floats" if segment.levels is not None else None

    def transformed_among(self, image: Any, key: int, stream: int, targets: Any) -> Any:
        if is_batch_of_levels(image):
            return one_by_one(lambda one: self.transformed_among(one, key, stream, targets), image)
        kind = kind_of(image)
        if self._is_general(image):
            return self._moved(image, self.drawn(image, key, stream)[0])
        segment = Segment(kind)
        reason = self.join(segment, stream)
        if reason is not None:
            raise ValueError(f"{type(self).__name__}: {reason}")
        segment.close()
        return segment.run(image, key)

    def _is_general(self, image: Any) -> bool:
        """Whether torch must do it, not a native program. ValueError for images that no policy is for."""
        if is_pil(image) and image.mode not in PIL_MODES:
            raise ValueError(f"{type(self).__name__} takes PIL images of mode RGB or L, got {image.mode}: convert it")
        if channels_of(image) not in (1, 3):
            raise ValueError(f"{type(self).__name__} is for images of 1 or 3 channels, got shape {tuple(image.shape)}")
        return not kind_of(image).channels

    def _moved(self, image: Any, moves: list[tuple[Any, ...]]) -> Any:
        for move in moves:
            if move[0] == "pixels":
                image = apply_drawn(image, *move[1:3])
            else:
                image = apply_moves(image, [move], self.interpolation, self.fill)
        return image

    def _affine(self, levels: Levels, **numbers: tuple[float, float]) -> Op:
        angle, *shear = (numbers.get(name, _STILL) for name in ("angle", "shear_x", "shear_y"))
        center = None if "angle" in numbers else (0.0, 0.0)
        look = sampling_name(self.interpolation), levels
        return (0, "affine", 1.0, angle, _STILL, _STILL, (1.0, 1.0), *shear, center, False, *look)

    def _shift(self, levels: Levels, x: float, y: float) -> Op:
        """By parts of the sides, as far as these are whole pixels."""
        return 0, "shift", (x, y), sampling_name(self.interpolation), levels

    def _pixels(self, levels: Levels, x: float, y: float) -> Op:
        return (0, "warp", (1.0, 0.0, x, 0.0, 1.0, y, 0.0, 0.0, 1.0), 0, 0, sampling_name(self.interpolation), levels)

    def step(self, name: str, magnitude: float, levels: Levels) -> list[Op]:
        """The op of that name; magnitudes as torchvision's tables have them, translations in parts of the sides."""
        same = (magnitude, magnitude)
        factor = (1 + magnitude, 1 + magnitude)
        degrees = (math.degrees(math.atan(magnitude)),) * 2
        makers: dict[str, Callable[[], Op]] = {
            "ShearX": lambda: self._affine(levels, shear_x=degrees),
            "ShearY": lambda: self._affine(levels, shear_y=degrees),
            "TranslateX": lambda: self._shift(levels, magnitude, 0),
            "TranslateY": lambda: self._shift(levels, 0, magnitude),
            "PixelsX": lambda: self._pixels(levels, int(magnitude), 0),
            "PixelsY": lambda: self._pixels(levels, 0, int(magnitude)),
            "Rotate": lambda: self._affine(levels, angle=(-magnitude, -magnitude)),
            "Brightness": lambda: (0, "brightness", 1.0, factor),
            "Color": lambda: (0, "saturation", 1.0, factor),
            "Contrast": lambda: (0, "contrast", 1.0, factor),
            "Sharpness": lambda: (0, "sharpness", 1.0, factor),
            "Posterize": lambda: (0, "posterize", 1.0, same),
            "Solarize": lambda: (0, "solarize", 1.0, same),
            "AutoContrast": lambda: (0, "autocontrast", 1.0),
            "Equalize": lambda: (0, "equalize", 1.0),
            "Invert": lambda: (0, "invert", 1.0),
        }
        return [] if name == "Identity" else [makers[name]()]

    def signed(self, name: str, magnitude: float, levels: Levels) -> list[Op]:
        """The op, its magnitude with either sign where it has one."""
        if name not in SIGNED or magnitude == 0:
            return self.step(name, magnitude, levels)
        both = [self.step(name, sign * magnitude, levels) for sign in (1, -1)]
        return [group_op(0, "one", 1.0, both)]


class AutoAugment(_Policy):
    """Two small transforms, as one of the 25 rows of a learnt policy says (Cubuk et al., 2019)."""

    get_params = staticmethod(policy_params)

    def __init__(
        self, policy: Any = AutoAugmentPolicy.IMAGENET, interpolation: Any = NEAREST, fill: Any = None
    ) -> None:
        super().__init__(interpolation, fill)
        name = getattr(policy, "value", policy)
        if not isinstance(name, str) or name not in _TABLES:
            raise ValueError(f"policy must be an AutoAugmentPolicy or one of {', '.join(_TABLES)}; got {policy!r}")
        self.policy = AutoAugmentPolicy(name)

    def op(self, stream: int, levels: Levels) -> Op:
        magnitudes = space(10)
        rows = []
        for row in _TABLES[self.policy.value]:
            ops = []
            for name, p, magnitude in row:
                value = 0.0 if magnitude is None else magnitudes[name][magnitude]
                ops.append(group_op(0, "all", p, [self.signed(name, value, levels)]))
            rows.append(ops)
        return group_op(stream, "one", 1.0, rows)


class RandAugment(_Policy):
    """``num_ops`` small transforms of 14, of ``magnitude`` in ``num_magnitude_bins`` (Cubuk et al., 2020)."""

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Any = NEAREST,
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation, fill)
        _check_int(num_ops, "num_ops", 0)
        _check_int(num_magnitude_bins, "num_magnitude_bins", 1)
        _check_int(magnitude, "magnitude", 0)
        if magnitude >= num_magnitude_bins:
            raise ValueError(f"magnitude must be less than num_magnitude_bins, {num_magnitude_bins}; got {magnitude}")
        self.num_ops = int(num_ops)
        self.magnitude = int(magnitude)
        self.num_magnitude_bins = int(num_magnitude_bins)

    def op(self, stream: int, levels: Levels) -> Op:
        strengths = space(self.num_magnitude_bins)
        members: list[list[Op]] = [[]] + [
            self.signed(name, values[self.magnitude], levels) for name, values in strengths.items()
        ]
        one = group_op(0, "one", 1.0, members)
        return group_op(stream, "all", 1.0, [[one] * self.num_ops])


class TrivialAugmentWide(_Policy):
    """One small transform of 14, of one of ``num_magnitude_bins`` magnitudes (Mueller and Hutter, 2021)."""

    def __init__(self, num_magnitude_bins: int = 31, interpolation: Any = NEAREST, fill: Any = None) -> None:
        super().__init__(interpolation, fill)
        _check_int(num_magnitude_bins, "num_magnitude_bins", 1)
        self.num_magnitude_bins = int(num_magnitude_bins)

    def op(self, stream: int, levels: Levels) -> Op:
        members: list[list[Op]] = []
        for name, values in wide_space(self.num_magnitude_bins).items():
            strengths = [self.signed(name, value, levels) for value in values]
            members.append([group_op(0, "one", 1.0, strengths)] if len(strengths) > 1 else strengths[0])
        return group_op(stream, "one", 1.0, members)


class AugMix(_Policy):
    """Several chains of small transforms, mixed with each other and with the image (Hendrycks et al., 2020).

    severity: 1 to 10. mixture_width: how many chains. chain_depth: how long they are, -1 for 1 to 3. alpha: of the Beta
    and Dirichlet distributions of the weights. all_ops: those that change colours as well. Boxes and masks stay: where
    some of the mixture is moved and some is not, no box is right.
    """

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: Any = InterpolationMode.BILINEAR,
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation, fill)
        _check_int(severity, "severity", 1)
        _check_int(mixture_width, "mixture_width", 1)
        if severity > 10:
            raise ValueError(f"severity must be in [1, 10], got {severity}")
        if not is_int(chain_depth) or not (chain_depth == -1 or chain_depth > 0):
            raise ValueError(f"chain_depth must be an int, 1 or more, or -1; got {chain_depth!r}")
        check_most(chain_depth, _MOST, "chain_depth")
        if not is_number(alpha) or not 1e-3 <= alpha <= 1e6:  # beyond these, weights are no numbers
            raise ValueError(f"alpha must be a number from 0.001 to 1000000, got {alpha!r}")
        self.severity = int(severity)
        self.mixture_width = int(mixture_width)
        self.chain_depth = int(chain_depth)
        self.alpha = float(alpha)
        self.all_ops = as_bool(all_ops, "all_ops")

    def join(self, segment: Segment, stream: int) -> str | None:
        return "it mixes several images"

    def moves(self, stream: int) -> Any:
        return None

    def transformed_among(self, image: Any, key: int, stream: int, targets: Any) -> Any:
        if is_batch_of_levels(image):
            return one_by_one(lambda one: self.transformed_among(one, key, stream, targets), image)
        general = self._is_general(image)
        draws = np.random.Generator(np.random.Philox(key=[key, stream]))
        mix = draws.beta(self.alpha, self.alpha)
        weights = draws.dirichlet([self.alpha] * self.mixture_width) * mix
        levels = (0,) if general else tuple(fill_levels(self.fill, channels_of(image)))
        mixed = self._floats(image) * (1 - mix)
        for weight in weights:
            changed = image
            depth = self.chain_depth if self.chain_depth > 0 else int(draws.integers(1, 4))
            for _ in range(depth):
                changed = self._changed(changed, draws, levels)
            mixed = mixed + weight * self._floats(changed)
        if general:
            return mixed.to(image.dtype) if isinstance(image, torch.Tensor) else mixed.astype(image.dtype)
        made = mixed.round().clip(0, 255).astype(np.uint8)
        if is_pil(image):
            return F.to_pil_image(made)
        return torch.from_numpy(made) if isinstance(image, torch.Tensor) else made

    def op(self, stream: int, levels: Levels) -> Op:
        raise NotImplementedError

    def _floats(self, image: Any) -> Any:
        if isinstance(image, torch.Tensor) and self._is_general(image):
            return image.as_subclass(torch.Tensor).to(torch.promote_types(image.dtype, torch.float32))
        return np.asarray(image).astype(np.float32)

    def _changed(self, image: Any, draws: np.random.Generator, levels: Levels) -> Any:
        strengths = augmix_space(self.all_ops)
        name = list(strengths)[int(draws.integers(len(strengths)))]
        magnitude = strengths[name][int(draws.integers(self.severity))]
        ops, key = self.signed(name, magnitude, levels), int(draws.integers(0, 1 << 63))
        if self._is_general(image):
            return self._moved(image, _core.ImageProgram(ops).draw(key, *size_of(image))[0][1])
        segment = Segment(kind_of(image))
        segment.ops.extend(ops)
        segment.close()
        return segment.run(image, key)


def _check_int(value: Any, name: str, least: int) -> None:
    if not is_int(value) or value < least:
        raise ValueError(f"{name} must be an int, {least} or more; got {value!r}")
    check_most(value, _MOST, name)

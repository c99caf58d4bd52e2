"""The small transforms of policies: how strong they may be, and the rows of the policies that were learnt.

The rows are those of Cubuk et al., "AutoAugment: Learning Augmentation Policies from Data", CVPR 2019, appendix A. Each
has two transforms as (name, probability, magnitude of 0 to 9; None where there is none).
"""

from __future__ import annotations

Small = tuple[str, float, int | None]
Magnitudes = dict[str, list[float]]  # the weakest first

_MOVES = ("ShearX", "ShearY", "TranslateX", "TranslateY", "PixelsX", "PixelsY", "Rotate")
_COLOURS = ("Brightness", "Color", "Contrast", "Sharpness")
SIGNED = (*_MOVES, *_COLOURS)  # those whose magnitude may have either sign


def space(bins: int) -> Magnitudes:
    """Of RandAugment and AutoAugment."""
    part = _parts(bins)
    return _moves(part, 0.3, "Translate", 150 / 331, 30) | _colours(part, 0.9) | _tones(part, 8, 4)


def wide_space(bins: int) -> Magnitudes:
    """Of TrivialAugment, which draws one of the magnitudes: what has none has one."""
    part = _parts(bins)
    one = {"AutoContrast": [0.0], "Equalize": [0.0]}
    moves = _moves(part, 0.99, "Pixels", 32, 135)
    return {"Identity": [0.0]} | moves | _colours(part, 0.99) | _tones(part, 8, 6) | one


def augmix_space(all_ops: bool) -> Magnitudes:
    """Of AugMix; without those that it is tested with, unless they are asked for."""
    part = _parts(10)
    moves, tones = _moves(part, 0.3, "Translate", 1 / 3, 30), _tones(part, 4, 4)
    return moves | tones | (_colours(part, 0.9) if all_ops else {})


def _parts(bins: int) -> list[float]:
    return [number / max(bins - 1, 1) for number in range(bins)]


def _moves(part: list[float], shear: float, shift: str, reach: float, degrees: float) -> Magnitudes:
    most = {"ShearX": shear, "ShearY": shear, f"{shift}X": reach, f"{shift}Y": reach, "Rotate": degrees}
    return {name: [strength * p for p in part] for name, strength in most.items()}


def _colours(part: list[float], most: float) -> Magnitudes:
    return {name: [most * p for p in part] for name in _COLOURS}


def _tones(part: list[float], bits: int, fewer: int) -> Magnitudes:
    return {
        "Posterize": [bits - round(fewer * p) for p in part],
        "Solarize": [255 * (1 - p) for p in part],
        "AutoContrast": [0.0] * len(part),
        "Equalize": [0.0] * len(part),
    }


IMAGENET: tuple[tuple[Small, Small], ...] = (
    (("Posterize", 0.4, 8), ("Rotate", 0.6, 9)),
    (("Solarize", 0.6, 5), ("AutoContrast", 0.6, None)),
    (("Equalize", 0.8, None), ("Equalize", 0.6, None)),
    (("Posterize", 0.6, 7), ("Posterize", 0.6, 6)),
    (("Equalize", 0.4, None), ("Solarize", 0.2, 4)),
    (("Equalize", 0.4, None), ("Rotate", 0.8, 8)),
    (("Solarize", 0.6, 3), ("Equalize", 0.6, None)),
    (("Posterize", 0.8, 5), ("Equalize", 1.0, None)),
    (("Rotate", 0.2, 3), ("Solarize", 0.6, 8)),
    (("Equalize", 0.6, None), ("Posterize", 0.4, 6)),
    (("Rotate", 0.8, 8), ("Color", 0.4, 0)),
    (("Rotate", 0.4, 9), ("Equalize", 0.6, None)),
    (("Equalize", 0.0, None), ("Equalize", 0.8, None)),
    (("Invert", 0.6, None), ("Equalize", 1.0, None)),
    (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
    (("Rotate", 0.8, 8), ("Color", 1.0, 2)),
    (("Color", 0.8, 8), ("Solarize", 0.8, 7)),
    (("Sharpness", 0.4, 7), ("Invert", 0.6, None)),
    (("ShearX", 0.6, 5), ("Equalize", 1.0, None)),
    (("Color", 0.4, 0), ("Equalize", 0.6, None)),
    (("Equalize", 0.4, None), ("Solarize", 0.2, 4)),
    (("Solarize", 0.6, 5), ("AutoContrast", 0.6, None)),
    (("Invert", 0.6, None), ("Equalize", 1.0, None)),
    (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
    (("Equalize", 0.8, None), ("Equalize", 0.6, None)),
)

CIFAR10: tuple[tuple[Small, Small], ...] = (
    (("Invert", 0.1, None), ("Contrast", 0.2, 6)),
    (("Rotate", 0.7, 2), ("TranslateX", 0.3, 9)),
    (("Sharpness", 0.8, 1), ("Sharpness", 0.9, 3)),
    (("ShearY", 0.5, 8), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.5, None), ("Equalize", 0.9, None)),
    (("ShearY", 0.2, 7), ("Posterize", 0.3, 7)),
    (("Color", 0.4, 3), ("Brightness", 0.6, 7)),
    (("Sharpness", 0.3, 9), ("Brightness", 0.7, 9)),
    (("Equalize", 0.6, None), ("Equalize", 0.5, None)),
    (("Contrast", 0.6, 7), ("Sharpness", 0.6, 5)),
    (("Color", 0.7, 7), ("TranslateX", 0.5, 8)),
    (("Equalize", 0.3, None), ("AutoContrast", 0.4, None)),
    (("TranslateY", 0.4, 3), ("Sharpness", 0.2, 6)),
    (("Brightness", 0.9, 6), ("Color", 0.2, 8)),
    (("Solarize", 0.5, 2), ("Invert", 0.0, None)),
    (("Equalize", 0.2, None), ("AutoContrast", 0.6, None)),
    (("Equalize", 0.2, None), ("Equalize", 0.6, None)),
    (("Color", 0.9, 9), ("Equalize", 0.6, None)),
    (("AutoContrast", 0.8, None), ("Solarize", 0.2, 8)),
    (("Brightness", 0.1, 3), ("Color", 0.7, 0)),
    (("Solarize", 0.4, 5), ("AutoContrast", 0.9, None)),
    (("TranslateY", 0.9, 9), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.9, None), ("Solarize", 0.8, 3)),
    (("Equalize", 0.8, None), ("Invert", 0.1, None)),
    (("TranslateY", 0.7, 9), ("AutoContrast", 0.9, None)),
)

SVHN: tuple[tuple[Small, Small], ...] = (
    (("ShearX", 0.9, 4), ("Invert", 0.2, None)),
    (("ShearY", 0.9, 8), ("Invert", 0.7, None)),
    (("Equalize", 0.6, None), ("Solarize", 0.6, 6)),
    (("Invert", 0.9, None), ("Equalize", 0.6, None)),
    (("Equalize", 0.6, None), ("Rotate", 0.9, 3)),
    (("ShearX", 0.9, 4), ("AutoContrast", 0.8, None)),
    (("ShearY", 0.9, 8), ("Invert", 0.4, None)),
    (("ShearY", 0.9, 5), ("Solarize", 0.2, 6)),
    (("Invert", 0.9, None), ("AutoContrast", 0.8, None)),
    (("Equalize", 0.6, None), ("Rotate", 0.9, 3)),
    (("ShearX", 0.9, 4), ("Solarize", 0.3, 3)),
    (("ShearY", 0.8, 8), ("Invert", 0.7, None)),
    (("Equalize", 0.9, None), ("TranslateY", 0.6, 6)),
    (("Invert", 0.9, None), ("Equalize", 0.6, None)),
    (("Contrast", 0.3, 3), ("Rotate", 0.8, 4)),
    (("Invert", 0.8, None), ("TranslateY", 0.0, 2)),
    (("ShearY", 0.7, 6), ("Solarize", 0.4, 8)),
    (("Invert", 0.6, None), ("Rotate", 0.8, 4)),
    (("ShearY", 0.3, 7), ("TranslateX", 0.9, 3)),
    (("ShearX", 0.1, 6), ("Invert", 0.6, None)),
    (("Solarize", 0.7, 2), ("TranslateY", 0.6, 7)),
    (("ShearY", 0.8, 4), ("Invert", 0.8, None)),
    (("ShearX", 0.7, 9), ("TranslateY", 0.8, 3)),
    (("ShearY", 0.8, 5), ("AutoContrast", 0.7, None)),
    (("ShearX", 0.7, 2), ("Invert", 0.1, None)),
)

"""Arguments of transforms, checked when they are given: sizes, margins, fills, ranges, probabilities."""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")
MOST_PIXELS_A_SIDE = 2**28
_TEXT = (str, bytes, bytearray, memoryview)
Fill = int | float | list[float]
Margins = tuple[int, int, int, int]  # left, top, right, bottom


def is_int(value: Any) -> bool:
    """Whether this counts pixels: any integer, but no bool."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether this is a real number that a float can be, but no bool."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    try:
        float(value)
    except OverflowError:  # of an int
        return False
    return True


def as_bool(value: Any, name: str) -> bool:
    """The truth value, NumPy's too; TypeError for anything else, for "no" would be true."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def as_antialias(value: Any) -> bool | None:
    """The truth value or None, as torchvision has it; TypeError for anything else."""
    if value is not None and not isinstance(value, bool | np.bool_):
        raise TypeError(f"antialias must be True, False or None; got {value!r}")
    return None if value is None else bool(value)


def as_finite(value: Any, name: str) -> float:
    """The number; ValueError for NaN and infinity, TypeError for what is none."""
    if not is_number(value):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return float(value)


def is_list(value: Any) -> bool:
    """Whether this is a sequence of values; text and bytes are not."""
    return isinstance(value, Sequence) and not isinstance(value, _TEXT)


def is_one_of(value: Any, names: Collection[str | None]) -> bool:
    """Whether this is one of those names, or None where that is one.

    Arrays, which would be compared entry by entry, are none.
    """
    return (value is None or isinstance(value, str)) and value in names


def as_numbers(values: Any, name: str) -> list[float]:
    """The numbers, of one or several, also in a tensor or an array of one dimension; ValueError for infinity and NaN,
    TypeError for what are none."""
    plain = _plain(values)
    is_row = isinstance(plain, Iterable) and not isinstance(plain, (*_TEXT, Mapping))
    each = [_plain(one) for one in plain] if is_row else [plain]
    if not all(is_number(one) for one in each):
        raise TypeError(f"{name} must be a number or a sequence of numbers, one for each channel; got {values!r}")
    if not each:
        raise ValueError(f"{name} must have a value for each channel, got {values!r}")
    return [as_finite(one, name) for one in each]


def _plain(value: Any) -> Any:
    """A number or lists of them for a tensor, an array, or a number of one of their types."""
    return value.tolist() if hasattr(value, "tolist") else value


def as_lengths(size: Any, name: str = "size", order: str = "(height, width)") -> list[int]:
    """[n] or [height, width] of an int or a sequence of one or two, all at least 1. order: what errors call the two."""
    values = list(size) if is_list(size) else [size]
    if not all(is_int(value) for value in values):
        raise TypeError(f"{name} must be an int or a sequence of one or two ints, got {size!r}")
    if len(values) not in (1, 2) or min(values) < 1:
        raise ValueError(f"{name} must be one or two ints {order}, each at least 1, got {size!r}")
    check_side(max(values), name)
    return [int(value) for value in values]


def as_size(size: Any, name: str = "size", order: str = "(height, width)") -> tuple[int, int]:
    """(height, width), or in another order; one number stands for both."""
    lengths = as_lengths(size, name, order)
    return lengths[0], lengths[-1]


def check_max_size(lengths: list[int] | None, max_size: Any) -> None:
    """ValueError unless max_size can limit the longer side beside that size."""
    if max_size is None:
        if lengths is None:
            raise ValueError("max_size must be given where size is None")
        return
    if not is_int(max_size):
        raise TypeError(f"max_size must be an int or None, got {max_size!r}")
    if max_size < 1:
        raise ValueError(f"max_size must be at least 1, got {max_size}")
    check_side(max_size, "max_size")
    if lengths is None:
        return
    if len(lengths) == 2:
        raise ValueError(f"max_size goes with a size for the shorter side alone, or None; got size={lengths}")
    if max_size <= lengths[0]:
        raise ValueError(f"max_size must be greater than the size of the shorter side, {lengths[0]}; got {max_size}")


def as_margins(padding: Any) -> Margins:
    """(left, top, right, bottom) of an int, [all], [left and right, top and bottom] or all four."""
    values = list(padding) if is_list(padding) else [padding]
    if not all(is_int(value) for value in values):
        raise TypeError(f"padding must be an int or a sequence of 1, 2 or 4 ints, got {padding!r}")
    numbers_ = [int(value) for value in values]
    check_side(max((abs(number) for number in numbers_), default=0), "padding")
    if len(numbers_) not in (1, 2, 4):
        raise ValueError(f"padding must be an int or a sequence of 1, 2 or 4 ints, got {len(numbers_)}: {padding!r}")
    if len(numbers_) == 4:
        left, top, right, bottom = numbers_
        return left, top, right, bottom
    return numbers_[0], numbers_[-1], numbers_[0], numbers_[-1]


def check_padding_mode(mode: Any) -> str:
    """The mode; ValueError unless it is one of the four."""
    if not is_one_of(mode, PADDING_MODES):
        raise ValueError(f"padding_mode must be one of {', '.join(PADDING_MODES)}; got {mode!r}")
    return str(mode)


def as_fill(fill: Any) -> Fill:
    """A number, or a list of one for each channel; None stands for 0."""
    if fill is None:
        return 0
    if is_number(fill):
        return fill  # type: ignore[no-any-return]
    if not is_list(fill) or not all(is_number(value) for value in fill):
        raise TypeError(f"fill must be a number or a sequence of numbers, one for each channel; got {fill!r}")
    if len(fill) == 0:
        raise ValueError("fill must have a value for each channel, got an empty sequence")
    return list(fill)


def fill_values(fill: Fill, channels: int) -> list[float]:
    """The value for each channel; ValueError if the number of values is not the image's."""
    values = list(fill) if isinstance(fill, list) else [fill]
    if len(values) not in (1, channels):
        raise ValueError(f"fill has {len(values)} values, the image has {channels} channels: {fill!r}")
    return values * channels if len(values) == 1 else values


def fill_levels(fill: Fill, channels: int) -> list[int]:
    """The level for each channel of an 8-bit image."""
    values = fill_values(fill, channels)
    if not all(0 <= value <= 255 for value in values):
        raise ValueError(f"fill must be in [0, 255] for an 8-bit image, got {fill!r}")
    return [int(value) for value in values]


def as_range(
    values: Any, name: str, lowest: float, lowest_counts: bool, most: float | None = None
) -> tuple[float, float]:
    """(low, high), low <= high, both finite, no lower than allowed and no higher; with ``most``, it may be (0, 0)."""
    if not is_list(values) or not all(is_number(value) for value in values):
        raise TypeError(f"{name} must be a sequence of two numbers (low, high), got {values!r}")
    more = f" <= {most}" if most is not None else " and high > 0" if lowest_counts and lowest <= 0 else ""
    wanted = f"{name} must be (low, high) with {lowest} {'<=' if lowest_counts else '<'} low <= high{more}"
    if len(values) != 2:
        raise ValueError(f"{wanted}, got {len(values)} values: {values!r}")
    low, high = float(values[0]), float(values[1])
    is_wrong_end = high <= 0 if most is None else high > most
    if not (low >= lowest if lowest_counts else low > lowest) or not low <= high < float("inf") or is_wrong_end:
        raise ValueError(f"{wanted}, got {values!r}")
    return low, high


def symmetric_range(values: Any, name: str) -> tuple[float, float]:
    """(low, high), or (-value, value) of one number that is not negative."""
    if is_number(values):
        if not 0 <= values < float("inf"):
            raise ValueError(f"{name} must not be negative and must be finite where it is one number, got {values!r}")
        values = (-float(values), float(values))
    if not is_list(values) or not all(is_number(value) for value in values):
        raise TypeError(f"{name} must be a number or two numbers (low, high), got {values!r}")
    if len(values) != 2 or not float("-inf") < values[0] <= values[1] < float("inf"):
        raise ValueError(f"{name} must be a number or (low, high) with low <= high, got {values!r}")
    if not float(values[1]) - float(values[0]) < float("inf"):
        raise ValueError(f"{name} must be a range of finite width, got {values!r}")
    return float(values[0]), float(values[1])


def as_parts(values: Any, name: str) -> tuple[float, float]:
    """(x, y) in parts of the sides; TypeError unless they are two numbers, ValueError outside of [0, 1]."""
    if not is_list(values) or len(values) != 2 or not all(is_number(value) for value in values):
        raise TypeError(f"{name} must be two numbers, for x and y; got {values!r}")
    if not all(0 <= value <= 1 for value in values):
        raise ValueError(f"{name} must be parts of the image's sides, in [0, 1]; got {values!r}")
    return float(values[0]), float(values[1])


def as_two_numbers(values: Any, name: str) -> tuple[float, float]:
    """(x, y) of those or of one number for both; ValueError for what is negative or infinite."""
    both = list(values) if is_list(values) else [values]
    if len(both) not in (1, 2) or not all(is_number(value) and 0 <= value < float("inf") for value in both):
        raise ValueError(f"{name} must be one number or two (x, y), none of them negative; got {values!r}")
    return float(both[0]), float(both[-1])


def as_callables(transforms: Any, name: str) -> list[Any]:
    """The transforms in a list of their own; TypeError for anything but a row of callables, ValueError for none."""
    is_no_row = isinstance(transforms, _TEXT) or getattr(transforms, "ndim", 1) == 0  # a tensor of one number
    if not isinstance(transforms, Iterable) or is_no_row:
        raise TypeError(f"transforms must be a sequence of callables, got {transforms!r}")
    steps = list(transforms)
    if not steps:
        raise ValueError(f"{name} needs at least one transform, got an empty sequence")
    for number, step in enumerate(steps):
        if not callable(step):
            raise TypeError(f"transforms[{number}] must be callable, got {step!r}")
    return steps


def as_probability(p: Any) -> float:
    """The probability; ValueError outside of [0, 1]."""
    if not is_number(p):
        raise TypeError(f"p must be a number in [0, 1], got {p!r}")
    if not 0 <= p <= 1:
        raise ValueError(f"p must be a probability, in [0, 1]; got {p!r}")
    return float(p)


def is_drawn(p: float, *ranges: tuple[float, float]) -> bool:
    """Whether anything is left to chance: if it is done at all, or what number of (low, high) it is done with."""
    return 0 < p < 1 or (p > 0 and any(low != high for low, high in ranges))


def check_side(value: int, name: str) -> None:
    """ValueError for more pixels a side than any image has."""
    if value > MOST_PIXELS_A_SIDE:
        raise ValueError(f"{name} must be at most {MOST_PIXELS_A_SIDE} pixels, no image has more a side; got {value}")


def check_most(value: float, most: float, name: str) -> None:
    """ValueError for what would take memory and time out of all proportion."""
    if value > most:
        raise ValueError(f"{name} must be at most {most}, got {value!r}")

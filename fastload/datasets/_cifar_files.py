"""CIFAR's files: pickles by Python 2 and a NumPy of its time, read without running anything that they name."""

from __future__ import annotations

import math
import pickle
import pickletools
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastload.datasets._download import damaged

_CHANNELS, _SIDE = 3, 32
_ROW_BYTES = _CHANNELS * _SIDE * _SIDE
_PROTOCOL = 2
_OPCODES = frozenset(ord(opcode.code) for opcode in pickletools.opcodes if opcode.proto <= _PROTOCOL)


class _Recorded:
    """An object of NumPy's as a pickle tells of it: what it is made of, and its state. Nothing is made."""

    state: Any = None

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _ForbiddenNameError(Exception):
    pass


class _Unpickler(pickle._Unpickler):
    """Of all the names there are it knows the three that an array needs, and these stand for no code of theirs.

    It is the one in Python, which takes 10 ms a file: in the one in C, or by the opcodes of later protocols, a few
    bytes ask for any amount of memory.
    """

    dispatch: ClassVar = {code: load for code, load in pickle._Unpickler.dispatch.items() if code in _OPCODES}
    _NAMES = frozenset({("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")})

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._NAMES:
            raise _ForbiddenNameError(f"it asks for {module}.{name}, which CIFAR's files do not, and which is not run")
        return _Recorded


def read_batch(path: str, classes: int) -> tuple[NDArray[np.uint8], list[int]]:
    """((N, 32, 32, 3) pixels, N labels from 0 to ``classes`` - 1) of a file of images.

    Raises RuntimeError, which names the file, if that is not what it holds.
    """
    content = _read(path)
    rows = _array(content.get("data"))
    if rows is None or rows.ndim != 2 or rows.shape[1] != _ROW_BYTES or len(rows) == 0:
        got = "none" if rows is None else f"{rows.shape}"
        raise damaged(path, f"its 'data' should be uint8, as an array of (images, {_ROW_BYTES}), but there is {got}")
    labels = content.get("labels", content.get("fine_labels"))
    if not isinstance(labels, list) or len(labels) != len(rows):
        got = str(len(labels)) if isinstance(labels, list) else "no list"
        raise damaged(path, f"its 'labels' or 'fine_labels' should be a list of {len(rows)}, but there is {got}")
    if not all(type(label) is int and 0 <= label < classes for label in labels):
        raise damaged(path, f"its labels should be ints from 0 to {classes - 1}, but there are others")
    images = rows.reshape(-1, _CHANNELS, _SIDE, _SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels


def read_names(path: str, key: str) -> list[str]:
    """The names of the classes, from a file that says what is in the others. Raises RuntimeError likewise."""
    names = _read(path).get(key)
    if not isinstance(names, list) or not names or not all(type(name) is str for name in names):
        raise damaged(path, f"its {key!r} should be a list of names, but there is none")
    return names


def _read(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        try:
            content = _Unpickler(file, encoding="latin1").load()
        except _ForbiddenNameError as error:
            raise damaged(path, str(error)) from None
        except Exception as error:  # bytes at random make pickle raise whatever there is
            raise damaged(
                path, f"it is no pickle of Python 2's, or cut short ({type(error).__name__}: {error})"
            ) from error
    if not isinstance(content, dict):
        raise damaged(path, f"it should hold a dict, but it holds {type(content).__name__}")
    return content


def _array(recorded: Any) -> NDArray[np.uint8] | None:
    """The array that a pickle tells of; None if it is anything but a whole one of uint8."""
    # State: version, shape, dtype, whether it lies in Fortran's order, and the bytes, which latin1 made a str of.
    match getattr(recorded, "state", None):
        case (1, tuple() as shape, _Recorded(arguments=("u1", *_)), bool() as is_fortran, str() as text):
            pass
        case _:
            return None
    content = text.encode("latin1", "ignore")  # what is left out shows in the length
    if not all(type(size) is int and size >= 0 for size in shape) or math.prod(shape) != len(content):
        return None
    return np.frombuffer(content, np.uint8).reshape(shape, order="F" if is_fortran else "C")

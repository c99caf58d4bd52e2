"""Arrays and tensors as a dataset: rows of the same number belong together."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from fastload._gather import NODE_MAKERS, Allocate, Node, as_index, fields_of


class ArrayDataset(Dataset[Any]):
    """Sample ``i`` is row ``i`` of each array: a tuple of rows, or a dict of them.

    ``ArrayDataset(images, labels)`` has tuples, ``ArrayDataset({"image": images, "label": labels})`` and
    ``ArrayDataset(image=images, label=labels)`` have dicts. The arrays are NumPy arrays, memory maps or CPU
    tensors of one length; they are neither copied nor converted. ``dataset[i]`` indexes each of them as
    it is: a row of a one-dimensional NumPy array is a NumPy scalar, a slice gives slices.

    Pickled (for spawned workers), a file-backed `numpy.memmap` travels as the name of its file, except one of
    mode "c", whose changes are not in the file.

    Raises ValueError for no arrays, arrays of different lengths, of zero dimensions, or of Python objects;
    TypeError for anything but arrays and tensors.
    """

    def __init__(self, *arrays: Any, **named: Any) -> None:
        if arrays and named:
            raise ValueError("pass arrays by position or by name, not both")
        if len(arrays) == 1 and isinstance(arrays[0], Mapping):
            named, arrays = dict(arrays[0]), ()
        self.arrays: tuple[Any, ...] | dict[str, Any] = named or arrays
        self._columns = list(named.values() if named else arrays)
        for key, array in named.items() if named else enumerate(arrays):
            _require_array(key, array)
        _require_one_length(self.arrays)
        self._node: Node | None = None

    def __len__(self) -> int:
        return len(self._columns[0])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.arrays, dict):
            return {name: array[index] for name, array in self.arrays.items()}
        return tuple(array[index] for array in self.arrays)

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        return [self[index] for index in indices]

    def __getbatch__(self, indices: Any, allocate: Allocate) -> Any:
        """``default_collate([self[i] for i in indices])``, its tensors from ``allocate(shape, dtype)``.

        NotImplemented if ``indices`` is no list of ints, or an array is of a type or layout that is collated
        sample by sample.
        """
        if self._node is None:
            self._node = fields_of(self.arrays, len(self))
        index = as_index(indices)
        if self._node is None or index is None:
            return NotImplemented
        return self._node.batch(index, allocate)

    def __repr__(self) -> str:
        names = list(self.arrays) if isinstance(self.arrays, dict) else [""] * len(self._columns)
        described = [
            f"{name}{'=' if name else ''}{array.dtype}{tuple(array.shape)}"
            for name, array in zip(names, self._columns, strict=True)
        ]
        return f"ArrayDataset({', '.join(described)})"

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_node": None}
        del state["_columns"]
        if isinstance(self.arrays, dict):
            state["arrays"] = {name: _portable(array) for name, array in self.arrays.items()}
        else:
            state["arrays"] = tuple(map(_portable, self.arrays))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        arrays = state.pop("arrays")
        if isinstance(arrays, dict):
            self.arrays = {name: _restored(array) for name, array in arrays.items()}
            self._columns = list(self.arrays.values())
        else:
            self.arrays = tuple(map(_restored, arrays))
            self._columns = list(self.arrays)
        self.__dict__.update(state)


NODE_MAKERS[ArrayDataset] = lambda dataset: fields_of(dataset.arrays, len(dataset))


def _require_array(key: Any, array: Any) -> None:
    if not isinstance(array, (np.ndarray, torch.Tensor)):
        raise TypeError(
            f"array {key!r} is a {type(array).__name__}; pass a NumPy array or a tensor, such as numpy.asarray(...)"
        )
    if array.ndim == 0:
        raise ValueError(f"array {key!r} has no dimensions, so no rows; pass arrays of at least one dimension")
    if isinstance(array, np.ndarray) and array.dtype.hasobject:
        raise ValueError(
            f"array {key!r} holds Python objects (dtype {array.dtype}); convert it to a number type, or keep the "
            "objects in a fastload.SharedList"
        )


def _require_one_length(arrays: tuple[Any, ...] | dict[str, Any]) -> None:
    if not arrays:
        raise ValueError("no arrays given; pass at least one, as in ArrayDataset(images, labels)")
    lengths = {key: len(array) for key, array in (arrays.items() if isinstance(arrays, dict) else enumerate(arrays))}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"arrays must have as many rows as each other, got {lengths}")


def _portable(array: Any) -> Any:
    """What to pickle for an array: how to map it again, if it is a view of a file."""
    owner: Any = array
    while isinstance(owner, np.ndarray) and not isinstance(owner, np.memmap):
        owner = owner.base
    mapping = getattr(owner, "_mmap", None)
    if not isinstance(mapping, mmap.mmap) or owner.filename is None or owner.mode == "c" or not array.size:
        return array
    map_address = np.frombuffer(mapping, dtype=np.uint8).__array_interface__["data"][0]
    map_start = owner.offset - owner.offset % mmap.ALLOCATIONGRANULARITY
    first, end = _byte_bounds(array)
    here = array.__array_interface__["data"][0]
    return _FileView(
        path=os.fspath(owner.filename),
        mode="r" if owner.mode == "r" or not array.flags.writeable else "r+",
        start=map_start + first - map_address,
        nbytes=end - first,
        origin=here - first,
        shape=array.shape,
        strides=array.strides,
        dtype=array.dtype,
    )


class _FileView:
    """An array in a file: its bytes, and how they are to be seen."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def open(self) -> NDArray[Any]:
        fields = self.__dict__
        whole = np.memmap(
            fields["path"], dtype=np.uint8, mode=fields["mode"], offset=fields["start"], shape=(fields["nbytes"],)
        )
        return np.ndarray(
            fields["shape"], fields["dtype"], buffer=whole, offset=fields["origin"], strides=fields["strides"]
        )


def _restored(array: Any) -> Any:
    return array.open() if isinstance(array, _FileView) else array


_byte_bounds: Callable[[NDArray[Any]], tuple[int, int]] = (
    np.lib.array_utils.byte_bounds if hasattr(np.lib, "array_utils") else np.byte_bounds  # type: ignore[attr-defined]
)

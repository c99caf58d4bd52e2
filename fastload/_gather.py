"""Whole batches of in-memory datasets in one call, equal to collating their samples one by one.

A dataset that qualifies becomes a small tree of nodes, made once an epoch:

    Column      one tensor or array: a batch is a copy of its rows
    Fields      a tuple or dict of nodes side by side: TensorDataset, StackDataset, ArrayDataset
    Chosen      a node seen through a list of indices: Subset
    Joined      nodes one after the other: ConcatDataset
    Foreign     a dataset with ``__getbatch__``
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import ConcatDataset, StackDataset, Subset, TensorDataset

from fastload import _core
from fastload._index_batches import IndexBatch, as_list
from fastload.memory._arena import allocating_in

Allocate = Callable[[tuple[int, ...], torch.dtype], torch.Tensor]
Indices = NDArray[np.int64]
# What a batch of a node is made of: a Column's (row shape, dtype), a list or dict of these; None: not known.
Spec = Any

# What default_collate makes of NumPy values. Anything else it converts or refuses, sample by sample.
TORCH_DTYPES = {
    np.dtype(str(dtype).removeprefix("torch.")): dtype
    for dtype in (
        *(torch.bool, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.uint8, torch.uint16, torch.uint32, torch.uint64),
        *(torch.float16, torch.float32, torch.float64, torch.complex64, torch.complex128),
    )
}


def batch_getter(dataset: Any) -> Callable[[Any, Allocate], Any] | None:
    """``getter(indices, allocate)`` that returns the batch of ``dataset`` for those indices; None if there is none.

    The batch equals ``default_collate([dataset[i] for i in indices])``, its tensors came from ``allocate``.
    The getter returns NotImplemented for indices that are no list of exact ints (fetch sample by sample then),
    and raises IndexError for one out of range. It sees the dataset as it was when the getter was made.
    """
    node = node_of(dataset)
    if isinstance(node, Foreign):
        return lambda indices, allocate: _batch_of(dataset, as_list(indices), allocate)
    return None if node is None else NodeBatches(node)


@dataclass(frozen=True)
class NodeBatches:
    """What `batch_getter` returns for all but ``__getbatch__``."""

    node: Node

    def __call__(self, indices: Any, allocate: Allocate) -> Any:
        index = as_index(indices)
        return NotImplemented if index is None else self.node.batch(index, allocate)


def _batch_of(dataset: Any, indices: list[int], allocate: Allocate) -> Any:
    """What ``__getbatch__`` gives. A user's may keep its batches, or change them later: they are not locked."""
    is_own = (getattr(type(dataset).__getbatch__, "__module__", None) or "").startswith("fastload.")
    with nullcontext() if is_own else allocating_in(None):
        return dataset.__getbatch__(indices, allocate)


def offers_batches(dataset: Any) -> bool:
    """Whether ``__getbatch__`` speaks for this dataset.

    It does not if a subclass redefined what a sample is, and left ``__getbatch__`` to its base.
    """
    for kind in type(dataset).__mro__:
        if "__getbatch__" in kind.__dict__:
            return kind.__dict__["__getbatch__"] is not None
        if "__getitem__" in kind.__dict__ or "__getitems__" in kind.__dict__:
            return False
    return False


def as_index(indices: Any) -> Indices | None:
    """An index batch as an int64 array; None if it is empty, or not a list (or int64 array) of exact ints."""
    if type(indices) is list:
        index: Indices | None = _core.index_array(indices)
    elif type(indices) in (np.ndarray, IndexBatch) and indices.dtype == np.int64 and indices.ndim == 1:
        index = np.ascontiguousarray(indices)
    else:
        return None
    return None if index is None or not len(index) else index


class Node(Protocol):
    """A source of batches; ``batch`` may return NotImplemented, ``fill`` is there for nodes with a ``spec``."""

    spec: Spec

    def __len__(self) -> int: ...

    def batch(self, index: Indices, allocate: Allocate) -> Any: ...

    def fill(self, index: Indices, out: Any, positions: Indices | None) -> None:
        """Write the batch to ``out`` (made for ``spec``), or to its rows ``positions``."""


class Column:
    """The rows of one tensor or array."""

    def __init__(self, source: Any, dtype: torch.dtype) -> None:
        self.source = source
        self.row_shape = tuple(source.shape[1:])
        self.dtype = dtype
        self.spec: Spec = (self.row_shape, dtype)

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, index: Indices, allocate: Allocate) -> torch.Tensor:
        out = allocate((len(index), *self.row_shape), self.dtype)
        _core.gather(self.source, index, out)
        return out

    def fill(self, index: Indices, out: torch.Tensor, positions: Indices | None) -> None:
        _core.gather(self.source, index, out, positions)


class Fields:
    """Nodes side by side. A sample is a tuple (so that a batch is a list) or a dict."""

    def __init__(self, parts: dict[Any, Node], length: int, is_dict: bool) -> None:
        self.parts = parts
        self.length = length
        self.is_dict = is_dict
        known = all(part.spec is not None for part in parts.values())
        self.spec: Spec = self.shaped({key: part.spec for key, part in parts.items()}) if known else None

    def __len__(self) -> int:
        return self.length

    def batch(self, index: Indices, allocate: Allocate) -> Any:
        fields = {}
        for key, part in self.parts.items():
            fields[key] = part.batch(index, allocate)
            if fields[key] is NotImplemented:
                return NotImplemented
        return self.shaped(fields)

    def fill(self, index: Indices, out: Any, positions: Indices | None) -> None:
        for key, part in self.parts.items():
            part.fill(index, out[key], positions)

    def shaped(self, fields: dict[Any, Any]) -> Any:
        """The parts as a batch has them: a dict, or a list for a tuple."""
        return fields if self.is_dict else list(fields.values())


class Chosen:
    """A node's rows by way of a table of their numbers."""

    def __init__(self, node: Node, table: Indices) -> None:
        self.node = node
        self.table = table
        self.spec: Spec = node.spec

    def __len__(self) -> int:
        return len(self.table)

    def batch(self, index: Indices, allocate: Allocate) -> Any:
        return self.node.batch(self.translated(index), allocate)

    def fill(self, index: Indices, out: Any, positions: Indices | None) -> None:
        self.node.fill(self.translated(index), out, positions)

    def translated(self, index: Indices) -> Indices:
        """The node's row numbers for these of its own."""
        translated = np.empty_like(index)
        _core.gather(self.table, index, translated)
        return translated


class Joined:
    """Nodes of one spec, one after the other."""

    def __init__(self, nodes: list[Node], ends: list[int]) -> None:
        self.nodes = nodes
        self.ends: Indices = np.asarray(ends, dtype=np.int64)
        self.starts: Indices = np.concatenate(([0], self.ends[:-1]))
        self.spec: Spec = nodes[0].spec

    def __len__(self) -> int:
        return int(self.ends[-1])

    def batch(self, index: Indices, allocate: Allocate) -> Any:
        if int(index.min()) < -len(self) or int(index.max()) >= len(self):
            return NotImplemented  # the dataset has its own exceptions for these
        out = new_batch(self.spec, len(index), allocate)
        self.fill(index, out, np.arange(len(index)))
        return out

    def fill(self, index: Indices, out: Any, positions: Indices | None) -> None:
        positions = np.arange(len(index)) if positions is None else positions
        index = np.where(index < 0, index + len(self), index)
        if index.size and (int(index.min()) < 0 or int(index.max()) >= len(self)):
            raise IndexError(f"an index is out of bounds for length {len(self)}")
        owner = np.searchsorted(self.ends, index, side="right")
        for number, node in enumerate(self.nodes):
            mine = np.flatnonzero(owner == number)
            if len(mine):
                node.fill(index[mine] - self.starts[number], out, positions[mine])


@dataclass
class Foreign:
    """A part that makes its own batches."""

    dataset: Any
    spec: Spec = None

    def __len__(self) -> int:
        return len(self.dataset)

    def batch(self, index: Indices, allocate: Allocate) -> Any:
        return _batch_of(self.dataset, index.tolist(), allocate)

    def fill(self, index: Indices, out: Any, positions: Indices | None) -> None:
        raise NotImplementedError("a node without a spec is never joined")


def new_batch(spec: Spec, rows: int, allocate: Allocate) -> Any:
    """An uninitialised batch of that many rows."""
    if isinstance(spec, list):
        return [new_batch(part, rows, allocate) for part in spec]
    if isinstance(spec, dict):
        return {key: new_batch(part, rows, allocate) for key, part in spec.items()}
    row_shape, dtype = spec
    return allocate((rows, *row_shape), dtype)


def node_of(dataset: Any) -> Node | None:
    """The node of a dataset, or of a tensor or array in the place of one; None if it does not qualify."""
    make_node = NODE_MAKERS.get(type(dataset))
    if make_node is not None:
        return make_node(dataset)
    return Foreign(dataset) if offers_batches(dataset) else None


def column_of(source: Any) -> Column | None:
    """None unless the rows are dense, in CPU memory, and collated by torch without a change of dtype."""
    dtype = _tensor_dtype(source) if isinstance(source, torch.Tensor) else _array_dtype(source)
    return None if dtype is None else Column(source, dtype)


def fields_of(parts: Any, length: int) -> Fields | None:
    """Parts side by side, from a tuple or dict of them; None if one does not qualify."""
    is_dict = type(parts) is dict
    if not parts or not (is_dict or type(parts) in (tuple, list)):
        return None
    nodes: dict[Any, Node] = {}
    for key, part in parts.items() if is_dict else enumerate(parts):
        node = node_of(part)
        if node is None:
            return None
        nodes[key] = node
    return Fields(nodes, length, is_dict)


def _tensor_dtype(tensor: torch.Tensor) -> torch.dtype | None:
    plain = (
        tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and tensor.dim() > 0
        and not (tensor.requires_grad or tensor.is_quantized or tensor.is_conj() or tensor.is_neg())
        and not tensor.is_nested
    )
    return tensor.dtype if plain and (not len(tensor) or tensor[0].is_contiguous()) else None


def _array_dtype(array: NDArray[Any]) -> torch.dtype | None:
    if array.ndim == 0 or (array.ndim == 1 and array.dtype == np.uint64):  # torch refuses np.uint64 scalars
        return None
    dense = array.ndim == 1 or not len(array) or array[0].flags.c_contiguous
    return TORCH_DTYPES.get(array.dtype) if dense and array.dtype.isnative else None


def _chosen(subset: Subset[Any]) -> Chosen | None:
    node = node_of(subset.dataset)
    table = None if node is None else index_table(subset.indices)
    return None if node is None or table is None else Chosen(node, table)


def index_table(indices: Any) -> Indices | None:
    """The indices of a Subset as an array, if each of them means one row."""
    if isinstance(indices, torch.Tensor):
        signed = indices.dtype in (torch.int64, torch.int32, torch.int16) and indices.device.type == "cpu"
        indices = indices.numpy() if signed and type(indices) is torch.Tensor else None
    if type(indices) is np.ndarray:
        fits = indices.ndim == 1 and indices.dtype.kind == "i"
        return np.ascontiguousarray(indices, dtype=np.int64) if fits else None
    if type(indices) is range:
        return np.arange(indices.start, indices.stop, indices.step, dtype=np.int64)
    if type(indices) is tuple:
        indices = list(indices)
    return _core.index_array(indices) if type(indices) is list else None


def _joined(concat: ConcatDataset[Any]) -> Joined | None:
    nodes: list[Node] = []
    for dataset in concat.datasets:
        node = node_of(dataset)
        # Compared as text: two dicts that differ in the order of their keys are not one batch.
        if node is None or node.spec is None or (nodes and repr(node.spec) != repr(nodes[0].spec)):
            return None
        nodes.append(node)
    return Joined(nodes, concat.cumulative_sizes)


# By exact type: a subclass may mean something else by a sample.
NODE_MAKERS: dict[type, Callable[[Any], Node | None]] = {
    torch.Tensor: column_of,
    np.ndarray: column_of,
    np.memmap: column_of,
    TensorDataset: lambda dataset: fields_of(dataset.tensors, len(dataset) if dataset.tensors else 0),
    StackDataset: lambda dataset: fields_of(dataset.datasets, len(dataset)),
    Subset: _chosen,
    ConcatDataset: _joined,
}

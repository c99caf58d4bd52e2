"""What draws from a sampler's weights: made when it is first needed, kept while the weights stay the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._core import AliasTable, WeightTree, check_weights

Weights = NDArray[np.float64]
Versioned = tuple[torch.Tensor, int]  # weights, and how many changes torch had counted


class WeightTables:
    """The alias table of a sampler's weights; once single weights have changed, the tree that follows them.

    A copy, as pickle and copy.deepcopy make one, builds its own from the weights it comes with.
    """

    def __init__(self) -> None:
        self.tree: WeightTree | None = None
        self._tree_of: Versioned | None = None
        self._tree_wanted = False
        self._alias: AliasTable | None = None
        self._alias_of: Versioned | None = None

    def __getstate__(self) -> bool:
        return self.tree is not None

    def __setstate__(self, tree_wanted: bool) -> None:
        self.__init__()  # type: ignore[misc]
        self._tree_wanted = tree_wanted

    def alias(self, weights: torch.Tensor) -> AliasTable:
        """The table of these weights, a new one if torch knows of a change in them."""
        if self._alias is None or not _unchanged(self._alias_of, weights):
            self._alias, self._alias_of = AliasTable(as_array(weights)), _versioned(weights)
        return self._alias

    def following(self, weights: torch.Tensor) -> WeightTables:
        """The tables for an order that begins now: others if the weights are another tensor, or torch changed them."""
        if self.tree is not None and not _unchanged(self._tree_of, weights):
            return WeightTables()
        if self._tree_wanted:
            self.grow_tree(weights)
        return self

    def grow_tree(self, weights: torch.Tensor) -> None:
        """From now on draw from a tree of these weights."""
        if not _unchanged(self._tree_of, weights):
            self.tree, self._tree_of = WeightTree(as_array(weights)), _versioned(weights)
        self._tree_wanted = False
        self._alias = self._alias_of = None

    def change(self, weights: torch.Tensor, indices: NDArray[np.int64], changed: Weights) -> None:
        """``changed`` have become the weights of ``indices``, in ``weights`` too."""
        if self.tree is not None and _unchanged(self._tree_of, weights):
            self.tree.update(indices, changed)
        else:
            self.grow_tree(weights)


def _versioned(weights: torch.Tensor) -> Versioned:
    # torch counts no changes of a tensor made in inference mode.
    return weights, 0 if weights.is_inference() else weights._version


def _unchanged(known: Versioned | None, weights: torch.Tensor) -> bool:
    return known is not None and known[0] is weights and known[1] == _versioned(weights)[1]


def as_array(weights: torch.Tensor) -> Weights:
    """The weights as the C++ side reads them; not copied if they are contiguous float64 on the CPU."""
    return np.ascontiguousarray(weights.detach().cpu().numpy(), dtype=np.float64)


def require_drawable(weights: Weights, num_samples: int, replacement: bool) -> None:
    """ValueError, with the numbers, unless so many can be drawn from these weights."""
    if len(weights) == 0:
        raise ValueError("weights must not be empty: there is nothing to draw")
    positive = check_weights(weights)
    if positive == 0:
        raise ValueError(f"all {len(weights)} weights are zero: at least one must be above zero")
    if not replacement and num_samples > positive:
        raise ValueError(
            f"cannot draw num_samples={num_samples} without replacement from {positive} weights above zero "
            f"({len(weights)} weights in all); draw fewer, or use replacement=True"
        )


def checked_update(indices: Any, weights: Any, length: int) -> tuple[NDArray[np.int64], Weights]:
    """Indices and their new weights as arrays of one length; one weight may stand for all."""
    at, new = _numbers(indices), np.asarray(_plain(weights), dtype=np.float64)
    if at.ndim > 1 or new.ndim > 1 or (new.ndim == 1 and new.shape != np.atleast_1d(at).shape):
        raise ValueError(
            "update takes one index or a 1-d array of them, and one weight or as many as indices; "
            f"got indices of shape {at.shape} and weights of shape {new.shape}"
        )
    at = np.atleast_1d(at)
    wrong = np.flatnonzero((at < 0) | (at >= length))
    if len(wrong):
        raise ValueError(f"index {at[wrong[0]]} is out of range for {length} weights")
    new = np.ascontiguousarray(np.broadcast_to(new, at.shape))
    bad = np.flatnonzero(~(np.isfinite(new) & (new >= 0)))
    if len(bad):
        raise ValueError(f"weights must be finite and not negative, got {new[bad[0]]} for index {at[bad[0]]}")
    return at, new


def _numbers(indices: Any) -> NDArray[np.int64]:
    array = np.asarray(_plain(indices))
    if array.dtype.kind not in "iu" and array.size:
        raise ValueError(f"indices must be integers, got {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.int64) if array.ndim else array.astype(np.int64)


def _plain(values: Any) -> Any:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values

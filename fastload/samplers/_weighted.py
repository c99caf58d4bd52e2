"""`WeightedRandomSampler`: torch's draws at any scale, and weights that change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.utils.data

from fastload.samplers._check_state import checked_state
from fastload.samplers._generators import generator_state, set_generator_state
from fastload.samplers._keys import order_key
from fastload.samplers._order import EQUIVALENTS, ArraySampler, Order, State
from fastload.samplers._weight_tables import WeightTables, as_array, checked_update, require_drawable
from fastload.samplers._weighted_orders import keyed_order, torch_order

METHODS = ("torch", "alias")
TORCH_LIMIT = 1 << 24  # torch.multinomial takes no more weights


class WeightedRandomSampler(ArraySampler, torch.utils.data.WeightedRandomSampler):
    """Indices of ``weights``, each drawn with a chance in proportion to its weight.

    The arguments, the order and the numbers drawn are those of torch's WeightedRandomSampler. With replacement
    (but for a single draw) the order is computed as it is read, from 12 bytes a weight, not held as a whole.

    method="alias": draws in float64 that are a function of a key and a position. Any position is there at once; the
        key is drawn at the start of each epoch, as torch's RandomSampler draws its seed. With replacement by the
        alias method, from 12 bytes a weight, for up to 2^32 weights; without, by exponential keys (32 bytes for each
        sample). This is also how more weights are drawn than torch takes, 2^24. The table is kept from epoch to
        epoch: change weights by `update`, by torch's operations, or assign new ones to ``weights``.

    Raises what torch raises for torch's arguments, and ValueError, with the numbers, for weights that cannot be drawn
    from: none, negative ones, NaN or infinity, only zeros, fewer above zero than are drawn without replacement.
    """

    def __init__(
        self,
        weights: Sequence[float] | torch.Tensor,
        num_samples: int,
        replacement: bool = True,
        generator: Any = None,
        *,
        method: Literal["torch", "alias"] = "torch",
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"method must be 'torch' or 'alias', got {method!r}")
        super().__init__(weights, num_samples, replacement, generator)  # type: ignore[arg-type]
        require_drawable(as_array(self.weights), num_samples, replacement)
        self.method = method
        self._tables = WeightTables()
        self._own_weights: torch.Tensor | None = None

    def update(self, indices: Any, weights: Any) -> None:
        """Let ``weights`` be the weights of ``indices``: an int and a number, or arrays; one number serves for all.

        With replacement it takes effect from the next index batch that is read, ``prefetch_factor * num_workers``
        batches before its batch is delivered; in a plain ``for index in sampler``, from the next 4096 indices on.
        From the first change on, draws come from a tree of sums: the time of a change and of a draw grows with the
        logarithm of the number of weights. The random numbers remain those of the order, so with unchanged weights
        it goes on as it would have. After torch's operations on ``weights`` draws come from a table once more, from
        the next epoch on. Without replacement an epoch's order is drawn at its start, and a change takes
        effect in the next one.

        The caller's own tensor or array of weights is not written to; ``sampler.weights`` holds the changed ones.
        They are no part of a state. To resume after a change, make the sampler from the weights of that moment: the
        state knows that they had changed. All that comes after the state is then drawn from them, also the batches
        that workers had been sent before the change, which without a restart would have come from the old weights.

        ValueError for an index out of range, and for weights that are negative, infinite or no number. Weights that
        are all zero are an error when they are drawn from, not before.
        """
        at, new = checked_update(indices, weights, len(self.weights))
        if self._own_weights is not self.weights:
            self.weights = self._own_weights = self.weights.detach().cpu().clone()
        self.weights.numpy()[at] = new
        if self.replacement:
            self._tables.change(self.weights, at, new)

    def order(self, generator: torch.Generator | None = None, state: State | None = None) -> Order:
        settings = self._settings()
        if state is not None:
            checked_state(state, settings, "WeightedRandomSampler")
        self._tables = self._tables.following(self.weights)
        if state is not None and state.get("updated"):
            self._tables.grow_tree(self.weights)
        shared = self.generator if generator is None else generator
        make = self._alias_order if settings["method"] == "alias" else self._torch_order
        return make(settings, shared, state)

    def _settings(self) -> State:
        past_torch = len(self.weights) > TORCH_LIMIT
        return {
            "kind": "weighted",
            "method": "alias" if past_torch else self.method,
            "weights": len(self.weights),
            "num_samples": self.num_samples,
            "replacement": self.replacement,
        }

    def _torch_order(self, settings: State, shared: torch.Generator | None, state: State | None) -> Order:
        if state is not None:
            # torch's default generator is everybody's: it is not set back for a sampler that only draws from it.
            shared = torch.Generator(self.weights.device) if shared is None else shared
            set_generator_state(shared, state["generator"])
        elif shared is None:
            shared = _default_generator(self.weights.device)
        made = {**settings, "generator": generator_state(shared)}
        return torch_order(self._tables, made, self.weights, shared, self.replacement)

    def _alias_order(self, settings: State, shared: torch.Generator | None, state: State | None) -> Order:
        key, made = order_key(settings, shared, state)
        return keyed_order(self._tables, made, self.weights, key, self.replacement)


def _default_generator(device: torch.device) -> torch.Generator:
    if device.type != "cuda":
        return torch.default_generator
    index = torch.cuda.current_device() if device.index is None else device.index
    return torch.cuda.default_generators[index]


def _equivalent(sampler: Any) -> ArraySampler:
    # Not by the constructor: torch finds fault with weights only when it draws, and in its own words.
    equivalent = WeightedRandomSampler.__new__(WeightedRandomSampler)
    vars(equivalent).update(vars(sampler), method="torch", _tables=WeightTables(), _own_weights=None)
    return equivalent


EQUIVALENTS[torch.utils.data.WeightedRandomSampler] = _equivalent

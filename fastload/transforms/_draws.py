"""torch's random functions with generators of one's own, in code that asks for none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_NAMES = (
    *("rand", "randn", "randint", "randperm", "normal", "bernoulli", "binomial", "multinomial", "poisson"),
    *("_sample_dirichlet", "_standard_gamma"),  # which torch.distributions draw from
    *("uniform_", "normal_", "random_", "bernoulli_", "exponential_", "geometric_", "cauchy_", "log_normal_"),
)
_DRAWS = {getattr(owner, name) for owner in (torch, torch.Tensor) for name in _NAMES if hasattr(owner, name)}
# Those of older torch take no generator.
_LIKE: dict[Any, Callable[..., torch.Tensor]] = {
    torch.rand_like: torch.rand,
    torch.randn_like: torch.randn,
    torch.randint_like: torch.randint,
}


class DrawsFrom(TorchFunctionMode):
    """Inside, this thread draws what torch's default generators would give after `torch.manual_seed(seed)`.

    Those stay as they are, and other threads have theirs. Given generators are drawn from. What torch draws without
    being called from Python for it (dropout, scripted functions) still comes from the default ones.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed
        self._generators: dict[torch.device, torch.Generator] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = {} if kwargs is None else kwargs
        if func in _LIKE:
            func, args, kwargs = _of_a_shape(func, args, kwargs)
        if func in _DRAWS and kwargs.get("generator") is None:
            kwargs = {**kwargs, "generator": self._generator(_device_of(args, kwargs))}
        return func(*args, **kwargs)

    def _generator(self, device: torch.device) -> torch.Generator:
        known = self._generators.get(device)
        if known is None:
            known = self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return known


def _of_a_shape(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, tuple[Any, ...], Any]:
    """The call without the tensor that it takes the shape from."""
    kwargs = {name: value for name, value in kwargs.items() if name != "memory_format"}
    like, *others = args if args else (kwargs.pop("input"),)
    for name in ("dtype", "device"):
        if kwargs.get(name) is None:
            kwargs[name] = getattr(like, name)
    return _LIKE[func], tuple(others), {**kwargs, "size": tuple(like.shape)}


def _device_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device:
    if kwargs.get("device") is not None:
        return torch.device(kwargs["device"])
    for value in (*args, *kwargs.values()):
        if isinstance(value, torch.Tensor):
            return value.device
    return torch.get_default_device()

"""Functions of the user get in containers what torchvision's containers give them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torchvision_without_kernels import v2

from fastload import transforms as T


@pytest.mark.parametrize("name", ["RandomChoice", "RandomOrder", "RandomApply"])
@pytest.mark.parametrize("inputs", [(torch.zeros(3, 4, 5), 7), ((torch.zeros(3, 4, 5), 7),)], ids=["parts", "whole"])
def test_as_torchvision_calls_them(name: str, inputs: tuple[Any, ...]) -> None:
    calls: list[tuple[Any, ...]] = []

    def noted(*parts: Any) -> Any:
        calls.append(parts)
        return parts if len(parts) > 1 else parts[0]

    arguments = {"p": 1.0} if name == "RandomApply" else {}
    for library in (v2, T):
        getattr(library, name)([noted], **arguments)(*inputs)
    theirs, ours = ([np.shape(part) for part in parts] if len(parts) > 1 else type(parts[0]) for parts in calls)
    assert ours == theirs

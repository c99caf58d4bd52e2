"""What tests on a CUDA device have in common."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import Dataset

SHAPE = (3, 128, 128)
BUSY_CYCLES = 2_000_000  # about a millisecond


class Images(Dataset[Any]):
    """What is in image i depends on i and on the place; small values go beside it."""

    def __init__(self, length: int = 64) -> None:
        self.length = length
        self.pattern = torch.arange(SHAPE[0] * SHAPE[1] * SHAPE[2], dtype=torch.float32).view(SHAPE)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": self.pattern + index, "label": index, "weight": torch.tensor([index / 7]), "name": str(index)}


def on_cpu(batch: Any) -> Any:
    return {name: value.cpu() if isinstance(value, torch.Tensor) else value for name, value in batch.items()}


def assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(found[name], value), name
            assert found[name].dtype == value.dtype
        else:
            assert found[name] == value


WAYS = [
    {"num_workers": 0},
    {"num_workers": 2},
    {"num_workers": 2, "prefetch_factor": 4},
    {"num_workers": 2, "worker_type": "thread"},
    {"num_workers": 2, "persistent_workers": True},
]

"""A training script's first seconds, up to its first batch. Arguments: torch or fastload, and how long the script
is busy with other things (a model, say) between the loader's constructor and its first batch, in seconds."""

import sys
import time
from typing import Any

import torch
from torch.utils.data import Dataset

from benchmarks._child import say, wait
from benchmarks._peers import peer


class Numbers(Dataset[torch.Tensor]):
    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((4,), index)

    def __len__(self) -> int:
        return 512


def be_busy(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        torch.randn(200, 200).sum()


def main() -> None:
    loader_class = peer(sys.argv[1]).DataLoader
    busy_s = float(sys.argv[2])
    torch.manual_seed(0)

    def make_loader() -> Any:
        return loader_class(Numbers(), 32, shuffle=True, num_workers=2, multiprocessing_context="forkserver")

    if busy_s:
        loader = make_loader()
        be_busy(busy_s)
    say("ready")
    wait()
    if not busy_s:
        loader = make_loader()
    batches = iter(loader)
    say(next(batches).tolist())
    wait()


if __name__ == "__main__":
    main()

"""A training script's first seconds, up to its first batch. Argument: torch or fastload."""

import sys

import torch
from torch.utils.data import Dataset

from benchmarks._child import say, wait
from benchmarks._peers import peer


class Numbers(Dataset[torch.Tensor]):
    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((4,), index)

    def __len__(self) -> int:
        return 512


def main() -> None:
    loader_class = peer(sys.argv[1]).DataLoader
    torch.manual_seed(0)
    say("ready")
    wait()
    loader = loader_class(Numbers(), 32, shuffle=True, num_workers=2, multiprocessing_context="forkserver")
    batches = iter(loader)
    say(next(batches).tolist())
    wait()


if __name__ == "__main__":
    main()

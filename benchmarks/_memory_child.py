"""One epoch over two million strings; says what memory its four workers took.

Arguments: torch or fastload, list or SharedList.
"""

import hashlib
import sys
import warnings
from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from benchmarks._child import say
from benchmarks._peers import peer
from benchmarks._processes import children, private_bytes

STRINGS, BATCH_SIZE, WORKERS = 2_000_000, 10_000, 4


class Lengths(Dataset[int]):
    """The length of each string: reading one is enough to touch its reference count."""

    def __init__(self, strings: Sequence[str]) -> None:
        self.strings = strings

    def __getitem__(self, index: int) -> int:
        return len(self.strings[index])

    def __len__(self) -> int:
        return STRINGS


def main() -> None:
    warnings.simplefilter("ignore", UserWarning)  # torch: four workers are more than two cores
    name, container = sys.argv[1:]
    module = peer(name)
    paths = (f"/data/images/{'x' * (index % 17)}{index:08d}.jpg" for index in range(STRINGS))
    strings = list(paths) if container == "list" else module.SharedList(paths)
    torch.manual_seed(0)
    loader = module.DataLoader(
        Lengths(strings), BATCH_SIZE, shuffle=True, num_workers=WORKERS, multiprocessing_context="fork"
    )
    digest, nearly_all, private = hashlib.sha256(), len(loader) - WORKERS, 0
    for number, batch in enumerate(loader, 1):
        digest.update(batch.numpy().tobytes())
        if number == nearly_all:
            private = sum(private_bytes(child) for child in children())
    say({"private_bytes": private, "digest": digest.hexdigest()})


if __name__ == "__main__":
    main()

"""One epoch of a loader over a folder of photographs; says what memory it took beyond the imports, and how that grew.

Arguments: name of the loader, the folder.
"""

import sys
from pathlib import Path

from benchmarks._child import say
from benchmarks._image_chains import CHAINS, seed
from benchmarks._image_peers import MAKE
from benchmarks._processes import children, private_bytes

FIRST = 0.25  # of the epoch: caches fill, slots are made


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    seed()
    batches = MAKE[name](folder, CHAINS["training"])
    before = all_private_bytes()
    taken = [all_private_bytes() - before for _ in batches]
    first = int(FIRST * len(taken))
    say({"most": max(taken), "growth": max(taken[first:]) - max(taken[:first])})


def all_private_bytes() -> int:
    return sum(private_bytes(process) for process in [Path("/proc/self"), *children()])


if __name__ == "__main__":
    main()

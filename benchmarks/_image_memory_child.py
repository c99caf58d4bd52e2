"""One epoch of a loader over a folder of photographs; says what memory it took beyond the imports, and how that grew.

Arguments: name of the loader, the folder.
"""

import re
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
    before = all_bytes()
    taken = [all_bytes() - before for _ in batches]
    first = int(FIRST * len(taken))
    say({"most": max(taken), "growth": max(taken[first:]) - max(taken[:first])})


def all_bytes() -> int:
    """Private memory of this process and its children, and all shared memory of the machine: batches of torch's workers
    lie there, for a while in files that no process has mapped.
    """
    return sum(private_bytes(process) for process in [Path("/proc/self"), *children()]) + shared_bytes()


def shared_bytes() -> int:
    found = re.search(r"^Shmem:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()

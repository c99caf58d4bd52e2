"""One loader over a folder of photographs; each line it is sent is one epoch.

Arguments: name of the loader, training or validation, the folder, a small folder to compare with Pillow's output.
Says first what it is, or {"missing": why} if it is not installed.
"""

import sys
from pathlib import Path
from typing import Any

import fastload
from benchmarks._child import say, wait
from benchmarks._image_chains import CHAINS, FIXED, compare_with_pillow, seed
from benchmarks._image_peers import MAKE, Batches, versions


def main() -> None:
    name, chain, folder, small = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    seed()
    try:
        checked = None if name == "limit" else check(name, chain, small)
    except ImportError as error:
        say({"missing": str(error)})
        return
    batches = MAKE[name](folder, CHAINS[chain])
    say({"images": epoch(batches), "versions": versions(name), "check": checked})
    while wait():
        epoch(batches)
        say(stages(batches))


def check(name: str, chain: str, folder: Path) -> dict[str, Any]:
    batches = MAKE[name](folder, FIXED[chain])
    first, *_ = batches  # to the end: what persists goes on with the next epoch
    return compare_with_pillow(first, folder, FIXED[chain])


def epoch(batches: Batches) -> int:
    return sum(len(images) for images, _ in batches)


def stages(batches: Batches) -> dict[str, float]:
    """Seconds of each stage in the last epoch, summed over threads, of a loader that knows them."""
    return dict(batches.stats().stages) if isinstance(batches, fastload.DataLoader) else {}


if __name__ == "__main__":
    main()

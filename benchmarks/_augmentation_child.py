"""One library augmenting the same sample again and again, in one thread; each line it is sent is one turn.

Arguments: name of the library; or "transforms", for a table of single ones. Says first what it is, or
{"missing": why} if it is not installed.
"""

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch

from benchmarks._augmentation_chains import CHAINS, pairs, photograph, sample
from benchmarks._child import say, wait

SAMPLES = 40
ROUNDS = 9


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    try:
        import cv2

        cv2.setNumThreads(1)
        work = table if sys.argv[1] == "transforms" else chain(sys.argv[1])
    except ImportError as error:
        say({"missing": str(error)})
        return
    say({"samples": SAMPLES})
    while wait():
        say(work())


def chain(name: str) -> Callable[[], Any]:
    apply, one = CHAINS[name](), sample()
    apply(one)

    def work() -> None:
        for _ in range(SAMPLES):
            apply(one)

    return work


def table() -> dict[str, tuple[float, float]]:
    """Seconds of fastload and of Albumentations for one image of 512x512, by the transform's name."""
    image = photograph(512, 512)
    return {name: (median(ours, image), median(theirs, image)) for name, (ours, theirs) in pairs().items()}


def median(function: Callable[[Any], Any], image: Any) -> float:
    figures = []
    for number in range(ROUNDS + 2):
        begin = time.perf_counter()
        function(image)
        if number > 1:  # the first ones make what is kept
            figures.append(time.perf_counter() - begin)
    return statistics.median(figures)


if __name__ == "__main__":
    main()

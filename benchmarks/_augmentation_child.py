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
from benchmarks._augmentation_checks import check_pairs, check_sample
from benchmarks._child import say, wait

# Turns of a length: the first calls of one find the caches as another process has left them.
TURN = 0.25  # seconds
LEAST_SAMPLES = 40
# Of a single transform: the median of so many calls or more, as many as take so long.
ROUNDS, LONG_ENOUGH = 9, 0.01


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    try:
        import cv2

        cv2.setNumThreads(1)
        if sys.argv[1] == "transforms":
            check_pairs(pairs(), photograph(512, 512))
        work, samples = (table, 1) if sys.argv[1] == "transforms" else chain(sys.argv[1])
    except ImportError as error:
        say({"missing": str(error)})
        return
    say({"samples": samples})
    while wait():
        say(work())


def chain(name: str) -> tuple[Callable[[], Any], int]:
    """A turn, and how many samples it makes."""
    apply, one = CHAINS[name](), sample()
    for _ in range(LEAST_SAMPLES):
        made = apply(one)
        if name != "limit":
            check_sample(made)
    begin = time.perf_counter()
    for _ in range(LEAST_SAMPLES):
        apply(one)
    samples = max(LEAST_SAMPLES, round(LEAST_SAMPLES * TURN / (time.perf_counter() - begin)))

    def work() -> None:
        for _ in range(samples):
            apply(one)

    return work, samples


def table() -> dict[str, tuple[float, float]]:
    """Seconds of fastload and of Albumentations for one image of 512x512, by the transform's name."""
    image = photograph(512, 512)
    return {name: (median(ours, image), median(theirs, image)) for name, (ours, theirs) in pairs().items()}


def median(function: Callable[[Any], Any], image: Any) -> float:
    figures: list[float] = []
    for _ in range(2):  # the first calls make what is kept
        function(image)
    while len(figures) < ROUNDS or sum(figures) < LONG_ENOUGH:
        begin = time.perf_counter()
        function(image)
        figures.append(time.perf_counter() - begin)
    return statistics.median(figures)


if __name__ == "__main__":
    main()

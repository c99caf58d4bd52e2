"""A small training script that stands before its second epoch, again and again.

Arguments: torch, fastload or forks (the limit), then first_batch or whole_epoch. Of every three lines
it is sent, the first prepares, the second is what to time, the third cleans up.
"""

import os
import sys
from typing import Any

import torch
from torch.utils.data import TensorDataset

from benchmarks._child import say, wait
from benchmarks._limits import two_forks
from benchmarks._peers import peer


class Pictures(TensorDataset):
    """A subclass, which nothing may gather in one call: both sides fetch sample by sample."""


def after_one_epoch(name: str) -> Any:
    dataset = Pictures(torch.arange(256 * 3 * 32 * 32.0).reshape(256, 3, 32, 32), torch.arange(256))
    loader = peer(name).DataLoader(dataset, 32, num_workers=2, multiprocessing_context="fork")
    exhaust(loader)
    return loader


def exhaust(batches: Any) -> None:
    for _ in batches:
        pass


def round_of_loader(name: str, what: str) -> None:
    loader = after_one_epoch(name)
    say("ready")
    wait()
    if what == "whole_epoch":
        exhaust(loader)
        say("done")
    else:
        batches = iter(loader)
        next(batches)
        say("done")
    wait()  # the iterator and its workers live until then


def round_of_forks() -> None:
    say("ready")
    wait()
    two_forks()
    say("done")
    wait()


def main() -> None:
    name, what = sys.argv[1:]
    while wait():
        if name == "forks":
            round_of_forks()
        else:
            round_of_loader(name, what)
        say(os.getpid())


if __name__ == "__main__":
    main()

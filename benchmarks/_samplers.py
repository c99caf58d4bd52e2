"""The loaders whose index batches are measured, and the reports of processes that measured one each."""

import atexit
import functools
import itertools
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks._child import Child
from benchmarks._harness import Side
from benchmarks._peers import peer

BATCH_SIZE, RANKS = 256, 8
MOST_INDICES = 1_000_000  # twice as many are read behind the first batch
MOST_WEIGHTS = 1 << 24  # torch.multinomial takes no more
MOST_LISTED = 100_000_000  # a list of ten times as many Python ints takes 40 GB
MEMORY_FOR_1E9_WEIGHTS = 22e9

DOES_NOT_FIT, NOT_POSSIBLE = "does not fit", "not possible"


@dataclass(frozen=True)
class Case:
    """An order of ``length`` indices; a single round, of what takes long, has no warm-up before it."""

    sampler: str  # "shuffle", "feistel", "distributed" or "weighted"
    length: int
    rounds: int = 5

    def __str__(self) -> str:
        return f"{self.sampler} 1e{len(str(self.length)) - 1}"

    @property
    def title(self) -> str:
        return f"{TITLES[self.sampler]}, 10^{len(str(self.length)) - 1}"

    @property
    def epoch(self) -> int:
        """How many indices the loader gets."""
        return self.length // RANKS if self.sampler == "distributed" else self.length

    @property
    def is_torchs_order(self) -> bool:
        """Whether the order is torch's, and torch can make it."""
        return self.sampler != "feistel" and not self.no_torch

    @property
    def no_torch(self) -> str:
        """Why torch cannot do it; empty if it can."""
        if self.sampler == "weighted":
            return NOT_POSSIBLE if self.length > MOST_WEIGHTS else ""
        return DOES_NOT_FIT if self.length > MOST_LISTED else ""


def total_memory() -> int:
    """This machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


TITLES = {
    "shuffle": "shuffle=True",
    "feistel": "method='feistel'",
    "distributed": f"distributed, rank 0 of {RANKS}",
    "weighted": "weighted",
}
CASES = (
    Case("shuffle", 10**6),
    Case("shuffle", 10**8),
    Case("shuffle", 10**9, rounds=1),
    Case("feistel", 10**6),
    Case("feistel", 10**8),
    Case("feistel", 10**9),
    Case("distributed", 10**6),
    Case("distributed", 10**8),
    Case("distributed", 10**9, rounds=1),
    Case("weighted", 10**6),
    Case("weighted", 10**8, rounds=3),
    *([Case("weighted", 10**9, rounds=1)] if total_memory() >= MEMORY_FOR_1E9_WEIGHTS else []),
)
DOUBTS = {
    ("shuffle", 10**9): "torch's shuffle of more than 214 million indices knows no index before its last step, so that "
    "every one of them is made before the first batch; one round",
    ("distributed", 10**9): "as for shuffle=True: all of the order is made before the first batch; one round",
    ("feistel", 10**6): "another order than torch's, a function of a key and the position: outputs are not compared",
    ("weighted", 10**8): "with more than 2^24 weights fastload's order is a function of a key, not torch's; outputs "
    "are not compared",
}
ITS_MEMORY = "; the weights take 8 GB, their table 12 GB: measured where there are 22 GB; one round"
DOUBTS[("weighted", 10**9)] = DOUBTS[("weighted", 10**8)] + ITS_MEMORY
DOUBTS[("feistel", 10**8)] = DOUBTS[("feistel", 10**9)] = DOUBTS[("feistel", 10**6)]
CONDITIONS = (
    f"in a process of its own, forked from one that has only imported; DataLoader over range(n), batch {BATCH_SIZE}, "
    "num_workers=0, after a loader over 10^4 was read once."
)


def weights(case: Case) -> torch.Tensor | None:
    """float64 weights from 0 to 1, the same in every process; None if the sampler takes none."""
    if case.sampler != "weighted":
        return None
    return torch.rand(case.length, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def make_loader(name: str, case: Case, weighted: torch.Tensor | None) -> Any:
    module, dataset = peer(name), range(case.length)
    if case.sampler == "shuffle" or (case.sampler == "feistel" and name == "torch"):
        return module.DataLoader(dataset, BATCH_SIZE, shuffle=True)
    return module.DataLoader(dataset, BATCH_SIZE, sampler=make_sampler(name, case, dataset, weighted))


def make_sampler(name: str, case: Case, dataset: range, weighted: torch.Tensor | None) -> Any:
    samplers = peer(name).samplers if name == "fastload" else peer(name)
    if case.sampler == "feistel":
        return samplers.RandomSampler(dataset, method="feistel")
    if case.sampler == "distributed":
        return samplers.DistributedSampler(dataset, RANKS, 0)
    return samplers.WeightedRandomSampler(weighted, case.length)


def pull(iterator: Any) -> Any:
    """The next index batch as the loader gets it, without making its samples: a list or an array."""
    return iterator._next_index()  # torch's name for it, in every version so far


def index_batches(name: str, case: Case) -> list[list[int]]:
    """Every index batch of an epoch."""
    weighted = weights(case)
    torch.manual_seed(0)
    loader = make_loader(name, case, weighted)
    iterator = iter(loader)
    return [[int(index) for index in pull(iterator)] for _ in range(len(loader))]


Report = dict[str, Any]
_reports: defaultdict[tuple[str, Case], list[Report]] = defaultdict(list)


def report(name: str, case: Case, number: int) -> Report:
    """Report ``number`` of ``name``, made by a new process when it is first asked for.

    One process measures time, memory and cost per index; the rows of all three take their figures from it.
    """
    known = _reports[name, case]
    while len(known) <= number:
        known.append(forking(name).ask(f"{case.sampler} {case.length}"))
        if case.is_torchs_order and name == "fastload":
            assert known[-1]["first"] == report("torch", case, 0)["first"], "the first batch is not torch's"
    return known[number]


@functools.cache
def forking(name: str) -> Child:
    """A process with ``name`` imported that forks another for each measurement; it lives as long as this one."""
    child = Child("_sampler_child", name)
    atexit.register(child.close)
    return child


def side(name: str, case: Case, figure: Callable[[Report], float], most_rounds: int = 1000) -> Side:
    """Round k takes its figure from report k."""
    rounds = itertools.count()
    return Side(lambda _: figure(report(name, case, next(rounds))), most_rounds=most_rounds)


def sides(case: Case, figure: Callable[[Report], float]) -> dict[str, Side]:
    """torch's side, if it can do this case, and fastload's."""
    mine = {"fastload": side("fastload", case, figure)}
    if case.no_torch:
        return mine
    torchs = Case("shuffle", case.length) if case.sampler == "feistel" else case
    rounds = 1 if case.length >= MOST_LISTED else 1000
    return {"torch": side("torch", torchs, figure, rounds), **mine}


def settings(case: Case) -> dict[str, Any]:
    """What the rows of a case have in common."""
    return {
        "no_peer": case.no_torch,
        "doubts": DOUBTS.get((case.sampler, case.length), ""),
        "most_rounds": case.rounds,
        "warm_up": case.rounds > 1,
    }


def join(*doubts: str) -> str:
    return "; ".join(filter(None, doubts))

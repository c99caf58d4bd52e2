"""Interleaved rounds of several competitors, and what became of them.

A round runs every side once, in turn, so that a slow minute of the machine falls on all of them. Only
``work`` is timed; ``prepare`` makes what it needs (a warm loader, a waiting process), ``finish`` ends it.
"""

import gc
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

GB, MB = 1e9, 1e6


@dataclass(frozen=True)
class Side:
    """One competitor: ``work(state)`` does ``amount``; the state is ``prepare``'s and goes to ``finish``.

    most_rounds: for a side that takes much longer than the others; fastload's number is its row's.
    """

    work: Callable[[Any], Any]
    prepare: Callable[[], Any] = lambda: None
    finish: Callable[[Any], Any] = lambda _: None
    amount: float = 1.0
    most_rounds: int = 1000

    def measure(self, unit: "Unit") -> float:
        """One round: the figure of this side, in ``unit``."""
        state = self.prepare()
        try:
            return self.timed(state, unit)
        finally:
            self.finish(state)

    def timed(self, state: Any, unit: "Unit") -> float:
        begin = time.perf_counter()
        answer = self.work(state)
        return unit.figure(self.amount, time.perf_counter() - begin, answer)


@dataclass(frozen=True)
class Unit:
    """How a round becomes a figure: amount per second, seconds per amount, or what ``work`` returned."""

    name: str
    kind: str  # "rate", "time" or "answer"
    scale: float = 1.0

    def figure(self, amount: float, seconds: float, answer: Any) -> float:
        if self.kind == "rate":
            return amount / seconds / self.scale
        if self.kind == "time":
            return seconds / amount / self.scale
        return float(answer) / self.scale

    def times_better(self, mine: float, other: float) -> float:
        """How many times better ``mine`` is than ``other``; above 1 is better, for rates and for times."""
        return mine / other if self.kind == "rate" else other / mine


@dataclass(frozen=True)
class Target:
    """What a row should reach; every bound that is given must hold."""

    text: str
    times_torch: float | None = None  # at least so many times better than torch, or than the row's peer
    times_others: Mapping[str, float] = field(default_factory=dict)  # the same for other sides, by name
    share_of_limit: float | None = None
    at_most: float | None = None  # in the row's unit
    holds: Callable[[], bool] = lambda: True  # and what else, as it is after the last round

    def verdict(self, times: Mapping[str, float], peer: str, share: float | None, figure: float) -> dict[str, Any]:
        """times: how many times better than each side that was measured; a bound on another is not met, and named."""
        bounds = dict(self.times_others)
        if self.times_torch is not None:
            bounds[peer] = self.times_torch
        met = (
            all(times.get(name, 0.0) >= bound for name, bound in bounds.items())
            and (self.share_of_limit is None or (share is not None and share >= self.share_of_limit))
            and (self.at_most is None or figure <= self.at_most)
            and self.holds()
        )
        gaps = "".join(f" ({name} is missing)" for name in bounds if name not in times)
        return {"text": self.text + gaps, "met": met}


@dataclass(frozen=True)
class Row:
    """One line of the table, before it is measured."""

    title: str
    unit: Unit
    conditions: str
    must: Target | None = None
    goal: Target | None = None
    limit_is: str = ""  # what the limit's side did; empty where no limit makes sense
    doubts: str = ""
    most_rounds: int = 1000  # fewer where a round is long and its figure steady
    warm_up: bool = True
    peer: str = "torch"  # whose side stands beside fastload's
    no_peer: str = ""  # why it has no figure, in two or three words


@dataclass
class Rounds:
    """The figures of one row, by side, in the order they were taken."""

    row: Row
    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, side: str, figure: float) -> None:
        self.figures.setdefault(side, []).append(figure)

    def drop_first(self) -> None:
        """Forget the warm-up round, but for a side that was measured in no other."""
        for figures in self.figures.values():
            if len(figures) > 1:
                del figures[0]

    def report(self) -> dict[str, Any]:
        """Everything the table needs, as JSON."""
        sides = {name: summary(figures) for name, figures in self.figures.items()}
        mine, unit = sides["fastload"]["median"], self.row.unit
        times = {name: unit.times_better(mine, side["median"]) for name, side in sides.items() if name != "fastload"}
        share = times.pop("limit", None)
        return {
            "title": self.row.title,
            "unit": unit.name,
            "conditions": self.row.conditions,
            "limit_is": self.row.limit_is,
            "doubts": self.row.doubts,
            "sides": sides,
            "peer": self.row.peer,
            "no_peer": self.row.no_peer,
            "warm_up": self.row.warm_up,
            "times": times,
            "times_peer": times.get(self.row.peer),
            "share_of_limit": share,
            "must": self.row.must and self.row.must.verdict(times, self.row.peer, share, mine),
            "goal": self.row.goal and self.row.goal.verdict(times, self.row.peer, share, mine),
        }


def summary(figures: list[float]) -> dict[str, Any]:
    ordered = sorted(figures)
    return {"median": statistics.median(ordered), "min": ordered[0], "max": ordered[-1], "figures": figures}


def both(side: Callable[[str], Side]) -> dict[str, Side]:
    """torch's side and fastload's, made alike."""
    return {name: side(name) for name in ("torch", "fastload")}


def measure_others(sides: Mapping[str, Side], rounds: Rounds) -> None:
    """One turn of every side but fastload's, which the caller times."""
    for name, side in sides.items():
        if name != "fastload" and len(rounds.figures.get(name, ())) < side.most_rounds:
            gc.collect()
            rounds.add(name, side.measure(rounds.row.unit))
    gc.collect()


def compare_outputs(output: Callable[[str], Any]) -> None:
    """Raises AssertionError unless ``output("torch")`` and ``output("fastload")`` are the same."""
    assert_same(output("torch"), output("fastload"))


def assert_same(left: Any, right: Any, where: str = "batch") -> None:
    """Raises AssertionError unless both have the same types, shapes, dtypes and values, all the way down."""
    assert type(left) is type(right), f"{where}: {type(left)} and {type(right)}"
    if isinstance(left, torch.Tensor):
        assert left.dtype == right.dtype, f"{where}: {left.dtype} and {right.dtype}"
        assert torch.equal(left, right), f"{where}: values differ"
    elif isinstance(left, np.ndarray):
        np.testing.assert_array_equal(left, right, err_msg=where)
    elif isinstance(left, Mapping):
        assert list(left) == list(right), f"{where}: {list(left)} and {list(right)}"
        for key in left:
            assert_same(left[key], right[key], f"{where}[{key!r}]")
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right), f"{where}: {len(left)} and {len(right)} long"
        for position, (one, other) in enumerate(zip(left, right, strict=True)):
            assert_same(one, other, f"{where}[{position}]")
    else:
        assert left == right, f"{where}: {left!r} and {right!r}"


def busy_share(seconds: float = 0.3) -> float:
    """The share of all cores that other processes use, watched while this one sleeps; 0.0 without /proc."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    before = _jiffies(stat)
    time.sleep(seconds)
    busy, total = (after - start for after, start in zip(_jiffies(stat), before, strict=True))
    return busy / total if total else 0.0


def _jiffies(stat: Path) -> tuple[int, int]:
    values = [int(word) for word in stat.read_text().split("\n", 1)[0].split()[1:9]]
    idle = values[3] + values[4]
    return sum(values) - idle, sum(values)


def wait_until_quiet(patience_s: float, busy_limit: float = 0.1) -> float:
    """Returns once the machine is idle or ``patience_s`` have passed: the busy share at that moment."""
    deadline = time.monotonic() + patience_s
    while (busy := busy_share()) > busy_limit and time.monotonic() < deadline:
        time.sleep(0.7)
    return busy


def load_average() -> list[float]:
    return [round(value, 2) for value in os.getloadavg()]

"""What does a new epoch cost when workers do not persist?"""

from contextlib import ExitStack

from benchmarks._child import Child
from benchmarks._harness import Row, Side, Target, Unit, compare_outputs
from benchmarks._peers import PEERS
from benchmarks._second_epoch_child import after_one_epoch
from benchmarks.conftest import Compare

MS = Unit("ms", "time", 1e-3)

FIRST = Row(
    title="second epoch without persistent_workers: to its first batch",
    unit=MS,
    conditions="fork, 2 workers, 256 x (3, 32, 32) float32, batch 32; from iter() of the second epoch on; "
    "in a process of its own, with nothing but torch, fastload and this data set.",
    limit_is="two forks of such a process, one byte from each",
    must=Target("no slower than torch", times_torch=1),
    goal=Target("10 ms", at_most=10),
)

TOTAL = Row(
    title="second epoch without persistent_workers: all of its 8 batches",
    unit=MS,
    conditions="as above, from iter() until the loop has ended and the workers are gone.",
    limit_is="two forks of such a process, one byte from each",
    must=Target("no slower than torch", times_torch=1),
)


def bench_second_epoch_first_batch(compare: Compare) -> None:
    compare_outputs(lambda name: list(after_one_epoch(name)))
    run(compare, FIRST, "first_batch")


def bench_second_epoch_whole(compare: Compare) -> None:
    run(compare, TOTAL, "whole_epoch")


def run(compare: Compare, row: Row, what: str) -> None:
    with ExitStack() as children:
        sides = {name: waiting(children, name, what) for name in ("forks", *PEERS)}
        compare(row, {"limit": sides.pop("forks"), **sides})


def waiting(children: ExitStack, name: str, what: str) -> Side:
    """A side that lives in one child process: it prepares, works and cleans up when asked."""
    child = Child("_second_epoch_child", name, what)
    children.callback(child.close)
    return Side(lambda _: child.ask(), child.ask, lambda _: child.ask())

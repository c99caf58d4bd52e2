"""How long does a user wait for the first batch of workers that are not forked?"""

import subprocess
import sys

from benchmarks._child import Child
from benchmarks._harness import Row, Side, Target, Unit, both, compare_outputs
from benchmarks.conftest import Compare

SECONDS = Unit("s", "time")

ROW = Row(
    title="time to first batch, forkserver, 2 workers",
    unit=SECONDS,
    conditions="a fresh Python process each time; from the loader's constructor to the first batch; "
    "torch (and fastload) imported before.",
    limit_is="a fresh Python process that imports torch and ends",
    must=Target("0.6 of torch's time", times_torch=1 / 0.6),
    goal=Target("0.2 of torch's time", times_torch=1 / 0.2),
)

MEANWHILE = Row(
    title="the same, after two seconds of other set-up",
    unit=SECONDS,
    conditions="the script is busy on one processor for two seconds (making its model, say) between the loader's "
    "constructor and its first batch; from iter(loader) to the first batch.",
)

WHOLE = Row(
    title="first batch, forkserver, from the start of Python",
    unit=SECONDS,
    conditions="as above, with the start of Python and its imports: what moved there from the loader shows.",
)


def bench_first_batch(compare: Compare) -> None:
    compare_outputs(first_batch)
    sides = both(lambda name: Side(Child.ask, lambda: ready(name), Child.close))
    compare(ROW, {"limit": Side(lambda _: import_torch()), **sides})


def bench_first_batch_after_other_set_up(compare: Compare) -> None:
    compare(MEANWHILE, both(lambda name: Side(Child.ask, lambda: ready(name, busy_s=2), Child.close)))


def bench_first_batch_from_start(compare: Compare) -> None:
    compare(WHOLE, both(lambda name: Side(lambda kept: whole(name, kept), list, close)))


def ready(name: str, busy_s: float = 0) -> Child:
    child = Child("_first_batch_child", name, str(busy_s))
    child.answer()
    return child


def first_batch(name: str) -> list[list[int]]:
    child = ready(name)
    batch: list[list[int]] = child.ask()
    child.close()
    return batch


def whole(name: str, kept: list[Child]) -> None:
    kept.append(ready(name))
    kept[0].ask()


def close(kept: list[Child]) -> None:
    kept.pop().close()


def import_torch() -> None:
    subprocess.run([sys.executable, "-c", "import torch"], check=True)

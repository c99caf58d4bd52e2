"""How much memory do workers copy that only read a list of Python objects?"""

import functools
from typing import Any

from benchmarks._child import Child
from benchmarks._harness import MB, Row, Side, Unit
from benchmarks.conftest import Compare

PRIVATE = Unit("MB", "answer", MB)
CONDITIONS = (
    "2 million strings of about 34 characters, 4 forked workers, one shuffled epoch that reads the "
    "length of each; private memory (clean and dirty) summed over the workers, near the end of the epoch."
)

IN_LIST = Row(
    title="memory of 4 workers, 2 million strings in a list",
    unit=PRIVATE,
    conditions=CONDITIONS,
    most_rounds=3,
    doubts="reference counts copy a list of Python objects page by page, whatever the loader does",
)
IN_SHARED_LIST = Row(
    title="the same, fastload with fastload.SharedList",
    unit=PRIVATE,
    conditions=CONDITIONS + " torch with the list.",
    most_rounds=3,
)


def bench_memory_list(compare: Compare) -> None:
    compare(IN_LIST, {"torch": side("torch", "list"), "fastload": side("fastload", "list")})


def bench_memory_shared_list(compare: Compare) -> None:
    compare(IN_SHARED_LIST, {"torch": side("torch", "list"), "fastload": side("fastload", "SharedList")})


def side(name: str, container: str) -> Side:
    return Side(lambda _: private_bytes(name, container))


def private_bytes(name: str, container: str) -> int:
    """What a fresh process reports, after its batches were found to be torch's."""
    answer = report(name, container)
    assert answer["digest"] == batches_of_torch(), "batches differ from torch's"
    private: int = answer["private_bytes"]
    return private


@functools.cache
def batches_of_torch() -> str:
    digest: str = report("torch", "list")["digest"]
    return digest


def report(name: str, container: str) -> dict[str, Any]:
    child = Child("_memory_child", name, container)
    answer: dict[str, Any] = child.answer()
    child.close()
    return answer

"""The ``compare`` fixture: pytest-benchmark times fastload; each of its rounds follows one of the others."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import pytest

from benchmarks import _harness
from benchmarks._harness import Rounds, Row, Side


class Compare(Protocol):
    """Measures ``sides``; ``notes`` are asked for when that is done, and are printed with the row."""

    def __call__(
        self, row: Row, sides: Mapping[str, Side], notes: Callable[[], list[str]] = list
    ) -> dict[str, Any]: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=7, help="timed rounds of every side, after one warm-up")
    parser.addoption("--patience", type=float, default=60.0, help="seconds to wait for an idle machine")


@pytest.fixture
def compare(benchmark: Any, request: pytest.FixtureRequest) -> Compare:
    """Measures ``sides``: "torch", "fastload", perhaps "limit" and more; the report goes to the JSON."""

    def run(row: Row, sides: Mapping[str, Side], notes: Callable[[], list[str]] = list) -> dict[str, Any]:
        rounds, mine = Rounds(row), sides["fastload"]
        busy_before = _harness.wait_until_quiet(request.config.getoption("--patience"))
        load_before = _harness.load_average()

        def prepare() -> tuple[tuple[Any], dict[str, Any]]:
            _harness.measure_others(sides, rounds)
            return (mine.prepare(),), {}

        benchmark.pedantic(
            lambda state: rounds.add("fastload", mine.timed(state, row.unit)),
            setup=prepare,
            teardown=mine.finish,
            rounds=min(row.most_rounds, request.config.getoption("--rounds")),
            warmup_rounds=int(row.warm_up),
        )
        if row.warm_up:
            rounds.drop_first()
        report = rounds.report()
        report["rounds"] = len(rounds.figures["fastload"])
        report["notes"] = notes()
        report["load_average"] = load_before
        report["busy"] = [busy_before, _harness.busy_share()]
        benchmark.extra_info.update(report)
        return report

    return run

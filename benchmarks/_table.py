"""From the JSON of a run to the page: one table, then what stands behind each row."""

from collections.abc import Iterable
from typing import Any

HEADER = (
    "benchmark",
    "peer (torch)",
    "fastload",
    "the machine's limit",
    "fastload / peer",
    "share of the limit",
    "must",
    "goal",
)

DOUBTS = """\
Doubts first. A virtual machine with few cores moves by tens of per cent from hour to hour, mostly with what
its neighbours do to memory bandwidth. The ratios move less: every round runs the limit, torch and fastload
one after the other. A wide spread, or a machine that was busy, is shown with its row. Workers and the
consuming process share the cores; how the figures grow with more cores is not measured here."""

READING = """\
Medians. "fastload / peer" says how many times better fastload is, for rates, times and memory alike; ✓ and
✗ say whether this run meets a must or a goal. Outputs are compared: a benchmark first checks that what torch and
fastload make has the same types, dtypes, shapes and values, and fails if not; where it is not meant to be the same, or
not all of it, the row's doubts say so."""


BUSY_SHARE = 0.2  # more than this for other processes, and a run is worth little


def page(rows: list[dict[str, Any]], facts: dict[str, str], command: str, date: str) -> str:
    """RESULTS.md, whole."""
    sections = [
        f"# Results\n\nWritten by `{command}` on {date}; not by hand.",
        *busy_warning(rows),
        "\n".join(table(rows)),
        READING,
        DOUBTS,
        "## The run",
        "\n".join(f"- {name}: {fact}" for name, fact in facts.items()),
        "## Row by row",
        *("\n".join(details(row)) for row in rows),
    ]
    return "\n\n".join(sections)


def busy_warning(rows: list[dict[str, Any]]) -> list[str]:
    busy = [f"{row['title']} ({max(row['busy']):.0%})" for row in rows if max(row["busy"]) > BUSY_SHARE]
    if not busy:
        return []
    return [f"**The machine was busy with other processes. Do not trust: {'; '.join(busy)}.**"]


def table(rows: list[dict[str, Any]]) -> Iterable[str]:
    cells = [HEADER, *(row_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADER))]
    yield join(cells[0], widths)
    yield join(["-" * width for width in widths], widths)
    for line in cells[1:]:
        yield join(line, widths)


def join(cells: Iterable[str], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def row_cells(row: dict[str, Any]) -> tuple[str, ...]:
    sides, unit, share, times = row["sides"], row["unit"], row["share_of_limit"], row["times_peer"]
    limit = amount(sides["limit"]["median"], unit) if "limit" in sides else "-"
    return (
        row["title"],
        peer(row),
        amount(sides["fastload"]["median"], unit),
        limit,
        "-" if times is None else f"{number(times)}x",
        "-" if share is None else f"{share:.0%}",
        target(row["must"]),
        target(row["goal"]),
    )


def peer(row: dict[str, Any]) -> str:
    name, sides = row["peer"], row["sides"]
    figure = amount(sides[name]["median"], row["unit"]) if name in sides else row["no_peer"]
    return figure if name == "torch" else f"{figure} ({name})"


def target(verdict: dict[str, Any] | None) -> str:
    return "-" if verdict is None else f"{verdict['text']} {'✓' if verdict['met'] else '✗'}"


def details(row: dict[str, Any]) -> Iterable[str]:
    yield f"**{row['title']}**: {row['conditions']}"
    if row["limit_is"]:
        yield f"Limit: {row['limit_is']}."
    if row["doubts"]:
        yield f"Doubt: {row['doubts']}."
    load, busy = row["load_average"][0], max(row["busy"])
    warm_up = " after a warm-up" if row["warm_up"] else ", no warm-up"
    yield f"Rounds: {row['rounds']}{warm_up}; load average {load}, other processes used {busy:.0%}."
    yield ""
    for name, side in row["sides"].items():
        low, high = number(side["min"]), amount(side["max"], row["unit"])
        fewer = f", {len(side['figures'])} only" if len(side["figures"]) < row["rounds"] else ""
        times = f", fastload {number(row['times'][name])}x" if name in row["times"] and name != row["peer"] else ""
        yield f"- {name}: {amount(side['median'], row['unit'])} ({low} to {high}{fewer}){times}"
    if row["notes"]:
        yield ""
        yield from row["notes"]


def amount(value: float, unit: str) -> str:
    return f"{number(value)} {unit}"


def number(value: float) -> str:
    """Three significant digits, thousands separated."""
    if value >= 100:
        digits = max(len(f"{value:.0f}") - 3, 0)
        return f"{round(value, -digits):,.0f}"
    return f"{value:#.3g}".rstrip(".")

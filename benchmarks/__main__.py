"""``python -m benchmarks [NAME ...] [--json FILE] [--quick]``: measure, print the table, write RESULTS.md.

RESULTS.md is written by a whole run only: not with names, and not with --quick. --results FILE writes any run's page.
"""

import argparse
import datetime
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks import _machine, _table
from benchmarks._harness import load_average

HERE = Path(__file__).parent
ORDER = (
    "transport",
    "own_collate",
    "in_memory",
    "collate_images",
    "collate_dicts",
    "first_batch",
    "second_epoch",
    "memory",
    "coco",
    "overhead",
    "images",
    "augmentation",
    "sampler_start",
    "sampler_rate",
    "state",
    "resume",
    "gpu",
)


def main() -> int:
    options = parse(sys.argv[1:])
    load_before = load_average()
    with tempfile.TemporaryDirectory() as folder:
        json_file = Path(options.json or Path(folder, "run.json")).resolve()
        failed = run(options, json_file)
        if not json_file.exists() or not json_file.stat().st_size:
            return failed or 1
        rows = [entry["extra_info"] for entry in json.loads(json_file.read_text())["benchmarks"]]
    facts = {**_machine.machine(), **_machine.versions(), **conditions(load_before)}
    text = _table.page(rows, facts, command(), f"{datetime.datetime.now():%Y-%m-%d %H:%M}")
    print(text)
    if not failed and not options.names and not options.quick:
        (HERE / "RESULTS.md").write_text(text + "\n")
    if options.results:
        Path(options.results).write_text(text + "\n")
    return failed


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all if none: {', '.join(ORDER)}")
    parser.add_argument("--json", metavar="FILE", help="also keep pytest-benchmark's JSON, with every figure")
    parser.add_argument("--results", metavar="FILE", help="also write the page there")
    parser.add_argument("--quick", action="store_true", help="two rounds, no waiting for a quiet machine")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(ORDER)):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(ORDER)}")
    return options


def run(options: argparse.Namespace, json_file: Path) -> int:
    """pytest's exit status; its JSON lands in ``json_file``."""
    arguments = [str(HERE / f"bench_{name}.py") for name in options.names or ORDER]
    arguments += ["-c", str(HERE / "pytest.ini"), "--rootdir", str(HERE.parent)]
    arguments += [f"--benchmark-json={json_file}", "--benchmark-quiet"]
    if options.quick:
        arguments += ["--rounds=2", "--patience=0"]
    return int(pytest.main(arguments))


def command() -> str:
    return " ".join(["python -m benchmarks", *sys.argv[1:]])


def conditions(load_before: list[float]) -> dict[str, Any]:
    return {"load average": f"{load_before[0]} before, {load_average()[0]} after the run (1 minute)"}


if __name__ == "__main__":
    sys.exit(main())

"""The ``fastload`` command."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from importlib import metadata

from fastload import _show

RUN_HELP = "run a Python program, unmodified, with fastload behind every torch DataLoader"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status of the command; ``arguments`` are those of this process by default."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "doctor":
        from fastload._doctor import report

        print(report())
        return 0
    if options.command == "show":
        return _show_samples(options, parser)
    return _run(options, parser)


def version() -> str:
    import fastload

    known: str | None = getattr(fastload, "__version__", None)
    return known or metadata.version("fastload")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fastload", description="A faster torch DataLoader.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"fastload {version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help=RUN_HELP,
        description=RUN_HELP[0].upper() + RUN_HELP[1:] + ".",
        usage="fastload run SCRIPT [ARGS...]\n       fastload run -m MODULE [ARGS...]",
        allow_abbrev=False,
    )
    # Everything from MODULE or SCRIPT on belongs to the program.
    run.add_argument("-m", dest="module", nargs=argparse.REMAINDER, metavar="MODULE", help="run a module, as python -m")
    run.add_argument("script", nargs=argparse.REMAINDER, metavar="SCRIPT", help="the program and its arguments")
    commands.add_parser("doctor", help="print what fastload finds on this machine")
    show = commands.add_parser(
        "show",
        help=_show.DESCRIPTION,
        description=_show.DESCRIPTION[0].upper() + _show.DESCRIPTION[1:] + ".",
        epilog=_show.EPILOG,
        allow_abbrev=False,
    )
    _show.add_arguments(show)
    return parser


def _show_samples(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    try:
        print(_show.show(options))
    except (ImportError, OSError, TypeError, ValueError) as error:
        parser.error(f"show: {error}")
    return 0


def _run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from fastload._run import run_module, run_script

    program = options.module or options.script
    if not program:
        parser.error("run: name a script, or -m and a module")
    if options.module:
        run_module(program[0], program[1:])
        return 0
    if not os.path.exists(program[0]):
        parser.error(f"run: there is no file {os.path.abspath(program[0])!r}")
    run_script(program[0], program[1:])
    return 0

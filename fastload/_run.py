"""Running an unmodified program with fastload behind its loaders: ``fastload run``.

The program runs in this process, in a ``__main__`` module of its own: what it defines there pickles, and
multiprocessing's spawned children find its file and import it again, as with ``python SCRIPT``.

Child interpreters, whether multiprocessing or a launcher such as ``torch.distributed.run`` starts them, are reached by
PYTHONPATH, the one thing that all of them inherit: a folder with a ``sitecustomize`` module is put in front of it.
Interpreters that ignore the environment (``python -I``, ``-E``) run without fastload.
"""

from __future__ import annotations

import builtins
import os
import runpy
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import fastload._bootstrap
from fastload._install import install


def run_script(script: str, arguments: list[str]) -> None:
    """As ``python SCRIPT ARGUMENTS``; what the script raises, SystemExit included, goes to the caller.

    A folder or zip file is run by its ``__main__.py``.
    """
    _prepare([script, *arguments])
    main = _fresh_main()
    if not _is_source(script):
        _set_first_path(os.path.abspath(script))
        runpy._run_module_as_main("__main__", alter_argv=False)  # type: ignore[attr-defined]
        return
    _set_first_path(os.path.dirname(os.path.realpath(script)))
    main.__file__ = os.path.abspath(script)
    main.__loader__ = SourceFileLoader("__main__", main.__file__)
    main.__dict__["__cached__"] = None
    exec(compile(Path(script).read_bytes(), main.__file__, "exec", dont_inherit=True), main.__dict__)


def run_module(name: str, arguments: list[str]) -> None:
    """As ``python -m NAME ARGUMENTS``."""
    _prepare([name, *arguments])
    _fresh_main()
    _set_first_path(os.getcwd())
    # What the interpreter calls for -m; the public run_module takes its __main__ away again at the end.
    runpy._run_module_as_main(name)  # type: ignore[attr-defined]


def _prepare(argv: list[str]) -> None:
    install()
    bootstrap = str(Path(fastload._bootstrap.__file__).parent)
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if bootstrap not in entries:
        os.environ["PYTHONPATH"] = os.pathsep.join([bootstrap, *filter(None, entries)])
    sys.argv = argv


def _fresh_main() -> ModuleType:
    main = ModuleType("__main__")
    main.__dict__.update(__annotations__={}, __builtins__=builtins)
    sys.modules["__main__"] = main
    return main


def _is_source(script: str) -> bool:
    if os.path.isdir(script):
        return False
    with open(script, "rb") as file:
        return not file.read(4).startswith(b"PK\x03\x04")


def _set_first_path(entry: str) -> None:
    """The interpreter puts one entry in front of sys.path for what it runs, unless told that this is unsafe."""
    home = str(Path(fastload.__file__).parents[1])
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = entry
    if home not in sys.path:
        sys.path.append(home)  # run from a checkout, fastload was found by the entry that is now replaced

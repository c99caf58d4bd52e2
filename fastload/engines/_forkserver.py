"""A forkserver that has torch and fastload loaded, so that its workers need not import them one by one."""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.process import current_process
from typing import Any

PRELOADED = "fastload.engines._preload"


def start_method(context: Any) -> str:
    """How ``context`` starts processes: "fork", "forkserver" or "spawn".

    Only asks: a program may still choose its start method afterwards.
    """
    if not hasattr(context, "get_start_method"):
        return str(context.Process._start_method)
    return str(context.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0])


def preload_forkserver() -> None:
    """Have the forkserver of this process import what workers need, if it is not running yet.

    Adds to what the program asked for by ``multiprocessing.set_forkserver_preload``; a server that runs already
    stays as it is.
    """
    server: Any = forkserver._forkserver
    wanted = list(getattr(server, "_preload_modules", ["__main__"]))
    if server._forkserver_pid is None and PRELOADED not in wanted:
        forkserver.set_forkserver_preload([PRELOADED, *wanted])


def start_forkserver_early(context: Any) -> None:
    """Let the server import while the program goes on, if its workers will come from one.

    Not in a process that cannot have workers: a worker itself, or one that is importing its main module.
    """
    if start_method(context) != "forkserver":
        return
    process: Any = current_process()
    if process.daemon or getattr(process, "_inheriting", False):
        return
    preload_forkserver()
    forkserver.ensure_running()

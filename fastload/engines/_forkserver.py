"""A forkserver that has torch and fastload loaded, so that its workers need not import them one by one."""

from __future__ import annotations

from multiprocessing import forkserver
from typing import Any

PRELOADED = "fastload.engines._worker"


def preload_forkserver() -> None:
    """Have the forkserver of this process import what workers need, if it is not running yet.

    Adds to what the program asked for by ``multiprocessing.set_forkserver_preload``; a server that runs already
    stays as it is.
    """
    server: Any = forkserver._forkserver
    wanted = list(getattr(server, "_preload_modules", ["__main__"]))
    if server._forkserver_pid is None and PRELOADED not in wanted:
        forkserver.set_forkserver_preload([PRELOADED, *wanted])

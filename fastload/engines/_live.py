"""Engines that have workers, so that none is left when the interpreter ends.

Finalisers run in any order then, if at all; and a daemon thread that asks for the GIL of an interpreter which is being
taken down ends the process with an error.
"""

from __future__ import annotations

import atexit
import weakref

from fastload.engines._base import Engine

_live: weakref.WeakSet[Engine] = weakref.WeakSet()


def add(engine: Engine) -> None:
    """Stop ``engine`` at interpreter exit, if it is still there."""
    _live.add(engine)


def discard(engine: Engine) -> None:
    """It has been stopped."""
    _live.discard(engine)


def stop_all() -> None:
    for engine in list(_live):
        engine.stop()


atexit.register(stop_all)

"""The modes that a thread has when it is new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_KINDS = ("cpu", "cuda", "xpu", "mps")


@contextmanager
def default_modes() -> Iterator[None]:
    """Gradients, no inference mode, no autocast, whatever the caller has.

    Batches are begun with in the `next` of earlier ones, whose modes are none of theirs; torch pins them in a thread
    of its own, which has these.
    """
    on = [kind for kind in _KINDS if torch.is_autocast_enabled(kind)]
    try:
        for kind in on:
            torch.set_autocast_enabled(kind, False)
        with torch.inference_mode(False):  # sets the mode of gradients too
            yield
    finally:
        for kind in on:
            torch.set_autocast_enabled(kind, True)

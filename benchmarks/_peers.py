"""The two competitors, each imported only when asked for: a child process pays for its own alone."""

import importlib
from typing import Any

PEERS = ("torch", "fastload")
_MODULES = {"torch": "torch.utils.data", "fastload": "fastload"}


def peer(name: str) -> Any:
    """The module of ``name`` ("torch" or "fastload") with ``DataLoader``, ``default_collate`` and more."""
    return importlib.import_module(_MODULES[name])

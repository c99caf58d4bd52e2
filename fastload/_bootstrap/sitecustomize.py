"""Runs at the start of every interpreter that a program under ``fastload run`` starts.

Arranges that fastload is installed once torch's loader is imported, so that interpreters which never load data do
not import torch for it. Uses the standard library alone, as it may meet an interpreter without fastload. There can
be one module of this name, so the one that would have been found instead is run as well.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs every interpreter some milliseconds
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
LOADER_MODULE = "torch.utils.data.dataloader"


class InstallAfterImport(importlib.abc.MetaPathFinder):
    """Finds torch's loader as the other finders do, and has fastload installed when it has been executed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != LOADER_MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                replace_when_first_used(module.DataLoader)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def replace_when_first_used(loader_class: Any) -> None:
    """fastload imports torch, which is still being imported here; so install at the first iteration."""
    torch_get_iterator = loader_class._get_iterator

    def _get_iterator(self: Any) -> Any:
        if loader_class._get_iterator is not _get_iterator:
            return torch_get_iterator(self)  # somebody kept this function as if it were torch's
        loader_class._get_iterator = torch_get_iterator
        install()
        return loader_class._get_iterator(self)

    loader_class._get_iterator = _get_iterator


def install() -> None:
    if importlib.util.find_spec("fastload") is None:
        sys.path.append(os.path.dirname(os.path.dirname(HERE)))  # the program was started from a checkout
    try:
        import fastload
    except ImportError:
        return  # an interpreter of another environment
    fastload.install()


def run_the_other_sitecustomize() -> None:
    elsewhere = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if LOADER_MODULE not in sys.modules:
    sys.meta_path.insert(0, InstallAfterImport())
run_the_other_sitecustomize()

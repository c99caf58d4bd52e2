"""Loaders that can say where they are: fastload's and torchdata's, over one kind of dataset."""

from typing import Any

from benchmarks._peers import peer

PEER = "torchdata"
COMPETITORS = (PEER, "fastload")


def make_loader(name: str, dataset: Any, batch_size: int, workers: int, **options: Any) -> Any:
    """``name`` is torchdata, fastload or torch; workers are forked."""
    context = "fork" if workers else None
    return loader_class(name)(dataset, batch_size, num_workers=workers, multiprocessing_context=context, **options)


def loader_class(name: str) -> Any:
    if name != PEER:
        return peer(name).DataLoader
    from torchdata.stateful_dataloader import StatefulDataLoader

    return StatefulDataLoader


def where(workers: int) -> str:
    return f"{workers} workers" if workers else "inline"

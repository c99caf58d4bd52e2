"""What user code sees of the end of a worker. It depends on torch's version: torch's own loader is the measure."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.loader import DataLoader, TorchDataLoader
from torch.utils.data import Dataset, IterableDataset, get_worker_info


def note(file: Path, event: str) -> None:
    with open(file, "a") as notes:
        notes.write(f"{event}, {'no worker' if get_worker_info() is None else 'a worker'}\n")


class NotesItsEnd(Dataset):
    """Numbers; ``file`` is told when the dataset is gone."""

    def __init__(self, file: Path) -> None:
        self.file: Path | None = file

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        return index

    def __del__(self) -> None:
        if self.file is not None:
            note(self.file, "dataset gone")


class NotesItsStreamsEnd(NotesItsEnd, IterableDataset):
    """The same as a stream, which ``file`` is told about, too."""

    def __iter__(self) -> Iterator[int]:
        assert self.file is not None
        try:
            yield from range(4)
        finally:
            note(self.file, "stream closed")


def whole_epoch(loader: Any) -> None:
    assert list(loader) == [0, 1, 2, 3]


def one_batch(loader: Any) -> None:
    assert next(iter(loader)) == 0


def notes_of(loader_class: Any, dataset: NotesItsEnd, file: Path, method: str, use: Callable[[Any], None]) -> list[str]:
    """What is noted until the worker has gone."""
    file.write_text("")
    use(loader_class(dataset, batch_size=None, num_workers=1, prefetch_factor=1, multiprocessing_context=method))
    return file.read_text().splitlines()


@pytest.mark.parametrize(
    ("kind", "use", "method"),
    [
        (NotesItsEnd, whole_epoch, "fork"),
        (NotesItsEnd, whole_epoch, "forkserver"),
        (NotesItsStreamsEnd, whole_epoch, "spawn"),
        (NotesItsStreamsEnd, one_batch, "fork"),
        (NotesItsStreamsEnd, one_batch, "forkserver"),
    ],
)
def test_datasets_and_streams_end_with_the_worker_as_torchs(
    kind: type[NotesItsEnd], use: Callable[[Any], None], method: str, tmp_path: Path
) -> None:
    file = tmp_path / "notes"
    dataset = kind(file)
    try:
        ours = notes_of(DataLoader, dataset, file, method, use)
        assert ours == notes_of(TorchDataLoader, dataset, file, method, use)
    finally:
        dataset.file = None  # this process's own end of it is of no interest

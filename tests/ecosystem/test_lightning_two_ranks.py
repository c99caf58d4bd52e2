"""Training on two ranks with Lightning, which gives the loader a distributed sampler and makes it anew."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch.distributed
from ranks import WORLD, keep, results
from recorder import Recorder, quiet_trainer
from rows import Rows, flat, indices, seed_everything
from support.compare import assert_same
from test_lightning_resume import SaveAt
from torch.utils.data import DataLoader as TorchDataLoader

from fastload import DataLoader


class RankRecorder(Recorder):
    """Keeps, on each rank, its batches and what has become of the loader."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def on_train_end(self) -> None:
        loader = self.trainer.train_dataloader
        extras = {name: getattr(loader, name, None) for name in ("worker_type", "on_error", "rng")}
        sampler = type(loader.sampler)
        result = {"batches": self.batches, "type": type(loader), "sampler": sampler, **extras}
        keep(self.folder, torch.distributed.get_rank(), result)


def on_two_ranks(loader: Any, folder: Path, *callbacks: Any, resume: Path | None = None) -> list[Any]:
    seed_everything()
    trainer = quiet_trainer(folder, max_epochs=2, devices=WORLD, strategy="ddp_fork", callbacks=list(callbacks))
    trainer.fit(RankRecorder(folder), loader, ckpt_path=resume)
    return results(folder)


@pytest.mark.parametrize("workers", [{"num_workers": 0}, {"num_workers": 2, "persistent_workers": True}], ids=str)
def test_each_rank_trains_on_the_batches_that_torchs_loader_gives_it(workers: dict[str, Any], tmp_path: Path) -> None:
    ours, theirs = (
        on_two_ranks(kind(Rows(22), batch_size=4, shuffle=True, **workers), tmp_path)
        for kind in (DataLoader, TorchDataLoader)
    )
    for rank in range(WORLD):
        assert ours[rank]["type"] is DataLoader
        assert_same(ours[rank]["batches"], theirs[rank]["batches"])
    for epoch in (slice(0, 3), slice(3, 6)):
        rows = [flat(rank["batches"][epoch]) for rank in ours]
        assert sorted(rows[0] + rows[1]) == list(range(22))
    assert indices(ours[0]["batches"][:3]) != indices(ours[0]["batches"][3:])


def test_what_fastload_adds_survives_on_every_rank(tmp_path: Path) -> None:
    loader = DataLoader(Rows(10), batch_size=2, num_workers=1, on_error="skip", rng="sample")
    for rank in on_two_ranks(loader, tmp_path):
        assert (rank["worker_type"], rank["on_error"], rank["rng"]) == ("process", "skip", "sample")
        assert rank["sampler"] is torch.utils.data.DistributedSampler


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [2, 5])
def test_two_ranks_go_on_with_the_rows_that_none_of_them_had(steps: int, workers: int, tmp_path: Path) -> None:
    def loader() -> Any:
        return DataLoader(Rows(24), batch_size=3, shuffle=True, num_workers=workers)

    whole = on_two_ranks(loader(), tmp_path, SaveAt(tmp_path / "c", steps))
    rest = on_two_ranks(loader(), tmp_path, resume=tmp_path / "c")
    trained: Counter[int] = Counter()
    for before, after in zip(whole, rest, strict=True):
        assert indices(after["batches"][: 4 - steps % 4]) == indices(before["batches"][steps : 4 * (1 + steps // 4)])
        trained.update(flat(before["batches"][:steps] + after["batches"]))
    assert trained == Counter(2 * list(range(24)))

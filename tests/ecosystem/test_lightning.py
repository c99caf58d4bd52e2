"""fastload.DataLoader in the Trainer of PyTorch Lightning: the batches and losses of torch's loader."""

import inspect
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import pytest
import torch
from lightning.pytorch.callbacks import BasePredictionWriter
from lightning.pytorch.trainer.states import RunningStage
from lightning.pytorch.utilities.data import _update_dataloader
from recorder import WORKERS, Recorder, quiet_trainer
from rows import Rows, RowStream, flat, indices
from served import BOTH, serving
from support.compare import assert_same
from support.resources import descendants, wait_until
from torch.utils.data import DataLoader as TorchDataLoader
from torch.utils.data import DistributedSampler, SequentialSampler

from fastload import DataLoader


def fitted(loader: Any, folder: Path, **options: Any) -> Recorder:
    lightning.seed_everything(7, verbose=False)
    model = Recorder()
    quiet_trainer(folder, max_epochs=2, **options).fit(model, loader)
    return model


@pytest.mark.parametrize("workers", WORKERS, ids=str)
def test_fit_sees_the_batches_of_torchs_loader(workers: dict[str, Any], tmp_path: Path) -> None:
    ours, theirs = (
        fitted(kind(Rows(22), batch_size=4, shuffle=True, **workers), tmp_path)
        for kind in (DataLoader, TorchDataLoader)
    )
    assert len(ours.batches) == 12
    assert_same(ours.batches, theirs.batches)
    assert ours.losses == theirs.losses


@pytest.mark.parametrize("workers", WORKERS, ids=str)
def test_fit_sees_the_stream_of_torchs_loader(workers: dict[str, Any], tmp_path: Path) -> None:
    ours, theirs = (
        fitted(kind(RowStream(22), batch_size=4, **workers), tmp_path) for kind in (DataLoader, TorchDataLoader)
    )
    assert sorted(flat(ours.batches)) == sorted(2 * list(range(22)))
    assert_same(ours.batches, theirs.batches)
    assert ours.losses == theirs.losses


def test_fastloads_iterators_serve_the_trainer(tmp_path: Path) -> None:
    loader = DataLoader(Rows(22), batch_size=4, num_workers=2)
    fitted(loader, tmp_path)
    assert loader.stats().samples == 22


def test_install_serves_torchs_loaders_in_the_trainer(tmp_path: Path) -> None:
    seen = []
    for who in BOTH:
        with serving(who) as makers:
            seen.append(fitted(TorchDataLoader(Rows(10), batch_size=4, shuffle=True, num_workers=2), tmp_path).batches)
        assert set(makers) == {who}
    assert_same(*seen)


def test_validation_runs_between_training_epochs(tmp_path: Path) -> None:
    def both(kind: Any) -> Recorder:
        lightning.seed_everything(7, verbose=False)
        model = Recorder()
        training = kind(Rows(12), batch_size=4, shuffle=True, num_workers=1, persistent_workers=True)
        validation = [kind(Rows(7), batch_size=3, num_workers=1), kind(Rows(3), batch_size=2)]
        quiet_trainer(tmp_path, max_epochs=2).fit(model, training, validation)
        return model

    ours, theirs = both(DataLoader), both(TorchDataLoader)
    assert len(ours.batches) == 2 * (3 + 3 + 2) + 2 + 2  # two batches of each for the sanity check
    assert_same(ours.batches, theirs.batches)


def test_predict_keeps_the_last_batch_that_training_drops(tmp_path: Path) -> None:
    def predicted(kind: Any) -> Any:
        trainer = quiet_trainer(tmp_path)
        rows = trainer.predict(Recorder(), kind(Rows(7), batch_size=3, drop_last=True, num_workers=1))
        assert type(trainer.predict_dataloaders) is kind
        return rows

    assert [batch.tolist() for batch in predicted(DataLoader)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert_same(predicted(DataLoader), predicted(TorchDataLoader))


def test_predict_tells_which_rows_a_batch_has(tmp_path: Path) -> None:
    seen: list[Any] = []

    class Writer(BasePredictionWriter):
        def write_on_batch_end(self, _trainer: Any, _model: Any, rows: Any, told: Any, *_: Any) -> None:
            seen.append((rows.tolist(), told))

    loader = DataLoader(Rows(7), batch_size=3, num_workers=2)
    quiet_trainer(tmp_path, callbacks=[Writer("batch")]).predict(Recorder(), loader)
    assert seen == [(rows, rows) for rows in ([0, 1, 2], [3, 4, 5], [6])]


def test_overfitting_a_few_batches_takes_the_same_ones_each_epoch(tmp_path: Path) -> None:
    loader = DataLoader(Rows(22), batch_size=4, shuffle=True, num_workers=1)
    model = fitted(loader, tmp_path, overfit_batches=2)
    assert indices(model.batches) == 2 * [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_loader_made_in_a_hook_of_the_module(tmp_path: Path) -> None:
    class Coloured(DataLoader):
        def __init__(self, colour: str, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            self.colour = colour

    class Model(Recorder):
        def train_dataloader(self) -> Any:
            loader = Coloured("red", Rows(10), 4, num_workers=1)
            loader.worker_init_fn = print_nothing
            return loader

    model = Model()
    trainer = quiet_trainer(tmp_path, overfit_batches=2)
    trainer.fit(model)
    used = trainer.train_dataloader
    assert (type(used), used.colour, used.worker_init_fn) == (Coloured, "red", print_nothing)
    assert indices(model.batches) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def print_nothing(worker: int) -> None:
    pass


def given_back(batch: Any) -> Any:
    return batch


EXTRAS: dict[str, Any] = {
    "worker_type": "thread",
    "on_error": "skip",
    "rng": "sample",
    "snapshot_every_n_steps": 3,
    "device": "cpu",
    "device_transform": given_back,
}
NEEDS = {"device_transform": {"device": "cpu"}}


@pytest.mark.parametrize("name", [name for name in EXTRAS if name in inspect.signature(DataLoader).parameters])
@pytest.mark.parametrize("mode", [None, RunningStage.PREDICTING])
def test_fastloads_own_arguments_survive_another_sampler(name: str, mode: RunningStage | None) -> None:
    dataset = Rows(8)
    extras = {name: EXTRAS[name], **NEEDS.get(name, {})}
    loader = DataLoader(dataset, batch_size=2, num_workers=1, prefetch_factor=3, **extras)
    again = _update_dataloader(loader, DistributedSampler(dataset, 2, 1, shuffle=False), mode)
    assert type(again) is DataLoader
    assert getattr(again, name) == EXTRAS[name]
    assert (again.num_workers, again.prefetch_factor) == (1, 3)
    assert indices(list(again)) == [[1, 3], [5, 7]]


def test_every_argument_of_fastloads_own_is_tried_above() -> None:
    known = inspect.signature(TorchDataLoader).parameters
    own = {name for name, it in inspect.signature(DataLoader).parameters.items() if it.kind is it.KEYWORD_ONLY}
    assert own - set(known) == {name for name in EXTRAS if name in own}


@pytest.mark.parametrize("fails", [False, True])
def test_the_end_of_training_is_the_end_of_persistent_workers(fails: bool, tmp_path: Path) -> None:
    class Model(Recorder):
        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            if fails and number == 2:
                raise KeyError("in the third step")
            return super().training_step(batch, number)

    loader = DataLoader(Rows(40), batch_size=4, num_workers=2, persistent_workers=True)
    trainer, model = quiet_trainer(tmp_path, max_epochs=2), Model()
    if fails:
        with pytest.raises(KeyError, match="in the third step"):
            trainer.fit(model, loader)
    else:
        trainer.fit(model, loader)
    assert wait_until(lambda: not descendants())
    assert len(model.batches) == (2 if fails else 20)


def test_samples_left_out_and_thread_workers_in_training(tmp_path: Path) -> None:
    class Holes(Rows):
        def __getitem__(self, index: int) -> dict[str, Any]:
            if index % 5 == 2:
                raise ValueError(f"row {index} is broken")
            return super().__getitem__(index)

    loader = DataLoader(Holes(12), batch_size=4, num_workers=2, worker_type="thread", on_error="skip")
    model = Recorder()
    trainer = quiet_trainer(tmp_path, max_epochs=1)
    trainer.fit(model, loader)
    assert indices(model.batches) == [[0, 1, 3], [4, 5, 6], [8, 9, 10, 11]]
    assert isinstance(loader.sampler, SequentialSampler)
    assert loader.stats().skipped == 2

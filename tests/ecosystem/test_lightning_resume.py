"""A checkpoint in the middle of an epoch holds the loader's place, and a new Trainer goes on from there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import pytest
import torch
from recorder import WORKERS, Recorder, quiet_trainer
from rows import Rows, RowStream, flat, indices, seed_everything
from support.compare import assert_same
from torch.utils.data import DataLoader as TorchDataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from fastload import DataLoader


class SizedStream(RowStream):
    def __len__(self) -> int:
        return self.length


class StatefulStream(RowStream):
    """Says where it stands, so that nothing is read again when training goes on."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.done = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for number, row in enumerate(super().__iter__()):
            if number >= self.done:
                self.done += 1
                yield row
        self.done = 0

    def __len__(self) -> int:
        return self.length

    def state_dict(self) -> dict[str, int]:
        return {"done": self.done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.done = state["done"]


class SaveAt(lightning.Callback):
    """Writes a checkpoint once that many training steps are done."""

    def __init__(self, path: Path, steps: int) -> None:
        self.path, self.steps = path, steps

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == self.steps:
            trainer.save_checkpoint(self.path)


def trained(loader: Any, folder: Path, *callbacks: Any, resume: Path | None = None) -> list[Any]:
    """The batches of two epochs, or of what remains of them."""
    seed_everything()
    model = Recorder()
    trainer = quiet_trainer(folder, max_epochs=2, callbacks=list(callbacks))
    trainer.fit(model, loader, ckpt_path=resume, weights_only=True if resume else None)
    return model.batches


def loader_states(checkpoint: Path) -> Any:
    return torch.load(checkpoint, weights_only=True)["loops"]["fit_loop"]["state_dict"].get("combined_loader")


BATCHES = 6  # of 22 rows, 4 at a time


@pytest.mark.parametrize("steps", [1, 4, 5, 8, 11])
@pytest.mark.parametrize("workers", WORKERS, ids=str)
def test_training_goes_on_with_the_batches_that_were_still_due(
    workers: dict[str, Any], steps: int, tmp_path: Path
) -> None:
    def loader() -> Any:
        return DataLoader(Rows(22), batch_size=4, shuffle=True, **workers)

    whole = trained(loader(), tmp_path, SaveAt(tmp_path / "half.ckpt", steps))
    rest = trained(loader(), tmp_path, resume=tmp_path / "half.ckpt")
    assert len(rest) == len(whole) - steps == 2 * BATCHES - steps
    due = -steps % BATCHES
    if workers["num_workers"]:
        assert_same(rest[:due], whole[steps : steps + due])  # the noise of the workers goes on, too
    else:
        assert indices(rest[:due]) == indices(whole[steps : steps + due])
    if steps < BATCHES:
        assert sorted(flat(rest[due:])) == list(range(22))


class SaveAtTheEnd(SaveAt):
    """Writes it when Lightning's own ModelCheckpoint does by default: after an epoch."""

    def on_train_batch_end(self, *_: Any) -> None:
        pass

    def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == self.steps:
            trainer.save_checkpoint(self.path)


@pytest.mark.parametrize("dataset", [Rows(22), SizedStream(22), RowStream(22)], ids=lambda it: type(it).__name__)
@pytest.mark.parametrize("workers", WORKERS, ids=str)
def test_a_checkpoint_after_an_epoch_lets_the_next_one_begin(
    workers: dict[str, Any], dataset: Any, tmp_path: Path
) -> None:
    whole = trained(DataLoader(dataset, batch_size=4, **workers), tmp_path, SaveAtTheEnd(tmp_path / "c", BATCHES))
    rest = trained(DataLoader(dataset, batch_size=4, **workers), tmp_path, resume=tmp_path / "c")
    assert indices(rest) == indices(whole[BATCHES:])


@pytest.mark.parametrize("kind", [DataLoader, StatefulDataLoader])
def test_a_checkpoint_in_the_last_step_of_an_epoch_is_of_an_epoch_with_nothing_left(kind: Any, tmp_path: Path) -> None:
    """Lightning takes that rest for the whole next epoch, with torchdata's loader as with fastload's."""
    trained(kind(Rows(22), batch_size=4), tmp_path, SaveAt(tmp_path / "c", BATCHES))
    assert trained(kind(Rows(22), batch_size=4), tmp_path, resume=tmp_path / "c") == []


@pytest.mark.parametrize("before_and_after", [(0, 2), (2, 0), (2, 1), (1, 2)], ids=str)
def test_training_goes_on_with_another_number_of_workers(before_and_after: tuple[int, int], tmp_path: Path) -> None:
    loaders = [DataLoader(Rows(22), batch_size=4, shuffle=True, num_workers=number) for number in before_and_after]
    whole = trained(loaders[0], tmp_path, SaveAt(tmp_path / "half.ckpt", 3))
    rest = trained(loaders[1], tmp_path, resume=tmp_path / "half.ckpt")
    assert indices(rest[:3]) == indices(whole[3:6])
    assert sorted(flat(rest[3:])) == list(range(22))


@pytest.mark.parametrize("stream", [SizedStream, StatefulStream])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_of_known_length_goes_on(workers: int, stream: Any, tmp_path: Path) -> None:
    whole = trained(
        DataLoader(stream(22), batch_size=4, num_workers=workers), tmp_path, SaveAt(tmp_path / "half.ckpt", 3)
    )
    rest = trained(DataLoader(stream(22), batch_size=4, num_workers=workers), tmp_path, resume=tmp_path / "half.ckpt")
    assert indices(rest) == indices(whole[3:])


def test_a_stream_of_unknown_length_goes_on_after_the_batch_that_lightning_had_fetched_ahead(tmp_path: Path) -> None:
    whole = trained(DataLoader(RowStream(22), batch_size=4, num_workers=2), tmp_path, SaveAt(tmp_path / "c", 3))
    (state,) = loader_states(tmp_path / "c")
    assert state["_num_yielded"] == 4
    rest = trained(DataLoader(RowStream(22), batch_size=4, num_workers=2), tmp_path, resume=tmp_path / "c")
    assert indices(rest) == indices(whole[4:])


def test_every_loader_of_several_goes_on(tmp_path: Path) -> None:
    class Model(Recorder):
        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            super().training_step(batch["long"], number)
            return super().training_step(batch["short"], number)

    def run(*callbacks: Any, resume: Path | None = None) -> list[Any]:
        seed_everything()
        loaders = {
            "long": DataLoader(Rows(22), batch_size=4, shuffle=True, num_workers=2),
            "short": DataLoader(Rows(12), batch_size=2, shuffle=True, num_workers=1),
        }
        model = Model()
        quiet_trainer(tmp_path, callbacks=list(callbacks)).fit(model, loaders, ckpt_path=resume)
        return indices(model.batches)

    whole = run(SaveAt(tmp_path / "c", 2))
    assert len(loader_states(tmp_path / "c")) == 2
    assert run(resume=tmp_path / "c") == whole[4:]


def test_the_state_in_a_checkpoint_is_of_the_batches_trained_on(tmp_path: Path) -> None:
    loader = DataLoader(Rows(22), batch_size=4, num_workers=2, prefetch_factor=3)
    trained(loader, tmp_path, SaveAt(tmp_path / "c", 2))
    (state,) = loader_states(tmp_path / "c")
    assert state["_num_yielded"] == 2
    assert not state["_iterator_finished"]


def test_a_checkpoint_of_another_dataset_is_refused(tmp_path: Path) -> None:
    trained(DataLoader(Rows(22), batch_size=4), tmp_path, SaveAt(tmp_path / "c", 2))
    with pytest.raises(ValueError, match="22"):
        trained(DataLoader(Rows(30), batch_size=4), tmp_path, resume=tmp_path / "c")


def test_a_checkpoint_of_torchs_loader_begins_the_epoch_again(tmp_path: Path) -> None:
    trained(TorchDataLoader(Rows(22), batch_size=4), tmp_path, SaveAt(tmp_path / "c", 2))
    assert loader_states(tmp_path / "c") is None
    rest = trained(DataLoader(Rows(22), batch_size=4), tmp_path, resume=tmp_path / "c")
    assert indices(rest)[:2] == [[0, 1, 2, 3], [4, 5, 6, 7]]

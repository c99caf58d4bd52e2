"""fastload behind the loaders that the Trainer of transformers makes: the losses of torch's, to the last digit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from ranks import forget_accelerate
from rows import RowStream, seed_everything
from served import BOTH, serving
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments


@pytest.fixture(autouse=True)
def fresh_state() -> Iterator[None]:
    forget_accelerate()
    yield
    forget_accelerate()


class Sentences(Dataset):
    """Sentence i has 3 + i % 5 tokens, with noise from the worker's generator."""

    def __len__(self) -> int:
        return 26

    def __getitem__(self, index: int) -> dict[str, Any]:
        if index >= len(self):
            raise IndexError(index)
        tokens = torch.full((3 + index % 5,), float(index))
        return {"index": index, "input_ids": tokens, "x": torch.rand(4)}


def collate(sentences: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    padded = torch.nn.utils.rnn.pad_sequence([it["input_ids"] for it in sentences], batch_first=True)
    return {
        "index": torch.tensor([it["index"] for it in sentences]),
        "input_ids": padded,
        "x": torch.stack([it["x"] for it in sentences]),
    }


class Model(torch.nn.Module):
    """Gives back a loss, as the Trainer expects it, and keeps which rows it has trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        self.rows: list[list[int]] = []

    def forward(self, index: torch.Tensor, x: torch.Tensor, input_ids: Any = None, **_: Any) -> dict[str, torch.Tensor]:
        if self.training:
            self.rows.append(index.tolist())
        scale = 1.0 if input_ids is None else input_ids.mean()
        return {"loss": self.layer(x).square().mean() * scale, "logits": index}


def make_trainer(folder: Path, **options: Any) -> Trainer:
    seed_everything()
    defaults = {
        "per_device_train_batch_size": 4,
        "num_train_epochs": 2,
        "learning_rate": 1e-3,
        "logging_steps": 1,
        "save_strategy": "no",
        "dataloader_num_workers": 2,
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "seed": 11,
    }
    data = options.pop("train_dataset", None) or Sentences()
    arguments = TrainingArguments(output_dir=str(folder), **{**defaults, **options})
    return Trainer(
        model=Model(),
        args=arguments,
        train_dataset=data,
        eval_dataset=Sentences(),
        data_collator=collate if isinstance(data, Sentences) else None,
    )


def losses_of(trainer: Trainer) -> list[Any]:
    """Every loss and gradient norm that was logged, and the weights: what depends on the batches."""
    names = {"loss", "grad_norm", "eval_loss"}
    logged = [{name: value for name, value in entry.items() if name in names} for entry in trainer.state.log_history]
    return [logged, [parameter.tolist() for parameter in trainer.model.parameters()], trainer.model.rows]


TRAININGS = {
    "two workers": {},
    "no workers": {"dataloader_num_workers": 0},
    "persistent workers, gradients accumulated": {
        "dataloader_persistent_workers": True,
        "gradient_accumulation_steps": 2,
    },
    "last batch dropped": {"dataloader_drop_last": True, "dataloader_prefetch_factor": 3},
    "sentences of one length together": {"train_sampling_strategy": "group_by_length"},
    "a stream": {"train_dataset": RowStream(26), "max_steps": 9},
}


@pytest.mark.parametrize("name", TRAININGS)
def test_the_losses_are_those_with_torchs_loader(name: str, tmp_path: Path) -> None:
    seen = []
    for who in BOTH:
        with serving(who) as makers:
            trainer = make_trainer(tmp_path, **TRAININGS[name])
            trainer.train()
        assert set(makers) == {who}
        seen.append(losses_of(trainer))
        del trainer
        forget_accelerate()
    assert len(seen[1][2]) >= 9
    assert seen[1] == seen[0]


def test_evaluating_between_epochs_with_loaders_that_are_kept(tmp_path: Path) -> None:
    seen = []
    for who in BOTH:
        with serving(who) as makers:
            trainer = make_trainer(tmp_path, eval_strategy="epoch", dataloader_persistent_workers=True)
            trainer.train()
            predicted = trainer.predict(Sentences()).predictions
        assert set(makers) == {who}
        seen.append((losses_of(trainer), [rows.tolist() for rows in predicted]))
        del trainer
        forget_accelerate()
    assert seen[1][1][-1] == list(range(26))
    assert seen[1] == seen[0]


class StopAt(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, _arguments: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = state.global_step == self.step


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_goes_on_from_its_checkpoint(workers: int, tmp_path: Path) -> None:
    options = {"save_strategy": "steps", "save_steps": 3, "dataloader_num_workers": workers}
    with serving("fastload"):
        whole = make_trainer(tmp_path / "whole", **options)
        whole.train()
        forget_accelerate()
        begun = make_trainer(tmp_path / "cut", **options)
        begun.add_callback(StopAt(10))
        begun.train()
        forget_accelerate()
        resumed = make_trainer(tmp_path / "cut", **options)
        resumed.train(resume_from_checkpoint=str(tmp_path / "cut" / "checkpoint-9"))
    assert begun.model.rows == whole.model.rows[:10]
    assert resumed.model.rows == whole.model.rows[9:]
    second_epoch = begun.model.rows[7:9] + resumed.model.rows
    assert sorted(row for batch in second_epoch for row in batch) == list(range(26))

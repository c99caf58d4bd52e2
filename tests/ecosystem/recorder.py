"""A Lightning module that keeps what it is given."""

from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import torch

WORKERS: list[dict[str, Any]] = [
    {"num_workers": 0},
    {"num_workers": 2},
    {"num_workers": 2, "persistent_workers": True},
]


class Recorder(lightning.LightningModule):
    """``batches`` has every batch of every stage in turn, ``losses`` the exact loss of every training step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        self.batches: list[Any] = []
        self.losses: list[float] = []

    def training_step(self, batch: Any, number: int) -> torch.Tensor:
        loss = self.layer(batch["x"]).square().mean()
        self.batches.append(batch)
        self.losses.append(loss.item())
        return loss

    def validation_step(self, batch: Any, number: int, dataloader_idx: int = 0) -> None:
        self.batches.append(batch)

    def predict_step(self, batch: Any, number: int) -> torch.Tensor:
        return batch["index"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-4)


def quiet_trainer(folder: Path, **options: Any) -> lightning.Trainer:
    """A trainer on the CPU that writes nothing but what it is asked for, and that below ``folder``."""
    options = {"max_epochs": 1, "enable_checkpointing": False, "devices": 1, **options}
    return lightning.Trainer(
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )

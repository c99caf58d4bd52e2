"""A program that trains nothing on two workers of Ray Train, and writes down which rows they saw.

    python train_with_ray.py FOLDER

FOLDER gets all that Ray writes, and rank0.json and rank1.json: for each of some loaders, served by torch and by
fastload, the rows that this worker saw in each of two epochs.
"""

import json
import sys
from pathlib import Path
from typing import Any

import ray
import ray.train.torch
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from rows import Rows, indices, seed_everything
from served import BOTH, serving
from torch.utils.data import DataLoader as TorchDataLoader

from fastload import DataLoader

OBJECT_STORE_BYTES = 80 << 20

LOADERS = {
    "torch's": lambda: TorchDataLoader(Rows(22), batch_size=4, shuffle=True, num_workers=2),
    "fastload's": lambda: DataLoader(Rows(22), batch_size=4, shuffle=True, num_workers=2, persistent_workers=True),
    "no workers": lambda: TorchDataLoader(Rows(22), batch_size=4),
    "dropping the last": lambda: TorchDataLoader(Rows(22), batch_size=4, drop_last=True, num_workers=1),
}


def on_one_worker(config: dict[str, Any]) -> None:
    found = {}
    for name, make in LOADERS.items():
        for who in BOTH:
            seed_everything()
            found[f"{name}, served by {who}"] = two_epochs(who, make())
    rank = ray.train.get_context().get_world_rank()
    (Path(config["folder"]) / f"rank{rank}.json").write_text(json.dumps(found))


def two_epochs(who: str, loader: Any) -> dict[str, Any]:
    with serving(who) as makers:
        prepared = ray.train.torch.prepare_data_loader(loader)
        epochs = []
        for epoch in range(2):
            if hasattr(prepared.sampler, "set_epoch"):
                prepared.sampler.set_epoch(epoch)
            batches = list(prepared)
            epochs.append({"rows": indices(batches), "noise": [batch["noise"].tolist() for batch in batches]})
    return {"epochs": epochs, "makers": sorted(set(makers)), "type": type(prepared).__mro__[1].__name__}


def main(folder: Path) -> None:
    ray.init(num_cpus=2, include_dashboard=False, _temp_dir=str(folder), object_store_memory=OBJECT_STORE_BYTES)
    try:
        TorchTrainer(
            on_one_worker,
            train_loop_config={"folder": str(folder)},
            scaling_config=ScalingConfig(num_workers=2, use_gpu=False),
            run_config=RunConfig(storage_path=str(folder / "storage"), name="rows"),
        ).fit()
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

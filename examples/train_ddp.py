"""Trains a small network on several processes at once; killed at any time, it goes on from its last checkpoint.

    torchrun --nproc-per-node 2 examples/train_ddp.py --checkpoint run.pt
    torchrun --nproc-per-node 3 examples/train_ddp.py --checkpoint run.pt --resume    # as many as you like

Each process is a rank with its own part of every batch: on its GPU with nccl, without GPUs on the processor with gloo.
Without torchrun it trains in one process. All ranks get the same number of samples: where the batch size is no multiple
of their number, a batch is a little larger, and where the samples of an epoch do not go round, the first ones of the
epoch are used once more, less of them than there are ranks.

A resumed run sees the samples that are due, and no other ones. It ends with the same weights as one that was never
interrupted, if it has as many processes; with more than two of them up to rounding, as DistributedDataParallel adds up
gradients in another order from its second step on, and sums of three depend on the order.
"""

import argparse
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from checkpoints import random_states, save_checkpoint, set_random_states
from digits import CLASSES, PIXELS, Digits, load_digits
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

import fastload
from fastload.samplers import DistributedSampler


@dataclass
class Job:
    """This process among the others."""

    rank: int
    world_size: int
    device: torch.device


def start_job() -> Job:
    """Meet the other processes that torchrun started, if it did."""
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if "RANK" not in os.environ:
        return Job(0, 1, device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Job(dist.get_rank(), dist.get_world_size(), device)


class Training:
    """Network, optimizer and loader, and how far they are; all of it goes into a checkpoint."""

    def __init__(self, args: argparse.Namespace, job: Job, train_set: Digits) -> None:
        seed_everything(args.seed)  # the same weights on every rank
        self.args = args
        self.job = job
        self.step = 0
        self.epoch = 0
        self.seen = 0  # samples of this epoch, on all ranks
        self.network = make_network().to(job.device)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=5e-3)
        self.sampler = DistributedSampler(train_set, job.world_size, job.rank, shuffle=True, seed=args.seed)
        self.loader = fastload.DataLoader(
            train_set,
            batch_size=batch_size_of_rank(args.batch_size, job),
            sampler=self.sampler,
            num_workers=args.workers,
            rng="sample",  # a sample's augmentation depends on seed and epoch, not on the worker or the rank
            generator=torch.Generator().manual_seed(args.seed),  # that seed; dropout has the process's generator
        )
        if args.resume and args.checkpoint.exists():
            # Not only weights: the states of generators are no tensors. Load files that you trust.
            self._load(torch.load(args.checkpoint, map_location="cpu", weights_only=False))
        else:
            seed_everything(args.seed + job.rank)  # other dropout on every rank

    def run(self) -> float | None:
        """Train to the end; the last step's loss, or None if there was no step to make."""
        model = self.network if self.job.world_size == 1 else DistributedDataParallel(self.network)
        loss = None
        while self.epoch < self.args.epochs and self.step != self.args.stop_after:
            loss = self._run_epoch(model, loss)
        return loss

    def _run_epoch(self, model: nn.Module, loss: float | None) -> float | None:
        self.network.train()
        for batch in self._progress():
            loss = self._run_step(model, *batch)
            self.step += 1
            self.seen += len(batch[0]) * self.job.world_size
            if self.step == self.args.stop_after:
                self.save()
                return loss
            if self.step % self.args.checkpoint_every == 0:
                self.save()
        self.epoch += 1
        self.seen = 0
        self.save()
        return loss

    def _run_step(self, model: nn.Module, indices: Tensor, images: Tensor, labels: Tensor) -> float:
        device = self.job.device
        loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if self.args.record is not None:
            self._record({"step": self.step, "epoch": self.epoch, "indices": indices.tolist(), "loss": loss.item()})
        return loss.item()

    def _progress(self) -> Any:
        batches = len(self.loader)
        done = self.seen // (batch_size_of_rank(self.args.batch_size, self.job) * self.job.world_size)
        title = f"epoch {self.epoch + 1}/{self.args.epochs}"
        return tqdm(self.loader, title, batches, leave=False, initial=done, unit="batch", disable=self.job.rank > 0)

    def _record(self, line: dict[str, Any]) -> None:
        with (self.args.record / f"rank{self.job.rank}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def save(self) -> None:
        """Write a checkpoint, if one is asked for."""
        if self.args.checkpoint is None:
            return
        state = {
            "step": self.step,
            "epoch": self.epoch,
            "seen": self.seen,
            "batch_size": self.args.batch_size,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "loader": self.loader.state_dict(),  # the same on every rank
        }
        save_checkpoint(self.args.checkpoint, state, random_states())

    def _load(self, checkpoint: dict[str, Any]) -> None:
        same_ranks = len(checkpoint["ranks"]) == self.job.world_size
        if same_ranks and checkpoint["batch_size"] != self.args.batch_size:
            raise SystemExit(
                f"--batch-size was {checkpoint['batch_size']} when {self.args.checkpoint} was written, and is "
                f"{self.args.batch_size} now: resume with the same, or with another number of processes"
            )
        self.step = checkpoint["step"]
        self.epoch = checkpoint["epoch"]
        self.seen = checkpoint["seen"]
        self.network.load_state_dict(checkpoint["network"])
        self.optimizer.load_state_dict(checkpoint["optimizer"])
        self.loader.load_state_dict(checkpoint["loader"])
        if same_ranks:
            set_random_states(checkpoint["ranks"][self.job.rank])
        else:  # with other ranks than before there is no dropout to go on with
            seed_everything(self.args.seed + self.step + self.job.rank)


def batch_size_of_rank(batch_size: int, job: Job) -> int:
    """A rank's share of a batch of all ranks, rounded up: they all have the same."""
    return -(-batch_size // job.world_size)


def seed_everything(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


def make_network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(32 * (PIXELS // 2) ** 2, CLASSES),
    )


@torch.no_grad()
def accuracy(network: nn.Module, digits: Digits, device: torch.device) -> float:
    """The share of digits that the network reads right."""
    network.eval()
    found = network(digits.images.to(device)).argmax(1).cpu()
    return float((found == digits.labels).double().mean())


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32, help="of all processes together (rounded up to share it)")
    parser.add_argument("--workers", type=int, default=1, help="of each process")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=int, help="train on this many (all: 1500)")
    parser.add_argument("--checkpoint", type=Path, help="file to write, and to go on from with --resume")
    parser.add_argument("--checkpoint-every", type=int, default=20, metavar="STEPS")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    parser.add_argument("--stop-after", type=int, metavar="STEP", help="end early, with a checkpoint")
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="write down the samples of every step")
    args = parser.parse_args(arguments)
    if args.resume and args.checkpoint is None:
        parser.error("--resume needs --checkpoint")
    return args


def main(arguments: list[str] | None = None) -> None:
    args = parse_arguments(arguments)
    torch.set_num_threads(1)
    torch.backends.cudnn.deterministic = True
    tqdm.monitor_interval = 0  # no thread beside the loop when workers are forked
    job = start_job()
    share = batch_size_of_rank(args.batch_size, job)
    if job.rank == 0 and share * job.world_size != args.batch_size:
        together = share * job.world_size
        print(f"--batch-size {args.batch_size}: {share} for each of {job.world_size} processes, {together} together")
    for folder in (args.record, args.checkpoint and args.checkpoint.parent):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    train_set, validation_set = load_digits(args.samples)
    training = Training(args, job, train_set)
    loss = training.run()
    if job.rank == 0:
        right = accuracy(training.network, validation_set, job.device)
        last = "no step was left to make" if loss is None else f"last loss {loss:.4f}"
        print(f"step {training.step}: {last}, validation accuracy {right:.1%}, {job.world_size} processes")
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()

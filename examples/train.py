"""Trains a small network on JPEG files three times, and compares: losses, speed, waiting.

    python examples/train.py --epochs 5 --workers 2

"torch" and "fastload" are two loaders of one data set in Python, with Pillow. They start from the same seeds, so every
loss must be equal to the last digit; if one is not, the exit status is 1. "native" is fastload's own data set and
transforms on the same files: the same steps, from draws of its own, in threads in place of worker processes.
Waiting is the time inside ``iter(loader)`` and ``next(iterator)``: the loop has nothing to do.
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from photos import PHOTOS, PhotoFolder, prepare_photos, random_crop_and_flip, whole_image
from torch import Tensor, nn
from torch.utils import data as torch_data
from tqdm import tqdm

import fastload
from fastload import datasets, transforms

SEED = 1


def in_python(folder: Path, pixels: int, training: bool) -> torch_data.Dataset[Any]:
    return PhotoFolder(folder, pixels, random_crop_and_flip if training else whole_image)


def natively(folder: Path, pixels: int, training: bool) -> torch_data.Dataset[Any]:
    if training:  # what random_crop_and_flip does: a square of half to all of the side
        steps = [
            transforms.RandomResizedCrop(pixels, scale=(0.25, 1.0), ratio=(1.0, 1.0)),
            transforms.RandomHorizontalFlip(),
        ]
    else:
        steps = [transforms.Resize((pixels, pixels))]
    finish = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    return datasets.ImageFolder(folder, transforms.Compose([*steps, *finish]))


@dataclass(frozen=True)
class Way:
    """A loader, and the data set that it is given."""

    loader: type[torch_data.DataLoader[Any]]
    dataset: Callable[[Path, int, bool], torch_data.Dataset[Any]]


WAYS = {
    "torch": Way(torch_data.DataLoader, in_python),
    "fastload": Way(fastload.DataLoader, in_python),
    "native": Way(fastload.DataLoader, natively),
}
SAME_LOSSES = ("torch", "fastload")


@dataclass
class Run:
    """What one training showed; times are seconds over all training epochs."""

    losses: list[float] = field(default_factory=list)
    accuracy: float = 0.0
    images: int = 0
    total_s: float = 0.0
    waiting_s: float = 0.0
    loader_images_per_s: float = 0.0


class TimedBatches:
    """The batches of ``loader``; ``waiting_s`` grows by the time that the loop waited for them."""

    def __init__(self, loader: torch_data.DataLoader[Any]) -> None:
        self.loader = loader
        self.waiting_s = 0.0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        began = perf_counter()
        batches = iter(self.loader)
        while True:
            batch = next(batches, None)
            self.waiting_s += perf_counter() - began
            if batch is None:
                return
            yield batch
            began = perf_counter()


def make_network(classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = [3, 16, 32, 64]
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], classes))


def train(name: str, args: argparse.Namespace) -> Run:
    """One whole training in the way ``name``, from the seeds on."""
    way = WAYS[name]
    random.seed(SEED)
    torch.manual_seed(SEED)
    train_set = way.dataset(args.data / "train", args.pixels, True)
    settings = {"batch_size": args.batch_size, "num_workers": args.workers}
    loader = way.loader(train_set, shuffle=True, **settings)
    network = make_network(len(PHOTOS))
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    run = Run()
    for epoch in range(args.epochs):
        train_epoch(f"{name}: epoch {epoch + 1}/{args.epochs}", loader, network, optimizer, run)
    validation_set = way.dataset(args.data / "val", args.pixels, False)
    run.accuracy = accuracy(network, way.loader(validation_set, **settings))
    run.loader_images_per_s = loader_speed(loader)
    return run


def train_epoch(
    title: str,
    loader: torch_data.DataLoader[Any],
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    run: Run,
) -> None:
    """One pass over ``loader``; adds to ``run`` the mean loss over the images, the times and the count."""
    batches = TimedBatches(loader)
    loss_sum, images_seen = 0.0, 0
    began = perf_counter()
    with tqdm(batches, title, total=len(loader), unit="batch", leave=False) as bar:
        for images, labels in bar:
            loss = nn.functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(images)
            images_seen += len(images)
            bar.set_postfix(loss=f"{loss_sum / images_seen:.4f}")
    run.total_s += perf_counter() - began
    run.waiting_s += batches.waiting_s
    run.images += images_seen
    run.losses.append(loss_sum / images_seen)


@torch.no_grad()
def accuracy(network: nn.Module, loader: torch_data.DataLoader[Any]) -> float:
    """The share of images whose label the network finds."""
    network.eval()
    right, count = 0, 0
    for images, labels in loader:
        right += int((network(images).argmax(1) == labels).sum())
        count += len(labels)
    return right / count


def loader_speed(loader: torch_data.DataLoader[Any]) -> float:
    """Images per second of one pass that only takes the batches."""
    began = perf_counter()
    images = sum(len(labels) for _, labels in loader)
    return images / (perf_counter() - began)


def warm_up(args: argparse.Namespace) -> None:
    """Neither run pays for first use: files read into the page cache, kernels of the network made."""
    for path in args.data.glob("*/*/*.jpg"):
        path.read_bytes()
    images = torch.zeros(args.batch_size, 3, args.pixels, args.pixels)
    make_network(10)(images).sum().backward()


def table(runs: dict[str, Run]) -> str:
    """The runs side by side, one measure a row."""
    longest = max(len(run.losses) for run in runs.values())
    rows = [
        (f"loss, epoch {epoch + 1}", [repr(run.losses[epoch]) for run in runs.values()]) for epoch in range(longest)
    ]
    rows += [
        ("validation accuracy", [f"{run.accuracy:.1%}" for run in runs.values()]),
        ("training, images/s", [f"{run.images / run.total_s:.0f}" for run in runs.values()]),
        ("waiting for data", [f"{run.waiting_s / run.total_s:.1%}" for run in runs.values()]),
        ("loader alone, images/s", [f"{run.loader_images_per_s:.0f}" for run in runs.values()]),
    ]
    lines = [("", list(runs)), *rows]
    return "\n".join(f"{title:<24}" + "".join(f"{cell:>24}" for cell in cells) for title, cells in lines)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--pixels", type=int, default=112, help="width and height the network sees")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network")
    parser.add_argument("--loader", choices=[*WAYS, "all"], default="all")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[1] / "data" / "photos")
    parser.add_argument("--crops", type=int, default=60, help="files per class, when they are made")
    return parser.parse_args()


def main() -> int:
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    tqdm.monitor_interval = 0  # no thread beside the loop when workers are forked
    prepare_photos(args.data, args.crops)
    warm_up(args)
    runs = {name: train(name, args) for name in WAYS if args.loader in (name, "all")}
    files = sum(1 for _ in args.data.glob("*/*/*.jpg"))
    print(f"{files} JPEG files in {args.data}, {args.workers} workers, batches of {args.batch_size}")
    print(table(runs))
    if len({tuple(runs[name].losses) for name in SAME_LOSSES if name in runs}) > 1:
        print("the losses differ", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

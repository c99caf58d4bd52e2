"""Loaders that bring batches to a GPU, each in the way that its users would, and training steps that take them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset

from benchmarks._image_chains import CHAINS, MEAN, PIXELS, STD, PhotoFiles, WithPillow

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"  # cpu: to try these functions out, never to measure
Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


class Waves(Dataset[tuple[torch.Tensor, int]]):
    """Images that are in memory already, float32 (3, 224, 224): a sample costs one copy."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.images = torch.rand(64, 3, PIXELS, PIXELS)

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.images[index % len(self.images)], index % 1000


class Ready(Dataset[torch.Tensor]):
    """Batches that lie in a worker's shared memory from the first epoch on, float32 (batch, 3, 224, 224)."""

    def __init__(self, length: int, batch: int) -> None:
        self.length = length
        self.batch = batch
        self.batches: list[torch.Tensor] = []

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> torch.Tensor:
        if not self.batches:  # more than are on their way from a worker
            self.batches = [torch.utils.data.default_collate(self._images(number)) for number in range(8)]
        return self.batches[index % len(self.batches)]

    def _images(self, number: int) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(number)
        return [torch.rand(3, PIXELS, PIXELS, generator=generator) for _ in range(self.batch)]


def torch_ready(ready: Ready, workers: int) -> Any:
    return torch.utils.data.DataLoader(ready, None, **_workers(workers), pin_memory=DEVICE == "cuda")


def fastload_ready(ready: Ready, workers: int) -> Any:
    from fastload import DataLoader

    return DataLoader(ready, None, **_workers(workers), device=DEVICE)


def moved_whole(loader: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
    for batch in loader:
        yield batch.to(DEVICE, non_blocking=True)


def pinned(batch: torch.Tensor) -> torch.Tensor:
    return batch.pin_memory() if DEVICE == "cuda" else batch.clone()


def synchronize() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def torch_loader(dataset: Any, batch_size: int, workers: int) -> Any:
    return torch.utils.data.DataLoader(dataset, batch_size, **_options(workers), pin_memory=DEVICE == "cuda")


def fastload_loader(dataset: Any, batch_size: int, workers: int, **options: Any) -> Any:
    from fastload import DataLoader

    return DataLoader(dataset, batch_size, **_options(workers), device=DEVICE, **options)


def _options(workers: int) -> dict[str, Any]:
    return {"shuffle": True, "drop_last": True, **_workers(workers)}


def _workers(count: int) -> dict[str, Any]:
    return {"num_workers": count, "persistent_workers": count > 0}


def moved(loader: Batches) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """What a training loop does with torch's loader."""
    for images, labels in loader:
        yield images.to(DEVICE, non_blocking=True), labels.to(DEVICE, non_blocking=True)


def timm_prefetched(loader: Any) -> Batches:
    """timm's PrefetchLoader, which copies on a stream of its own, one batch ahead. ImportError without timm."""
    from timm.data.loader import PrefetchLoader  # type: ignore[import-not-found,import-untyped,unused-ignore]

    found: Batches = PrefetchLoader(loader, mean=(0, 0, 0), std=(1 / 255,) * 3, device=torch.device(DEVICE))
    return found


def pillow_files(folder: Path) -> Dataset[Any]:
    return PhotoFiles(folder, WithPillow(CHAINS["training"]))


def native_files(folder: Path, as_levels: bool = False) -> Any:
    """fastload's chain; as_levels: uint8, which `Normalised` finishes on the device."""
    from fastload import transforms as T
    from fastload.datasets import ImageFolder

    steps: list[Any] = [T.RandomResizedCrop(PIXELS), T.RandomHorizontalFlip(), T.ToImage()]
    if not as_levels:
        steps += [T.ToDtype(torch.float32, scale=True), T.Normalize(MEAN, STD)]
    return ImageFolder(folder, T.Compose(steps))


class Normalised:
    """uint8 images as float32, normalised where they are."""

    def __init__(self) -> None:
        self.mean, self.std = (torch.tensor(values, device=DEVICE).view(3, 1, 1) * 255 for values in (MEAN, STD))

    def __call__(self, batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = batch
        return images.float().sub_(self.mean).div_(self.std), labels


def training_step() -> Callable[[torch.Tensor, torch.Tensor], None]:
    """A step of ResNet-50 in bfloat16, channels last. ImportError without torchvision."""
    from torchvision.models import resnet50  # type: ignore[import-not-found,import-untyped,unused-ignore]

    model = resnet50().to(DEVICE, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    loss_of = torch.nn.CrossEntropyLoss()

    def step(images: torch.Tensor, labels: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(DEVICE, torch.bfloat16):
            loss = loss_of(model(images.contiguous(memory_format=torch.channels_last)), labels)
        loss.backward()
        optimizer.step()

    return step

"""What the image benchmarks do to each photograph, and how Pillow does it: the same for every peer."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

PIXELS, RESIZED, BATCH_SIZE, WORKERS = 224, 256, 64, 2
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Window = tuple[int, int, int, int]  # top, left, height, width


@dataclass(frozen=True)
class Training:
    """A random window of ``scale`` of the area, width to height within ``ratio``, to 224x224, mirrored at random."""

    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    shuffle: bool = True

    def window(self, height: int, width: int) -> Window:
        """As RandomResizedCrop of torchvision draws it."""
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        for _ in range(10):
            area = height * width * torch.empty(1).uniform_(*self.scale).item()
            ratio = math.exp(torch.empty(1).uniform_(low, high).item())
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                top = int(torch.randint(0, height - h + 1, (1,)).item())
                return top, int(torch.randint(0, width - w + 1, (1,)).item()), h, w
        w, h = min(width, round(height * self.ratio[1])), min(height, round(width / self.ratio[0]))
        return (height - h) // 2, (width - w) // 2, h, w

    def __call__(self, image: Image.Image) -> Image.Image:
        top, left, height, width = self.window(image.height, image.width)
        image = image.crop((left, top, left + width, top + height))
        image = image.resize((PIXELS, PIXELS), Image.Resampling.BILINEAR)
        if torch.rand(1) < self.flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return image


@dataclass(frozen=True)
class Validation:
    """The shorter side to 256, then the middle 224x224."""

    shuffle: bool = False

    def window(self, height: int, width: int) -> Window:
        """What of the file is seen in the end."""
        side = min(height, width) * PIXELS // RESIZED
        return (height - side) // 2, (width - side) // 2, side, side

    def __call__(self, image: Image.Image) -> Image.Image:
        shorter = min(image.size)
        size = (RESIZED * image.width // shorter, RESIZED * image.height // shorter)
        image = image.resize(size, Image.Resampling.BILINEAR)
        left, top = round((image.width - PIXELS) / 2), round((image.height - PIXELS) / 2)
        return image.crop((left, top, left + PIXELS, top + PIXELS))


Chain = Training | Validation
CHAINS: dict[str, Chain] = {"training": Training(), "validation": Validation()}
# The same operations with nothing left to chance: all of a photograph of 4:3, not mirrored.
FIXED: dict[str, Chain] = {
    "training": Training(scale=(1, 1), ratio=(4 / 3, 4 / 3), flip=0, shuffle=False),
    "validation": Validation(),
}


class PhotoFiles(Dataset[tuple[torch.Tensor, int]]):
    """(image, label) of FOLDER/CLASS/*.jpg: ``make`` turns a path into a (3, 224, 224) float32 tensor."""

    def __init__(self, folder: Path, make: Callable[[Path], torch.Tensor]) -> None:
        classes = sorted(path.name for path in folder.iterdir())
        self.files = [(path, label) for label, name in enumerate(classes) for path in sorted((folder / name).iterdir())]
        self.make = make

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, label = self.files[index]
        return self.make(path), label


@dataclass(frozen=True)
class WithPillow:
    """The chain as torchvision's transforms run it on a PIL image, from file to tensor."""

    chain: Chain

    def __call__(self, path: Path) -> torch.Tensor:
        with path.open("rb") as file:
            image = self.chain(Image.open(file).convert("RGB"))
        tensor = torch.from_numpy(np.array(image, np.uint8, copy=True)).permute(2, 0, 1).contiguous()
        return tensor.float().div(255).sub_(MEANS).div_(STDS)


MEANS, STDS = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))


def compare_with_pillow(batch: tuple[Any, Any], folder: Path, chain: Chain) -> dict[str, Any]:
    """How far ``batch``, the first of ``folder`` in order, is from Pillow's, in levels of 0 to 255."""
    images, labels = batch
    files = PhotoFiles(folder, WithPillow(chain))
    wanted, wanted_labels = zip(*(files[index] for index in range(len(images))), strict=True)
    levels = (images - torch.stack(wanted)) * STDS * 255
    return {
        "shape": list(images.shape),
        "dtype": str(images.dtype),
        "labels": labels.tolist() == list(wanted_labels),
        "difference": levels.abs().mean().item(),
        "shift": levels.mean((2, 3)).abs().max().item(),
    }


def seed() -> None:
    torch.manual_seed(1)
    random.seed(1)

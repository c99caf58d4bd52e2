"""The loaders that the image benchmarks compare, each imported only where it is asked for."""

import importlib.metadata
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from benchmarks._image_chains import (
    BATCH_SIZE,
    MEAN,
    PIXELS,
    RESIZED,
    STD,
    WORKERS,
    Chain,
    PhotoFiles,
    Training,
    WithPillow,
)

Batches = Iterable[tuple[Any, Any]]


def pillow(folder: Path, chain: Chain) -> Batches:
    return torch_loader(PhotoFiles(folder, WithPillow(chain)), chain)


def albumentations(folder: Path, chain: Chain) -> Batches:
    import albumentations as A
    import cv2
    from albumentations.pytorch import ToTensorV2

    cv2.setNumThreads(0)
    if isinstance(chain, Training):
        crop = A.RandomResizedCrop((PIXELS, PIXELS), scale=chain.scale, ratio=chain.ratio)
        steps = [crop, A.HorizontalFlip(p=chain.flip)]
    else:
        steps = [A.SmallestMaxSize(RESIZED), A.CenterCrop(PIXELS, PIXELS)]
    transform = A.Compose([*steps, A.Normalize(MEAN, STD), ToTensorV2()])

    def make(path: Path) -> torch.Tensor:
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        tensor: torch.Tensor = transform(image=image)["image"]
        return tensor

    return torch_loader(PhotoFiles(folder, make), chain)


def torch_loader(dataset: PhotoFiles, chain: Chain) -> Batches:
    """Workers persist: their start is in no figure."""
    loader: Batches = torch.utils.data.DataLoader(
        dataset,
        BATCH_SIZE,
        shuffle=chain.shuffle,
        num_workers=WORKERS,
        persistent_workers=True,
        multiprocessing_context="fork",
    )
    return loader


class Dali:
    """DALI's CPU pipeline behind its iterator for PyTorch."""

    def __init__(self, folder: Path, chain: Chain) -> None:
        from nvidia.dali import fn, pipeline_def, types
        from nvidia.dali.plugin.pytorch import DALIClassificationIterator, LastBatchPolicy

        @pipeline_def(batch_size=BATCH_SIZE, num_threads=WORKERS, device_id=None)
        def pipeline() -> Any:
            files, labels = fn.readers.file(file_root=str(folder), random_shuffle=chain.shuffle, name="files")
            finish: dict[str, Any] = {}
            if isinstance(chain, Training):
                images = fn.decoders.image_random_crop(
                    files,
                    random_area=list(chain.scale),
                    random_aspect_ratio=list(chain.ratio),
                    num_attempts=10,
                )
                images = fn.resize(images, resize_x=PIXELS, resize_y=PIXELS, antialias=True)
                finish["mirror"] = fn.random.coin_flip(probability=chain.flip)
            else:
                images = fn.resize(fn.decoders.image(files), resize_shorter=RESIZED, antialias=True)
                finish["crop"] = (PIXELS, PIXELS)
                finish["rounding"] = "truncate"  # half a pixel goes where torchvision lets it go
            images = fn.crop_mirror_normalize(
                images,
                dtype=types.FLOAT,
                output_layout="CHW",
                mean=[255 * value for value in MEAN],
                std=[255 * value for value in STD],
                **finish,
            )
            return images, labels

        self.batches = DALIClassificationIterator(
            pipeline(), reader_name="files", auto_reset=True, last_batch_policy=LastBatchPolicy.PARTIAL
        )

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for (batch,) in self.batches:
            yield batch["data"], batch["label"].view(-1)


def fastload(folder: Path, chain: Chain) -> Batches:
    from fastload import DataLoader, datasets, transforms

    if isinstance(chain, Training):
        steps = [
            transforms.RandomResizedCrop(PIXELS, chain.scale, chain.ratio),
            transforms.RandomHorizontalFlip(chain.flip),
        ]
    else:
        steps = [transforms.Resize(RESIZED), transforms.CenterCrop(PIXELS)]
    finish = [transforms.ToImage(), transforms.ToDtype(torch.float32, scale=True), transforms.Normalize(MEAN, STD)]
    dataset = datasets.ImageFolder(folder, transforms.Compose([*steps, *finish]))
    return DataLoader(dataset, BATCH_SIZE, shuffle=chain.shuffle, num_workers=WORKERS)


class OnlyDecode:
    """fastload's decoder on the windows that the chain would take, drawn before; what it makes is dropped."""

    def __init__(self, folder: Path, chain: Chain) -> None:
        from fastload import io

        self.threads = ThreadPoolExecutor(WORKERS)
        self.decode = io.decode_image
        self.jobs = []
        for path in folder.glob("*/*.jpg"):
            height, width = io.image_size(path)
            self.jobs.append((path, chain.window(height, width)))

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        jobs = iter(self.jobs)
        for count in self.threads.map(self.work, [jobs] * WORKERS):
            yield range(count), None

    def work(self, jobs: Iterator[tuple[Path, Any]]) -> int:
        count = 0
        for path, window in jobs:  # both threads take from one iterator
            self.decode(path, region=window, min_size=(PIXELS, PIXELS))
            count += 1
        return count


MAKE: dict[str, Callable[[Path, Chain], Batches]] = {
    "limit": OnlyDecode,
    "Pillow": pillow,
    "Albumentations": albumentations,
    "DALI": Dali,
    "fastload": fastload,
}
PACKAGES = {
    "Pillow": ("pillow",),
    "Albumentations": ("albumentations", "opencv-python-headless"),
    "DALI": ("nvidia-dali-cuda120",),
}


def versions(name: str) -> str:
    return ", ".join(f"{package} {importlib.metadata.version(package)}" for package in PACKAGES.get(name, ()))

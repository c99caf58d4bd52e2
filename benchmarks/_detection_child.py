"""One loader of photographs with ten boxes each, augmented; each line it is sent is one epoch.

Arguments: name of the loader, the folder of photographs, their annotations. Says first how many images an epoch has, or
{"missing": why} if the library is not installed.
"""

import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from benchmarks._augmentation_chains import CHAINS, Apply, fastload_transform
from benchmarks._augmentation_checks import check_sample
from benchmarks._child import say, wait

BATCH_SIZE, WORKERS = 32, 2
Batches = Iterable[tuple[Any, Any]]


class Annotated:
    """The files that annotations name, and the boxes (x1, y1, x2, y2) and labels of each."""

    def __init__(self, folder: Path, annotations: Path) -> None:
        known = json.loads(annotations.read_text())
        self.paths = [folder / image["file_name"] for image in known["images"]]
        boxes: dict[int, list[list[float]]] = {image["id"]: [] for image in known["images"]}
        labels: dict[int, list[int]] = {image["id"]: [] for image in known["images"]}
        for entry in known["annotations"]:
            x, y, width, height = entry["bbox"]
            boxes[entry["image_id"]].append([x, y, x + width, y + height])
            labels[entry["image_id"]].append(entry["category_id"])
        self.boxes = [np.array(boxes[image["id"]], dtype=np.float32) for image in known["images"]]
        self.labels = [np.array(labels[image["id"]]) for image in known["images"]]


class Scenes(Dataset[tuple[Any, Any]]):
    """Samples of another library: files are read by OpenCV."""

    def __init__(self, annotated: Annotated, apply: Apply) -> None:
        self.annotated, self.apply = annotated, apply

    def __len__(self) -> int:
        return len(self.annotated.paths)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        import cv2

        image = cv2.cvtColor(cv2.imread(str(self.annotated.paths[index])), cv2.COLOR_BGR2RGB)
        made = self.apply((image, self.annotated.boxes[index], self.annotated.labels[index]))
        return (made["image"], (made["bboxes"], made["labels"])) if isinstance(made, dict) else made


def collated(samples: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    return torch.stack([image for image, _ in samples]), [target for _, target in samples]


def peer(name: str) -> Callable[[Path, Path], Batches]:
    def make(folder: Path, annotations: Path) -> Batches:
        import cv2

        cv2.setNumThreads(0)
        loader: Batches = torch.utils.data.DataLoader(
            Scenes(Annotated(folder, annotations), CHAINS[name]()),
            BATCH_SIZE,
            shuffle=True,
            num_workers=WORKERS,
            collate_fn=collated,
            persistent_workers=True,
            multiprocessing_context="fork",
        )
        return loader

    return make


def fastload(folder: Path, annotations: Path) -> Batches:
    from fastload import DataLoader, DetectionCollate
    from fastload.datasets import CocoDetection

    data = CocoDetection(folder, annotations, transforms=fastload_transform(), tensors=True)
    return DataLoader(data, BATCH_SIZE, shuffle=True, num_workers=WORKERS, collate_fn=DetectionCollate())


class OnlyDecode:
    """fastload's decoder on whole files; what it makes is dropped."""

    def __init__(self, folder: Path, annotations: Path) -> None:
        from fastload import io

        self.threads = ThreadPoolExecutor(WORKERS)
        self.read, self.paths = io.read_image, Annotated(folder, annotations).paths

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for image in self.threads.map(self.read, self.paths):
            yield [image], None


MAKE: dict[str, Callable[[Path, Path], Batches]] = {
    "limit": OnlyDecode,
    "fastload": fastload,
    **{name: peer(name) for name in ("Albumentations", "imgaug", "torchvision")},
}


def epoch(batches: Batches) -> int:
    return sum(len(images) for images, _ in batches)


def check(batches: Batches) -> None:
    """Batches are what the row says."""
    images, targets = next(iter(batches))
    assert len(images) == len(targets) == BATCH_SIZE, (len(images), len(targets))
    for sample in zip(images, targets, strict=True):
        check_sample(sample)


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    name, folder, annotations = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    try:
        batches = MAKE[name](folder, annotations)
        if name != "limit":
            check(batches)
    except ImportError as error:
        say({"missing": str(error)})
        return
    say({"samples": epoch(batches)})
    while wait():
        epoch(batches)
        say(None)


if __name__ == "__main__":
    main()

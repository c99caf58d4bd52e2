"""Hand-written digits as a dataset: the file that scikit-learn ships, so nothing is downloaded."""

import gzip

import numpy as np
import torch
from photos import shipped_file
from torch import Tensor
from torch.utils.data import Dataset

CLASSES = 10
PIXELS = 8
VALIDATION = 297  # the last ones of 1,797


class Digits(Dataset[tuple[int, Tensor, int]]):
    """(index, image, label): image (1, 8, 8) float32 in [0, 1], moved by up to one pixel if ``augment``.

    The index is there to show which samples a training step used.
    """

    def __init__(self, images: Tensor, labels: Tensor, augment: bool) -> None:
        self.images = images
        self.labels = labels
        self.augment = augment

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[int, Tensor, int]:
        image = self.images[index]
        if self.augment:
            down, right = torch.randint(-1, 2, (2,)).tolist()
            image = image.roll((down, right), (1, 2))
        return index, image, int(self.labels[index])


def load_digits(samples: int | None = None) -> tuple[Digits, Digits]:
    """The set to train on, or its first ``samples``, and the one to validate with."""
    with gzip.open(shipped_file("sklearn/datasets/data/digits.csv.gz"), "rt") as file:
        table = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.float32))
    images = (table[:, :-1] / 16).reshape(-1, 1, PIXELS, PIXELS)
    labels = table[:, -1].long()
    most = len(labels) - VALIDATION
    if samples is not None and not 1 <= samples <= most:
        raise ValueError(f"samples must be 1 to {most}, got {samples}")
    return (
        Digits(images[:most][:samples], labels[:most][:samples], augment=True),
        Digits(images[most:], labels[most:], augment=False),
    )

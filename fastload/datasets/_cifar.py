"""CIFAR10 and CIFAR100, as torchvision has them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from fastload.datasets import _download
from fastload.datasets._cifar_files import read_batch, read_names
from fastload.datasets._in_memory import InMemoryImages

Listed = Sequence[tuple[str, str | None]]  # (file, md5); None for an md5: any content will do


class CIFAR10(InMemoryImages):
    """(image, class) of 50,000 images of 32 x 32 pixels, or of the 10,000 that are for testing; 10 classes.

    Arguments, attributes and order are torchvision's, and so is where the files lie: in ``root``/cifar-10-batches-py.
    Images are PIL images in RGB, or what ``transform`` makes of them: with fastload's transforms natively.

    data: (N, 32, 32, 3) uint8 array. targets: list of int. classes: their names. class_to_idx: numbers by name.
    download: files that are missing or damaged are downloaded first, once however many processes ask for it.

    Raises RuntimeError that names the file if one is missing or damaged, or cannot be downloaded.
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5: str | None = "c58f30108f718f92721af3b95e74349a"
    train_list: ClassVar[Listed] = [
        ("data_batch_1", "c99cafc152244af753f735de768cd75f"),
        ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
        ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
        ("data_batch_4", "634d18415352ddfa80567beed471001a"),
        ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
    ]
    test_list: ClassVar[Listed] = [("test_batch", "40351d587109b95175f43aff81a1287e")]
    meta: ClassVar[dict[str, Any]] = {
        "filename": "batches.meta",
        "key": "label_names",
        "md5": "5ff9c542aee3614f3951f8cda6e48888",
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, train, transform, target_transform)
        if download:
            self.download()
        elif (fault := self._fault()) is not None:
            raise RuntimeError(
                f"Dataset not found or corrupted. You can use download=True to download it. This is the reason: {fault}"
            )
        self.classes = read_names(self._path(self.meta["filename"]), self.meta["key"])
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}
        files = self.train_list if train else self.test_list
        batches = [read_batch(self._path(name), len(self.classes)) for name, _ in files]
        self.data = np.concatenate([images for images, _ in batches])
        self.targets = [label for _, labels in batches for label in labels]

    def download(self) -> None:
        """Leaves the files where they belong, all of them as they should be; downloads nothing if they already are."""
        if self._fault() is None:
            return
        with _download.one_at_a_time(self.root):
            if self._fault() is None:  # another process has done it
                return
            archive = os.path.join(self.root, self.filename)
            _download.fetch([self.url], archive, self.tgz_md5)
            members = {f"{self.base_folder}/{name}": md5 for name, md5 in self._files()}
            _download.unpack_tar(archive, members, os.path.join(self.root, self.base_folder))

    def _files(self) -> Iterator[tuple[str, str | None]]:
        yield from [*self.train_list, *self.test_list]
        yield self.meta["filename"], self.meta["md5"]

    def _path(self, name: str) -> str:
        return os.path.join(self.root, self.base_folder, name)

    def _fault(self) -> str | None:
        """What is wrong with the first file that is not as it should be; None if all are."""
        for name, md5 in self._files():
            fault = _download.fault_of(self._path(name), md5)
            if fault is not None:
                return f"{self._path(name)}: {fault}"
        return None


class CIFAR100(CIFAR10):
    """(image, class) of 50,000 images of 32 x 32 pixels, or of the 10,000 that are for testing; 100 classes.

    In all else it is like `CIFAR10`; its files lie in ``root``/cifar-100-python.
    """

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list: ClassVar[Listed] = [("train", "16019d7e3df5f24257cddd939b257f8d")]
    test_list: ClassVar[Listed] = [("test", "f0ef6b0ae62326f3e7ffdfab6717acfc")]
    meta: ClassVar[dict[str, Any]] = {
        "filename": "meta",
        "key": "fine_label_names",
        "md5": "7973b15100ade9c7d40fb424638fde48",
    }

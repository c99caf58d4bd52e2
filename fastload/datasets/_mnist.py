"""MNIST and FashionMNIST, as torchvision has them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from fastload.datasets import _download
from fastload.datasets._idx import read_idx
from fastload.datasets._in_memory import InMemoryImages


class MNIST(InMemoryImages):
    """(image, class) of 60,000 images of 28 x 28 grey pixels, or of the 10,000 that are for testing; 10 classes.

    Arguments, attributes and order are torchvision's, and so is where the files lie: in ``root``/MNIST/raw, where
    compressed files (.gz) will do as well. Images are PIL images of mode L, or what ``transform`` makes of them: with
    fastload's transforms natively.

    data: (N, 28, 28) uint8 tensor. targets: int64 tensor; labels of samples are ints. classes: their names.
    download: files that are missing are downloaded first, once however many processes ask for it.

    Raises RuntimeError that names the file if one is missing or damaged, or cannot be downloaded.
    """

    image_mode = "L"

    mirrors: ClassVar[Sequence[str]] = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    resources: ClassVar[Sequence[tuple[str, str | None]]] = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    classes: ClassVar[list[str]] = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]

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
        prefix = "train" if train else "t10k"
        images, labels = self._file(f"{prefix}-images-idx3-ubyte"), self._file(f"{prefix}-labels-idx1-ubyte")
        self.data = read_idx(images, 3)
        self.targets = read_idx(labels, 1).long()
        if len(self.data) != len(self.targets):
            fault = f"it has {len(self.targets)} labels, but there are {len(self.data)} images in {images}"
            raise _download.damaged(labels, fault)
        if int(self.targets.max()) >= len(self.classes):
            fault = f"its labels should be from 0 to {len(self.classes) - 1}, but there is {int(self.targets.max())}"
            raise _download.damaged(labels, fault)

    @property
    def raw_folder(self) -> str:
        """Where the files lie."""
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The numbers of the classes by name."""
        return {name: number for number, name in enumerate(self.classes)}

    def target(self, number: int) -> Any:
        return int(self.targets[number])

    def download(self) -> None:
        """Leaves all files in `raw_folder`, unpacked; downloads none that is there, compressed or not."""
        if not self._missing():
            return
        with _download.one_at_a_time(self.raw_folder):
            for name, md5 in self._missing():
                archive = os.path.join(self.raw_folder, name)
                urls = [mirror + name for mirror in self.mirrors]
                _download.fetch(urls, archive, md5)
                _download.unpack_gzip(archive, archive.removesuffix(".gz"))

    def _missing(self) -> list[tuple[str, str | None]]:
        """Those of `resources` that are not there unpacked."""
        return [
            (name, md5)
            for name, md5 in self.resources
            if not os.path.isfile(os.path.join(self.raw_folder, name.removesuffix(".gz")))
        ]

    def _file(self, name: str) -> str:
        path = os.path.join(self.raw_folder, name)
        for file in (path, f"{path}.gz"):
            if os.path.isfile(file):
                return file
        raise RuntimeError(
            f"Dataset not found. You can use download=True to download it. This is the reason: "
            f"there is no file {path}, nor {name}.gz beside it"
        )


class FashionMNIST(MNIST):
    """(image, class) of 60,000 images of 28 x 28 grey pixels, or of the 10,000 that are for testing; 10 classes.

    In all else it is like `MNIST`; its files lie in ``root``/FashionMNIST/raw.
    """

    mirrors: ClassVar[Sequence[str]] = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources: ClassVar[Sequence[tuple[str, str | None]]] = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes: ClassVar[list[str]] = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]

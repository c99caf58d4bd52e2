"""Real photographs as labelled JPEG files on disk, and the dataset that reads them.

scikit-learn and scikit-image ship photographs inside their packages, so nothing is downloaded. Each becomes
a class: a folder of square crops, the same bytes each time they are made. The crops of one photograph
overlap, so accuracy on them says that training works, not that the network would know another photograph.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

PHOTOS = {
    "astronaut": "skimage/data/astronaut.png",
    "cat": "skimage/data/chelsea.png",
    "china": "sklearn/datasets/images/china.jpg",
    "coffee": "skimage/data/coffee.png",
    "flower": "sklearn/datasets/images/flower.jpg",
    "galaxies": "skimage/data/hubble_deep_field.jpg",
    "motorcycle": "skimage/data/motorcycle_left.png",
    "retina": "skimage/data/retina.jpg",
    "rocket": "skimage/data/rocket.jpg",
    "tissue": "skimage/data/ihc.png",
}
CROP_PIXELS = 256
CROPS_PER_PHOTO = 60
VALIDATION_EVERY = 5
JPEG_QUALITY = 90

Augment = Callable[[Image.Image, int], Image.Image]


def prepare_photos(folder: Path, crops_per_photo: int = CROPS_PER_PHOTO) -> None:
    """``folder``/{train,val}/CLASS/*.jpg exist; made only if ``folder`` is not there yet.

    Every fifth crop is for validation.
    """
    if folder.exists():
        return
    with made_whole(folder) as partial:
        for name in PHOTOS:
            draw = random.Random(name)
            photo = open_photo(name)
            for number in range(crops_per_photo):
                split = "val" if number % VALIDATION_EVERY == VALIDATION_EVERY - 1 else "train"
                path = partial / split / name / f"{number:03}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                random_window(photo, draw).save(path, quality=JPEG_QUALITY)


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """A folder to fill, which becomes ``folder`` only when the block has ended without an error."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    partial.rename(folder)


def open_photo(name: str) -> Image.Image:
    with Image.open(shipped_file(PHOTOS[name])) as image:
        return image.convert("RGB")


def shipped_file(source: str) -> Path:
    """The file that ``source``, PACKAGE/PATH, names inside an installed package, without importing it."""
    package, _, path = source.partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(f"{package} ships the photographs: pip install '.[train]'")
    return Path(spec.origin).parent / path


def random_window(photo: Image.Image, draw: random.Random) -> Image.Image:
    left = draw.randint(0, photo.width - CROP_PIXELS)
    top = draw.randint(0, photo.height - CROP_PIXELS)
    return photo.crop((left, top, left + CROP_PIXELS, top + CROP_PIXELS))


class PhotoFolder(Dataset[tuple[Tensor, int]]):
    """(image, label) of each FOLDER/CLASS/*.jpg: image (3, pixels, pixels) float32 in [-1, 1]."""

    def __init__(self, folder: Path, pixels: int, augment: Augment) -> None:
        self.classes = sorted(path.name for path in folder.iterdir())
        self.files = [
            (path, label) for label, name in enumerate(self.classes) for path in sorted((folder / name).glob("*.jpg"))
        ]
        self.pixels = pixels
        self.augment = augment

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.files[index]
        with Image.open(path) as file:
            image = self.augment(file.convert("RGB"), self.pixels)
        return to_tensor(image), label


def random_crop_and_flip(image: Image.Image, pixels: int) -> Image.Image:
    """A random square of half to all of ``image``, mirrored half of the time, at ``pixels`` x ``pixels``.

    Draws from torch and from random, as augmentations in the wild do: both must be seeded alike in workers.
    """
    side = int(torch.randint(min(image.size) // 2, min(image.size) + 1, ()))
    left = int(torch.randint(0, image.width - side + 1, ()))
    top = int(torch.randint(0, image.height - side + 1, ()))
    if random.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    window = (left, top, left + side, top + side)
    return image.resize((pixels, pixels), Image.Resampling.BILINEAR, box=window)


def whole_image(image: Image.Image, pixels: int) -> Image.Image:
    return image.resize((pixels, pixels), Image.Resampling.BILINEAR)


def to_tensor(image: Image.Image) -> Tensor:
    pixels = np.asarray(image, dtype=np.float32) / 127.5 - 1.0
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))

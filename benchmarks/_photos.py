"""The photographs that image benchmarks read: JPEG files in data/, made once, the same bytes each time.

Windows of the photographs that scikit-image and scikit-learn ship, a class for each photograph. Size, quality and
chroma subsampling are those of common training sets; files of 500x375 have 80 kB on average, large ones 1.2 MB.
"""

import os
import random
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from examples.photos import PHOTOS, made_whole, open_photo

DATA = Path(__file__).parents[1] / "data" / "benchmarks"
JPEG = {"quality": 96, "subsampling": "4:2:0"}


@dataclass(frozen=True)
class Photos:
    """A folder of ``files`` photographs in turn of each of ``sizes``, (width, height), put together from ``tile``s.

    The photographs at hand are small. Enlarging them to millions of pixels would leave little to decode in each
    block, so a large one is a mosaic of windows of one photograph, each about as sharp as a small one.
    """

    name: str
    files: int
    sizes: tuple[tuple[int, int], ...]
    tile: tuple[int, int]

    def folder(self, data: Path = DATA) -> Path:
        """``data``/NAME-FILES/CLASS/*.jpg, made if it is not there yet."""
        folder = data / f"{self.name}-{self.files}"
        if not folder.exists():
            with made_whole(folder) as partial:
                self.write(partial)
        return folder

    def write(self, folder: Path) -> None:
        photos = {name: open_photo(name) for name in PHOTOS}
        for number in range(self.files):
            name = list(PHOTOS)[number % len(PHOTOS)]
            path = folder / name / f"{number:05}.jpg"
            path.parent.mkdir(exist_ok=True)
            size = self.sizes[number // len(PHOTOS) % len(self.sizes)]
            self.draw(photos[name], size, random.Random(number)).save(path, **JPEG)

    def draw(self, photo: Image.Image, size: tuple[int, int], draw: random.Random) -> Image.Image:
        image = Image.new("RGB", size)
        for top in range(0, size[1], self.tile[1]):
            for left in range(0, size[0], self.tile[0]):
                image.paste(random_window(photo, self.tile, draw), (left, top))
        return image


SMALL = Photos("small", 1024, sizes=((500, 375),), tile=(500, 375))
SCENES = Photos("scenes", 512, sizes=((640, 480),), tile=(640, 480))
LARGE = Photos("large", 256, sizes=((1600, 1200), (2400, 1600)), tile=(400, 400))


def random_window(photo: Image.Image, size: tuple[int, int], draw: random.Random) -> Image.Image:
    """A window of 60 to 100% of the largest of that shape, at ``size``, mirrored half of the time."""
    share = draw.uniform(0.6, 1.0) * min(photo.width / size[0], photo.height / size[1])
    width, height = size[0] * share, size[1] * share
    left, top = draw.uniform(0, photo.width - width), draw.uniform(0, photo.height - height)
    window = photo.resize(size, Image.Resampling.LANCZOS, box=(left, top, left + width, top + height))
    return ImageOps.mirror(window) if draw.random() < 0.5 else window


def many_links(photos: Photos, files: int, data: Path = DATA) -> Path:
    """A folder of ``files`` files: hard links to those of ``photos``, again and again."""
    originals = sorted(photos.folder(data).glob("*/*.jpg"), key=lambda path: path.name)  # classes take turns
    folder = data / f"{photos.name}-{photos.files}-links-{files}"
    if not folder.exists():
        with made_whole(folder) as partial:
            for number in range(files):
                original = originals[number % len(originals)]
                link = partial / original.parent.name / f"{number:05}.jpg"
                link.parent.mkdir(exist_ok=True)
                os.link(original, link)
    return folder


def warm_up(folder: Path) -> None:
    """Every file of ``folder`` is in the page cache."""
    for path in folder.glob("*/*.jpg"):
        path.read_bytes()

"""Photographs with objects pasted into them, and COCO's file of where those are: a data set to learn detection from.

Nothing is downloaded: the photographs are those of `photos`. The objects are drawn shapes of any colour, turned and
partly see-through, so that a network has to look at the shape; the same bytes come out each time.
"""

import json
import math
import random
from pathlib import Path
from typing import Any

from photos import PHOTOS, made_whole, open_photo
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 256, 192
CATEGORIES = ["disc", "triangle", "cross", "ring"]
MOST_OBJECTS = 4
SMALLEST, LARGEST = 28, 80  # pixels across
SMOOTH = 4  # shapes are drawn so many times larger, and reduced
JPEG_QUALITY = 90

Point = tuple[float, float]


def prepare_objects(folder: Path, training: int, validation: int) -> None:
    """``folder``/{train,val}/*.jpg and {train,val}.json exist; made only if ``folder`` is not there yet."""
    if folder.exists():
        return
    photos = [open_photo(name) for name in PHOTOS]
    with made_whole(folder) as partial:
        for split, images in (("train", training), ("val", validation)):
            write_split(partial, split, images, photos)


def write_split(folder: Path, split: str, images: int, photos: list[Image.Image]) -> None:
    (folder / split).mkdir()
    content: dict[str, list[dict[str, Any]]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": number + 1, "name": name} for number, name in enumerate(CATEGORIES)],
    }
    for number in range(images):
        draw = random.Random(f"{split} {number}")
        image, objects = draw_image(photos[number % len(photos)], draw)
        name = f"{number:05}.jpg"
        image.save(folder / split / name, quality=JPEG_QUALITY)
        content["images"].append({"id": number + 1, "file_name": name, "width": WIDTH, "height": HEIGHT})
        for category, (left, top, width, height), area in objects:
            content["annotations"].append(
                {
                    "id": len(content["annotations"]) + 1,
                    "image_id": number + 1,
                    "category_id": category + 1,
                    "bbox": [left, top, width, height],
                    "area": area,
                    "iscrowd": 0,
                }
            )
    (folder / f"{split}.json").write_text(json.dumps(content))


def draw_image(photo: Image.Image, draw: random.Random) -> tuple[Image.Image, list[tuple[int, list[int], int]]]:
    """The photograph with objects, and (category, [left, top, width, height], area in pixels) of each."""
    image = window(photo, draw)
    objects: list[tuple[int, list[int], int]] = []
    for _ in range(draw.randint(1, MOST_OBJECTS)):
        size, category = draw.randint(SMALLEST, LARGEST), draw.randrange(len(CATEGORIES))
        left, top = draw.randint(0, WIDTH - size), draw.randint(0, HEIGHT - size)
        if any(overlaps((left, top, size, size), box) for _, box, _ in objects):
            continue
        mask = shape(CATEGORIES[category], size, draw)
        bounds = mask.point(lambda level: 255 * (level > 127)).getbbox()
        assert bounds is not None
        image.paste(colour(draw), (left, top), mask.point(lambda level: level * 9 // 10))
        box = [left + bounds[0], top + bounds[1], bounds[2] - bounds[0], bounds[3] - bounds[1]]
        objects.append((category, box, sum(mask.histogram()[128:])))
    return image, objects


def window(photo: Image.Image, draw: random.Random) -> Image.Image:
    share = draw.uniform(0.5, 1.0) * min(photo.width / WIDTH, photo.height / HEIGHT)
    width, height = WIDTH * share, HEIGHT * share
    left, top = draw.uniform(0, photo.width - width), draw.uniform(0, photo.height - height)
    return photo.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))


def overlaps(one: tuple[int, ...], other: list[int]) -> bool:
    return all(one[axis] < other[axis] + other[axis + 2] and other[axis] < one[axis] + one[axis + 2] for axis in (0, 1))


def colour(draw: random.Random) -> tuple[int, ...]:
    return tuple(draw.randrange(256) for _ in range(3))


def shape(category: str, size: int, draw: random.Random) -> Image.Image:
    """How much of each pixel the object covers, in levels."""
    large = Image.new("L", (size * SMOOTH, size * SMOOTH))
    pen = ImageDraw.Draw(large)
    middle, radius, turn = size * SMOOTH / 2, size * SMOOTH / 2 - 1, draw.uniform(0, 2 * math.pi)
    circle = (middle - radius, middle - radius, middle + radius, middle + radius)
    if category == "disc":
        pen.ellipse(circle, fill=255)
    elif category == "ring":
        pen.ellipse(circle, outline=255, width=round(radius / 3))
    elif category == "triangle":
        pen.polygon([at(middle, radius, turn + corner * 2 * math.pi / 3) for corner in range(3)], fill=255)
    else:
        for angle in (turn, turn + math.pi / 2):
            ends = [at(middle, 0.85 * radius, angle), at(middle, 0.85 * radius, angle + math.pi)]
            pen.line(ends, fill=255, width=round(radius / 2))
    return large.resize((size, size), Image.Resampling.BOX)


def at(middle: float, radius: float, angle: float) -> Point:
    return middle + radius * math.cos(angle), middle + radius * math.sin(angle)

"""Writes docs/gallery.md and the pictures beside it: every transform on the same photograph, with what moves along.

make gallery
"""

import math
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "examples")]

from pasted_objects import CATEGORIES, HEIGHT, WIDTH, colour, shape  # noqa: E402
from photos import open_photo  # noqa: E402

from fastload import detection_collate, plot  # noqa: E402
from fastload import transforms as T  # noqa: E402

DOCS = ROOT / "docs"
SEED, COLUMNS, CELL = 3, 4, 3.0  # inches
SEEN = 2.0  # the visibility of key points
SMOOTH = 4  # bars are painted so many times larger, and reduced
BARS = ["first", "second", "third"]
SIDES = (-1, -1, 1, 1)  # of a bar's corners
# Draws at which one sees something of those.
SEEDS = {"RandAugment": 4, "AutoAugment": 7, "MixUp": 3, "CutMix": 2}
BILINEAR = T.InterpolationMode.BILINEAR
Sample = tuple[Image.Image, dict[str, Any]]
Shown = Callable[[Sample], Any]

# What has nothing to show: containers of types and numbers, and what is beside the transforms.
NOT_SHOWN = {
    *("AutoAugmentPolicy", "BoxParams", "Compose", "FilePlan", "InterpolationMode", "Transform", "functional"),
    *("ConvertImageDtype", "Identity", "Lambda", "Normalize", "PILToTensor"),
    *("ToDtype", "ToImage", "ToMemoryFormat", "ToPILImage", "ToTensor"),
    *("Albumentations", "ImgAug"),  # as they do in their own libraries
    *("ClampBoundingBoxes", "SanitizeBoundingBoxes", "ToPureTensor"),
}

SECTIONS: dict[str, list[T.Transform]] = {
    "Geometry": [
        T.RandomHorizontalFlip(1.0),
        T.RandomVerticalFlip(1.0),
        T.RandomRotate90(1.0),
        T.Transpose(1.0),
        T.RandomRotation((20, 20), interpolation=BILINEAR),
        T.RandomRotation((20, 20), interpolation=BILINEAR, expand=True),
        T.RandomAffine(15, (0.1, 0.1), (0.8, 1.2), (-15, 15), interpolation=BILINEAR),
        T.RandomPerspective(0.5, 1.0),
        T.ElasticTransform(120.0, 8.0),
        T.GridDistortion(p=1.0),
        T.RandomCrop((140, 180)),
        T.CenterCrop((140, 180)),
        T.RandomResizedCrop((140, 180), scale=(0.3, 0.6)),
        T.RandomIoUCrop(),
        T.BBoxSafeRandomCrop(),
        T.RandomZoomOut(side_range=(1.5, 2.0), p=1.0),
        T.Pad(24, padding_mode="reflect"),
        T.Resize((120, 200)),
        T.ScaleJitter((160, 160), (0.5, 1.5)),
        T.RandomShortestSize([120], 200),
        T.LongestMaxSize(140),
        T.LetterBox((200, 200)),
        T.RandomErasing(1.0, scale=(0.05, 0.15)),
        T.CoarseDropout(p=1.0),
    ],
    "Colour": [
        T.ColorJitter(0.5, 0.5, 0.5, 0.2),
        T.RandomBrightnessContrast(0.4, 0.4, p=1.0),
        T.HueSaturationValue(40, 60, 40, p=1.0),
        T.RandomPhotometricDistort(p=1.0),
        T.RandomGrayscale(1.0),
        T.Grayscale(3),
        T.RandomInvert(1.0),
        T.RandomPosterize(2, 1.0),
        T.RandomSolarize(128, 1.0),
        T.RandomAdjustSharpness(4.0, 1.0),
        T.RandomAutocontrast(1.0),
        T.RandomEqualize(1.0),
        T.CLAHE(p=1.0),
        T.RandomGamma((50, 50), p=1.0),
        T.GaussianBlur(9, 3.0),
        T.MotionBlur((9, 15), p=1.0),
        T.GaussianNoise(sigma=0.15),
        T.JPEG((5, 10)),
    ],
    "Policies and containers": [
        T.RandAugment(),
        T.TrivialAugmentWide(),
        T.AutoAugment(),
        T.AugMix(),
        T.RandomApply([T.RandomHorizontalFlip(1.0), T.RandomInvert(1.0)], 1.0),
        T.RandomChoice([T.RandomVerticalFlip(1.0), T.RandomSolarize(128, 1.0)]),
        T.RandomOrder([T.RandomRotate90(1.0), T.RandomGrayscale(1.0)]),
        T.OneOf([T.GaussianBlur(9, 3.0), T.RandomInvert(1.0)], 1.0),
        T.SomeOf([T.RandomHorizontalFlip(1.0), T.RandomVerticalFlip(1.0), T.RandomGrayscale(1.0)], 2),
    ],
}

# With rotated boxes: cx, cy, width, height, degrees.
TURNED: list[T.Transform] = [
    T.RandomHorizontalFlip(1.0),
    T.RandomRotate90(1.0),
    T.Transpose(1.0),
    T.RandomRotation((20, 20), interpolation=BILINEAR),
    T.RandomRotation((20, 20), interpolation=BILINEAR, expand=True),
    T.RandomAffine(15, (0.1, 0.1), (0.8, 1.2), interpolation=BILINEAR),
    T.RandomCrop((140, 180)),
]


def painted(photo: str = "coffee", seed: int = 0) -> Sample:
    """A photograph with three objects: boxes, masks, labels, and a key point in the middle and at the right of each."""
    draw = random.Random(seed)
    image = open_photo(photo).resize((WIDTH, HEIGHT))
    boxes, masks, labels, points = [], [], [], []
    for number, (left, top, size) in enumerate([(20, 30, 60), (110, 80, 80), (180, 10, 56)]):
        category = (number + seed) % len(CATEGORIES)
        cover = shape(CATEGORIES[category], size, draw)
        mask = Image.new("L", image.size)
        mask.paste(cover.point(lambda level: 255 * (level > 127)), (left, top))
        image.paste(colour(draw), (left, top), cover)
        box = mask.getbbox()
        assert box is not None
        boxes.append(box)
        masks.append(np.asarray(mask) > 0)
        labels.append(category)
        middle = (box[1] + box[3]) / 2
        points.append([[(box[0] + box[2]) / 2, middle, SEEN], [box[2] - 2, middle, SEEN]])
    target = {
        "boxes": torch.tensor(boxes, dtype=torch.float32),
        "masks": torch.from_numpy(np.stack(masks)),
        "labels": torch.tensor(labels),
        "keypoints": torch.tensor(points),
    }
    return image, target


def turned() -> Sample:
    """A photograph with three bars: rotated boxes, masks, labels, and a key point near one end of each."""
    draw = random.Random(0)
    image = open_photo("coffee").resize((WIDTH, HEIGHT))
    boxes = [(70.0, 55.0, 90.0, 26.0, 25.0), (150.0, 130.0, 100.0, 30.0, -40.0), (205.0, 50.0, 60.0, 34.0, 75.0)]
    masks, points = [], []
    for x, y, width, height, angle in boxes:
        along = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        ends = [(x + side * along[0] * width / 2, y + side * along[1] * width / 2) for side in (-1, 1)]
        across = -along[1] * height / 2, along[0] * height / 2
        corners = [
            (end[0] + side * across[0], end[1] + side * across[1])
            for end, side in zip([*ends, *ends[::-1]], SIDES, strict=True)
        ]
        mask = Image.new("L", (WIDTH * SMOOTH, HEIGHT * SMOOTH))
        ImageDraw.Draw(mask).polygon([(left * SMOOTH, top * SMOOTH) for left, top in corners], fill=255)
        cover = mask.resize(image.size, Image.Resampling.BOX)
        image.paste(colour(draw), (0, 0), cover)
        masks.append(np.asarray(cover) > 127)
        points.append([[x + along[0] * width * 0.4, y + along[1] * width * 0.4, SEEN]])
    target = {
        "boxes": torch.tensor(boxes),
        "masks": torch.from_numpy(np.stack(masks)),
        "labels": torch.arange(3),
        "keypoints": torch.tensor(points),
    }
    return image, target


def several() -> list[tuple[str, Any]]:
    """Samples that are made of several."""
    samples = [painted(photo, seed) for seed, photo in enumerate(("coffee", "china", "astronaut", "cat"))]
    torch.manual_seed(SEED)
    mosaic = T.Mosaic(samples, (HEIGHT, WIDTH))
    pasted = T.CopyPaste(samples, p=1.0, p_object=0.7)
    found = [("Mosaic", mosaic[0]), ("CopyPaste", pasted[0])]
    pair = [samples[0], T.RandomHorizontalFlip(1.0)(*samples[3])]  # their objects are at the same places
    batch = [(torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255, target) for image, target in pair]
    for mix in (T.MixUp(alpha=1.5), T.CutMix()):
        torch.manual_seed(SEEDS[title(mix)])
        images, targets = mix(*detection_collate(batch))
        found.append((title(mix), (images[0].clamp(0, 1), targets[0])))
    return found


def drawn(
    transforms: list[T.Transform], sample: Callable[[], Sample] = painted, boxes: str = "xyxy"
) -> list[tuple[str, Sample]]:
    """What each of them makes of the photograph."""
    shown = []
    for number, transform in enumerate(transforms):
        torch.manual_seed(SEEDS.get(title(transform), SEED + number))
        shown.append((title(transform), T.Compose([transform], boxes=boxes)(*sample())))
    return shown


def title(transform: torch.nn.Module) -> str:
    return type(transform).__name__


def call(transform: T.Transform) -> str:
    """How it was made, on one line."""
    return " ".join(repr(transform).split())


def draw(name: str, shown: list[tuple[str, Any]], boxes: str = "xyxy", names: Sequence[str] = CATEGORIES) -> str:
    """The picture of a section; its path from docs/."""
    samples = [sample if sample[1] is not None else sample[0] for _, sample in shown]
    figure = plot.show(samples, boxes=boxes, names=names, columns=COLUMNS, limit=len(samples))
    rows = -(-len(samples) // COLUMNS)
    figure.set_size_inches(COLUMNS * CELL, rows * CELL * 0.9)
    for axes, (text, _) in zip(figure.axes, shown, strict=False):
        axes.set_title(text, fontsize=10)
    path = DOCS / "gallery" / f"{name.split()[0].lower()}.jpg"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=80, pil_kwargs={"quality": 80})
    return str(path.relative_to(DOCS))


def page() -> str:
    """docs/gallery.md; the pictures are drawn on the way."""
    lines = [
        "# Gallery",
        "",
        "Written by `tools/gallery.py`; not by hand. One photograph with three objects. Boxes, masks and two key",
        "points of each go through every transform with the image; what is no longer seen has gone, key points that",
        "are hidden (whose visibility is 0) among it.",
        "",
        f"![as it was]({draw('original', [('as it was', painted())])})",
    ]
    for name, transforms in SECTIONS.items():
        lines += ["", f"## {name}", "", f"![{name}]({draw(name, drawn(transforms))})", ""]
        lines += [f"{number}. `{call(transform)}`" for number, transform in enumerate(transforms, 1)]
    shown = [("as it was", turned()), *drawn(TURNED, turned, "cxcywhr")]
    lines += ["", "## Rotated boxes", "", f"![Rotated boxes]({draw('Rotated boxes', shown, 'cxcywhr', BARS)})", ""]
    lines += [
        '`Compose([...], boxes="cxcywhr")`: middle, width, height, and degrees clockwise. From the second on:',
        "",
    ]
    lines += [f"{number}. `{call(transform)}`" for number, transform in enumerate(TURNED, 1)]
    lines += ["", "## Several images", "", f"![Several images]({draw('Several images', several())})", ""]
    lines += [
        "`Mosaic` and `CopyPaste` are data sets around a data set. `MixUp` and `CutMix` take batches, of labels or",
        "as here of objects: those of both images, and in `CutMix` what can be seen of them.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (DOCS / "gallery.md").write_text(page())

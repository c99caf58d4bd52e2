"""How fast is a sample with boxes augmented, and each transform by itself?"""

import json
import random
import statistics
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import _photos
from benchmarks._augmentation_chains import CHAINS, HEIGHT, OBJECTS, WIDTH
from benchmarks._child import ROOT, Child
from benchmarks._harness import Row, Side, Target, Unit
from benchmarks.conftest import Compare

PYTHON = ROOT / ".venv-augmentations" / "bin" / "python"  # see constraints-augmentations.txt

Tables = list[dict[str, tuple[float, float]]]
AS_QUICK = 0.95  # copies of memory differ by as much between two runs of one program

FILE_LOADERS = ("limit", "Albumentations", "imgaug", "torchvision", "fastload")  # see _detection_child

BOXES = Row(
    title="augmentation: 640x480 with 10 boxes to a normalised tensor",
    unit=Unit("ms", "time", 1e-3),
    conditions=(
        "one array again and again, a quarter of a second a turn, one thread, each library in a process of its own. "
        "Random mirror, affine (10 deg, shift 10%, scale 0.9 to 1.1, bilinear), brightness and contrast, resize to "
        "512x512, float32 CHW, normalised; 10 boxes with labels go along."
    ),
    limit_is="one cv2.warpAffine of three channels to 512x512, bilinear",
    must=Target("6x Albumentations", times_torch=6.0),
    goal=Target("one warp's time", share_of_limit=1.0),
    doubts=(
        "fastload and torchvision antialias the resize, Albumentations and imgaug do not; each library draws "
        "parameters of its own, of like distributions, so that types, sizes and numbers of boxes are compared, and no "
        "values"
    ),
    peer="Albumentations",
)
TRANSFORMS = Row(
    title="augmentation: the transforms that Albumentations has too, one after the other",
    unit=Unit("ms", "answer", 1e-3),
    conditions=(
        "one image of 512x512 RGB, one thread, both in one process; the sum of the medians of 9 or more calls of each. "
        "Where fastload antialiases what shrinks, as it does by default, Albumentations has INTER_AREA, which does "
        "too, in the place of its default INTER_LINEAR."
    ),
    doubts=(
        "both draw parameters of their own, of like distributions, so that types and sizes are compared, and no "
        "values; crops are views of the image in both; ToTensorV2, which is a view, too, is not compared with ToImage, "
        "whose planes lie by themselves as torchvision's do"
    ),
    peer="Albumentations",
)


FILES = Row(
    title="augmentation: JPEG files of 640x480 with 10 boxes to batches",
    unit=Unit("images/s", "rate"),
    conditions=(
        "the same chain; 512 photographs annotated as in COCO, in the page cache; batches of 32 float32 CHW images and "
        "their targets, 2 worker processes (fastload: threads), whole epochs of loaders that have run one before; the "
        "others in torch's loader, files read by OpenCV; each in a process of its own, stopped while others have their "
        "turn."
    ),
    limit_is="fastload's decoder on the whole files, in 2 threads; what it makes is dropped",
    doubts=(
        "each library draws parameters of its own, of like distributions, so that types, sizes and numbers of boxes "
        "are compared, and no values"
    ),
    peer="Albumentations",
)


def bench_boxes(compare: Compare) -> None:
    with ExitStack() as children:
        sides, notes = {}, []
        for name in CHAINS:
            found = started(children, name)
            if isinstance(found, str):
                notes.append(found)
                continue
            child, samples = found
            sides[name] = Side(lambda _, child=child: child.ask(), amount=samples)
        compare(BOXES, sides, lambda: notes)


def bench_files(compare: Compare) -> None:
    folder = _photos.SCENES.folder()
    annotations = annotate(folder)
    _photos.warm_up(folder)
    with ExitStack() as children:
        sides, notes = {}, []
        for name in FILE_LOADERS:
            found = started(children, name, "_detection_child", str(folder), str(annotations))
            if isinstance(found, str):
                notes.append(found)
                continue
            child, samples = found
            sides[name] = Side(
                lambda _, child=child: child.ask(),
                prepare=child.resume,
                finish=lambda _, child=child: child.pause(),
                amount=samples,
            )
            child.pause()
        compare(FILES, sides, lambda: notes)


def annotate(folder: Path) -> Path:
    """Annotations of ten boxes for each photograph, in COCO's format."""
    draws = random.Random(0)
    images = [
        {"id": number, "file_name": str(path.relative_to(folder)), "width": WIDTH, "height": HEIGHT}
        for number, path in enumerate(sorted(folder.glob("*/*.jpg")))
    ]
    objects = []
    for image in images:
        for _ in range(OBJECTS):
            width, height = draws.uniform(20, 120), draws.uniform(20, 120)
            box = [draws.uniform(0, WIDTH - width), draws.uniform(0, HEIGHT - height), width, height]
            about = {"id": len(objects) + 1, "image_id": image["id"], "category_id": 1, "iscrowd": 0}
            objects.append({**about, "bbox": box, "area": width * height})
    path = folder.with_suffix(".json")
    content = {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "thing"}]}
    path.write_text(json.dumps(content))
    return path


def bench_transforms(compare: Compare) -> None:
    with ExitStack() as children:
        found = started(children, "transforms")
        assert not isinstance(found, str), found
        child, _ = found
        tables: Tables = []

        def ours(_: Any) -> float:
            tables.append(child.ask())
            return sum(mine for mine, _ in tables[-1].values())

        def theirs(_: Any) -> float:
            return sum(other for _, other in child.ask().values())

        def none_is_slower() -> bool:
            return all(mine <= other / AS_QUICK for mine, other in medians(tables).values())

        must = Target("1x Albumentations in sum, none 5% slower", times_torch=1.0, holds=none_is_slower)
        row = replace(TRANSFORMS, must=must)
        compare(row, {"Albumentations": Side(theirs), "fastload": Side(ours)}, lambda: [told(tables)])


def medians(tables: Tables) -> dict[str, tuple[float, float]]:
    """fastload's milliseconds and Albumentations', by transform; the first table is the warm-up's."""
    return {
        name: tuple(statistics.median(table[name][side] for table in tables[1:]) * 1e3 for side in (0, 1))
        for name in tables[0]
    }


def told(tables: Tables) -> str:
    """Each transform; the slower ones first."""
    ordered = sorted(medians(tables).items(), key=lambda entry: entry[1][1] / entry[1][0])
    parts = [f"{name} {mine:.3f} ({other:.3f}; {other / mine:.2f}x)" for name, (mine, other) in ordered]
    slower = [name for name, (mine, other) in ordered if mine > other]
    count = f"{len(slower)} of {len(ordered)} slower than Albumentations'"
    return f"{count}{': ' * bool(slower)}{', '.join(slower)}. ms of fastload (of Albumentations): {', '.join(parts)}."


def started(
    children: ExitStack, name: str, module: str = "_augmentation_child", *arguments: str
) -> tuple[Child, int] | str:
    """The child, ready, and how many samples it does in a turn; or why there is none."""
    if not PYTHON.exists():
        return f"{name} is missing: make bench installs it."
    child = Child(module, name, *arguments, python=PYTHON)
    children.callback(child.close)
    about = child.answer()
    if "missing" in about:
        return f"{name} is missing: {about['missing']}."
    return child, about["samples"]

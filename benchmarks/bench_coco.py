"""How long, and with how much memory, does a user wait for COCO's file of annotations to be read?"""

import itertools
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks._child import Child
from benchmarks._harness import MB, Row, Side, Target, Unit
from benchmarks.conftest import Compare

IMAGES, ANNOTATIONS = 12_000, 100_000
PEER = "pycocotools"
CONDITIONS = (
    f"a file of {ANNOTATIONS:,} annotations of {IMAGES:,} images, a box and a polygon of 10 to 90 corners each, 94 MB, "
    "in the page cache; each round in a fresh process that has imported all of them; CocoDetection(root, file)."
)
LIMIT = "msgspec looks through the file's bytes for faults, and makes nothing of them"
TIME = Row(
    title="read COCO's annotations, 94 MB",
    unit=Unit("s", "answer"),
    conditions=CONDITIONS,
    limit_is=LIMIT,
    doubts="fastload's is ready for worker processes, which copy the objects of the others page by page",
    most_rounds=5,
    goal=Target("4x pycocotools", times_torch=4.0),
    peer=PEER,
)
MEMORY = Row(
    title="memory: read COCO's annotations, 94 MB",
    unit=Unit("MB", "answer", MB),
    conditions=CONDITIONS + " Peak of the resident memory above what the process had before.",
    limit_is=LIMIT,
    doubts="fastload's peak is the file's bytes; what it keeps, 92 MB of them, is in shared memory, not counted here, "
    "and what the others keep is all of their peak",
    most_rounds=5,
    peer=PEER,
)

_reports: defaultdict[str, list[dict[str, float]]] = defaultdict(list)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coco") / "instances.json"
    path.write_text(json.dumps(content()))
    return path


def bench_coco_time(compare: Compare, file: Path) -> None:
    compare(TIME, {name: side(name, file, "seconds") for name in ("json.load", PEER, "fastload", "limit")})


def bench_coco_memory(compare: Compare, file: Path) -> None:
    compare(MEMORY, {name: side(name, file, "bytes") for name in ("json.load", PEER, "fastload", "limit")})


def side(name: str, file: Path, figure: str) -> Side:
    """Round k takes its figure from report k, which rows have in common."""
    rounds = itertools.count()
    return Side(lambda _: report(name, file, next(rounds))[figure])


def report(name: str, file: Path, number: int) -> dict[str, float]:
    """Report ``number`` of ``name``; the first of those that sort annotations by images is checked."""
    known = _reports[name]
    while len(known) <= number:
        child = Child("_coco_child", name, str(file))
        known.append(child.answer())
        if len(known) == 1 and name in (PEER, "fastload"):
            assert child.ask(), f"{name} has other annotations than the file"
        child.close()
    return known[number]


def content() -> dict[str, list[Any]]:
    draw = random.Random(0)
    images = [
        {"id": number, "file_name": f"{number:012d}.jpg", "height": 480, "width": 640} for number in range(IMAGES)
    ]
    return {
        "images": images,
        "annotations": [annotation(number, draw) for number in range(ANNOTATIONS)],
        "categories": [{"id": number, "name": f"thing {number}"} for number in range(1, 81)],
    }


def annotation(number: int, draw: random.Random) -> dict[str, Any]:
    corners = draw.randint(10, 90)
    left, top, width, height = (round(draw.uniform(0, 300), 2) for _ in range(4))
    return {
        "segmentation": [[round(draw.uniform(0, 480), 2) for _ in range(2 * corners)]],
        "area": round(width * height, 4),
        "iscrowd": 0,
        "image_id": draw.randrange(IMAGES),
        "bbox": [left, top, width, height],
        "category_id": draw.randint(1, 80),
        "id": number,
    }

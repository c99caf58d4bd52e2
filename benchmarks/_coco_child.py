"""Reads a file of COCO's annotations in a fresh process; says in how many seconds, and with how much memory.

Arguments: what reads it, the file. Asked once more, it says whether what it holds is what the file has.
"""

import contextlib
import gc
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from pycocotools.coco import COCO

from benchmarks._child import say, wait
from benchmarks._sampler_child import forget_peak, peak
from fastload.datasets import CocoDetection


def by_json(file: str) -> Any:
    with open(file) as text:
        return json.load(text)


def by_looking(file: str) -> Any:
    return msgspec.json.decode(Path(file).read_bytes(), type=msgspec.Raw)


def by_pycocotools(file: str) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(file)


def by_fastload(file: str) -> Any:
    return CocoDetection("", file)


READ: dict[str, Callable[[str], Any]] = {
    "json.load": by_json,
    "limit": by_looking,
    "pycocotools": by_pycocotools,
    "fastload": by_fastload,
}


def main() -> None:
    name, file = sys.argv[1:]
    gc.collect()
    before, begin = forget_peak(), time.perf_counter()
    held = READ[name](file)
    seconds = time.perf_counter() - begin
    say({"seconds": seconds, "bytes": peak() - before})
    if wait():
        say(annotations(name, held) == expected(file))


def annotations(name: str, held: Any) -> list[Any]:
    """Those of each image, in the order of the images' ids."""
    if name == "pycocotools":
        return [held.imgToAnns[number] for number in sorted(held.imgs)]
    return [held.target(number) for number in range(len(held))]


def expected(file: str) -> list[Any]:
    content = by_json(file)
    lists: dict[int, list[Any]] = {image["id"]: [] for image in content["images"]}
    for entry in content["annotations"]:
        lists[entry["image_id"]].append(entry)
    return [lists[number] for number in sorted(lists)]


if __name__ == "__main__":
    main()

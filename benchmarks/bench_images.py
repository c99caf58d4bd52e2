"""How fast do JPEG files become batches of normalised float32 images, and in how much memory?"""

import statistics
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import _photos
from benchmarks._child import ROOT, Child
from benchmarks._harness import MB, Row, Side, Target, Unit
from benchmarks._image_peers import MAKE
from benchmarks.conftest import Compare

IMAGES = Unit("images/s", "rate")
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"  # see constraints-peers.txt
IN_PEERS = ("Albumentations", "DALI")
# Resampling filters of peers differ; whole images that are shifted or turned differ by far more.
MOST_LEVELS = 6.0

LIMIT = (
    "fastload's decoder (libjpeg-turbo) on the windows alone, at the DCT scale that covers the result, in 2 threads; "
    "what it makes is dropped"
)
CONDITIONS = (
    "batches of 64 float32 CHW, normalised, 2 worker processes (Pillow, Albumentations) or threads (DALI, fastload), "
    "whole epochs of loaders that have run one before; files in the page cache; each loader in a process of its own, "
    "which is stopped while others have their turn (DALI works ahead). "
)
DOUBTS = (
    "each library draws its own windows, of the same distribution; DALI and OpenCV use their own JPEG decoders, whose "
    "pixels differ a little"
)

TRAINING = Row(
    title="images: 500x375 to random crops of 224, mirrored",
    unit=IMAGES,
    conditions=CONDITIONS + "1,024 files. RandomResizedCrop(224), RandomHorizontalFlip.",
    limit_is=LIMIT,
    must=Target("3.5x Pillow, 2.2x DALI", times_torch=3.5, times_others={"DALI": 2.2}),
    goal=Target("90% of the limit", share_of_limit=0.9),
    doubts=DOUBTS,
    peer="Pillow",
)
LARGE = Row(
    title="images: 1600x1200 and 2400x1600 to random crops of 224",
    unit=IMAGES,
    conditions=CONDITIONS + "256 files. RandomResizedCrop(224), RandomHorizontalFlip.",
    limit_is=LIMIT,
    doubts=DOUBTS + "; fastload may decode at 1/2, 1/4 or 1/8 of the size, as Pillow's thumbnails do",
    peer="Pillow",
)
VALIDATION = Row(
    title="images: 500x375, the middle 224 of 256",
    unit=IMAGES,
    conditions=CONDITIONS + "1,024 files. Resize(256), CenterCrop(224).",
    limit_is=LIMIT,
    doubts=DOUBTS,
    peer="Pillow",
)
MEMORY = Row(
    title="images: memory of an epoch over 10,000 files",
    unit=Unit("MB", "answer", MB),
    conditions=(
        "10,000 files of 500x375, batches of 64 random crops of 224, 2 worker processes or threads; private memory of "
        "all processes of the loader and all shared memory, the most after any batch, beyond what there was before."
    ),
    most_rounds=5,
    peer="Pillow",
)


def bench_training(compare: Compare) -> None:
    measure(compare, TRAINING, "training", _photos.SMALL.folder())


def bench_training_on_large_images(compare: Compare) -> None:
    measure(compare, LARGE, "training", _photos.LARGE.folder())


def bench_validation(compare: Compare) -> None:
    measure(compare, VALIDATION, "validation", _photos.SMALL.folder())


def bench_memory(compare: Compare) -> None:
    folder = _photos.many_links(_photos.SMALL, 10_000)
    growth: list[float] = []

    def fastload(_: Any) -> float:
        answer = memory("fastload", folder)
        growth.append(answer["growth"])
        return answer["most"]

    sides = {"Pillow": Side(lambda _: memory("Pillow", folder)["most"]), "fastload": Side(fastload)}
    compare(MEMORY, sides, lambda: [f"fastload, the last three quarters of the epoch: {max(growth) / MB:+.1f} MB."])


def memory(name: str, folder: Path) -> dict[str, float]:
    child = Child("_image_memory_child", name, str(folder))
    answer: dict[str, float] = child.answer()
    child.close()
    return answer


def measure(compare: Compare, row: Row, chain: str, folder: Path) -> None:
    _photos.warm_up(folder)
    small = _photos.many_links(_photos.SMALL, 64)
    stages: list[dict[str, float]] = []
    with ExitStack() as children:
        sides, notes = {}, []
        for name in MAKE:
            python = {"python": PEERS_PYTHON} if name in IN_PEERS else {}
            if name in IN_PEERS and not PEERS_PYTHON.exists():
                notes.append(f"{name} is missing: make bench installs it.")
                continue
            child = Child("_image_child", name, chain, str(folder), str(small), **python)
            children.callback(child.close)
            about = child.answer()
            if "missing" in about:
                notes.append(f"{name} is missing: {about['missing']}.")
                continue
            check(name, about["check"])
            notes += [f"{name}: {about['versions']}."] if about["versions"] else []
            sides[name] = side(name, child, about["images"], stages)
            child.pause()
        compare(row, sides, lambda: [*notes, *told(stages)])


def side(name: str, child: Child, images: int, stages: list[dict[str, float]]) -> Side:
    def work(_: Any) -> None:
        answer = child.ask()
        if name == "fastload":
            stages.append({stage: seconds / images for stage, seconds in answer.items()})

    return Side(work, prepare=child.resume, finish=lambda _: child.pause(), amount=images)


def check(name: str, found: dict[str, Any] | None) -> None:
    """The peer does what the others do: the same chain with nothing left to chance, beside Pillow's result."""
    if found is None:
        return
    expected = {"shape": [64, 3, 224, 224], "dtype": "torch.float32", "labels": True}
    assert {key: found[key] for key in expected} == expected, f"{name}: {found}"
    assert found["difference"] < MOST_LEVELS, f"{name} is {found['difference']:.1f} levels from Pillow"
    assert found["shift"] < MOST_LEVELS, f"{name}: {found}"


def told(stages: list[dict[str, float]]) -> list[str]:
    """Where fastload's threads spend their time."""
    medians = {stage: statistics.median(one[stage] for one in stages) for stage in stages[0]} if stages else {}
    parts = ", ".join(f"{stage} {seconds * 1e6:.0f} us" for stage, seconds in medians.items())
    return [f"fastload, for each image, in a thread: {parts}."] if parts else []

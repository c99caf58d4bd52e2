"""Runs every native path many times over and ends with status 1 if memory, mappings or descriptors grow.

In a process with the address sanitizer its runtime counts the bytes, else the C library does. Python's
small objects are counted too: its own allocator is switched off. ``--plant`` leaks on purpose in each way that
is looked for, and ends with status 1 if one of them is not seen.
"""

import argparse
import ctypes
import gc
import io
import mmap
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import fastload
from fastload import _core
from fastload import transforms as T
from fastload.datasets import ImageFolder

REPEATS = 200
TRIES = 4  # a cache that fills up grows once or twice, a leak every time
LEAK_BYTES = REPEATS * 8  # half of the smallest thing that can be allocated, each time
MIB = 1 << 20
# Private slots are mapped, not allocated. Allocators map memory too, so only what no cache of theirs comes near to.
LEAK_PRIVATE_BYTES = REPEATS * MIB // 2


class MallInfo(ctypes.Structure):
    """struct mallinfo2 of glibc."""

    _fields_ = (
        ("arena", ctypes.c_size_t),
        ("ordblks", ctypes.c_size_t),
        ("smblks", ctypes.c_size_t),
        ("hblks", ctypes.c_size_t),
        ("hblkhd", ctypes.c_size_t),
        ("usmblks", ctypes.c_size_t),
        ("fsmblks", ctypes.c_size_t),
        ("uordblks", ctypes.c_size_t),
        ("fordblks", ctypes.c_size_t),
        ("keepcost", ctypes.c_size_t),
    )


def byte_counter() -> Callable[[], int]:
    """Bytes that are allocated on the heap of this process, as the address sanitizer or glibc says."""
    process = ctypes.CDLL(None)
    if hasattr(process, "__sanitizer_get_current_allocated_bytes"):
        sanitizer: Any = process.__sanitizer_get_current_allocated_bytes
        sanitizer.restype = ctypes.c_size_t
        return lambda: int(sanitizer())
    glibc: Any = process.mallinfo2
    glibc.restype = MallInfo

    def in_use() -> int:
        info = glibc()
        return int(info.uordblks + info.hblkhd)

    return in_use


@dataclass(frozen=True)
class Held:
    """What the process holds now."""

    heap_bytes: int
    private_bytes: int
    shared_mappings: int
    descriptors: int

    def growth(self, before: "Held") -> str:
        """What grew since ``before``, in words; empty if nothing did."""
        grown = []
        if self.heap_bytes - before.heap_bytes >= LEAK_BYTES:
            grown.append(f"{(self.heap_bytes - before.heap_bytes) / REPEATS:.0f} bytes each time")
        if self.private_bytes - before.private_bytes >= LEAK_PRIVATE_BYTES:
            grown.append(f"{(self.private_bytes - before.private_bytes) / REPEATS:.0f} mapped bytes each time")
        if self.shared_mappings > before.shared_mappings:
            grown.append(f"{self.shared_mappings - before.shared_mappings} mappings")
        if self.descriptors > before.descriptors:
            grown.append(f"{self.descriptors - before.descriptors} descriptors")
        return ", ".join(grown)


def held(heap_bytes: Callable[[], int]) -> Held:
    gc.collect()
    # The cache of attributes keeps every name that C code has looked up lately, each time as another string. It fills
    # up as slowly as memory is used anew: under the address sanitizer that takes longer than all tries.
    sys._clear_type_cache()
    allocated = heap_bytes()  # before anything else, whose own memory would be counted
    private_pages = int(Path("/proc/self/statm").read_text().split()[5])
    maps = Path("/proc/self/maps").read_text().splitlines()
    shared = sum(" rw-s " in line for line in maps)
    return Held(allocated, private_pages * mmap.PAGESIZE, shared, len(os.listdir("/proc/self/fd")))


def growth_of(path: Callable[[], object], heap_bytes: Callable[[], int]) -> str:
    """What ``path`` leaves behind every time it runs; empty if it is clean."""
    grown = ""
    for _ in range(TRIES):
        before = held(heap_bytes)
        for _ in range(REPEATS):
            path()
        grown = held(heap_bytes).growth(before)
        if not grown:
            break
    return grown


SAMPLES = [
    {
        "image": torch.full((3, 16, 16), float(number)),
        "array": np.full((5,), number),
        "label": number,
        "weight": number / 2,
        "name": f"sample {number}",
        "boxes": (torch.zeros(4), [number, number + 1]),
    }
    for number in range(8)
]
LARGE = [torch.zeros(64 * 1024) for _ in range(8)]  # 2 MiB together: collated into a slot
RAGGED = [torch.ones(number + 1, 3) for number in range(8)]
TENSORS = fastload.TensorDataset(torch.zeros(64, 3, 32, 32), torch.arange(64))
ARRAYS = fastload.ArrayDataset(np.zeros((64, 8)), np.arange(64))


def failing(call: Callable[[], object]) -> Callable[[], None]:
    """``call``, which must raise each time."""

    def run() -> None:
        try:
            call()
        except (RuntimeError, TypeError, ValueError, IndexError, KeyError, OSError):
            return
        raise AssertionError("this was meant to fail")

    return run


def epoch(dataset: Any, **settings: Any) -> Callable[[], int]:
    loader = fastload.DataLoader(dataset, batch_size=16, shuffle=True, **settings)
    return lambda: sum(1 for _ in loader)


def use_private_slots() -> None:
    slots = _core.Slots()
    leases = [slots.acquire(size) for size in (1, 5000, MIB, 3 * MIB)]
    slots.give_back([])
    leases.clear()
    slots.trim()


def use_shared_slots() -> None:
    """Both sides of a file: what one process sends and the other leases, returns and forgets."""
    file = _core.SharedFile()
    slots, remote = _core.Slots(file), _core.RemoteSlots(file)
    for size in (4096, MIB, 4 * MIB):
        mine = slots.acquire(size)
        _core.copy_into(mine, 0, torch.ones(1024, dtype=torch.uint8))
        slot, file_offset, capacity, _ = slots.find(mine.address) or (0, 0, 0, 0)
        assert slots.send(slot)
        del mine
        theirs = remote.lease(slot, file_offset, capacity, 0, size)
        del theirs
        slots.give_back(remote.returned())
        slots.trim()
        remote.forget(slots.retired())
    file.close()


def jpeg_file() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.arange(64 * 48 * 3, dtype=np.uint8).reshape(64, 48, 3)).save(buffer, "JPEG", progressive=True)
    return buffer.getvalue()


JPEG = jpeg_file()
IMAGE = fastload.io.decode_image(JPEG)
TARGET = {
    "boxes": torch.tensor([[4.0, 8.0, 30.0, 40.0], [20.0, 2.0, 44.0, 60.0]]),
    "labels": torch.tensor([1, 2]),
    "masks": torch.zeros(2, *IMAGE.shape[-2:], dtype=torch.uint8),
    "keypoints": torch.full((2, 3, 3), 9.0),
}

# Operations of every kind that native image programs have.
PROGRAMS: dict[str, list[Any]] = {
    "crops": [T.RandomIoUCrop(), T.RandomZoomOut(p=1.0), T.RandomResizedCrop(32), T.RandomErasing(p=1.0)],
    "sizes": [
        T.Resize((40, 50)),
        T.LetterBox(64),
        T.RandomShortestSize([32, 48]),
        T.RandomCrop(40, pad_if_needed=True),
    ],
    "turns": [T.RandomHorizontalFlip(), T.RandomVerticalFlip(), T.RandomRotate90(p=1.0), T.Transpose(p=1.0), T.Pad(3)],
    "warps": [T.RandomRotation(30), T.RandomAffine(20, (0.1, 0.1), (0.8, 1.2), 9), T.RandomPerspective(p=1.0)],
    "meshes": [T.ElasticTransform(), T.GridDistortion(p=1.0)],
    "colors": [
        T.ColorJitter(0.4, 0.4, 0.4, 0.1),
        T.HueSaturationValue(p=1.0),
        T.RandomPhotometricDistort(),
        T.Grayscale(3),
    ],
    "tones": [T.RandomEqualize(1.0), T.RandomAutocontrast(1.0), T.RandomPosterize(4, 1.0), T.RandomSolarize(128, 1.0)],
    "more tones": [T.CLAHE(p=1.0), T.RandomGamma(p=1.0), T.RandomInvert(1.0), T.RandomBrightnessContrast(p=1.0)],
    "filters": [
        T.GaussianBlur(5),
        T.MotionBlur(p=1.0),
        T.GaussianNoise(),
        T.RandomAdjustSharpness(2, 1.0),
        T.JPEG((50, 80)),
    ],
    "policies": [T.AutoAugment(), T.RandAugment(), T.TrivialAugmentWide(), T.AugMix()],
    "groups": [
        T.OneOf([T.RandomInvert(1.0), T.Pad(2)]),
        T.SomeOf([T.Pad(1), T.Grayscale(3)], 1),
        T.CoarseDropout(p=1.0),
    ],
}


def image_program(steps: list[Any]) -> Callable[[], object]:
    """All of ``steps``, on an image with all that may be in it."""
    chain = T.Compose([*steps, T.ToDtype(torch.float32, scale=True)])

    def run() -> None:
        torch.manual_seed(0)  # what is drawn decides what caches hold, which would fill up for a long time
        chain(IMAGE, TARGET)

    return run


def image_folder(root: Path) -> ImageFolder:
    (root / "class").mkdir()
    for number in range(16):
        (root / "class" / f"{number}.jpg").write_bytes(JPEG if number else JPEG[:100])
    return ImageFolder(root, T.Compose([T.RandomResizedCrop(32), T.RandomHorizontalFlip(), T.ToTensor()]))


FOLDER = tempfile.TemporaryDirectory()
IMAGES = image_folder(Path(FOLDER.name))

PATHS: dict[str, Callable[[], object]] = {
    "default_collate of nested samples": lambda: fastload.default_collate(SAMPLES),
    "default_collate into a slot": lambda: fastload.default_collate(LARGE),
    "default_collate of shapes that differ": failing(lambda: fastload.default_collate(RAGGED)),
    "default_collate of keys that differ": failing(lambda: fastload.default_collate([{"a": 1}, {"b": 1}])),
    "default_collate of a type it does not know": failing(lambda: fastload.default_collate([object()])),
    "pad_collate": lambda: fastload.pad_collate(RAGGED, value=-1, multiple_of=4),
    "pad_collate with a mask": lambda: fastload.pad_collate(RAGGED, return_mask=True),
    "pad_collate of dtypes that differ": failing(lambda: fastload.pad_collate([torch.ones(1), object()])),
    "gather": lambda: _core.gather(LARGE[0], np.arange(9), torch.empty(9)),
    "gather out of bounds": failing(lambda: _core.gather(LARGE[0], np.array([1 << 40]), torch.empty(1))),
    "an epoch of a TensorDataset": epoch(TENSORS),
    "an epoch of an ArrayDataset": epoch(ARRAYS),
    "an epoch of samples": epoch(SAMPLES),
    "decode_image": lambda: fastload.io.decode_image(JPEG, region=(9, 9, 20, 30)),
    "decode_image of a file cut short": failing(lambda: fastload.io.decode_image(JPEG[: len(JPEG) // 2])),
    "decode_image of a damaged header": failing(lambda: fastload.io.decode_image(JPEG[:200] + b"\xff\xd9")),
    "read_image of no file": failing(lambda: fastload.io.read_image("/no/such.jpg")),
    **{f"an image program: {name}": image_program(steps) for name, steps in PROGRAMS.items()},
    "an image program that an image is too small for": failing(lambda: T.Compose([T.RandomCrop(999)])(IMAGE, TARGET)),
    "native batches, one with a broken file": epoch(IMAGES, num_workers=1, on_error="skip"),
    "private slots": use_private_slots,
    "shared slots": use_shared_slots,
}


PLANTED: dict[str, Callable[[], object]] = {
    "planted: bytes": lambda: leak(bytearray(100)),
    "planted: a lease": lambda: leak(_core.Slots().acquire(MIB)),
    "planted: a shared mapping": lambda: leak(mmap.mmap(-1, mmap.PAGESIZE)),
    "planted: a descriptor": lambda: os.dup(0),
}


def leak(thing: object) -> None:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plant", action="store_true", help="leak on purpose")
    plant = parser.parse_args().plant
    heap_bytes = byte_counter()
    wrong = 0
    for name, path in (PLANTED if plant else PATHS).items():
        grown = growth_of(path, heap_bytes)
        wrong += bool(grown) is not plant
        print(f"{name:<45} {'LEAKS: ' + grown if grown else 'clean'}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    if "PYTHONMALLOC" not in os.environ:  # glibc counts what its thread cache keeps as in use: off, too
        os.environ |= {"PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
        os.execv(sys.executable, [sys.executable, *sys.argv])
    sys.exit(main())

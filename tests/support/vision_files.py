"""CIFAR and MNIST on disk, small: files as the originals were written, byte for byte in their formats."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CIFAR_ROW_BYTES = 3 * 32 * 32


def md5_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def python2_pickle(value: Any) -> bytes:
    """``value`` as Python 2 pickled it by protocol 2, its arrays as NumPy 1.3 gave them; strings are of bytes."""
    return b"\x80\x02" + _pickled(value) + b"."


def _pickled(value: Any) -> bytes:
    if isinstance(value, dict):
        return b"}(" + b"".join(_pickled(key) + _pickled(value[key]) for key in value) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_pickled, value)) + b"e"
    if isinstance(value, np.ndarray):
        return _pickled_array(value)
    if isinstance(value, str | bytes):
        return _pickled_string(value.encode() if isinstance(value, str) else value)
    return b"J" + struct.pack("<i", value)


def _pickled_string(content: bytes) -> bytes:
    size = len(content)
    return (b"U" + bytes([size]) if size < 256 else b"T" + struct.pack("<i", size)) + content


def _pickled_array(array: NDArray[Any]) -> bytes:
    """numpy.core.multiarray._reconstruct(numpy.ndarray, (0,), "b"), and its state."""
    is_fortran = not array.flags.c_contiguous
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + _pickled(0) + b"\x85" + _pickled("b") + b"\x87R"
    dtype = b"cnumpy\ndtype\n" + _pickled(array.dtype.str[1:]) + _pickled(0) + _pickled(1) + b"\x87R("
    dtype += _pickled(3) + _pickled(array.dtype.str[:1]) + b"NNN" + _pickled(-1) + _pickled(-1) + _pickled(0) + b"tb"
    shape = b"(" + b"".join(map(_pickled, array.shape)) + b"t"
    order = b"\x88" if is_fortran else b"\x89"
    return made + b"(" + _pickled(1) + shape + dtype + order + _pickled(array.tobytes("A")) + b"tb"


def cifar_rows(count: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, CIFAR_ROW_BYTES), dtype=np.uint8)


def cifar10_files(images_each: int = 6) -> dict[str, bytes]:
    """The seven files by name; label i of every file is i % 10."""
    files = {}
    for seed, name in enumerate([*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]):
        batch = {
            "batch_label": name,
            "labels": [number % 10 for number in range(images_each)],
            "data": cifar_rows(images_each, seed),
            "filenames": [f"{number}.png" for number in range(images_each)],
        }
        files[name] = python2_pickle(batch)
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    meta = {"num_cases_per_batch": images_each, "label_names": names, "num_vis": CIFAR_ROW_BYTES}
    return {**files, "batches.meta": python2_pickle(meta)}


def cifar100_files(images_each: int = 6) -> dict[str, bytes]:
    """The three files by name; fine label i is i * 7 % 100, coarse label i is i % 20."""
    files = {}
    for seed, name in enumerate(["train", "test"]):
        batch = {
            "filenames": [f"{number}.png" for number in range(images_each)],
            "batch_label": f"{name} batch 1 of 1",
            "fine_labels": [number * 7 % 100 for number in range(images_each)],
            "coarse_labels": [number % 20 for number in range(images_each)],
            "data": cifar_rows(images_each, seed),
        }
        files[name] = python2_pickle(batch)
    meta = {
        "fine_label_names": [f"fine {number}" for number in range(100)],
        "coarse_label_names": [f"coarse {number}" for number in range(20)],
    }
    return {**files, "meta": python2_pickle(meta)}


def point_cifar_at(monkeypatch: Any, dataset: type, files: dict[str, bytes]) -> None:
    """Has ``dataset``, a class, want those files in place of the originals."""
    *rest, (test, test_content), (meta, meta_content) = files.items()
    monkeypatch.setattr(dataset, "train_list", [(name, md5_of(content)) for name, content in rest])
    monkeypatch.setattr(dataset, "test_list", [(test, md5_of(test_content))])
    monkeypatch.setattr(dataset, "meta", {**dataset.meta, "filename": meta, "md5": md5_of(meta_content)})  # type: ignore[attr-defined]


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def idx(array: NDArray[np.uint8]) -> bytes:
    """``array`` in MNIST's format."""
    return struct.pack(f">{1 + array.ndim}I", 0x0800 | array.ndim, *array.shape) + array.tobytes()


def mnist_arrays(count: int = 24) -> dict[str, NDArray[np.uint8]]:
    """The four files' content by name; label i is i % 10."""
    rng = np.random.default_rng(5)
    arrays = {}
    for prefix, length in (("train", count), ("t10k", count // 2)):
        arrays[f"{prefix}-images-idx3-ubyte"] = rng.integers(0, 256, (length, 28, 28), dtype=np.uint8)
        arrays[f"{prefix}-labels-idx1-ubyte"] = np.arange(length, dtype=np.uint8) % 10
    return arrays


def mnist_files(count: int = 24, compressed: bool = False) -> dict[str, bytes]:
    """The four files by name, with .gz if they are ``compressed``."""
    files = {name: idx(array) for name, array in mnist_arrays(count).items()}
    return {f"{name}.gz": gzip.compress(files[name], mtime=0) for name in files} if compressed else files

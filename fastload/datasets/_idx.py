"""MNIST's files, called idx.

In one stand, as big-endian words of 4 bytes: (0x08, for unsigned bytes) << 8 | dimensions, and the size of each
dimension; then the bytes.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib

import torch

from fastload.datasets._download import damaged

_UBYTE = 0x08
_WORD_BYTES = 4


def read_idx(path: str, dimensions: int) -> torch.Tensor:
    """The uint8 tensor of so many dimensions in an idx file, which may be compressed (.gz).

    Raises RuntimeError, which names the file, if that is not what it holds, to the byte; it may not be empty, either.
    """
    content = _content(path)
    header_bytes = _WORD_BYTES * (1 + dimensions)
    if len(content) < header_bytes:
        raise damaged(path, f"it has {len(content)} bytes, its header should have {header_bytes}")
    magic, *shape = struct.unpack_from(f">{1 + dimensions}I", content)
    wanted = _UBYTE << 8 | dimensions
    if magic != wanted:
        raise damaged(path, f"it should begin with {wanted:#010x} (bytes, {dimensions} dimensions), not {magic:#010x}")
    size_bytes = header_bytes + math.prod(shape)
    if len(content) != size_bytes:
        raise damaged(path, f"it should have {size_bytes} bytes, as its shape is {tuple(shape)}, not {len(content)}")
    if size_bytes == header_bytes:
        raise damaged(path, f"it is empty: its shape is {tuple(shape)}")
    return torch.frombuffer(content, dtype=torch.uint8, offset=header_bytes).view(shape)


def _content(path: str) -> bytearray:
    """All of the file, in memory that can be written to."""
    with open(path, "rb") as file:
        content = file.read()
    if path.endswith(".gz"):
        try:
            content = gzip.decompress(content)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise damaged(path, str(error)) from error
    return bytearray(content)

"""fastload.io gives Pillow's pixels, for every kind of JPEG file."""

from __future__ import annotations

import itertools
import os
import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

import fastload
from fastload import io
from tests.support.jpeg_files import by_pillow, by_pillow_at_scale, image_file, same_pixels

KINDS = [
    {"mode": mode, "progressive": progressive, **({} if mode == "L" else {"subsampling": subsampling})}
    for mode in ("L", "RGB", "CMYK")
    for progressive in (False, True)
    for subsampling in ((0,) if mode == "L" else (0, 1, 2))
]
SIZES = [(1, 1), (2, 3), (8, 8), (16, 17), (33, 15), (48, 64), (61, 83)]


def rows(image: torch.Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_pixels_are_pillows(kind: dict, mode: str) -> None:
    for height, width in SIZES:
        file = image_file(height, width, **kind)
        assert same_pixels(rows(io.decode_image(file, mode)), by_pillow(file, mode), mode), (height, width)


def test_colours_stored_as_rgb() -> None:
    try:
        file = image_file(keep_rgb=True, subsampling=0)
    except (TypeError, OSError):
        pytest.skip("this Pillow does not write such files")
    assert np.array_equal(rows(io.decode_image(file)), by_pillow(file))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation(orientation: int, mode: str) -> None:
    file = image_file(33, 50, orientation=orientation)
    assert same_pixels(rows(io.decode_image(file, mode)), by_pillow(file, mode), mode)
    stored = io.decode_image(file, mode, apply_exif_orientation=False)
    assert same_pixels(rows(stored), by_pillow(file, mode, orient=False), mode)
    assert io.image_size(file) == by_pillow(file).shape[:2]
    assert io.image_size(file, apply_exif_orientation=False) == (33, 50)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_min_size_gives_the_image_that_pillows_draft_gives(kind: dict) -> None:
    file = image_file(61, 83, **kind)
    for denominator in (8, 4, 2):
        expected = by_pillow_at_scale(file, denominator)
        assert expected is not None
        assert np.array_equal(rows(io.decode_image(file, min_size=expected.shape[:2])), expected)


def test_min_size_is_the_smallest_scale_that_covers_it() -> None:
    file = image_file(80, 160)
    sides = {1: (10, 20), 10: (10, 20), 11: (20, 40), 20: (20, 40), 21: (40, 80), 40: (40, 80), 41: (80, 160)}
    sides[81] = (80, 160)  # more than there is
    for wanted, shape in sides.items():
        assert tuple(io.decode_image(file, min_size=wanted).shape[1:]) == shape, wanted
    assert tuple(io.decode_image(file, min_size=(10, 21)).shape[1:]) == (20, 40)
    assert tuple(io.decode_image(file, min_size=30, region=(0, 0, 64, 64)).shape[1:]) == (32, 32)


def test_the_tensor_is_as_torchvisions_decoder_gives_it() -> None:
    image = io.decode_image(image_file(20, 30))
    assert image.shape == (3, 20, 30)
    assert image.dtype == torch.uint8
    assert image.stride() == (1, 90, 3)
    image += 1  # its memory is the caller's
    assert io.decode_image(image_file(mode="L"), "UNCHANGED").shape[0] == 1
    assert io.decode_image(image_file(mode="CMYK"), "UNCHANGED").shape[0] == 3


def with_segment(body: bytes) -> bytes:
    plain = image_file(20, 30)
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + plain[2:]


def size_by_pillow(file: bytes) -> tuple[int, int]:
    with Image.open(BytesIO(file)) as image:
        turned = ImageOps.exif_transpose(image)
    return turned.height, turned.width


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some of these
@pytest.mark.parametrize("magic", [42, 43, 0])
@pytest.mark.parametrize("kind", range(15))
def test_odd_exif_turns_what_pillow_turns(kind: int, magic: int) -> None:
    for count in (0, 1, 2, 3, 1 << 31):
        for value in (struct.pack("<HH", 6, 0), struct.pack("<HH", 0, 6), struct.pack("<I", 30)):
            entry = struct.pack("<HHI", 0x0112, kind, count) + value
            tiff = (
                b"II" + struct.pack("<HIH", magic, 8, 1) + entry + bytes(8) + struct.pack("<8I", 6, 1, 6, 1, 6, 1, 6, 1)
            )
            file = with_segment(b"Exif\0\0" + tiff)
            assert io.image_size(file) == size_by_pillow(file), (count, value)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some of these
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "form", "numbers"),
    [
        (
            5,
            "2I",
            [(6, 1), (12, 2), (8, 1), (3, 1), (1, 1), (13, 2), (6, 0), (0, 0), (0, 1), (9, 1), (2**32 - 2, 2**31 - 1)],
        ),
        (10, "2i", [(6, 1), (-6, -1), (-6, 1), (6, -1), (5, 0), (2**31 - 1, 1)]),
        (11, "f", [(6.0,), (8.0,), (6.5,), (-6.0,), (float("nan"),), (float("inf"),), (0.0,), (1e9,)]),
        (12, "d", [(6.0,), (7.0,), (6.000000001,), (-6.0,), (float("nan"),), (float("inf"),), (5.0,), (1e300,)]),
    ],
)
def test_orientations_that_are_fractions_turn_what_pillow_turns(kind: int, form: str, numbers: Any, order: str) -> None:
    turned = 0
    for values, count, cut in itertools.product(numbers, (1, 2), (0, 1, 9)):
        packed = struct.pack(order + form, *values)
        place = packed if len(packed) == 4 and count == 1 else struct.pack(order + "I", 26)
        head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, 1)
        entry = struct.pack(order + "HHI", 0x0112, kind, count) + place
        tiff = head + entry + bytes(4) + packed * 2
        file = with_segment(b"Exif\0\0" + tiff[: len(tiff) - cut])
        assert io.image_size(file) == size_by_pillow(file), (values, count, cut)
        turned += io.image_size(file) == (30, 20)
    assert turned > 0


@pytest.mark.parametrize(
    "text", ['tiff:Orientation="6"', "<tiff:Orientation>8<", "tiff:Orientation=6", "Orientation>6"]
)
@pytest.mark.parametrize("exif", [b"", b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, 1, 0) + bytes(4)])
def test_xmp_turns_an_image_of_which_exif_says_nothing(text: str, exif: bytes) -> None:
    file = with_segment(b"http://ns.adobe.com/xap/1.0/\0" + text.encode())
    if exif:
        body = b"Exif\0\0" + exif
        file = file[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + file[2:]
    assert io.image_size(file) == size_by_pillow(file)


def test_paths_and_every_kind_of_buffer(tmp_path) -> None:
    file = image_file()
    path = tmp_path / "Bild é.jpg"
    path.write_bytes(file)
    expected = io.decode_image(file)
    sources = [path, str(path), bytearray(file), memoryview(file), np.frombuffer(file, np.uint8)]
    sources.append(torch.frombuffer(bytearray(file), dtype=torch.uint8))
    sources.append(np.frombuffer(file, np.uint8).repeat(2)[::2])
    for source in sources:
        assert torch.equal(io.decode_image(source), expected), type(source)
        assert io.image_size(source) == (48, 64)
    for place in (path, str(path), os.fsencode(path)):
        assert torch.equal(io.read_image(place), expected)
    with pytest.raises(TypeError, match="path, bytes or a buffer, got int"):
        io.decode_image(3)
    with pytest.raises(TypeError, match="uint8 of one dimension"):
        io.decode_image(torch.zeros(3, 4, 4))


def test_arguments_are_checked() -> None:
    file = image_file()
    for region in [(0, 0, 49, 1), (0, 0, 1, 65), (-1, 0, 1, 1), (0, 0, 0, 1), (48, 0, 1, 1), (0, 1, 1, 2**31 - 1)]:
        with pytest.raises(ValueError, match="not inside the image of height 48, width 64"):
            io.decode_image(file, region=region)
    for wrong, text in [
        ({"mode": "BGR"}, "mode must be"),
        ({"min_size": 0}, "min_size"),
        ({"max_pixels": 0}, "max_pixels"),
        ({"region": (1, 2)}, "region must be"),
        ({"region": (2**31, 0, 1, 1)}, "region .* is not inside the image"),
        ({"min_size": (1, 2, 3)}, "min_size must be"),
    ]:
        with pytest.raises(ValueError, match=text) as caught:
            io.decode_image(file, **wrong)
        assert not isinstance(caught.value, io.DecodeError)
    for argument, wrong in [("region", 3), ("region", (0, 0.5, 1, 1)), ("min_size", "a"), ("max_pixels", 1.5)]:
        with pytest.raises(TypeError, match=f"{argument} must be .*whole number"):
            io.decode_image(file, **{argument: wrong})


def test_numbers_of_any_kind_and_size_are_taken() -> None:
    file = image_file()
    whole = io.decode_image(file)
    assert torch.equal(io.decode_image(file, min_size=2**40, max_pixels=2**70), whole)
    assert io.decode_image(file, min_size=np.int64(6)).shape == (3, 6, 8)
    assert torch.equal(io.decode_image(file, region=list(np.array([1, 2, 3, 4]))), whole[:, 1:4, 2:6])


def test_the_public_names_are_there() -> None:
    assert fastload.io is io
    assert issubclass(io.DecodeError, ValueError)
    assert all(hasattr(io, name) for name in io.__all__)

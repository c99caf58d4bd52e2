"""Formats other than JPEG come through Pillow: same call, same kind of result, same errors."""

from __future__ import annotations

import io as bytes_io
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, features

from fastload import io
from tests.support.jpeg_files import by_pillow, image_file, pixels

FORMATS = ["PNG", "BMP", "GIF", "TIFF", "PPM", *(["WEBP"] if features.check("webp") else [])]


def saved(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = bytes_io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def rows(image: torch.Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("format", FORMATS)
def test_pixels_are_pillows(format: str, mode: io.Mode, tmp_path) -> None:
    file = image_file(20, 30, format=format)
    expected = by_pillow(file, mode)
    path = tmp_path / "image.jpg"  # what a file is called does not matter
    path.write_bytes(file)
    for source in (file, path, bytearray(file)):
        image = io.decode_image(source, mode)
        assert np.array_equal(rows(image), expected)
        assert image.dtype == torch.uint8
        assert image.stride() == (1, 30 * expected.shape[2], expected.shape[2])
        assert io.image_size(source) == (20, 30)
    image += 1
    assert torch.equal(io.decode_image(path, mode, region=(3, 4, 5, 6)), io.decode_image(path, mode)[:, 3:8, 4:10])


def test_palettes_alpha_and_16_bits_are_converted_as_by_pillow() -> None:
    array = pixels(12, 10)
    colours = Image.frombytes("RGB", (10, 12), array.tobytes())
    wide = Image.frombytes("I;16", (10, 12), (np.arange(120, dtype="<u2") * 500).tobytes())
    with_alpha = colours.copy()
    with_alpha.putalpha(100)
    for image in (colours.quantize(16), with_alpha, with_alpha.convert("LA"), colours.convert("1"), wide):
        file = saved(image)
        for mode in ("RGB", "L"):
            assert np.array_equal(rows(io.decode_image(file, mode)), by_pillow(file, mode)), (image.mode, mode)
    assert io.decode_image(saved(with_alpha), "UNCHANGED").shape[0] == 4
    assert io.decode_image(saved(colours), "UNCHANGED").shape[0] == 3
    assert io.decode_image(saved(colours.convert("L")), "UNCHANGED").shape[0] == 1


def test_orientations_of_other_formats() -> None:
    file = image_file(20, 30, format="PNG", orientation=6)
    assert io.image_size(file) == (30, 20)
    assert np.array_equal(rows(io.decode_image(file)), by_pillow(file))
    assert io.decode_image(file, apply_exif_orientation=False).shape == (3, 20, 30)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_of_a_turned_file_is_that_of_its_pixels(orientation: int) -> None:
    for format in ("PNG", "TIFF"):
        file = image_file(20, 30, format=format, orientation=orientation)
        expected = (30, 20) if orientation >= 5 else (20, 30)
        assert io.image_size(file) == io.decode_image(file).shape[1:] == expected
        # TIFF files are turned whenever Pillow reads them.
        as_stored = expected if format == "TIFF" else (20, 30)
        assert io.image_size(file, apply_exif_orientation=False) == as_stored
        assert io.decode_image(file, apply_exif_orientation=False).shape[1:] == as_stored


def test_errors_are_the_same_as_for_jpeg(tmp_path) -> None:
    file = image_file(20, 30, format="PNG")
    with pytest.raises(ValueError, match="not inside the image of height 20, width 30"):
        io.decode_image(file, region=(0, 0, 21, 1))
    with pytest.raises(io.DecodeError, match="30 x 20 pixels, the limit is 599 in all"):
        io.decode_image(file, max_pixels=599)
    path = tmp_path / "short.png"
    path.write_bytes(file[:-60])
    with pytest.raises(io.DecodeError) as caught:
        io.decode_image(path)
    assert caught.value.path == str(path)
    assert caught.value.reason


def test_pillow_is_imported_for_other_formats_only_and_missed_with_advice() -> None:
    code = (
        "import sys\n"
        "from fastload import io\n"
        "jpeg, png = (bytes.fromhex(text) for text in sys.argv[1:])\n"
        "io.decode_image(jpeg)\n"
        "assert 'PIL' not in sys.modules\n"
        "sys.modules['PIL'] = None\n"
        "try:\n"
        "    io.decode_image(png)\n"
        "except io.DecodeError as error:\n"
        "    assert \"pip install 'fastload[images]'\" in str(error), error\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    files = [image_file(8, 8).hex(), image_file(8, 8, format="PNG").hex()]
    subprocess.run([sys.executable, "-c", code, *files], check=True, timeout=60)

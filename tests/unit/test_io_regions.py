"""A region is the whole image cropped, whatever the file's sampling, scale and orientation."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fastload import io
from tests.support.jpeg_files import by_pillow, image_file, pixels


@st.composite
def regions(draw: st.DrawFn, height: int, width: int) -> io.Region:
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    return top, left, draw(st.integers(1, height - top)), draw(st.integers(1, width - left))


def cropped(image: torch.Tensor, region: io.Region) -> torch.Tensor:
    top, left, height, width = region
    return image[:, top : top + height, left : left + width]


@settings(max_examples=150, deadline=None)
@given(
    st.data(),
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from(["L", "RGB", "CMYK"]),
    st.booleans(),
    st.integers(0, 2),
    st.integers(1, 8),
    st.sampled_from(["RGB", "L"]),
)
def test_a_region_equals_the_crop(
    data: st.DataObject,
    height: int,
    width: int,
    kind: str,
    progressive: bool,
    subsampling: int,
    orientation: int,
    mode: io.Mode,
) -> None:
    options = {} if kind == "L" else {"subsampling": subsampling}
    file = image_file(height, width, kind, progressive=progressive, orientation=orientation, **options)
    whole = io.decode_image(file, mode)
    for _ in range(4):
        region = data.draw(regions(*whole.shape[1:]))
        assert torch.equal(io.decode_image(file, mode, region=region), cropped(whole, region))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([2, 4, 8]), st.integers(0, 2), st.booleans())
def test_a_region_at_a_scale_equals_the_crop_of_the_image_at_that_scale(
    data: st.DataObject, denominator: int, subsampling: int, progressive: bool
) -> None:
    file = image_file(83, 171, subsampling=subsampling, progressive=progressive)
    whole = io.decode_image(file, min_size=(-(-83 // denominator), -(-171 // denominator)))
    top, left, height, width = data.draw(regions(*(side - 1 for side in whole.shape[1:])))
    assume(max(height, width) >= 3)  # else a smaller scale may do
    region = tuple(denominator * side for side in (top, left, height, width))
    part = io.decode_image(file, region=region, min_size=(height, width))
    assert torch.equal(part, cropped(whole, (top, left, height, width)))


# What has to be done to the stored pixels, (H, W, C), to see the image: by the numbers of EXIF.
TURNS = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: stored.transpose(1, 0, 2)[:, ::-1],
    7: lambda stored: stored.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda stored: stored.transpose(1, 0, 2)[::-1],
}


@settings(max_examples=300, deadline=None)
@given(
    st.data(),
    st.integers(1, 130),
    st.integers(1, 130),
    st.integers(1, 8),
    st.integers(1, 12),
    st.integers(1, 12),
)
def test_a_region_of_a_turned_file_at_a_scale_is_the_turned_region_of_the_stored_file(
    data: st.DataObject, height: int, width: int, orientation: int, least_height: int, least_width: int
) -> None:
    file = image_file(height, width, orientation=orientation, quality=95)
    top, left, rows, columns = stored = data.draw(regions(height, width))
    # The pixels of the region, marked in an image of the stored size, are where they are in the turned one.
    marked = np.zeros((height, width, 1), bool)
    marked[top : top + rows, left : left + columns] = True
    down, right = (np.flatnonzero(TURNS[orientation](marked).any(axis=axis)) for axis in ((1, 2), (0, 2)))
    region = int(down[0]), int(right[0]), len(down), len(right)
    swapped = (least_width, least_height) if orientation >= 5 else (least_height, least_width)
    made = io.decode_image(file, region=region, min_size=(least_height, least_width)).permute(1, 2, 0).numpy()
    as_stored = io.decode_image(file, region=stored, min_size=swapped, apply_exif_orientation=False)
    assert np.array_equal(made, TURNS[orientation](as_stored.permute(1, 2, 0).numpy()))
    assert made.shape[0] >= min(least_height, region[2])
    assert made.shape[1] >= min(least_width, region[3])


SAMPLINGS = [
    "4x1",
    "1x4",
    "4x2",
    "2x4",
    "1x2",
    "2x2,2x1,1x2",
    "4x1,2x1,1x1",
    "1x1,2x2,2x2",
    "4x2,1x1,1x1",
    "3x1",
    "3x2",
]


@pytest.mark.skipif(shutil.which("cjpeg") is None, reason="rare samplings are made by cjpeg (libjpeg-turbo-progs)")
@pytest.mark.parametrize("options", [[], ["-progressive"], ["-restart", "1"]], ids=str)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_rare_samplings(sampling: str, options: list[str]) -> None:
    array = pixels(70, 101)
    portable = b"P6 101 70 255\n" + array.tobytes()
    command = ["cjpeg", "-sample", sampling, *options]
    made = subprocess.run(command, check=False, input=portable, capture_output=True)
    if made.returncode != 0:
        pytest.skip(made.stderr.decode())
    file = made.stdout
    whole = io.decode_image(file)
    draw = np.random.default_rng(0)
    for _ in range(100):
        top, left = int(draw.integers(70)), int(draw.integers(101))
        region = top, left, int(draw.integers(1, 71 - top)), int(draw.integers(1, 102 - left))
        assert torch.equal(io.decode_image(file, region=region), cropped(whole, region)), region


def test_a_progressive_file_whose_last_scans_are_left_out() -> None:
    """Its blocks are smoothed by their neighbours, for which the region has to be decoded with more around it."""
    file = image_file(90, 120, progressive=True, subsampling=2)
    scans = [k for k in range(len(file) - 1) if file[k : k + 2] == b"\xff\xda"]
    draw = np.random.default_rng(0)
    for end in scans[1:]:
        shorter = file[:end] + b"\xff\xd9"
        whole = io.decode_image(shorter)
        # libjpeg-turbo 3 smooths a little otherwise than 2, and Pillow brings its own.
        assert np.abs(whole.permute(1, 2, 0).numpy().astype(int) - by_pillow(shorter)).max() <= 8, end
        for _ in range(60):
            top, left = int(draw.integers(90)), int(draw.integers(120))
            region = top, left, int(draw.integers(1, 91 - top)), int(draw.integers(1, 121 - left))
            assert torch.equal(io.decode_image(shorter, region=region), cropped(whole, region)), region

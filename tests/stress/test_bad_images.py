"""Files that are no images, or bad ones: a DecodeError with path and reason, and nothing else happens."""

from __future__ import annotations

import gc
import os
import pickle
import random
import shutil
import stat
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from fastload import io
from tests.support.jpeg_files import by_pillow, image_file, pixels

KINDS = [
    {"progressive": progressive, "subsampling": subsampling} for progressive in (False, True) for subsampling in (0, 2)
]


def refused(source: object, reason: str = ".", **arguments: object) -> io.DecodeError:
    with pytest.raises(io.DecodeError, match=reason) as caught:
        io.decode_image(source, **arguments)
    assert caught.value.reason
    assert caught.value.reason in str(caught.value)
    return caught.value


def outcome(decode, file: bytes) -> np.ndarray | None:
    """None if it was refused."""
    try:
        return decode(file)
    except (io.DecodeError, OSError, SyntaxError):
        return None


def ours(file: bytes) -> np.ndarray:
    return io.decode_image(file).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_file_cut_short_at_any_byte_is_refused(kind: dict) -> None:
    file = image_file(20, 27, quality=40, **kind)
    for length in range(len(file) - 2):
        refused(file[:length], "cut short|empty|no format")
    assert (outcome(ours, file[:-2]) is None) == (outcome(by_pillow, file[:-2]) is None)  # all but the end marker


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_flipped_bits_give_an_image_or_a_decode_error(kind: dict) -> None:
    whole = image_file(20, 27, quality=40, **kind)
    draw = random.Random(0)
    for _ in range(1500):
        file = bytearray(whole)
        for _ in range(draw.choice([1, 1, 3])):
            file[draw.randrange(len(file))] ^= 1 << draw.randrange(8)
        outcome(ours, bytes(file))


@pytest.mark.parametrize("content", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff", b"\0" * 1000, b"plain text\n" * 50])
def test_what_is_no_image_at_all(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    for source in (content, path):
        error = refused(source)
        assert error.path == (None if source is content else str(path))
        with pytest.raises(io.DecodeError):
            io.image_size(source)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "directory" in refused(tmp_path, "directory").reason
    missing = tmp_path / "gone.jpg"
    assert refused(missing, "No such file or directory").path == str(missing)
    locked = tmp_path / "locked.jpg"
    locked.write_bytes(image_file())
    locked.chmod(0)
    if os.geteuid() != 0:
        refused(locked, "Permission denied")
    loop = tmp_path / "loop.jpg"
    loop.symlink_to(loop)
    refused(loop, "symbolic links")
    refused(tmp_path / ("x" * 300), "too long")
    with pytest.raises(ValueError, match="null byte"):
        io.decode_image(f"{tmp_path}/a\0b.jpg")


def test_no_permission_is_seen_by_a_user_without_rights(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("the test before this one has seen it")
    locked = tmp_path / "locked.jpg"
    locked.write_bytes(image_file())
    locked.chmod(stat.S_IRUSR)
    pid = os.fork()
    if pid == 0:  # no rights from here on, and no way back
        code = 1
        try:
            os.setuid(65534)
            io.decode_image(locked)
        except io.DecodeError as error:
            code = 0 if "Permission denied" in error.reason else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_file_that_vanishes_while_others_read_it(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    file = image_file()
    for attempt in range(200):
        path.write_bytes(file)
        if attempt % 2:
            path.unlink()
            refused(path, "No such file")
        else:
            assert io.read_image(path).shape == (3, 48, 64)


def frame_of(file: bytes) -> int:
    """Where the frame header's marker is."""
    return next(k for k in range(len(file)) if file[k] == 0xFF and file[k + 1] in (0xC0, 0xC2))


def with_size(file: bytes, height: int, width: int) -> bytes:
    frame = frame_of(file)
    return file[: frame + 5] + struct.pack(">HH", height, width) + file[frame + 9 :]


@pytest.mark.parametrize("progressive", [False, True])
def test_a_small_file_that_claims_to_be_huge_is_refused_at_once(progressive: bool) -> None:
    file = with_size(image_file(progressive=progressive), 65500, 65500)
    began = time.monotonic()
    refused(file, r"65500 x 65500 pixels, the limit is 178956970 in all")
    assert time.monotonic() - began < 0.1
    with pytest.raises(io.DecodeError, match="the limit is"):
        io.image_size(file)
    assert io.image_size(file, max_pixels=None) == (65500, 65500)
    refused(with_size(file, 20, 20), "the limit is 399 in all", max_pixels=399)


def test_many_scans_are_refused() -> None:
    file = image_file(16, 16, "L", progressive=True)
    scan = file.rindex(b"\xff\xda")
    refused(file[:-2] + file[scan:-2] * 2000 + b"\xff\xd9", "progressive scans")


def test_absurd_exif_means_no_orientation() -> None:
    plain = image_file()
    expected = ours(plain)
    entry = struct.pack("<HHII", 0x0112, 3, 1, 6)
    for tiff in [
        b"",
        b"II",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0" + struct.pack("<IH", 8, 65535),
        b"XX*\0" + struct.pack("<IH", 8, 1) + entry,
        b"II*\0" + struct.pack("<IH", 8, 1) + entry[:-3],
        b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x0112, 3, 1, 9),
        b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x0112, 2, 1 << 31, 1 << 31),
    ]:
        body = b"Exif\0\0" + tiff
        file = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + plain[2:]
        assert np.array_equal(ours(file), expected), tiff


def test_12_bit_lossless_and_unknown_frames_are_refused() -> None:
    file = image_file()
    frame = frame_of(file)
    for marker in (0xC1, 0xC3, 0xC5, 0xC9, 0xCB):
        for bits in (8, 12, 16):
            changed = bytearray(file)
            changed[frame + 1], changed[frame + 4] = marker, bits
            ours_came = outcome(ours, bytes(changed)) is not None
            assert ours_came == (outcome(by_pillow, bytes(changed)) is not None), (marker, bits)


def test_what_no_decoder_here_reads_is_called_by_its_name() -> None:
    changed = bytearray(image_file())
    frame = frame_of(bytes(changed))
    changed[frame + 1], changed[frame + 4] = 0xC1, 12
    refused(bytes(changed), "precision 12")
    refused(b"no image", "not a JPEG file, and no format that Pillow knows")


@pytest.mark.skipif(shutil.which("cjpeg") is None, reason="arithmetic coding is cjpeg's (libjpeg-turbo-progs)")
@pytest.mark.parametrize("options", [[], ["-progressive"]], ids=str)
def test_arithmetic_coding_is_left_to_pillow(options: list[str]) -> None:
    portable = b"P6 40 30 255\n" + pixels(30, 40).tobytes()
    made = subprocess.run(["cjpeg", "-arithmetic", *options], check=False, input=portable, capture_output=True)
    if made.returncode != 0:
        pytest.skip(made.stderr.decode())
    expected = outcome(by_pillow, made.stdout)
    if expected is None:
        refused(made.stdout)
    else:
        assert np.array_equal(ours(made.stdout), expected)


def test_garbage_after_the_end_does_no_harm() -> None:
    for kind in KINDS:
        file = image_file(**kind)
        for garbage in (b"\0", b"\xff", b"\xff\xd8\xff", file, os.urandom(5000)):
            assert np.array_equal(ours(file + garbage), ours(file))


def test_what_one_file_leaves_behind_does_not_serve_the_next() -> None:
    file = image_file(mode="L")
    whole = ours(file)
    table = file.index(b"\xff\xdb")
    length = struct.unpack(">H", file[table + 2 : table + 4])[0]
    without = file[:table] + file[table + 2 + length :]
    refused(without, "uantization table")
    assert np.array_equal(ours(file), whole)
    refused(without, "uantization table")


def test_errors_travel_between_processes() -> None:
    error = io.DecodeError("cut short", "a/b.jpg")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.path, copy.reason) == (str(error), "a/b.jpg", "cut short")
    assert str(copy) == "cannot decode 'a/b.jpg': cut short"


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_and_descriptors_do_not_grow(tmp_path: Path) -> None:
    whole = image_file(300, 400, progressive=True)
    short = tmp_path / "short.jpg"
    short.write_bytes(whole[: len(whole) // 2])
    good = tmp_path / "good.jpg"
    good.write_bytes(whole)

    def round_of_files() -> None:
        for _ in range(100):
            io.read_image(good)
            io.read_image(good, region=(100, 100, 20, 20))
            refused(short, "cut short")
            refused(tmp_path, "directory")
            refused(b"text", "no format")

    round_of_files()
    gc.collect()
    before = resident_bytes(), len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        round_of_files()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before[1]
    assert resident_bytes() - before[0] < 8 << 20  # one image each time would be 100 MB

"""Writes the decode fuzzer's seeds: small JPEG files of every kind, each behind 10 bytes that choose what to decode.

usage: python seeds_decode.py FOLDER
"""

import io
import itertools
import random
import sys
from pathlib import Path

from PIL import Image

CHOICE_BYTES = 10


def files() -> list[bytes]:
    found = []
    exif = Image.Exif()
    exif[0x0112] = 6
    for mode, progressive, subsampling, size in itertools.product(
        ("L", "RGB", "CMYK"), (False, True), (0, 1, 2), ((1, 1), (17, 33), (64, 40))
    ):
        pixels = random.randbytes(size[0] * size[1] * len(Image.new(mode, (1, 1)).getbands()))
        image = Image.frombytes(mode, size, pixels).resize(size, reducing_gap=1)
        buffer = io.BytesIO()
        options = {} if mode == "L" else {"subsampling": subsampling}
        restart = {"restart_marker_blocks": 2} if subsampling == 1 else {}
        image.save(buffer, "JPEG", quality=40, progressive=progressive, exif=exif, **options, **restart)
        found.append(buffer.getvalue())
    return found


def main(folder: Path) -> None:
    random.seed(0)
    for number, file in enumerate(files()):
        (folder / f"seed-{number:03}").write_bytes(random.randbytes(CHOICE_BYTES) + file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

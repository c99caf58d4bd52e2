"""Writes the program fuzzer's seeds: chains of steps before JPEG files of every kind, and before pixels.

usage: python seeds_program.py FOLDER
"""

import random
import sys
from pathlib import Path

from seeds_decode import files

STEP_KINDS, MOST_STEPS, END_OF_STEPS = 29, 5, 255
MOST_BYTES_OF_A_STEP, MOST_BYTES_OF_TARGETS = 24, 24


def chain() -> bytes:
    """A key, a layout, targets, and some steps, of so many bytes that some of them are read as further steps."""
    steps = b"".join(
        bytes([random.randrange(STEP_KINDS)]) + random.randbytes(random.randrange(MOST_BYTES_OF_A_STEP))
        for _ in range(random.randint(0, MOST_STEPS))
    )
    targets = random.randbytes(random.randrange(MOST_BYTES_OF_TARGETS))
    return random.randbytes(2) + targets + steps + bytes([END_OF_STEPS])


def main(folder: Path) -> None:
    random.seed(0)
    for number, file in enumerate(files()):
        (folder / f"file-{number:03}").write_bytes(chain() + file)
        (folder / f"pixels-{number:03}").write_bytes(chain() + random.randbytes(2 + 30 * 30 * 4))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

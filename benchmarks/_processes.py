"""This process's children, and memory that belongs to one process alone."""

import os
import re
from pathlib import Path


def children() -> list[Path]:
    """/proc folders of this process's children."""
    here = str(os.getpid())
    stats = {folder: stat_words(folder) for folder in Path("/proc").iterdir() if folder.name.isdigit()}
    return [folder for folder, words in stats.items() if words and words[1] == here]


def stat_words(folder: Path) -> list[str]:
    """State, parent and so on, from behind the name in parentheses; empty if the process has ended."""
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def private_bytes(process: Path) -> int:
    rollup = (process / "smaps_rollup").read_text()
    return sum(int(kb) for kb in re.findall(r"Private_(?:Clean|Dirty):\s+(\d+) kB", rollup)) * 1024

"""What fuzzing found once is run again, under sanitizers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("make") is None or shutil.which("c++") is None, reason="needs make and a compiler")
def test_past_failures_do_not_fail_again() -> None:
    command = ["make", "-C", str(ROOT / "csrc" / "fuzz"), "replay"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]

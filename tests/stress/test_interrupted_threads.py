"""Ctrl-C at any moment costs a loop over worker threads at most the batch in hand: nothing waits for it for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.photo_folder import make_folder
from support.scripts import run_script

SCRIPT = """
import signal, threading
import numpy as np
import torch
from fastload.datasets import ImageFolder
from fastload.transforms import Compose, RandomResizedCrop, ToTensor

def interrupt_soon(delay_s):
    def interrupt():
        time.sleep(delay_s)
        os.kill(os.getpid(), signal.SIGINT)
    thread = threading.Thread(target=interrupt)
    thread.start()
    return thread

images = ImageFolder({folder!r}, Compose([RandomResizedCrop(32), ToTensor()]))
images.samples = images.samples * 5000
loader = DataLoader({dataset}, 8, num_workers=2, worker_type="thread", persistent_workers=True)
for round in range(40):
    iterator = iter(loader)
    try:
        thread = interrupt_soon(0.02 + 0.001 * round)
        while True:
            next(iterator)
    except KeyboardInterrupt:
        pass
    thread.join()
    for _ in range(20):
        next(iterator)
print("well")
"""


@pytest.mark.parametrize("dataset", ["images", "range(500_000)"])
def test_interrupted_loops_go_on(dataset: str, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "images")
    script = SCRIPT.format(folder=str(folder), dataset=dataset)
    assert run_script(tmp_path, script, timeout_s=60) == (0, "well\n", "")

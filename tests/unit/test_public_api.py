"""The public names: torch's under the same name, and fastload's own."""

from __future__ import annotations

import subprocess
import sys

import torch.utils.data

import fastload

SUBCLASSED = {
    "BatchSampler",
    "DataLoader",
    "DistributedSampler",
    "RandomSampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
}
REPLACED = {*SUBCLASSED, "default_collate"}


def test_everything_public_in_torch_is_here_and_the_same_object() -> None:
    public = {name for name in torch.utils.data.__all__ if not name.startswith("_")} | {"get_worker_info"}
    assert public <= set(fastload.__all__)
    for name in public - REPLACED:
        assert getattr(fastload, name) is getattr(torch.utils.data, name), name


def test_what_is_replaced_stands_in_for_torchs() -> None:
    for name in SUBCLASSED:
        assert issubclass(getattr(fastload, name), getattr(torch.utils.data, name)), name
    assert fastload.default_collate([1, 2]).tolist() == [1, 2]


def test_the_list_of_names_is_sorted_and_whole() -> None:
    assert fastload.__all__ == sorted(fastload.__all__)
    assert all(hasattr(fastload, name) for name in fastload.__all__)


def test_importing_starts_nothing() -> None:
    code = (
        "import threading, multiprocessing, os, torch\n"
        "before = threading.active_count(), len(os.listdir('/proc/self/task')), torch.get_rng_state().sum()\n"
        "import fastload, sys\n"
        "after = threading.active_count(), len(os.listdir('/proc/self/task')), torch.get_rng_state().sum()\n"
        "assert before == after, (before, after)\n"
        "assert not multiprocessing.active_children()\n"
        "assert multiprocessing.get_start_method(allow_none=True) is None\n"
        "assert not {'PIL', 'cv2', 'imgaug', 'torchvision'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)

"""fastload inside the libraries that people train with; the real packages, which only `make test-integrations` has.

These tests are collected only under the pytest.ini beside this file, so that a plain `pytest` needs none of them.
"""

import gc
import os
import random
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from support.resources import GRACE_S, descendants, shared_mappings, wait_until

OWN_CONFIGURATION = Path(__file__).with_name("pytest.ini")
TEST_TIMEOUT_S = 120
FAILED = pytest.StashKey[bool]()


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if config.inipath == OWN_CONFIGURATION else True


def pytest_configure(config: pytest.Config) -> None:
    if config.inipath == OWN_CONFIGURATION:
        # Ranks are forked from this process, and a fork of one whose OpenMP threads have run hangs when it uses them.
        torch.set_num_threads(1)
        os.environ["OMP_NUM_THREADS"] = "1"
        os.environ["HF_HUB_OFFLINE"] = "1"  # nothing here needs the network


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(autouse=True)
def same_random_state() -> None:
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def fastload_is_not_installed() -> Iterator[None]:
    import fastload

    yield
    fastload.uninstall()


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """No process and no shared memory; descriptors and threads of their own these libraries do keep."""
    before, mapped = descendants(), memory_files()

    def clean() -> bool:
        gc.collect()
        return descendants() <= before and memory_files() <= mapped

    yield
    if not request.node.stash.get(FAILED, False):
        request.node.funcargs.clear()
        assert wait_until(clean, GRACE_S), f"left behind: {descendants() - before}, {memory_files()} mappings"


def memory_files() -> int:
    """How many mappings of memfds there are; fastload's slots are such."""
    return sum("memfd:" in name for name, _ in shared_mappings())

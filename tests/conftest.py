"""Every test starts from the same random state, ends in time, and leaves nothing behind."""

import gc
import os
import random
import signal
from collections.abc import Generator, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support.resources import GRACE_S, held, left_behind, wait_until

TEST_TIMEOUT_S = int(os.environ.get("FASTLOAD_TEST_TIMEOUT_S", "120"))  # more under tools that slow everything down


def pytest_configure(config: pytest.Config) -> None:
    # Shells start what runs in the background with Ctrl-C ignored, and so would be the programs that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Forking is what is tested here; Python 3.12 warns when a process that has threads forks.
    config.addinivalue_line("filterwarnings", "ignore:This process .* is multi-threaded:DeprecationWarning")
    # torch.manual_seed keeps the seed for devices that are not in use yet, with the stack of its caller for each kind
    # of them: under pytest that takes longer than most of what is seeded here.
    for device in (torch.cuda, torch.xpu, torch.mtia):
        if hasattr(device, "traceback"):
            device.traceback = SimpleNamespace(format_stack=list)


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


FAILED = pytest.StashKey[bool]()


@pytest.fixture(autouse=True)
def same_random_state() -> None:
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    before = held()
    yield
    if request.node.stash.get(FAILED, False):
        return  # the traceback of a failed test keeps its loader alive
    if left_behind(before):
        request.node.funcargs.clear()  # what fixtures gave the test is as good as gone
        gc.collect()
        clean = wait_until(lambda: not left_behind(before), GRACE_S)
        assert clean, f"left behind: {left_behind(before)}"

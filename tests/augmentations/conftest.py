"""Chains with transforms of other libraries, the real packages, which only `make test-augmentations` has."""

from pathlib import Path

import pytest

OWN_CONFIGURATION = Path(__file__).with_name("pytest.ini")


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if config.inipath == OWN_CONFIGURATION else True

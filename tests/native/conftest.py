"""A file of either kind for the tests of slots."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fastload._core import SharedFile


@pytest.fixture(params=["memfd", "posix"])
def file(request: pytest.FixtureRequest) -> Iterator[SharedFile]:
    shared = SharedFile(kind=request.param)
    yield shared
    shared.close()

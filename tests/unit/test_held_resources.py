"""What counts as left behind by a test."""

import os

import pytest
from support import resources


def test_what_cudas_driver_holds_open_is_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resources.held()
    one, other = (os.open("/dev/null", os.O_RDONLY) for _ in range(2))
    try:
        monkeypatch.setattr(resources, "_target", {one: "/dev/nvidia-uvm", other: "/dev/nothing"}.get)
        assert resources.left_behind({**before, "descriptors": set()}) == {"descriptors": {(other, "/dev/nothing")}}
    finally:
        os.close(one)
        os.close(other)

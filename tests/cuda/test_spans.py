"""Memory that copies read is held, whatever comes between; what they took is counted once."""

from __future__ import annotations

import random
import weakref
from collections.abc import Iterator
from contextlib import suppress

import pytest
import torch
from support.fake_device import FakeLane, FakeQueue

from fastload._stats import LoaderStats
from fastload.cuda._spans import Spans


@pytest.fixture
def lane() -> Iterator[FakeLane]:
    made = FakeLane(random.Random(0))
    yield made
    made.close()


class Memory:
    def __init__(self) -> None:
        self.tensor = torch.ones(3)


@pytest.mark.parametrize("is_aside", [True, False])
def test_memory_is_held_when_an_interrupt_comes_before_the_mark(
    lane: FakeLane, monkeypatch: pytest.MonkeyPatch, is_aside: bool
) -> None:
    spans, stats, memory = Spans(lane), LoaderStats(), Memory()

    def interrupted(queue: FakeQueue) -> None:
        raise KeyboardInterrupt

    queue = lane.side if is_aside else lane.here()
    with suppress(KeyboardInterrupt), spans.copies(queue, memory, stats):
        queue.append(lambda: True)
        monkeypatch.setattr(lane, "mark", interrupted)
    monkeypatch.undo()
    alive = weakref.ref(memory)
    del memory
    spans.settle()
    assert alive() is not None
    lane.finish()
    spans.settle()
    assert alive() is None
    assert stats.copy_s == 1


def test_memory_is_held_when_an_error_comes_between_copies(lane: FakeLane) -> None:
    spans, memory = Spans(lane), Memory()
    with suppress(KeyError), spans.copies(lane.here(), memory, LoaderStats()):
        lane.copied(memory.tensor)
        raise KeyError
    alive = weakref.ref(memory)
    del memory
    spans.settle()
    assert alive() is not None
    spans.end()
    assert alive() is None

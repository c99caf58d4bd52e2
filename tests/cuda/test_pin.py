"""Pinning ahead, in a thread; batch types that pin themselves show it on any machine."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any

import pytest

from fastload._stats import LoaderStats
from fastload.cuda._pin import PinHere, PinThread


class Batch:
    def __init__(self, number: int, error: Exception | None = None) -> None:
        self.number = number
        self.error = error
        self.thread = ""

    def pin_memory(self) -> Batch:
        if self.error is not None:
            raise self.error
        self.thread = threading.current_thread().name
        return self


def test_batches_are_pinned_in_a_thread_in_order() -> None:
    pin = PinThread(None, 3, ahead=2)
    pending = [pin.begin([Batch(number)], LoaderStats(), in_turn=True) for number in range(5)]
    batches = [one.finish()[0] for one in pending]
    assert [batch.number for batch in batches] == [0, 1, 2, 3, 4]
    assert {batch.thread for batch in batches} == {"pt_data_pin_0"}


def test_the_systems_name_of_the_thread_is_torchs() -> None:
    pin = PinThread(None, 0, ahead=2)
    pin.begin([1], LoaderStats(), in_turn=True).finish()
    assert "pt_data_pin" in {task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm")}
    del pin


def test_what_goes_wrong_is_told_in_torchs_words() -> None:
    pin = PinThread(None, 3, ahead=2)
    pending = pin.begin(Batch(0, ValueError("no memory for this")), LoaderStats(), in_turn=True)
    with pytest.raises(ValueError, match=r"Caught ValueError in pin memory thread for device 3\."):
        pending.finish()
    assert pin.begin(Batch(1), LoaderStats(), in_turn=True).finish().number == 1


def test_without_workers_it_is_the_callers_thread_and_the_error_as_it_is() -> None:
    pin: Any = PinHere(None)
    assert pin.begin(Batch(1), LoaderStats(), in_turn=True).finish().thread == threading.current_thread().name
    with pytest.raises(ValueError, match=r"^plain$"):
        raise pin.begin(Batch(1, ValueError("plain")), LoaderStats(), in_turn=True).error()


def test_the_thread_ends_with_what_began_it() -> None:
    before = threading.active_count()
    pin = PinThread(None, 0, ahead=2)
    pin.begin(Batch(1), LoaderStats(), in_turn=True).finish()
    assert threading.active_count() == before + 1
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("pt_data_pin")]
    del pin
    gc.collect()
    for thread in threads:
        thread.join(5)
    assert threading.active_count() == before

"""SharedList: a list for workers to read without copying a page."""

import copy
import gc
import multiprocessing
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fastload import SharedList

ITEMS: list[Any] = [
    "",
    "plain",
    "naïve 日本 \U0001f600",
    "\udcff\ud83d\ude00",
    b"",
    b"\x00\xff",
    7,
    None,
    (1, "a"),
    {"k": [1.5]},
]


def test_items_come_back_equal_and_of_their_type() -> None:
    shared = SharedList(ITEMS)
    assert list(shared) == ITEMS
    assert [type(item) for item in shared] == [type(item) for item in ITEMS]
    assert [shared[k] for k in range(-10, 10)] == [ITEMS[k] for k in range(-10, 10)]
    assert list(reversed(shared)) == ITEMS[::-1]


def test_a_subclass_of_str_keeps_its_type() -> None:
    assert type(SharedList([Name("x")])[0]) is Name


class Name(str):
    __slots__ = ()


@pytest.mark.parametrize("index", [10, -11, 10**30])
def test_an_index_out_of_range_is_an_index_error(index: int) -> None:
    with pytest.raises(IndexError, match=f"index {index} is out of range for 10 items"):
        SharedList(ITEMS)[index]


@pytest.mark.parametrize("chosen", [slice(2, 5), slice(None, None, -1), slice(-3, None), slice(5, 2), slice(1, 9, 3)])
def test_a_slice_is_a_list_over_the_same_memory(chosen: slice) -> None:
    view = SharedList(ITEMS)[chosen]
    assert isinstance(view, SharedList)
    assert view == ITEMS[chosen]
    assert view[::-1] == ITEMS[chosen][::-1]
    assert pickle.loads(pickle.dumps(view)) == ITEMS[chosen]


def test_it_is_a_sequence() -> None:
    shared = SharedList(ITEMS)
    assert isinstance(shared, Sequence)
    assert "plain" in shared
    assert "other" not in shared
    assert shared.index(7) == 6
    assert shared.count(None) == 1


def test_it_equals_sequences_of_equal_items_and_nothing_else() -> None:
    assert SharedList("ab") == ["a", "b"]
    a_list = ["a", "b"]
    assert a_list == SharedList("ab")
    assert SharedList("ab") == ("a", "b")
    assert SharedList("ab") == SharedList("ab")
    assert SharedList("ab") != ["a", "c"]
    assert SharedList("ab") != ["a"]
    assert SharedList("ab") != "ab"
    assert SharedList([]) == []
    with pytest.raises(TypeError):
        hash(SharedList("ab"))


def test_it_is_built_from_any_iterable_even_an_empty_one() -> None:
    assert list(SharedList(str(k) for k in range(1000))) == [str(k) for k in range(1000)]
    assert list(SharedList()) == []
    assert len(SharedList(())) == 0


def test_its_text_shows_the_first_items_and_the_size() -> None:
    assert repr(SharedList("abcd")) == "SharedList(['a', 'b', 'c', ...], 4 items, 48 bytes)"
    assert repr(SharedList([])) == "SharedList([], 0 items, 8 bytes)"


def test_an_item_that_cannot_be_pickled_is_refused_and_leaves_nothing_open() -> None:
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    with pytest.raises((AttributeError, pickle.PicklingError, TypeError)):
        SharedList([lambda: None])
    gc.collect()
    if sys.platform == "linux":
        assert len(os.listdir("/proc/self/fd")) == before


def test_copies_are_the_same_memory_and_pickles_are_values() -> None:
    shared = SharedList(ITEMS)
    assert copy.deepcopy({"paths": shared})["paths"] is shared
    assert copy.copy(shared) is shared
    other = pickle.loads(pickle.dumps(shared))
    assert other == ITEMS


def send_back(shared: SharedList[Any], pipe: Any) -> None:
    pipe.send((list(shared), memory_ids()))


def memory_ids() -> set[int]:
    """The inodes of the nameless shared files that this process has mapped."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {int(line.split()[4]) for line in lines if "memfd:" in line}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_of_any_start_method_reads_the_same_memory(method: str) -> None:
    shared = SharedList(ITEMS)
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    child = context.Process(target=send_back, args=(shared[1:], theirs))
    child.start()
    items, mapped = ours.recv()
    child.join()
    child.close()
    ours.close()
    theirs.close()
    if method == "forkserver":
        stop_forkserver()
    assert items == ITEMS[1:]
    assert mapped & memory_ids(), "the child has a copy"


def stop_forkserver() -> None:
    from multiprocessing import forkserver, resource_tracker

    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]


def private_kb_of_a_child_reading(items: Sequence[str]) -> int:
    """What a forked child's private memory grows by while it reads every item."""
    reading, writing = os.pipe()
    gc.collect()
    gc.freeze()
    pid = os.fork()
    if pid == 0:
        try:
            gc.disable()
            before = private_kb()
            for item in items:
                assert item
            os.write(writing, str(private_kb() - before).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    gc.unfreeze()
    os.close(writing)
    with os.fdopen(reading) as pipe:
        return int(pipe.read())


def private_kb() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="reads /proc/self/smaps_rollup")
def test_reading_all_of_it_in_a_forked_child_copies_no_memory_where_a_list_copies_itself() -> None:
    names = [f"/data/images/{number:012d}.jpg" for number in range(200_000)]
    shared = SharedList(names)
    assert shared == names  # maps every page here, so that none counts as a child's own
    assert private_kb_of_a_child_reading(names) > 10_000
    assert private_kb_of_a_child_reading(shared) < 1_000

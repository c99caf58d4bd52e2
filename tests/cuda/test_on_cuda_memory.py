"""The real device: what lies in which memory, for how long, and in whose context."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import warnings
from typing import Any

import pytest
import torch
from support.on_cuda import BUSY_CYCLES, SHAPE, WAYS, Images, assert_equal, on_cpu

from fastload import DataLoader, _core
from fastload.collate import default_collate

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here"),
    pytest.mark.usefixtures("fresh_sides"),
]


def test_memory_does_not_grow_and_is_unlocked_in_the_end() -> None:
    before = _core.locked_bytes()
    loader = DataLoader(Images(), 8, num_workers=2, device="cuda")
    reserved = []
    for _ in range(6):
        for batch in loader:
            torch.cuda._sleep(BUSY_CYCLES // 10)  # type: ignore[no-untyped-call]
            del batch
        gc.collect()
        torch.cuda.synchronize()
        reserved.append(torch.cuda.memory_reserved())
    assert reserved[-1] <= reserved[1]
    del loader
    gc.collect()
    assert _core.locked_bytes() == before
    iterator = iter(DataLoader(Images(), 8, num_workers=2, device="cuda"))
    next(iterator)
    assert _core.locked_bytes() > before
    del iterator
    gc.collect()
    assert _core.locked_bytes() == before


@pytest.mark.parametrize("workers", [0, 1])
def test_the_batches_may_be_another_threads(workers: int) -> None:
    """Which has no context of the driver's until it does something."""
    data = [torch.full(SHAPE, float(number)) for number in range(64)]
    found: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loader = DataLoader(data, 8, num_workers=workers, device="cuda")
        thread = threading.Thread(target=lambda: found.extend(batch.cpu() for batch in loader))
        thread.start()
        thread.join()
    assert torch.equal(torch.cat(found), torch.stack(data))


SECOND = """
import torch
from fastload import DataLoader
data = [torch.full((3, 128, 128), float(number)) for number in range(64)]
for workers in (0, 1):
    for number, batch in enumerate(DataLoader(data, 8, num_workers=workers, device="cuda:1")):
        assert batch.device == torch.device("cuda", 1)
        assert batch.cpu()[:, 0, 0, 0].tolist() == list(range(8 * number, 8 * number + 8))
assert torch.cuda.current_device() == 0
print([torch._C._cuda_hasPrimaryContext(device) for device in (0, 1)])
"""


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is one CUDA device here")
def test_no_context_is_made_on_another_device() -> None:
    """In a process of its own, which has none yet; a context takes hundreds of megabytes."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", SECOND], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[-2] == "[False, True]"


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is one CUDA device here")
@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")
@pytest.mark.parametrize("sample", [torch.ones(3), torch.ones(3).to_sparse()], ids=["early", "late"])
def test_a_transform_runs_where_its_batch_is(sample: torch.Tensor) -> None:
    def device_of(_: Any) -> int:
        return torch.cuda.current_device()

    assert list(DataLoader([sample], None, device="cuda:1", device_transform=device_of)) == [1]
    assert torch.cuda.current_device() == 0


@pytest.mark.parametrize("workers", [0, 2])
def test_pinned_batches_survive_copies_that_outlive_them(workers: int) -> None:
    loader = DataLoader(Images(8 * 30), 8, num_workers=workers, pin_memory=True)
    stream = torch.cuda.Stream()
    found = []
    for batch in loader:
        assert batch["image"].is_pinned()
        assert batch["label"].is_pinned()
        with torch.cuda.stream(stream):
            torch.cuda._sleep(BUSY_CYCLES)  # type: ignore[no-untyped-call]
            found.append(batch["image"].to("cuda", non_blocking=True)[:, 0, 0, 0])
        del batch
    torch.cuda.synchronize()
    assert torch.cat(found).tolist() == list(range(240))


class Odd:
    """An object whose memory nobody sees."""


def until_odd(samples: list[Any]) -> Any:
    batch = default_collate(samples)
    return (batch, Odd()) if batch["label"][0] >= 24 else (batch, None)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is one CUDA device here")
def test_an_object_on_the_way_to_one_device_waits_for_the_copies_to_another() -> None:
    expected = list(DataLoader(Images(), 8))
    loader = DataLoader(Images(), 8, num_workers=1, prefetch_factor=1, collate_fn=until_odd, device="cuda:0")
    first = iter(loader)
    copies = [next(first)[0] for _ in range(2)]
    assert _core.locked_bytes() > 0
    loader.device = torch.device("cuda:1")
    found = [batch for batch, _ in loader]
    assert _core.locked_bytes() == 0
    for one, other in zip(found, expected, strict=True):
        assert_equal(on_cpu(one), other)
    for one, other in zip(copies, expected, strict=False):
        assert_equal(on_cpu(one), other)


def test_an_object_in_one_threads_batch_waits_for_the_copies_of_others() -> None:
    loader = DataLoader(Images(128), 1, num_workers=1, collate_fn=until_odd, device="cuda")
    expected = list(DataLoader(Images(128), 1))
    wrong: list[str] = []

    def consume() -> None:
        try:
            for (batch, _), right in zip(loader, expected, strict=True):
                assert_equal(on_cpu(batch), right)
        except BaseException as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=consume) for _ in range(3)]
    outer = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(outer)
    assert not wrong


@pytest.mark.parametrize("options", WAYS)
def test_users_get_no_memory_that_was_locked_for_a_device(options: dict[str, Any]) -> None:
    """A copy from it would not wait for the device, and nobody would know when the slot may be used again."""
    for _ in range(2):
        assert len(list(DataLoader(Images(), 8, device="cuda", **options))) == 8
        assert not any(batch["image"].is_pinned() for batch in DataLoader(Images(), 8, **options))


@pytest.mark.parametrize("kind", ["process", "thread"])
def test_workers_that_stay_when_the_device_is_taken_away(kind: Any) -> None:
    loader = DataLoader(Images(), 8, num_workers=2, worker_type=kind, persistent_workers=True, device="cuda")
    expected = list(DataLoader(Images(), 8))
    for device in ("cuda", None, "cuda", None):
        loader.device = device
        found = list(loader)
        assert not any(batch["image"].is_pinned() for batch in found)
        assert {batch["image"].device.type for batch in found} == {device or "cpu"}
        for one, other in zip(found, expected, strict=True):
            assert_equal(on_cpu(one), other)

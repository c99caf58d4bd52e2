"""Batches made by threads: every sample once, in its row, whoever made it; and what ends them."""

from __future__ import annotations

import gc
import io
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.resized import painted

from fastload import _core

SIZE = (12, 10)
PROGRAM = _core.ImageProgram(
    [(0, "random_resized_crop", *SIZE, (0.2, 1.0), (0.75, 1.25), "bilinear"), (1, "flip_x", 0.5)],
    ("chw", "uint8", 3, None),
)


def jpeg(path: Path, height: int, width: int) -> str:
    Image.fromarray(painted(height, width, 3)).save(path, quality=95)
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> _core.ImageFiles:
    folder = tmp_path_factory.mktemp("files")
    return _core.ImageFiles([jpeg(folder / f"{n}.jpg", 30 + n, 50 - n) for n in range(20)])


def job(source: _core.ImageSource, indices: list[int], epoch: int = 0) -> tuple[_core.ImageJob, torch.Tensor]:
    out = torch.zeros((len(indices), 3, *SIZE), dtype=torch.uint8)
    index = np.array(indices, dtype=np.int64)
    return _core.ImageJob(PROGRAM, source, index, index + 1000, 7, epoch, out), out


def expected(source: _core.ImageSource, indices: list[int], epoch: int = 0) -> Any:
    rows = [PROGRAM.run_sample(source, i, _core.sample_key(7, epoch, i + 1000)) for i in indices]
    return torch.from_numpy(np.stack(rows))


def drained(queue: _core.ImageQueue) -> list[tuple[_core.ImageJob, int]]:
    """Everything that the queue has to say to one caller."""
    queue.drain()
    events = []
    while (event := queue.work()) is not None:
        events.append(event)
    return events


def test_the_calling_thread_can_make_a_batch(files: _core.ImageFiles) -> None:
    queue = _core.ImageQueue()
    made, out = job(files, [3, 1, 1, 19])
    queue.push(made)
    assert [(event[0] is made, event[1]) for event in drained(queue)] == [(True, -1)]
    assert made.done()
    assert made.faults() == []
    assert torch.equal(out, expected(files, [3, 1, 1, 19]))


def work_with(threads: int, queue: _core.ImageQueue, handle: Callable[[_core.ImageJob, int], None]) -> None:
    """Threads that work until the queue is drained; what one of them raises is raised here."""
    errors: list[BaseException] = []

    def loop() -> None:
        try:
            while (event := queue.work()) is not None:
                handle(*event)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=loop) for _ in range(threads)]
    for worker in workers:
        worker.start()
    queue.drain()
    for worker in workers:
        worker.join()
    assert errors == []


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_any_number_of_threads_makes_the_same_batches_and_announces_each_once(
    files: _core.ImageFiles, threads: int
) -> None:
    queue, announced = _core.ImageQueue(), []
    jobs = [job(files, [n % 20, (n * 7) % 20, 5], epoch=n) for n in range(40)]
    for made, _ in jobs:
        queue.push(made)
    work_with(threads, queue, lambda done, position: announced.append((done, position)))
    assert sorted(map(id, (one for one, _ in jobs))) == sorted(id(done) for done, _ in announced)
    assert all(position == -1 for _, position in announced)
    for n, (_, out) in enumerate(jobs):
        assert torch.equal(out, expected(files, [n % 20, (n * 7) % 20, 5], epoch=n))


def test_the_oldest_batch_is_whole_first(files: _core.ImageFiles) -> None:
    queue = _core.ImageQueue()
    jobs = [job(files, [n, n + 1])[0] for n in range(5)]
    for one in jobs:
        queue.push(one)
    assert [done for done, _ in drained(queue)] == jobs


def test_pixels_in_memory_are_a_source_too() -> None:
    images = np.stack([painted(9, 14, 3) + np.uint8(n) for n in range(6)])
    source = _core.ImageArrays(images)
    assert len(source) == 6
    queue = _core.ImageQueue()
    made, out = job(source, [5, 0, 2])
    queue.push(made)
    drained(queue)
    assert torch.equal(out, expected(source, [5, 0, 2]))
    row = PROGRAM.run(images[5], _core.sample_key(7, 0, 1005))
    assert np.array_equal(out[0].numpy(), row)


@pytest.fixture
def mixed(tmp_path: Path) -> _core.ImageFiles:
    """A JPEG file, a PNG file, a broken JPEG file and one that is not there."""
    paths = [
        jpeg(tmp_path / "0.jpg", 20, 20),
        str(tmp_path / "1.png"),
        str(tmp_path / "2.jpg"),
        str(tmp_path / "3.jpg"),
    ]
    Image.fromarray(painted(21, 22, 3)).save(paths[1])
    Path(paths[2]).write_bytes(Path(paths[0]).read_bytes()[:200])
    return _core.ImageFiles(paths)


def test_files_of_other_formats_are_handed_out_and_taken_back(mixed: _core.ImageFiles) -> None:
    queue, handed_out = _core.ImageQueue(), []
    made, out = job(mixed, [0, 1, 0, 1])
    queue.push(made)

    def handle(one: _core.ImageJob, position: int) -> None:
        if position >= 0:
            handed_out.append(one.path(position))
            one.give(position, np.asarray(Image.open(one.path(position))))
            one.settle()

    work_with(2, queue, handle)
    assert handed_out == [mixed.path(1)] * 2
    assert made.done()
    png = PROGRAM.run(painted(21, 22, 3), _core.sample_key(7, 0, 1001))
    assert np.array_equal(out[1].numpy(), png)


def test_what_cannot_be_made_is_told_by_position(mixed: _core.ImageFiles) -> None:
    queue = _core.ImageQueue()
    made, out = job(mixed, [3, 0, 2, 1])
    queue.push(made)

    def handle(one: _core.ImageJob, position: int) -> None:
        if position >= 0:
            one.fail(position, "no PNG today")
            one.settle()

    work_with(2, queue, handle)
    assert made.done()
    faults = dict(made.faults())
    assert list(faults) == [0, 2, 3]
    assert faults[3] == "no PNG today"
    assert "No such file" in faults[0]
    assert torch.equal(out[1:2], expected(mixed, [0]))


def test_a_stopped_queue_drops_its_jobs_and_ends_its_threads(files: _core.ImageFiles) -> None:
    queue, said = _core.ImageQueue(), []
    workers = [threading.Thread(target=lambda: said.append(queue.work())) for _ in range(3)]
    for worker in workers:
        worker.start()
    queue.stop()
    for worker in workers:
        worker.join()
    assert said == [None] * 3
    made, _ = job(files, [1])
    queue.push(made)
    assert queue.work() is None


def test_stopping_in_the_middle_lets_go_of_everything(files: _core.ImageFiles) -> None:
    queue = _core.ImageQueue()
    jobs = [job(files, list(range(20)))[0] for _ in range(20)]
    gone = [weakref.ref(one) for one in jobs]
    for one in jobs:
        queue.push(one)
    workers = [threading.Thread(target=queue.work) for _ in range(2)]
    for worker in workers:
        worker.start()
    queue.stop()
    for worker in workers:
        worker.join()
    del jobs, one
    gc.collect()
    assert [ref() for ref in gone] == [None] * 20


def test_an_empty_batch_is_whole_at_once(files: _core.ImageFiles) -> None:
    queue = _core.ImageQueue()
    made, _ = job(files, [])
    queue.push(made)
    assert drained(queue) == [(made, -1)]


def test_the_time_spent_is_told_by_stage(files: _core.ImageFiles) -> None:
    queue = _core.ImageQueue()
    made, _ = job(files, list(range(20)))
    queue.push(made)
    drained(queue)
    seconds = made.seconds()
    assert list(seconds) == ["read", "decode", "resample", "finish"]
    assert all(value > 0 for value in seconds.values())


def test_what_does_not_fit_is_an_error(files: _core.ImageFiles) -> None:
    index = np.array([0, 1])

    def out(*shape: int, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
        return torch.zeros(shape, dtype=dtype)

    def make(indices: Any = index, streams: Any = index, into: Any = None) -> None:
        _core.ImageJob(PROGRAM, files, indices, streams, 0, 0, out(2, 3, *SIZE) if into is None else into)

    with pytest.raises(IndexError, match="index 20 at position 1 is out of bounds for 20 images"):
        make(np.array([0, 20]))
    with pytest.raises(ValueError, match="streams must be as many"):
        make(streams=np.array([0]))
    for wrong in (out(3, 3, *SIZE), out(2, 1, *SIZE), out(2, 3, *SIZE, dtype=torch.int8), out(2, 3, 10, 24)[..., ::2]):
        with pytest.raises(ValueError, match="out must be contiguous, 2 samples of 3 channels"):
            make(into=wrong)
    with pytest.raises(ValueError, match="mode must be 'RGB' or 'L'"):
        _core.ImageFiles([], mode="CMYK")
    with pytest.raises(ValueError, match="images must have 1 or 3 channels, got 2"):
        _core.ImageArrays(np.zeros((1, 4, 4, 2), np.uint8))


def test_a_sample_of_another_size_than_the_batch_is_told(tmp_path: Path) -> None:
    source = _core.ImageFiles([jpeg(tmp_path / "a.jpg", 8, 9), jpeg(tmp_path / "b.jpg", 8, 10)])
    program = _core.ImageProgram([], ("hwc", "uint8", 3, None))
    out = torch.zeros((2, 8, 9, 3), dtype=torch.uint8)
    made = _core.ImageJob(program, source, np.arange(2), np.arange(2), 0, 0, out)
    queue = _core.ImageQueue()
    queue.push(made)
    drained(queue)
    [(position, text)] = made.faults()
    assert position == 1
    assert "comes out with 8 x 10" in text


def test_a_sample_may_be_shown_with_its_exif_orientation(tmp_path: Path) -> None:
    image = Image.fromarray(painted(16, 24, 3))
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = io.BytesIO()
    image.save(stored, "JPEG", exif=exif, quality=95)
    path = tmp_path / "turned.jpg"
    path.write_bytes(stored.getvalue())
    program = _core.ImageProgram([])
    plain = program.run_sample(_core.ImageFiles([str(path)]), 0, 0)
    turned = program.run_sample(_core.ImageFiles([str(path)], apply_exif_orientation=True), 0, 0)
    assert plain.shape == (16, 24, 3)
    assert np.array_equal(turned, np.rot90(plain, -1))

"""GatherAhead: what a thread gathers in the background is what gather gathers."""

import numpy as np
import pytest
import torch

from fastload import _core

N = 1000


def whole(tables: list) -> _core.GatherAhead:
    """A job that came to its end; one whose thread lost its processor in the middle is given up, and begun again."""
    for _ in range(100):
        job = _core.GatherAhead(tables)
        if job.finish():
            return job
        while not job.cancel():
            pass
    raise AssertionError("no job of a hundred came to its end")


def test_every_table_of_the_batch_is_gathered() -> None:
    images, labels = torch.randint(256, (N, 3, 40), dtype=torch.uint8), np.arange(N)
    index = np.random.permutation(N)[:777].astype(np.int64)
    index[3] = -1
    out = [torch.zeros(777, 3, 40, dtype=torch.uint8), np.zeros(777, np.int64)]
    job = whole([(images, index, out[0]), (labels, index, out[1])])
    assert torch.equal(out[0], images[torch.from_numpy(index)])
    assert np.array_equal(out[1], labels[index])
    assert job.finish()


@pytest.mark.parametrize("row_bytes", [0, 1, 100, 5000, 70_000, 5 << 20])
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_rows_of_any_size_are_gathered(row_bytes: int, rows: int) -> None:
    source = torch.randint(256, (3, row_bytes), dtype=torch.uint8)
    index = np.arange(rows) % 3
    out = torch.zeros(rows, row_bytes, dtype=torch.uint8)
    whole([(source, index, out)])
    assert torch.equal(out, source[torch.from_numpy(index)])


def test_a_batch_without_tables_or_rows_is_whole() -> None:
    assert _core.GatherAhead([]).finish()
    assert _core.GatherAhead([(np.zeros((4, 2)), np.zeros(0, np.int64), np.zeros((0, 2)))]).finish()


def test_jobs_behind_each_other_are_all_done() -> None:
    source = torch.arange(20_000).view(N, 20)
    index = [np.random.permutation(N).astype(np.int64) for _ in range(50)]
    out = [torch.zeros_like(source) for _ in index]
    jobs = [_core.GatherAhead([(source, *pair)]) for pair in zip(index, out, strict=True)]
    for job, rows, batch in zip(jobs, index, out, strict=True):
        if not job.finish():
            while not job.cancel():
                pass
            whole([(source, rows, batch)])
        assert torch.equal(batch, source[torch.from_numpy(rows)])


def test_what_does_not_fit_is_refused_before_anything_is_written() -> None:
    source, out = torch.ones(4, 2), torch.zeros(2, 2)
    with pytest.raises(IndexError, match="index 4 at position 1 is out of bounds for length 4"):
        _core.GatherAhead([(source, np.array([0, 4]), out)])
    with pytest.raises(ValueError, match="as many rows"):
        _core.GatherAhead([(source, np.array([0]), out)])
    with pytest.raises(ValueError, match="must be \\(source, indices, out\\)"):
        _core.GatherAhead([(source, np.array([0, 1]))])  # type: ignore[list-item]
    assert not out.any()


def test_a_cancelled_job_is_not_whole_and_is_left_alone() -> None:
    source, index = torch.ones(N, 10_000), np.arange(N)
    for _ in range(100):  # until it is faster than the thread
        out = torch.zeros_like(source)
        job = _core.GatherAhead([(source, index, out)])
        while not job.cancel():
            pass
        written = out.clone()
        if not job.finish():
            break
    assert not written.all()
    assert torch.equal(out, written)


def test_memory_may_go_while_a_job_runs() -> None:
    for _ in range(100):
        source, out = torch.ones(200, 5000), torch.zeros(200, 5000)
        job = _core.GatherAhead([(source, np.arange(200), out)])
        del source, out, job

"""How many workers "auto" means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastload import DataLoader
from fastload._cpus import auto_num_workers, cgroup_quota, usable_cpus


def test_auto_leaves_one_processor_to_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastload._cpus.usable_cpus", lambda: 3)
    assert auto_num_workers() == 2
    assert DataLoader(range(3), num_workers="auto").num_workers == 2


@pytest.mark.parametrize(("cpus", "ranks", "workers"), [(1, 1, 1), (2, 1, 1), (16, 4, 3), (4, 8, 1), (64, 1, 16)])
def test_auto_shares_the_machine_between_ranks(
    monkeypatch: pytest.MonkeyPatch, cpus: int, ranks: int, workers: int
) -> None:
    monkeypatch.setattr("fastload._cpus.usable_cpus", lambda: cpus)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(ranks))
    assert auto_num_workers() == workers


def test_a_word_other_than_auto_is_refused() -> None:
    with pytest.raises(ValueError, match="num_workers must be 'auto' or a number, got 'many'"):
        DataLoader(range(3), num_workers="many")  # type: ignore[arg-type]


def test_processors_are_those_of_the_affinity() -> None:
    assert 1 <= usable_cpus() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("text", "quota"), [("150000 100000\n", 1.5), ("max 100000\n", None), ("nonsense", None)])
def test_the_quota_of_version_2_groups(tmp_path: Path, text: str, quota: float | None) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert cgroup_quota(tmp_path) == quota


@pytest.mark.parametrize(("us", "quota"), [("400000", 4.0), ("-1", None)])
def test_the_quota_of_version_1_groups(tmp_path: Path, us: str, quota: float | None) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(us)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert cgroup_quota(tmp_path) == quota


def test_no_groups_no_quota(tmp_path: Path) -> None:
    assert cgroup_quota(tmp_path) is None

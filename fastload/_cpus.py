"""How many processors this process may really use."""

from __future__ import annotations

import math
import os
from pathlib import Path

MOST_AUTO_WORKERS = 16


def usable_cpus() -> int:
    """Processors by affinity and by the quota of the control group, at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota()
    return affinity if quota is None else max(1, min(affinity, math.floor(quota)))


def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Processors' worth of time that the control group (version 2, else 1) grants; None without a limit."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        quota_us = int((root / "cpu" / "cpu.cfs_quota_us").read_text())
        period_us = int((root / "cpu" / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return quota_us / period_us if quota_us > 0 else None


def auto_num_workers() -> int:
    """Workers for this rank: all processors but the training's own, shared by the ranks of this machine."""
    ranks = max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    return min(MOST_AUTO_WORKERS, max(1, usable_cpus() // ranks - 1))

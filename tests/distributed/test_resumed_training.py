"""Distributed training that is interrupted goes on as if it had not been: the same weights, every sample once."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.gloo import Ranks, run_ranks
from support.train_ddp import PROGRAM, ROOT, Step, all_recorded, load, recorded, same_weights, steps_done, train

SAMPLES = 192
STEPS = 24  # an epoch's
EPOCHS = 3
SETTINGS = ("--samples", str(SAMPLES), "--batch-size", str(SAMPLES // STEPS), "--epochs", str(EPOCHS))
KILLS = 4
LAST_KILL = 2 * STEPS  # the rest is time for the signal to arrive in


def arguments(folder: Path, run: str, *more: str) -> tuple[str, ...]:
    files = ("--checkpoint", str(folder / "checkpoint.pt"), "--record", str(folder / run))
    return (*SETTINGS, *files, "--checkpoint-every", "3", "--resume", *more)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole training with two ranks."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    run_ranks(2, train, *arguments(folder, "whole"))
    return folder


def samples_by_epoch(steps: list[Step]) -> list[list[int]]:
    return [sorted(i for step in steps if step.epoch == epoch for i in step.indices) for epoch in range(EPOCHS)]


def test_an_epoch_is_every_sample_once_in_another_order(uninterrupted: Path) -> None:
    steps = list(all_recorded(uninterrupted / "whole"))
    assert samples_by_epoch(steps) == [list(range(SAMPLES))] * EPOCHS
    orders = [[step.indices for step in steps if step.epoch == epoch] for epoch in range(EPOCHS)]
    assert orders[0] != orders[1]


@pytest.mark.parametrize("stop", [1, STEPS, STEPS + 7])
def test_a_training_that_stopped_ends_as_if_it_had_not(tmp_path: Path, uninterrupted: Path, stop: int) -> None:
    run_ranks(2, train, *arguments(tmp_path, "first", "--stop-after", str(stop), "--workers", "0"))
    assert steps_done(tmp_path / "checkpoint.pt") == stop
    run_ranks(2, train, *arguments(tmp_path, "second", "--workers", "2"))
    for rank in range(2):
        steps = recorded(tmp_path / "first", rank) + recorded(tmp_path / "second", rank)
        assert steps == recorded(uninterrupted / "whole", rank)
    assert same_weights(tmp_path / "checkpoint.pt", uninterrupted / "checkpoint.pt")


def test_a_training_goes_on_with_as_many_ranks_as_there_are(tmp_path: Path) -> None:
    runs = {"2 ranks": (2, 9), "4 ranks": (4, 17), "1 rank": (1, STEPS + 4), "again 4 ranks": (4, EPOCHS * STEPS)}
    steps: list[Step] = []
    for run, (ranks, stop) in runs.items():
        run_ranks(ranks, train, *arguments(tmp_path, run, "--stop-after", str(stop)))
        steps += all_recorded(tmp_path / run)
    assert samples_by_epoch(steps) == [list(range(SAMPLES))] * EPOCHS
    assert {step.step for step in steps} == set(range(EPOCHS * STEPS))


@pytest.mark.parametrize("victims", ["all", "one"])
def test_no_sample_is_lost_or_used_twice_by_a_training_that_is_killed(
    tmp_path: Path, uninterrupted: Path, victims: str
) -> None:
    draw = random.Random(victims)
    checkpoint = tmp_path / "checkpoint.pt"
    counting: list[Step] = []
    for kill in range(KILLS):
        run = f"run {kill}"
        room = max(1, LAST_KILL - steps_done(checkpoint))
        at_least = draw.randint(1, min(room, 1 + 2 * room // (KILLS - kill)))
        with Ranks(2, train, *arguments(tmp_path, run)) as ranks:
            wait_for_steps(ranks, tmp_path / run, at_least)
            if victims == "all":
                ranks.kill(0, 1)
            else:
                victim = draw.randrange(2)
                ranks.kill(victim)
                wait_for_end(ranks, 1 - victim)
        counting += [step for step in all_recorded(tmp_path / run) if step.step < steps_done(checkpoint)]
    assert steps_done(checkpoint) < EPOCHS * STEPS
    run_ranks(2, train, *arguments(tmp_path, "last run"))
    counting += all_recorded(tmp_path / "last run")
    assert samples_by_epoch(counting) == [list(range(SAMPLES))] * EPOCHS
    assert sorted(step.step for step in counting) == sorted([*range(EPOCHS * STEPS)] * 2)
    assert same_weights(checkpoint, uninterrupted / "checkpoint.pt")


def wait_for_steps(ranks: Ranks, folder: Path, count: int) -> None:
    """Until both ranks have made ``count`` steps in this run."""
    deadline = time.monotonic() + 60
    while min(lines(folder / f"rank{rank}.jsonl") for rank in range(2)) < count:
        assert not ranks.ended(0), "ended before it could be killed"
        assert not ranks.ended(1), "ended before it could be killed"
        assert time.monotonic() < deadline, f"not even {count} steps within 60 s"
        time.sleep(0.002)


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_end(ranks: Ranks, rank: int) -> None:
    """A rank whose peer is gone does not wait for ever: the next collective fails."""
    with pytest.raises(AssertionError, match=f"rank {rank} raised"):
        ranks.result(rank)


def test_the_command_line_of_the_example_works(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    launchers = {
        "torchrun": (["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"], "--stop-after=12"),
        "plain": ([], "--resume"),
    }
    for run, (launcher, more) in launchers.items():
        command = [sys.executable, *launcher, str(PROGRAM), *arguments(tmp_path, run, more)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, check=False)
        assert result.returncode == 0, result.stderr
        assert ("2 processes" if run == "torchrun" else "1 processes") in result.stdout
    steps = [*all_recorded(tmp_path / "torchrun"), *all_recorded(tmp_path / "plain")]
    assert samples_by_epoch(steps) == [list(range(SAMPLES))] * EPOCHS
    assert load(tmp_path / "checkpoint.pt")["step"] == EPOCHS * STEPS
    assert not list(tmp_path.glob("*.partial"))

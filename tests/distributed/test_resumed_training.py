"""Distributed training that is interrupted goes on as if it had not been: the same weights, the same samples.

An epoch is every sample once, and then the first ones of its order once more, so that all ranks get as many. The
numbers do not go round: 197 samples leave a remainder with 2, 3 and 4 ranks and a short last batch with 1 and 2, and a
batch of 8 cannot be shared between 3.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.gloo import Ranks, run_ranks
from support.train_ddp import (
    PROGRAM,
    ROOT,
    Step,
    all_recorded,
    load,
    recorded,
    same_losses,
    same_weights,
    steps_done,
    train,
)
from torch.utils.data.distributed import DistributedSampler as TorchDistributedSampler

SAMPLES = 197
BATCH = 8
EPOCHS = 3
SEED = 1  # the example's
SETTINGS = ("--samples", str(SAMPLES), "--batch-size", str(BATCH), "--epochs", str(EPOCHS))
KILLS = 4


def arguments(folder: Path, run: str, *more: str) -> tuple[str, ...]:
    files = ("--checkpoint", str(folder / "checkpoint.pt"), "--record", str(folder / run))
    return (*SETTINGS, *files, "--checkpoint-every", "3", "--resume", *more)


def steps_of_epoch(ranks: int) -> int:
    """How many steps an epoch has that begins and ends with as many ranks."""
    share = rounded_up(BATCH, ranks) // ranks
    samples = rounded_up(SAMPLES, ranks) // ranks
    return rounded_up(samples, share) // share


def rounded_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The folder of a whole training, by its number of ranks."""
    made: dict[int, Path] = {}

    def folder(ranks: int) -> Path:
        if ranks not in made:
            made[ranks] = tmp_path_factory.mktemp("uninterrupted")
            run_ranks(ranks, train, *arguments(made[ranks], "whole"))
        return made[ranks]

    return folder


def samples_by_epoch(steps: list[Step]) -> list[list[int]]:
    return [sorted(i for step in steps if step.epoch == epoch for i in step.indices) for epoch in range(EPOCHS)]


def padded_epoch(epoch: int, repeated: int) -> list[int]:
    """The samples of an epoch, and the first ones of its order once more; sorted."""
    sampler = TorchDistributedSampler(range(SAMPLES), 1, 0, seed=SEED)
    sampler.set_epoch(epoch)
    return sorted([*range(SAMPLES), *list(sampler)[:repeated]])


def padded_epochs(ranks: int) -> list[list[int]]:
    return [padded_epoch(epoch, rounded_up(SAMPLES, ranks) - SAMPLES) for epoch in range(EPOCHS)]


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_an_epoch_is_every_sample_once_and_the_padding_in_another_order(
    uninterrupted: Callable[[int], Path], ranks: int
) -> None:
    steps = list(all_recorded(uninterrupted(ranks) / "whole"))
    assert samples_by_epoch(steps) == padded_epochs(ranks)
    orders = [[step.indices for step in steps if step.epoch == epoch] for epoch in range(EPOCHS)]
    assert orders[0] != orders[1]
    assert {step.step for step in steps} == set(range(EPOCHS * steps_of_epoch(ranks)))


@pytest.mark.parametrize(("ranks", "stop"), [(2, 1), (2, 24), (2, 25), (2, 32), (3, 22)])
def test_a_training_that_stopped_ends_as_if_it_had_not(
    tmp_path: Path, uninterrupted: Callable[[int], Path], ranks: int, stop: int
) -> None:
    run_ranks(ranks, train, *arguments(tmp_path, "first", "--stop-after", str(stop), "--workers", "0"))
    assert steps_done(tmp_path / "checkpoint.pt") == stop
    run_ranks(ranks, train, *arguments(tmp_path, "second", "--workers", "2"))
    for rank in range(ranks):
        steps = recorded(tmp_path / "first", rank) + recorded(tmp_path / "second", rank)
        whole = recorded(uninterrupted(ranks) / "whole", rank)
        assert [step[:3] for step in steps] == [step[:3] for step in whole]
        assert same_losses(steps, whole, ranks)
    assert same_weights(tmp_path / "checkpoint.pt", uninterrupted(ranks) / "checkpoint.pt", ranks)


def test_a_training_goes_on_with_as_many_ranks_as_there_are(tmp_path: Path) -> None:
    runs = [(2, 9), (3, 15), (4, 26), (1, 52), (3, 60), (4, None)]
    seen, expected, steps = [0] * EPOCHS, [SAMPLES] * EPOCHS, []
    for number, (ranks, stop) in enumerate(runs):
        more = () if stop is None else ("--stop-after", str(stop))
        run_ranks(ranks, train, *arguments(tmp_path, f"run {number}", *more))
        new = list(all_recorded(tmp_path / f"run {number}"))
        for epoch in {step.epoch for step in new}:  # padded is what was left of the epoch when the run began
            expected[epoch] = seen[epoch] + rounded_up(SAMPLES - seen[epoch], ranks)
            seen[epoch] += sum(len(step.indices) for step in new if step.epoch == epoch)
        steps += new
    assert seen == expected
    assert samples_by_epoch(steps) == [padded_epoch(epoch, seen[epoch] - SAMPLES) for epoch in range(EPOCHS)]
    assert {step.step for step in steps} == set(range(steps_done(tmp_path / "checkpoint.pt")))


def test_another_batch_size_for_as_many_ranks_is_an_error(tmp_path: Path) -> None:
    run_ranks(1, train, *arguments(tmp_path, "first", "--stop-after", "1"))
    with pytest.raises(AssertionError, match=r"--batch-size was 8 when .* was written, and is 9 now"):
        run_ranks(1, train, *arguments(tmp_path, "second", "--batch-size", "9"))


@pytest.mark.parametrize(("victims", "ranks"), [("all", 2), ("one", 2), ("one", 3)])
def test_no_sample_is_lost_or_used_too_often_by_a_training_that_is_killed(
    tmp_path: Path, uninterrupted: Callable[[int], Path], victims: str, ranks: int
) -> None:
    draw = random.Random(victims)
    checkpoint = tmp_path / "checkpoint.pt"
    last_kill = 2 * steps_of_epoch(ranks)  # the rest is time for the signal to arrive in
    counting: list[Step] = []
    for kill in range(KILLS):
        run = f"run {kill}"
        room = max(1, last_kill - steps_done(checkpoint))
        at_least = draw.randint(1, min(room, 1 + 2 * room // (KILLS - kill)))
        with Ranks(ranks, train, *arguments(tmp_path, run)) as running:
            wait_for_steps(running, tmp_path / run, at_least)
            if victims == "all":
                running.kill(*range(ranks))
            else:
                victim = draw.randrange(ranks)
                running.kill(victim)
                wait_for_end(running, (victim + 1) % ranks)
        counting += [step for step in all_recorded(tmp_path / run) if step.step < steps_done(checkpoint)]
    assert steps_done(checkpoint) < EPOCHS * steps_of_epoch(ranks)
    run_ranks(ranks, train, *arguments(tmp_path, "last run"))
    counting += all_recorded(tmp_path / "last run")
    assert samples_by_epoch(counting) == padded_epochs(ranks)
    assert sorted(step.step for step in counting) == sorted([*range(EPOCHS * steps_of_epoch(ranks))] * ranks)
    assert same_weights(checkpoint, uninterrupted(ranks) / "checkpoint.pt", ranks)


def wait_for_steps(running: Ranks, folder: Path, count: int) -> None:
    """Until all ranks have made ``count`` steps in this run."""
    ranks = range(len(running.processes))
    deadline = time.monotonic() + 60
    while min(lines(folder / f"rank{rank}.jsonl") for rank in ranks) < count:
        assert not any(running.ended(rank) for rank in ranks), "ended before it could be killed"
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
    printed = {}
    for run, (launcher, more) in launchers.items():
        command = [sys.executable, *launcher, str(PROGRAM), *arguments(tmp_path, run, "--batch-size", "9", more)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, check=False)
        assert result.returncode == 0, result.stderr
        printed[run] = result.stdout
    assert "--batch-size 9: 5 for each of 2 processes, 10 together" in printed["torchrun"]
    assert "2 processes\n" in printed["torchrun"]
    assert "--batch-size" not in printed["plain"]
    assert "1 processes\n" in printed["plain"]
    steps = [*all_recorded(tmp_path / "torchrun"), *all_recorded(tmp_path / "plain")]
    assert samples_by_epoch(steps) == padded_epochs(1)
    assert load(tmp_path / "checkpoint.pt")["epoch"] == EPOCHS
    assert not list(tmp_path.glob("*.partial"))

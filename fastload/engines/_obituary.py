"""What is said when a worker process has died."""

from __future__ import annotations

import signal
from multiprocessing.process import BaseProcess
from typing import Any

MOST_INDICES_SHOWN = 64


def obituary(worker: int, process: BaseProcess, held: list[Any], position: int | None) -> str:
    """Who died, of what, over which samples. The first words are torch's.

    held: the index batches it had not answered, the one in hand first. position: of the sample it was making.
    """
    text = f"DataLoader worker (pid(s) {process.pid}) exited unexpectedly: worker {worker} {_cause(process)}"
    if held:
        in_hand, waiting = held[0], held[1:]
        if position is not None and _is_batch(in_hand) and position < len(in_hand):
            text += f" while it made the sample at dataset index {in_hand[position]} (position {position} in the batch)"
        text += f". It held the batch of dataset indices {_shortened(in_hand)}"
        if waiting:
            text += f", and after that {', '.join(_shortened(batch) for batch in waiting)}"
    return f"{text}.{_advice(process)}"


def torch_obituary(process: BaseProcess) -> str:
    """The words that torch's signal handler has for it."""
    code = process.exitcode or 0
    if code >= 0:
        return (
            f"DataLoader worker (pid {process.pid}) exited unexpectedly with exit code {code}. "
            "Details are lost due to multiprocessing. Rerunning with num_workers=0 may give better error trace."
        )
    return f"DataLoader worker (pid {process.pid}) is killed by signal: {signal.strsignal(-code)}. "


def _cause(process: BaseProcess) -> str:
    code = process.exitcode or 0
    if code >= 0:
        return f"left with exit code {code}"
    return f"was killed by signal {-code} ({_signal_name(-code)}: {signal.strsignal(-code)})"


def _advice(process: BaseProcess) -> str:
    code = process.exitcode or 0
    if code == -signal.SIGKILL:
        return f" SIGKILL often means that the machine, or the container, ran out of memory.{_oom_kills()}"
    if code in (-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGABRT, -signal.SIGILL):
        return " It crashed in native code; try that index with num_workers=0 under `python -X faulthandler`."
    if code >= 0:
        return " Something in the worker called exit, or its process could not start; its standard error may say more."
    return ""


def _oom_kills() -> str:
    """What the cgroup says about it, where there is one."""
    try:
        with open("/sys/fs/cgroup/memory.events", encoding="ascii") as events:
            counts = dict(line.split() for line in events)
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as limit:
            kills, most = counts.get("oom_kill", "?"), limit.read().strip()
        return f" This container counts {kills} such kills; its memory limit is {most}."
    except OSError:
        return ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _is_batch(indices: Any) -> bool:
    return isinstance(indices, (list, tuple))


def _shortened(indices: Any) -> str:
    if not _is_batch(indices) or len(indices) <= MOST_INDICES_SHOWN:
        return str(indices)
    return f"[{', '.join(map(str, indices[:MOST_INDICES_SHOWN]))}, ... {len(indices)} in all]"

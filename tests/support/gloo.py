"""Several ranks on this machine: real processes that find each other as torchrun's do, and that a test may kill."""

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from typing import Any

import torch
import torch.distributed as dist

TIMEOUT_S = 60.0
MESH_FAILED = "Gloo connectFullMesh failed"  # gloo's ranks lose each other now and then where a machine is under load
PRELOADED = ["fastload.engines._preload", "torch._dynamo", "pytest", "PIL.Image", "tqdm"]  # torch.optim's, the second


def run_ranks(world_size: int, target: Callable[..., Any], *args: Any, timeout_s: float = TIMEOUT_S) -> list[Any]:
    """What ``target(*args)`` returns on each rank; an AssertionError with its traceback if it raises on one."""
    try:
        with Ranks(world_size, target, *args) as ranks:
            return ranks.results(timeout_s)
    except AssertionError as error:
        if MESH_FAILED not in str(error):
            raise
    with Ranks(world_size, target, *args) as ranks:
        return ranks.results(timeout_s)


@contextmanager
def gloo_group() -> Iterator[tuple[int, int]]:
    """In a rank: (rank, world size), with the process group as long as the context lasts."""
    dist.init_process_group("gloo", timeout=timedelta(seconds=TIMEOUT_S))
    try:
        yield dist.get_rank(), dist.get_world_size()
    finally:
        dist.destroy_process_group()


class Ranks:
    """The running ranks; as a context, none of them outlives it.

    They come from a server that has torch loaded, and have torchrun's environment. ``target`` is a module's function.
    """

    def __init__(self, world_size: int, target: Callable[..., Any], *args: Any) -> None:
        context = _warm_context()
        self.processes: list[Any] = []
        self._results: list[Connection] = []
        # As torchrun does it, the ranks meet at a store of the launcher, on a port that is free for certain.
        # (libuv keeps a pipe as long as the process lives.)
        self._store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, use_libuv=False)
        for rank in range(world_size):
            receiver, sender = context.Pipe(duplex=False)
            environment = rank_environment(rank, world_size, self._store.port)
            process = context.Process(target=_rank_main, args=(environment, sender, target, args))
            process.start()
            sender.close()
            self.processes.append(process)
            self._results.append(receiver)

    def __enter__(self) -> "Ranks":
        return self

    def __exit__(self, *error: object) -> None:
        self.kill(*range(len(self.processes)))
        for process, results in zip(self.processes, self._results, strict=True):
            process.join()
            process.close()
            results.close()
        del self._store

    def kill(self, *ranks: int) -> None:
        """SIGKILL to the ranks that run; their workers die with them."""
        for rank in ranks:
            if self.processes[rank].is_alive():
                with suppress(ProcessLookupError):  # it has just ended: the server knows before this process does
                    os.kill(self.processes[rank].pid, signal.SIGKILL)

    def ended(self, rank: int) -> bool:
        return not self.processes[rank].is_alive()

    def results(self, timeout_s: float = TIMEOUT_S) -> list[Any]:
        """What the ranks return."""
        deadline = time.monotonic() + timeout_s
        found: dict[int, Any] = {}
        while len(found) < len(self._results):
            waiting = {self._results[rank]: rank for rank in range(len(self._results)) if rank not in found}
            ready = wait(list(waiting), deadline - time.monotonic())
            assert ready, f"ranks {sorted(waiting.values())} have not ended within {timeout_s} s"
            for results in ready:
                rank = waiting[results]
                found[rank] = self.result(rank)
        return [found[rank] for rank in range(len(found))]

    def result(self, rank: int, timeout_s: float = TIMEOUT_S) -> Any:
        """What one rank returns."""
        assert self._results[rank].poll(timeout_s), f"rank {rank} has not ended within {timeout_s} s"
        try:
            succeeded, result = self._results[rank].recv()
        except EOFError:
            self.processes[rank].join()
            raise AssertionError(f"rank {rank} died with exit code {self.processes[rank].exitcode}") from None
        assert succeeded, f"rank {rank} raised\n{result}"
        return result


def rank_environment(rank: int, world_size: int, port: int) -> dict[str, str]:
    """What torchrun sets."""
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(world_size),
        "LOCAL_WORLD_SIZE": str(world_size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "GLOO_SOCKET_IFNAME": "lo",
    }


def _warm_context() -> Any:
    """Where ranks come from: a server that has imported already what each of them would need seconds for."""
    server: Any = forkserver._forkserver
    if not set(PRELOADED) <= set(server._preload_modules):
        server._stop()  # of another test, whose workers have ended
        forkserver.set_forkserver_preload(PRELOADED)
    return multiprocessing.get_context("forkserver")


def _rank_main(environment: dict[str, str], results: Connection, target: Callable[..., Any], args: Any) -> None:
    os.environ.update(environment)
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)  # not this process's own
    torch.set_num_threads(1)
    try:
        outcome = True, target(*args)
    except BaseException:
        outcome = False, traceback.format_exc()
    results.send(outcome)
